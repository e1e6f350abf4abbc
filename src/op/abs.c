// y = |x|; the slope at 0 is 0
#include "op/op.h"

#include <math.h>

static double abs_eval(const double *x, const double *f)
{
    return fabs(x[0]);
}

static double abs_grad_eval(const double *x, const double *f)
{
    return x[0] > 0 ? x[1] : x[0] < 0 ? -x[1] : x[0] * x[1];
}

const struct belay_op belay_op_abs_grad = { // x, dy
    .name = "abs_grad",
    .num_x = 2,
    .eval = abs_grad_eval,
    .expr = "$0 > 0.0f ? $1 : $0 < 0.0f ? -$1 : $0 * $1",
    .test = { .lo = -3, .hi = 3, .avoid = 0.05F },
};

static void abs_grad(struct belay_grad *g)
{
    g->dx[0] = belay_apply2(g->graph, &belay_op_abs_grad, g->x[0], g->dy[0], NULL);
}

const struct belay_op belay_op_abs = {
    .name = "abs",
    .help = "|x|",
    .num_x = 1,
    .keep = 1,
    .grad = abs_grad,
    .eval = abs_eval,
    .expr = "fabs($0)",
    .test = { .lo = -3, .hi = 3, .avoid = 0.05F },
};
