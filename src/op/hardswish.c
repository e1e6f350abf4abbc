// y = x min(max(x + 3, 0), 6) / 6. Howard et al. 2019, arXiv:1905.02244
#include "op/op.h"

static double hardswish_eval(const double *x, const double *f)
{
    return x[0] <= -3 ? 0 : x[0] >= 3 ? x[0] : x[0] * (x[0] + 3) / 6;
}

// The slope at -3 is 0, at 3 it is 1.
static double hardswish_grad_eval(const double *x, const double *f)
{
    return x[0] <= -3 ? 0 : x[0] >= 3 ? x[1] : x[1] * (x[0] / 3 + 0.5);
}

const struct belay_op belay_op_hardswish_grad = { // x, dy
    .name = "hardswish_grad",
    .num_x = 2,
    .eval = hardswish_grad_eval,
    .expr = "$0 <= -3.0f ? 0.0f : $0 >= 3.0f ? $1 : $1 * ($0 / 3.0f + 0.5f)",
    .test = { .lo = -5, .hi = 5 },
};

static void hardswish_grad(struct belay_grad *g)
{
    g->dx[0] = belay_apply2(g->graph, &belay_op_hardswish_grad, g->x[0], g->dy[0], NULL);
}

const struct belay_op belay_op_hardswish = {
    .name = "hardswish",
    .help = "x * hardsigmoid(x)",
    .num_x = 1,
    .keep = 1,
    .grad = hardswish_grad,
    .eval = hardswish_eval,
    .expr = "$0 <= -3.0f ? 0.0f : $0 >= 3.0f ? $0 : $0 * ($0 + 3.0f) / 6.0f",
    .test = { .lo = -5, .hi = 5 },
};

belay_value *belay_hardswish(belay_graph *g, belay_value *x)
{
    return belay_apply1(g, &belay_op_hardswish, x, NULL);
}
