// max_index: which element along axes is the largest, int32; the first of equals, the first NaN.
#include "op/fold.h"

#include <math.h>

static void max_index_ref(const struct belay_ref *r)
{
    struct belay_fold f;
    belay_fold_of(r->call, &f);
    for (int64_t i = 0; i < f.outputs; i++) {
        const double *x = r->x[0] + belay_fold_first(&f, i);
        double value = x[0];
        int64_t best = 0;
        for (int64_t j = 1; j < f.n; j++) {
            double v = x[belay_fold_step(&f, j)];
            if (v > value || (isnan(v) && !isnan(value))) {
                best = j;
                value = v;
            }
        }
        r->y[0][i] = (double) best;
    }
}

static void max_index_launch(const struct belay_call *call, int stage, struct belay_launch *l)
{
    belay_fold_launch(call, "max_index", l);
}

static belay_value *max_index_make(belay_graph *g, int size_class)
{
    return belay_fold_make(g, belay_op_find("max_index"), size_class);
}

const struct belay_op belay_op_max_index = {
    .name = "max_index",
    .help = "which element along axes is the largest, int32",
    .num_x = 1,
    .y_dtype = BELAY_I32,
    .infer = belay_reduce_infer,
    .ref = max_index_ref,
    .cl_file = "fold",
    .launch = max_index_launch,
    .test = { .lo = -9, .hi = 9, .make = max_index_make, .no_grad_check = true },
};

// Values by gather, through which the gradient flows to the element that was taken.
belay_value *belay_max(belay_graph *g, belay_value *x, int axis, bool keepdim, belay_value **index)
{
    struct belay_attrs attrs;
    if (!x || !belay_reduce_attrs(g, "max", x, 1, &axis, true, &attrs))
        return NULL;
    belay_value *at = belay_apply1(g, &belay_op_max_index, x, &attrs);
    belay_value *y = belay_gather(g, x, at, axis);
    attrs.flags = 0;
    *index = keepdim ? at : belay_apply1(g, &belay_op_max_index, x, &attrs);
    return keepdim || !y ? y : belay_reshape_like(g, y, *index);
}
