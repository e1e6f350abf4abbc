// y = min(max(x, 0), 6); NaN stays; the slope at 0 and 6 is 0
#include "op/op.h"

static double relu6_eval(const double *x, const double *f)
{
    return x[0] < 0 ? 0 : x[0] > 6 ? 6 : x[0];
}

static double relu6_grad_eval(const double *x, const double *f)
{
    return x[0] <= 0 || x[0] >= 6 ? 0 : x[1];
}

const struct belay_op belay_op_relu6_grad = { // x, dy
    .name = "relu6_grad",
    .num_x = 2,
    .eval = relu6_grad_eval,
    .expr = "$0 <= 0.0f || $0 >= 6.0f ? 0.0f : $1",
    .test = { .lo = -4, .hi = 9, .avoid = 0.05F },
};

static void relu6_grad(struct belay_grad *g)
{
    g->dx[0] = belay_apply2(g->graph, &belay_op_relu6_grad, g->x[0], g->dy[0], NULL);
}

const struct belay_op belay_op_relu6 = {
    .name = "relu6",
    .help = "min(max(x, 0), 6)",
    .num_x = 1,
    .keep = 1,
    .grad = relu6_grad,
    .eval = relu6_eval,
    .expr = "$0 < 0.0f ? 0.0f : $0 > 6.0f ? 6.0f : $0",
    .test = { .lo = -4, .hi = 9, .avoid = 0.05F },
};

belay_value *belay_relu6(belay_graph *g, belay_value *x)
{
    return belay_apply1(g, &belay_op_relu6, x, NULL);
}
