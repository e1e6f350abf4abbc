// y = a / b
#include "op/op.h"

static double div_eval(const double *x, const double *f)
{
    return x[0] / x[1];
}

// da = dy / b; db = -da y
static void div_grad(struct belay_grad *g)
{
    belay_value *da = belay_div(g->graph, g->dy[0], g->x[1]);
    if (g->want[0])
        g->dx[0] = belay_sum_to(g->graph, da, g->x[0]);
    if (g->want[1]) {
        belay_value *sum = belay_sum_to(g->graph, belay_mul(g->graph, da, g->y[0]), g->x[1]);
        g->dx[1] = belay_neg(g->graph, sum);
    }
}

const struct belay_op belay_op_div = {
    .name = "div",
    .help = "a / b",
    .num_x = 2,
    .neutral_inputs = 2,
    .neutral = 1,
    .keep = 2,
    .grad = div_grad,
    .eval = div_eval,
    .expr = "$0 / $1",
    .test = { .lo = 0.3F, .hi = 3 },
};
