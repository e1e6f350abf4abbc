// y = a b
#include "op/op.h"

static double mul_eval(const double *x, const double *f)
{
    return x[0] * x[1];
}

static void mul_grad(struct belay_grad *g)
{
    for (int i = 0; i < 2; i++)
        if (g->want[i])
            g->dx[i] = belay_sum_to(g->graph, belay_mul(g->graph, g->dy[0], g->x[1 - i]), g->x[i]);
}

const struct belay_op belay_op_mul = {
    .name = "mul",
    .help = "a * b",
    .num_x = 2,
    .neutral_inputs = 3,
    .neutral = 1,
    .keep = 3,
    .grad = mul_grad,
    .eval = mul_eval,
    .expr = "$0 * $1",
    .test = { .lo = -3, .hi = 3 },
};
