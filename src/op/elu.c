// y = x > 0 ? x : alpha (exp(x) - 1); f: alpha. Clevert et al. 2015, arXiv:1511.07289
#include "op/op.h"

#include <math.h>

static double elu_eval(const double *x, const double *f)
{
    return x[0] > 0 ? x[0] : f[0] * expm1(x[0]);
}

static double elu_grad_eval(const double *x, const double *f)
{
    return x[0] > 0 ? x[1] : x[1] * f[0] * exp(x[0]);
}

const struct belay_op belay_op_elu_grad = { // x, dy; f: alpha
    .name = "elu_grad",
    .num_x = 2,
    .eval = elu_grad_eval,
    .expr = "$0 > 0.0f ? $1 : $1 * (@0 * exp($0))",
    .test = { .lo = -3, .hi = 3, .avoid = 0.05F },
};

static void elu_grad(struct belay_grad *g)
{
    g->dx[0] = belay_apply2(g->graph, &belay_op_elu_grad, g->x[0], g->dy[0], g->attrs);
}

static belay_value *elu_make(belay_graph *g, int size_class)
{
    static const int64_t size[] = { 1, 7, 561 };
    if (size_class >= 3)
        return NULL;
    belay_value *x = belay_input(g, "x", BELAY_F32, 1, &size[size_class], false);
    return belay_elu(g, x, 1 - 0.3 * size_class);
}

const struct belay_op belay_op_elu = {
    .name = "elu",
    .help = "x where x > 0, else alpha * (exp(x) - 1)",
    .num_x = 1,
    .keep = 1,
    .grad = elu_grad,
    .eval = elu_eval,
    .expr = "$0 > 0.0f ? $0 : @0 * expm1($0)",
    .test = { .lo = -3, .hi = 3, .avoid = 0.05F, .make = elu_make },
};

belay_value *belay_elu(belay_graph *g, belay_value *x, double alpha)
{
    struct belay_attrs attrs = { .f = { alpha } };
    return belay_apply1(g, &belay_op_elu, x, &attrs);
}
