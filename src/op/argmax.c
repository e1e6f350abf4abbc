// argmax: place of the largest along the last axis, int32; the first of equals.
#include "op/line.h"

static belay_status argmax_infer(struct belay_log *log, const struct belay_attrs *attrs, int num_x,
                                 const struct belay_shape *x, struct belay_shape *y)
{
    if (x->rank < 1)
        return belay_fail(log, BELAY_ERR_SHAPE, "argmax: a scalar has no axis");
    *y = *x;
    y->rank--;
    return BELAY_OK;
}

static void argmax_ref(const struct belay_ref *r)
{
    struct belay_lines lines = belay_lines_of(&r->call->x_shape[0], r->call->x_shape[0].rank - 1);

    for (int64_t i = 0; i < lines.outer; i++) {
        const double *x = r->x[0] + i * lines.n;
        int64_t best = 0;
        for (int64_t j = 1; j < lines.n; j++)
            best = x[j] > x[best] ? j : best;
        r->y[0][i] = (double) best;
    }
}

static void argmax_launch(const struct belay_call *call, int stage, struct belay_launch *l)
{
    struct belay_lines lines = belay_lines_of(&call->x_shape[0], call->x_shape[0].rank - 1);
    // A line a work-item: ties need an order, and this is never where time goes.
    struct belay_line_plan plan = belay_line_plan(call->profile, lines.outer, lines.n, 0);

    belay_launch_begin(l, "argmax");
    belay_launch_y(l, 0);
    belay_launch_x(l, 0);
    belay_launch_uint(l, (uint64_t) lines.outer);
    belay_launch_uint(l, (uint64_t) lines.n);
    belay_launch_uint(l, plan.per);
    belay_line_range(l, &plan, lines.outer);
}

static belay_value *argmax_make(belay_graph *g, int size_class)
{
    static const int64_t dim[][3] = { { 1, 1, 1 }, { 3, 5, 7 }, { 1, 65, 129 }, { 33, 2, 9 } };
    if ((size_t) size_class >= sizeof(dim) / sizeof(dim[0]))
        return NULL;
    return belay_argmax(g, belay_input(g, "x", BELAY_F32, 3, dim[size_class], size_class == 3));
}

const struct belay_op belay_op_argmax = {
    .name = "argmax",
    .help = "place of the largest along the last axis, int32; the first of equals",
    .num_x = 1,
    .y_dtype = BELAY_I32,
    .infer = argmax_infer,
    .ref = argmax_ref,
    .cl_file = "argmax",
    .launch = argmax_launch,
    .test = { .lo = -3, .hi = 3, .make = argmax_make, .no_grad_check = true },
};

belay_value *belay_argmax(belay_graph *g, belay_value *x)
{
    return belay_apply1(g, &belay_op_argmax, x, NULL);
}
