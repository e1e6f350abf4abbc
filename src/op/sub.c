// y = a - b
#include "op/op.h"

static double sub_eval(const double *x, const double *f)
{
    return x[0] - x[1];
}

static void sub_grad(struct belay_grad *g)
{
    if (g->want[0])
        g->dx[0] = belay_sum_to(g->graph, g->dy[0], g->x[0]);
    if (g->want[1])
        g->dx[1] = belay_neg(g->graph, belay_sum_to(g->graph, g->dy[0], g->x[1]));
}

const struct belay_op belay_op_sub = {
    .name = "sub",
    .help = "a - b",
    .num_x = 2,
    .grad = sub_grad,
    .eval = sub_eval,
    .expr = "$0 - $1",
    .test = { .lo = -3, .hi = 3 },
};
