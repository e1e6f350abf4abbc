// y = tanh(x)
#include "op/op.h"

#include <math.h>

static double tanh_eval(const double *x, const double *f)
{
    return tanh(x[0]);
}

static double tanh_grad_eval(const double *x, const double *f)
{
    return x[1] * (1 - x[0] * x[0]);
}

const struct belay_op belay_op_tanh_grad = { // y, dy
    .name = "tanh_grad",
    .num_x = 2,
    .eval = tanh_grad_eval,
    .expr = "$1 * fma(-$0, $0, 1.0f)",
    .test = { .lo = -3, .hi = 3 },
};

static void tanh_grad(struct belay_grad *g)
{
    g->dx[0] = belay_apply2(g->graph, &belay_op_tanh_grad, g->y[0], g->dy[0], NULL);
}

const struct belay_op belay_op_tanh = {
    .name = "tanh",
    .help = "hyperbolic tangent",
    .num_x = 1,
    .grad = tanh_grad,
    .eval = tanh_eval,
    .expr = "tanh($0)",
    .test = { .lo = -3, .hi = 3 },
};
