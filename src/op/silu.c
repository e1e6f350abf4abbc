// y = x / (1 + exp(-x))
#include "op/op.h"

#include <math.h>

static double silu_eval(const double *x, const double *f)
{
    return x[0] / (1 + exp(-x[0]));
}

// With s = 1 / (1 + exp(-x)): s (1 + x (1 - s))
static double silu_grad_eval(const double *x, const double *f)
{
    double s = 1 / (1 + exp(-x[0]));
    return x[1] * s * (1 + x[0] * (1 - s));
}

const struct belay_op belay_op_silu_grad = { // x, dy
    .name = "silu_grad",
    .num_x = 2,
    .eval = silu_grad_eval,
    .expr = "$1 / (1.0f + exp(-$0)) * fma($0, 1.0f - 1.0f / (1.0f + exp(-$0)), 1.0f)",
    .test = { .lo = -5, .hi = 5 },
};

static void silu_grad(struct belay_grad *g)
{
    g->dx[0] = belay_apply2(g->graph, &belay_op_silu_grad, g->x[0], g->dy[0], NULL);
}

const struct belay_op belay_op_silu = {
    .name = "silu",
    .help = "x * sigmoid(x)",
    .num_x = 1,
    .keep = 1,
    .grad = silu_grad,
    .eval = silu_eval,
    .expr = "$0 / (1.0f + exp(-$0))",
    .test = { .lo = -5, .hi = 5 },
};
