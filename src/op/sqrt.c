// y = sqrt(x)
#include "op/op.h"

#include <math.h>

static double sqrt_eval(const double *x, const double *f)
{
    return sqrt(x[0]);
}

// dy / (2 y): infinite at 0, as in PyTorch
static void sqrt_grad(struct belay_grad *g)
{
    belay_value *two = belay_scalar(g->graph, 2);
    g->dx[0] = belay_div(g->graph, g->dy[0], belay_mul(g->graph, g->y[0], two));
}

const struct belay_op belay_op_sqrt = {
    .name = "sqrt",
    .help = "square root",
    .num_x = 1,
    .grad = sqrt_grad,
    .eval = sqrt_eval,
    .expr = "sqrt($0)",
    .test = { .lo = 0.2F, .hi = 4 },
};
