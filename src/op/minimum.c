// y = the smaller of a and b; NaN if either is
#include "op/op.h"

static double minimum_eval(const double *x, const double *f)
{
    return x[0] < x[1] || x[0] != x[0] ? x[0] : x[1];
}

// The gradient of a; equal values share it.
static double minimum_grad_eval(const double *x, const double *f)
{
    return x[0] > x[1] ? 0 : x[0] == x[1] ? x[2] / 2 : x[2];
}

const struct belay_op belay_op_minimum_grad = { // a, b, dy
    .name = "minimum_grad",
    .num_x = 3,
    .eval = minimum_grad_eval,
    .expr = "$0 > $1 ? 0.0f : $0 == $1 ? $2 * 0.5f : $2",
    .test = { .lo = -3, .hi = 3, .avoid = 0.05F },
};

static void minimum_grad(struct belay_grad *g)
{
    for (int i = 0; i < 2; i++)
        if (g->want[i]) {
            belay_value *x[3] = { g->x[i], g->x[1 - i], g->dy[0] };
            belay_value *dx = belay_apply(g->graph, &belay_op_minimum_grad, 3, x, NULL);
            g->dx[i] = belay_sum_to(g->graph, dx, g->x[i]);
        }
}

const struct belay_op belay_op_minimum = {
    .name = "minimum",
    .help = "the smaller of a and b; NaN if either is",
    .num_x = 2,
    .keep = 3,
    .grad = minimum_grad,
    .eval = minimum_eval,
    .expr = "$0 < $1 || $0 != $0 ? $0 : $1",
    .test = { .lo = -3, .hi = 3, .avoid = 0.05F },
};
