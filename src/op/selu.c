// y = scale (x > 0 ? x : alpha (exp(x) - 1)), with the two numbers at which mean 0 and variance 1
// are kept from layer to layer. Klambauer et al. 2017, arXiv:1706.02515
#include "op/op.h"

#include <math.h>

#define ALPHA 1.6732632423543772
#define SCALE 1.0507009873554805

static double selu_eval(const double *x, const double *f)
{
    return x[0] > 0 ? SCALE * x[0] : SCALE * ALPHA * expm1(x[0]);
}

static double selu_grad_eval(const double *x, const double *f)
{
    return x[0] > 0 ? SCALE * x[1] : SCALE * ALPHA * x[1] * exp(x[0]);
}

const struct belay_op belay_op_selu_grad = { // x, dy
    .name = "selu_grad",
    .num_x = 2,
    .eval = selu_grad_eval,
    .expr = "$0 > 0.0f ? 1.05070099f * $1 : 1.75809934f * $1 * exp($0)",
    .test = { .lo = -3, .hi = 3, .avoid = 0.05F },
};

static void selu_grad(struct belay_grad *g)
{
    g->dx[0] = belay_apply2(g->graph, &belay_op_selu_grad, g->x[0], g->dy[0], NULL);
}

const struct belay_op belay_op_selu = {
    .name = "selu",
    .help = "elu scaled so that mean 0 and variance 1 are kept",
    .num_x = 1,
    .keep = 1,
    .grad = selu_grad,
    .eval = selu_eval,
    .expr = "$0 > 0.0f ? 1.05070099f * $0 : 1.75809934f * expm1($0)",
    .test = { .lo = -3, .hi = 3, .avoid = 0.05F },
};

belay_value *belay_selu(belay_graph *g, belay_value *x)
{
    return belay_apply1(g, &belay_op_selu, x, NULL);
}
