// y = 1 / (1 + exp(-x))
#include "op/op.h"

#include <math.h>

static double sigmoid_eval(const double *x, const double *f)
{
    return 1 / (1 + exp(-x[0]));
}

static double sigmoid_grad_eval(const double *x, const double *f)
{
    return x[1] * (1 - x[0]) * x[0];
}

const struct belay_op belay_op_sigmoid_grad = { // y, dy
    .name = "sigmoid_grad",
    .num_x = 2,
    .eval = sigmoid_grad_eval,
    .expr = "$1 * (1.0f - $0) * $0",
    .test = { .lo = -3, .hi = 3 },
};

static void sigmoid_grad(struct belay_grad *g)
{
    g->dx[0] = belay_apply2(g->graph, &belay_op_sigmoid_grad, g->y[0], g->dy[0], NULL);
}

const struct belay_op belay_op_sigmoid = {
    .name = "sigmoid",
    .help = "1 / (1 + exp(-x))",
    .num_x = 1,
    .grad = sigmoid_grad,
    .eval = sigmoid_eval,
    .expr = "1.0f / (1.0f + exp(-$0))",
    .test = { .lo = -5, .hi = 5 },
};
