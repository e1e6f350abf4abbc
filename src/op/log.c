// y = ln x
#include "op/op.h"

#include <math.h>

static double log_eval(const double *x, const double *f)
{
    return log(x[0]);
}

static void log_grad(struct belay_grad *g)
{
    g->dx[0] = belay_div(g->graph, g->dy[0], g->x[0]);
}

const struct belay_op belay_op_log = {
    .name = "log",
    .help = "natural logarithm",
    .num_x = 1,
    .keep = 1,
    .grad = log_grad,
    .eval = log_eval,
    .expr = "log($0)",
    .test = { .lo = 0.2F, .hi = 4 },
};
