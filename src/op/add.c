// y = a + b
#include "op/op.h"

static double add_eval(const double *x, const double *f)
{
    return x[0] + x[1];
}

static void add_grad(struct belay_grad *g)
{
    for (int i = 0; i < 2; i++)
        if (g->want[i])
            g->dx[i] = belay_sum_to(g->graph, g->dy[0], g->x[i]);
}

const struct belay_op belay_op_add = {
    .name = "add",
    .help = "a + b",
    .num_x = 2,
    .grad = add_grad,
    .eval = add_eval,
    .expr = "$0 + $1",
    .test = { .lo = -3, .hi = 3 },
};
