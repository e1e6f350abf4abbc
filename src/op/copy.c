// y = x, in memory of its own
#include "op/op.h"

static double copy_eval(const double *x, const double *f)
{
    return x[0];
}

static void copy_grad(struct belay_grad *g)
{
    g->dx[0] = g->dy[0];
}

const struct belay_op belay_op_copy = {
    .name = "copy",
    .help = "x, in memory of its own",
    .num_x = 1,
    .grad = copy_grad,
    .eval = copy_eval,
    .expr = "$0",
    .test = { .lo = -3, .hi = 3 },
};

belay_value *belay_copy(belay_graph *g, belay_value *x)
{
    return belay_apply1(g, &belay_op_copy, x, NULL);
}
