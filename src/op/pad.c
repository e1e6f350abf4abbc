// pad: a[i] elements before axis i and b[i] behind it are f[0]; numbers below 0 leave out. Its
// gradient is the same with the numbers negated.
#include "op/move.h"

static belay_status pad_infer(struct belay_log *log, const struct belay_attrs *attrs, int num_x,
                              const struct belay_shape *x, struct belay_shape *y)
{
    char text[BELAY_SHAPE_TEXT];
    *y = *x;
    for (int i = 0; i < x->rank; i++) {
        y->dim[i] += attrs->a[i] + attrs->b[i];
        if (y->dim[i] < 1 || y->dim[i] > INT32_MAX)
            return belay_fail(log, BELAY_ERR_SHAPE, "pad: axis %d of %s with %lld and %lld more", i,
                              belay_shape_text(x, text), (long long) attrs->a[i],
                              (long long) attrs->b[i]);
    }
    return BELAY_OK;
}

static void pad_grad(struct belay_grad *g)
{
    struct belay_attrs attrs = *g->attrs;
    for (int i = 0; i < BELAY_MAX_RANK; i++) {
        attrs.a[i] = -attrs.a[i];
        attrs.b[i] = -attrs.b[i];
    }
    attrs.f[0] = 0;
    g->dx[0] = belay_apply1(g->graph, belay_op_find("pad"), g->dy[0], &attrs);
}

static void pad_ref(const struct belay_ref *r)
{
    const struct belay_shape *x = &r->call->x_shape[0], *y = &r->call->y_shape[0];
    int64_t count = belay_shape_count(y);
    for (int64_t i = 0; i < count; i++) {
        int64_t rest = i, at = 0, stride = 1;
        bool inside = true;
        for (int d = y->rank - 1; d >= 0; d--) {
            int64_t c = rest % y->dim[d] - r->call->attrs->a[d];
            inside = inside && c >= 0 && c < x->dim[d];
            at += c * stride;
            stride *= x->dim[d];
            rest /= y->dim[d];
        }
        r->y[0][i] = inside ? r->x[0][at] : r->call->attrs->f[0];
    }
}

static void pad_launch(const struct belay_call *call, int stage, struct belay_launch *l)
{
    const struct belay_shape *x = &call->x_shape[0], *y = &call->y_shape[0];
    int64_t count = belay_shape_count(y);
    int first = BELAY_MAX_RANK - y->rank;
    belay_launch_begin(l, "pad");
    belay_launch_y(l, 0);
    belay_launch_x(l, 0);
    belay_launch_uint(l, (uint64_t) count);
    belay_launch_float(l, call->attrs->f[0]);
    for (int i = 1; i < BELAY_MAX_RANK; i++)
        belay_launch_uint(l, i < first ? 1 : (uint64_t) y->dim[i - first]);
    for (int i = 0; i < BELAY_MAX_RANK; i++)
        belay_launch_uint(l, i < first ? 1 : (uint64_t) x->dim[i - first]);
    for (int i = 0; i < BELAY_MAX_RANK; i++) // as two's complement
        belay_launch_uint(l, i < first ? 0 : (uint32_t) (int32_t) call->attrs->a[i - first]);
    belay_launch_range(l, (size_t) count, belay_move_group(call->profile));
}

static belay_value *pad_make(belay_graph *g, int size_class)
{
    static const int64_t dim[] = { 33, 5, 7 };
    static const int64_t before[][3] = { { 0, 1, 2 }, { 0, -1, 3 }, { 0, 0, -3 } };
    static const int64_t behind[][3] = { { 0, 0, 1 }, { 0, 2, -2 }, { 0, -4, 0 } };
    if (size_class >= 3)
        return NULL;
    belay_value *x = belay_input(g, "x", BELAY_F32, 3, dim, true);
    return belay_pad(g, x, 3, before[size_class], behind[size_class], 0.5);
}

const struct belay_op belay_op_pad = {
    .name = "pad",
    .help = "elements of one value before and behind each axis",
    .num_x = 1,
    .infer = pad_infer,
    .grad = pad_grad,
    .ref = pad_ref,
    .cl_file = "pad",
    .launch = pad_launch,
    .test = { .lo = -2, .hi = 2, .make = pad_make },
};

belay_value *belay_pad(belay_graph *g, belay_value *x, int rank, const int64_t *before,
                       const int64_t *behind, double value)
{
    struct belay_attrs attrs = { .f = { value } };
    char text[BELAY_SHAPE_TEXT];
    if (!x)
        return NULL;
    if (rank != belay_value_shape(x)->rank)
        return belay_graph_fail(g, BELAY_ERR_ARG, "pad: %d axes for %s", rank,
                                belay_shape_text(belay_value_shape(x), text));
    for (int i = 0; i < rank; i++) {
        if (before[i] > INT32_MAX || before[i] < -INT32_MAX || behind[i] > INT32_MAX ||
            behind[i] < -INT32_MAX)
            return belay_graph_fail(g, BELAY_ERR_ARG, "pad: axis %d: a number out of range", i);
        attrs.a[i] = before[i];
        attrs.b[i] = behind[i];
    }
    return belay_apply1(g, &belay_op_pad, x, &attrs);
}
