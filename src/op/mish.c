// y = x tanh(ln(1 + exp(x))). Misra 2019, arXiv:1908.08681
#include "op/op.h"

#include <math.h>

static double mish_eval(const double *x, const double *f)
{
    return x[0] * tanh(log1p(exp(x[0])));
}

// With t = tanh(ln(1 + exp(x))) and s = 1 / (1 + exp(-x)): t + x s (1 - t²)
static double mish_grad_eval(const double *x, const double *f)
{
    double t = tanh(log1p(exp(x[0]))), s = 1 / (1 + exp(-x[0]));
    return x[1] * (t + x[0] * s * (1 - t * t));
}

const struct belay_op belay_op_mish_grad = { // x, dy
    .name = "mish_grad",
    .num_x = 2,
    .eval = mish_grad_eval,
    .expr = "$1 * fma($0 / (1.0f + exp(-$0)),"
            " 1.0f - tanh(log1p(exp($0))) * tanh(log1p(exp($0))), tanh(log1p(exp($0))))",
    .test = { .lo = -5, .hi = 5 },
};

static void mish_grad(struct belay_grad *g)
{
    g->dx[0] = belay_apply2(g->graph, &belay_op_mish_grad, g->x[0], g->dy[0], NULL);
}

const struct belay_op belay_op_mish = {
    .name = "mish",
    .help = "x * tanh(log(1 + exp(x)))",
    .num_x = 1,
    .keep = 1,
    .grad = mish_grad,
    .eval = mish_eval,
    .expr = "$0 * tanh(log1p(exp($0)))",
    .test = { .lo = -5, .hi = 5 },
};

belay_value *belay_mish(belay_graph *g, belay_value *x)
{
    return belay_apply1(g, &belay_op_mish, x, NULL);
}
