// y = max(x, 0); NaN stays NaN; the slope at 0 is 0
#include "op/op.h"

static double relu_eval(const double *x, const double *f)
{
    return x[0] < 0 ? 0 : x[0];
}

static double relu_grad_eval(const double *x, const double *f)
{
    return x[0] <= 0 ? 0 : x[1];
}

const struct belay_op belay_op_relu_grad = { // y, dy
    .name = "relu_grad",
    .num_x = 2,
    .eval = relu_grad_eval,
    .expr = "$0 <= 0.0f ? 0.0f : $1",
    .test = { .lo = -3, .hi = 3, .avoid = 0.05F },
};

static void relu_grad(struct belay_grad *g)
{
    g->dx[0] = belay_apply2(g->graph, &belay_op_relu_grad, g->y[0], g->dy[0], NULL);
}

const struct belay_op belay_op_relu = {
    .name = "relu",
    .help = "max(x, 0)",
    .num_x = 1,
    .grad = relu_grad,
    .eval = relu_eval,
    .expr = "$0 < 0.0f ? 0.0f : $0",
    .test = { .lo = -3, .hi = 3, .avoid = 0.05F },
};
