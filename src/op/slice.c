// slice: along each axis of `axes` the elements from a[i] up to but without b[i], every
// shape.dim[i]. Bounds are Python's: negative from the end, cut to the axis; they are resolved at
// every run, because the rows of a batch may be fewer.
#include "op/move.h"

struct range {
    int64_t start, step, count;
};

static int64_t clamp(int64_t at, int64_t dim)
{
    if (at < 0)
        at += dim;
    return at < 0 ? 0 : at > dim ? dim : at;
}

static struct range range_of(const struct belay_attrs *attrs, const struct belay_shape *x, int axis)
{
    if (!(attrs->axes & 1u << axis))
        return (struct range){ .start = 0, .step = 1, .count = x->dim[axis] };
    struct range r = { .start = clamp(attrs->a[axis], x->dim[axis]),
                       .step = attrs->shape.dim[axis] };
    int64_t end = clamp(attrs->b[axis], x->dim[axis]);
    if (r.step > x->dim[axis])
        r.step = x->dim[axis]; // the first element alone, and small numbers for the kernels
    r.count = end > r.start ? (end - r.start - 1) / r.step + 1 : 0;
    return r;
}

static belay_status slice_infer(struct belay_log *log, const struct belay_attrs *attrs, int num_x,
                                const struct belay_shape *x, struct belay_shape *y)
{
    char text[BELAY_SHAPE_TEXT];

    y->rank = x->rank;
    for (int i = 0; i < x->rank; i++) {
        y->dim[i] = range_of(attrs, x, i).count;
        if (y->dim[i] <= 0)
            return belay_fail(log, BELAY_ERR_SHAPE,
                              "slice: nothing is left of axis %d of %s from %lld to %lld", i,
                              belay_shape_text(x, text), (long long) attrs->a[i],
                              (long long) attrs->b[i]);
    }
    return BELAY_OK;
}

static void slice_grad(struct belay_grad *g)
{
    g->dx[0] = belay_apply2(g->graph, belay_op_find("unslice"), g->dy[0], g->x[0], g->attrs);
}

static void slice_move(const struct belay_call *call, struct belay_move *m)
{
    int64_t stride[BELAY_MAX_RANK];

    belay_shape_strides(&call->x_shape[0], stride);
    belay_move_init(m, &call->y_shape[0]);
    for (int i = 0; i < m->rank; i++) {
        struct range r = range_of(call->attrs, &call->x_shape[0], i);
        m->offset += r.start * stride[i];
        m->stride[i] = r.step * stride[i];
    }
}

static void slice_ref(const struct belay_ref *r)
{
    struct belay_move m;
    slice_move(r->call, &m);
    belay_move_ref(&m, r->x[0], r->y[0]);
}

static void slice_launch(const struct belay_call *call, int stage, struct belay_launch *l)
{
    struct belay_move m;
    slice_move(call, &m);
    belay_move_launch(call, &m, l);
}

static belay_value *slice_make(belay_graph *g, int size_class)
{
    static const int64_t dim[] = { 33, 9, 7 };
    static const struct {
        int axis, start, end, step;
    } make[] = { { 0, 1, 30, 2 }, { 1, 0, 9, 2 }, { 2, -3, 100, 1 }, { 1, -20, -2, 3 } };
    if ((size_t) size_class >= sizeof(make) / sizeof(make[0]))
        return NULL;
    belay_value *x = belay_input(g, "x", BELAY_F32, 3, dim, true);
    return belay_slice(g, x, make[size_class].axis, make[size_class].start, make[size_class].end,
                       make[size_class].step);
}

const struct belay_op belay_op_slice = {
    .name = "slice",
    .help = "a part of each axis, with a stride",
    .num_x = 1,
    .infer = slice_infer,
    .grad = slice_grad,
    .ref = slice_ref,
    .cl_file = "move",
    .launch = slice_launch,
    .test = { .lo = -2, .hi = 2, .make = slice_make },
};

// unslice: x[0] put where the slice of x[1]'s shape was taken, 0 elsewhere.
static belay_status unslice_infer(struct belay_log *log, const struct belay_attrs *attrs,
                                  int num_x, const struct belay_shape *x, struct belay_shape *y)
{
    *y = x[1];
    return BELAY_OK;
}

static void unslice_grad(struct belay_grad *g)
{
    if (g->want[0])
        g->dx[0] = belay_apply1(g->graph, &belay_op_slice, g->dy[0], g->attrs);
}

static void unslice_ref(const struct belay_ref *r)
{
    const struct belay_call *call = r->call;
    struct belay_call back = *call; // the slice itself
    struct belay_move m;
    int64_t count = belay_shape_count(&call->y_shape[0]);

    back.x_shape[0] = call->y_shape[0];
    back.y_shape[0] = call->x_shape[0];
    slice_move(&back, &m);
    for (int64_t i = 0; i < count; i++)
        r->y[0][i] = 0;
    count = belay_shape_count(&call->x_shape[0]);
    for (int64_t i = 0; i < count; i++) {
        int64_t rest = i, at = m.offset;
        for (int j = m.rank - 1; j >= 0; j--) {
            at += rest % m.dim[j] * m.stride[j];
            rest /= m.dim[j];
        }
        r->y[0][at] = r->x[0][i];
    }
}

// A dimension of the launch is (size in y, size in x, start, step).
static void unslice_launch(const struct belay_call *call, int stage, struct belay_launch *l)
{
    const struct belay_shape *y = &call->y_shape[0], *x = &call->x_shape[0];
    int64_t count = belay_shape_count(y);
    int pad = BELAY_MAX_RANK - y->rank;

    belay_launch_begin(l, "unslice");
    belay_launch_y(l, 0);
    belay_launch_x(l, 0);
    belay_launch_uint(l, (uint64_t) count);
    for (int i = 0; i < BELAY_MAX_RANK; i++) {
        struct range r = { .start = 0, .step = 1, .count = 1 };
        if (i >= pad)
            r = range_of(call->attrs, y, i - pad);
        belay_launch_uint(l, i < pad ? 1 : (uint64_t) y->dim[i - pad]);
        belay_launch_uint(l, i < pad ? 1 : (uint64_t) x->dim[i - pad]);
        belay_launch_uint(l, (uint64_t) r.start);
        belay_launch_uint(l, (uint64_t) r.step);
    }
    belay_launch_range(l, (size_t) count, belay_move_group(call->profile));
}

static belay_value *unslice_make(belay_graph *g, int size_class)
{
    static const int64_t like_dim[] = { 5, 9, 7 }, x_dim[][3] = { { 5, 5, 7 }, { 3, 9, 7 } };
    static const struct belay_attrs attrs[] = {
        { .axes = 2, .a = { 0, 0 }, .b = { 0, 9 }, .shape.dim = { 0, 2 } },
        { .axes = 1, .a = { -4 }, .b = { -1 }, .shape.dim = { 1 } },
    };
    if (size_class >= 2)
        return NULL;
    belay_value *x = belay_input(g, "x", BELAY_F32, 3, x_dim[size_class], false);
    belay_value *like = belay_input(g, "like", BELAY_F32, 3, like_dim, false);
    return belay_apply2(g, belay_op_find("unslice"), x, like, &attrs[size_class]);
}

const struct belay_op belay_op_unslice = {
    .name = "unslice",
    .help = "zeros, with x in the place of a slice",
    .num_x = 2,
    .shape_only = 1u << 1,
    .infer = unslice_infer,
    .grad = unslice_grad,
    .ref = unslice_ref,
    .cl_file = "slice",
    .launch = unslice_launch,
    .test = { .lo = -2, .hi = 2, .make = unslice_make },
};

belay_value *belay_slice(belay_graph *g, belay_value *x, int axis, int64_t start, int64_t end,
                         int64_t step)
{
    struct belay_attrs attrs = { .axis = 0 };
    char text[BELAY_SHAPE_TEXT];
    int at;

    if (!x)
        return NULL;
    if (!belay_shape_axis(belay_value_shape(x), axis, &at))
        return belay_graph_fail(g, BELAY_ERR_ARG, "slice: no axis %d in %s", axis,
                                belay_shape_text(belay_value_shape(x), text));
    if (step < 1)
        return belay_graph_fail(g, BELAY_ERR_ARG, "slice: step %lld, want at least 1",
                                (long long) step);
    attrs.axes = 1u << at;
    attrs.a[at] = start;
    attrs.b[at] = end;
    attrs.shape.dim[at] = step;
    return belay_apply1(g, &belay_op_slice, x, &attrs);
}
