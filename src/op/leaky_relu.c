// y = x > 0 ? x : slope x; f: slope
#include "op/op.h"

static double leaky_relu_eval(const double *x, const double *f)
{
    return x[0] > 0 ? x[0] : x[0] * f[0];
}

static double leaky_relu_grad_eval(const double *x, const double *f)
{
    return x[0] > 0 ? x[1] : x[1] * f[0];
}

const struct belay_op belay_op_leaky_relu_grad = { // x, dy; f: slope
    .name = "leaky_relu_grad",
    .num_x = 2,
    .eval = leaky_relu_grad_eval,
    .expr = "$0 > 0.0f ? $1 : $1 * @0",
    .test = { .lo = -3, .hi = 3, .avoid = 0.05F },
};

static void leaky_relu_grad(struct belay_grad *g)
{
    g->dx[0] = belay_apply2(g->graph, &belay_op_leaky_relu_grad, g->x[0], g->dy[0], g->attrs);
}

static belay_value *leaky_relu_make(belay_graph *g, int size_class)
{
    static const int64_t size[] = { 1, 7, 561 };
    if (size_class >= 3)
        return NULL;
    belay_value *x = belay_input(g, "x", BELAY_F32, 1, &size[size_class], false);
    return belay_leaky_relu(g, x, 0.01 + 0.1 * size_class);
}

const struct belay_op belay_op_leaky_relu = {
    .name = "leaky_relu",
    .help = "x where x > 0, else slope * x",
    .num_x = 1,
    .keep = 1,
    .grad = leaky_relu_grad,
    .eval = leaky_relu_eval,
    .expr = "$0 > 0.0f ? $0 : $0 * @0",
    .test = { .lo = -3, .hi = 3, .avoid = 0.05F, .make = leaky_relu_make },
};

belay_value *belay_leaky_relu(belay_graph *g, belay_value *x, double slope)
{
    struct belay_attrs attrs = { .f = { slope } };
    return belay_apply1(g, &belay_op_leaky_relu, x, &attrs);
}
