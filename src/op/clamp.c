// y = x, but at least lo and at most hi; NaN stays; f: lo, hi
#include "op/op.h"

#include <math.h>

static double clamp_eval(const double *x, const double *f)
{
    return x[0] < f[0] ? f[0] : x[0] > f[1] ? f[1] : x[0];
}

// The slope at lo and hi is 0, as in PyTorch.
static double clamp_grad_eval(const double *x, const double *f)
{
    return x[0] <= f[0] || x[0] >= f[1] ? 0 : x[1];
}

const struct belay_op belay_op_clamp_grad = { // x, dy; f: lo, hi
    .name = "clamp_grad",
    .num_x = 2,
    .eval = clamp_grad_eval,
    .expr = "$0 <= @0 || $0 >= @1 ? 0.0f : $1",
    .test = { .lo = -3, .hi = 3 },
};

static void clamp_grad(struct belay_grad *g)
{
    g->dx[0] = belay_apply2(g->graph, &belay_op_clamp_grad, g->x[0], g->dy[0], g->attrs);
}

static belay_value *clamp_make(belay_graph *g, int size_class)
{
    static const int64_t size[] = { 1, 7, 561 };
    static const double setting[][2] = { { -0.5, INFINITY }, { -INFINITY, 0.25 }, { -1, 1.5 } };
    if (size_class >= 3)
        return NULL;
    belay_value *x = belay_input(g, "x", BELAY_F32, 1, &size[size_class], false);
    return belay_clamp(g, x, setting[size_class][0], setting[size_class][1]);
}

const struct belay_op belay_op_clamp = {
    .name = "clamp",
    .help = "x, but at least lo and at most hi",
    .num_x = 1,
    .keep = 1,
    .grad = clamp_grad,
    .eval = clamp_eval,
    .expr = "$0 < @0 ? @0 : $0 > @1 ? @1 : $0",
    .test = { .lo = -3, .hi = 3, .make = clamp_make },
};

belay_value *belay_clamp(belay_graph *g, belay_value *x, double lo, double hi)
{
    struct belay_attrs attrs = { .f = { lo > hi ? hi : lo, hi } };
    return belay_apply1(g, &belay_op_clamp, x, &attrs);
}
