// y = e^x
#include "op/op.h"

#include <math.h>

static double exp_eval(const double *x, const double *f)
{
    return exp(x[0]);
}

static void exp_grad(struct belay_grad *g)
{
    g->dx[0] = belay_mul(g->graph, g->dy[0], g->y[0]);
}

const struct belay_op belay_op_exp = {
    .name = "exp",
    .help = "e to the x",
    .num_x = 1,
    .grad = exp_grad,
    .eval = exp_eval,
    .expr = "exp($0)",
    .test = { .lo = -3, .hi = 3 },
};
