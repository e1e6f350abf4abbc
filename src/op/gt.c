// y = 1 where a is greater than b, else 0 (also with a NaN)
#include "op/op.h"

static double gt_eval(const double *x, const double *f)
{
    return x[0] > x[1] ? 1 : 0;
}

const struct belay_op belay_op_gt = {
    .name = "gt",
    .help = "1 where a is greater than b, else 0",
    .num_x = 2,
    .eval = gt_eval,
    .expr = "$0 > $1 ? 1.0f : 0.0f",
    .test = { .lo = -3, .hi = 3 },
};

belay_value *belay_gt(belay_graph *g, belay_value *a, belay_value *b)
{
    return belay_apply2(g, &belay_op_gt, a, b, NULL);
}
