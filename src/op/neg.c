// y = -x
#include "op/op.h"

static double neg_eval(const double *x, const double *f)
{
    return -x[0];
}

static void neg_grad(struct belay_grad *g)
{
    g->dx[0] = belay_neg(g->graph, g->dy[0]);
}

const struct belay_op belay_op_neg = {
    .name = "neg",
    .help = "-x",
    .num_x = 1,
    .grad = neg_grad,
    .eval = neg_eval,
    .expr = "-$0",
    .test = { .lo = -3, .hi = 3 },
};
