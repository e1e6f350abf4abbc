// y = 1 / sqrt(x)
#include "op/op.h"

#include <math.h>

static double rsqrt_eval(const double *x, const double *f)
{
    return 1 / sqrt(x[0]);
}

// -dy y³ / 2
static void rsqrt_grad(struct belay_grad *g)
{
    belay_value *cube = belay_mul(g->graph, g->y[0], belay_mul(g->graph, g->y[0], g->y[0]));
    belay_value *half = belay_mul(g->graph, cube, belay_scalar(g->graph, -0.5));
    g->dx[0] = belay_mul(g->graph, g->dy[0], half);
}

// Not OpenCL's rsqrt, which is less exact than the division of a root.
const struct belay_op belay_op_rsqrt = {
    .name = "rsqrt",
    .help = "1 / sqrt(x)",
    .num_x = 1,
    .grad = rsqrt_grad,
    .eval = rsqrt_eval,
    .expr = "1.0f / sqrt($0)",
    .test = { .lo = 0.2F, .hi = 4 },
};

belay_value *belay_rsqrt(belay_graph *g, belay_value *x)
{
    return belay_apply1(g, &belay_op_rsqrt, x, NULL);
}
