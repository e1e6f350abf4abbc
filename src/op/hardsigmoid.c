// y = min(max(x + 3, 0), 6) / 6; the slope at -3 and 3 is 0
#include "op/op.h"

static double hardsigmoid_eval(const double *x, const double *f)
{
    return x[0] <= -3 ? 0 : x[0] >= 3 ? 1 : (x[0] + 3) / 6;
}

static double hardsigmoid_grad_eval(const double *x, const double *f)
{
    return x[0] <= -3 || x[0] >= 3 ? 0 : x[1] / 6;
}

const struct belay_op belay_op_hardsigmoid_grad = { // x, dy
    .name = "hardsigmoid_grad",
    .num_x = 2,
    .eval = hardsigmoid_grad_eval,
    .expr = "$0 <= -3.0f || $0 >= 3.0f ? 0.0f : $1 / 6.0f",
    .test = { .lo = -5, .hi = 5 },
};

static void hardsigmoid_grad(struct belay_grad *g)
{
    g->dx[0] = belay_apply2(g->graph, &belay_op_hardsigmoid_grad, g->x[0], g->dy[0], NULL);
}

const struct belay_op belay_op_hardsigmoid = {
    .name = "hardsigmoid",
    .help = "min(max(x + 3, 0), 6) / 6",
    .num_x = 1,
    .keep = 1,
    .grad = hardsigmoid_grad,
    .eval = hardsigmoid_eval,
    .expr = "$0 <= -3.0f ? 0.0f : $0 >= 3.0f ? 1.0f : ($0 + 3.0f) / 6.0f",
    .test = { .lo = -5, .hi = 5 },
};

belay_value *belay_hardsigmoid(belay_graph *g, belay_value *x)
{
    return belay_apply1(g, &belay_op_hardsigmoid, x, NULL);
}
