// cumsum: running sums along an axis; flags 1: from its end. Its gradient is the other direction.
#include "op/line.h"
#include "op/move.h"

static belay_status same_infer(struct belay_log *log, const struct belay_attrs *attrs, int num_x,
                               const struct belay_shape *x, struct belay_shape *y)
{
    *y = *x;
    return BELAY_OK;
}

static void cumsum_grad(struct belay_grad *g)
{
    struct belay_attrs attrs = *g->attrs;
    attrs.flags = !attrs.flags;
    g->dx[0] = belay_apply1(g->graph, belay_op_find("cumsum"), g->dy[0], &attrs);
}

static void cumsum_ref(const struct belay_ref *r)
{
    struct belay_lines l = belay_lines_of(&r->call->x_shape[0], r->call->attrs->axis);
    for (int64_t i = 0; i < l.outer * l.inner; i++) {
        int64_t at = i / l.inner * l.n * l.inner + i % l.inner;
        double sum = 0;
        for (int64_t j = 0; j < l.n; j++) {
            int64_t k = at + (r->call->attrs->flags ? l.n - 1 - j : j) * l.inner;
            sum += r->x[0][k];
            r->y[0][k] = sum;
        }
    }
}

static void cumsum_launch(const struct belay_call *call, int stage, struct belay_launch *l)
{
    struct belay_lines lines = belay_lines_of(&call->x_shape[0], call->attrs->axis);
    belay_launch_begin(l, "cumsum");
    belay_launch_y(l, 0);
    belay_launch_x(l, 0);
    belay_launch_uint(l, (uint64_t) (lines.outer * lines.inner));
    belay_launch_uint(l, (uint64_t) lines.n);
    belay_launch_uint(l, (uint64_t) lines.inner);
    belay_launch_uint(l, call->attrs->flags);
    belay_launch_range(l, (size_t) (lines.outer * lines.inner), belay_move_group(call->profile));
}

static belay_value *cumsum_make(belay_graph *g, int size_class)
{
    static const int64_t dim[][3] = { { 1, 1, 7 }, { 3, 5, 7 }, { 33, 9, 3 }, { 3, 65, 2 } };
    static const int axis[] = { 2, 0, 1, -1 };
    if ((size_t) size_class >= sizeof(dim) / sizeof(dim[0]))
        return NULL;
    belay_value *x = belay_input(g, "x", BELAY_F32, 3, dim[size_class], size_class == 2);
    return belay_cumsum(g, x, axis[size_class]);
}

const struct belay_op belay_op_cumsum = {
    .name = "cumsum",
    .help = "running sums along an axis",
    .num_x = 1,
    .infer = same_infer,
    .grad = cumsum_grad,
    .ref = cumsum_ref,
    .cl_file = "scan",
    .launch = cumsum_launch,
    .test = { .lo = -1, .hi = 2, .make = cumsum_make },
};

belay_value *belay_cumsum(belay_graph *g, belay_value *x, int axis)
{
    struct belay_attrs attrs = { .flags = 0 };
    char text[BELAY_SHAPE_TEXT];
    int at = 0;
    if (!x)
        return NULL;
    if (!belay_shape_axis(belay_value_shape(x), axis, &at))
        return belay_graph_fail(g, BELAY_ERR_ARG, "cumsum: no axis %d in %s", axis,
                                belay_shape_text(belay_value_shape(x), text));
    attrs.axis = at;
    return belay_apply1(g, &belay_op_cumsum, x, &attrs);
}
