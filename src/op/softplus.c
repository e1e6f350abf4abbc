// y = ln(1 + exp(b x)) / b, and x where b x is above the threshold; f: b, threshold
#include "op/op.h"

#include <math.h>

// ln(1 + e^t) = max(t, 0) + ln(1 + e^-|t|): no overflow whatever the threshold is.
static double softplus_eval(const double *x, const double *f)
{
    double t = x[0] * f[0];
    return t > f[1] ? x[0] : (fmax(t, 0) + log1p(exp(-fabs(t)))) / f[0];
}

static double softplus_grad_eval(const double *x, const double *f)
{
    double t = x[0] * f[0];
    return t > f[1] ? x[1] : x[1] / (1 + exp(-t));
}

const struct belay_op belay_op_softplus_grad = { // x, dy; f: b, threshold
    .name = "softplus_grad",
    .num_x = 2,
    .eval = softplus_grad_eval,
    .expr = "$0 * @0 > @1 ? $1 : $1 / (1.0f + exp(-($0 * @0)))",
    .test = { .lo = -3, .hi = 3, .avoid = 0.05F },
};

static void softplus_grad(struct belay_grad *g)
{
    g->dx[0] = belay_apply2(g->graph, &belay_op_softplus_grad, g->x[0], g->dy[0], g->attrs);
}

static belay_value *softplus_make(belay_graph *g, int size_class)
{
    static const int64_t size[] = { 1, 7, 561 };
    static const double setting[][2] = { { 1, 20 }, { 2, 20 }, { 0.5, 0 } };
    if (size_class >= 3)
        return NULL;
    belay_value *x = belay_input(g, "x", BELAY_F32, 1, &size[size_class], false);
    return belay_softplus(g, x, setting[size_class][0], setting[size_class][1]);
}

const struct belay_op belay_op_softplus = {
    .name = "softplus",
    .help = "log(1 + exp(beta * x)) / beta; x above a threshold",
    .num_x = 1,
    .keep = 1,
    .grad = softplus_grad,
    .eval = softplus_eval,
    .expr = "$0 * @0 > @1 ? $0 : (fmax($0 * @0, 0.0f) + log1p(exp(-fabs($0 * @0)))) / @0",
    .test = { .lo = -5, .hi = 5, .avoid = 0.05F, .make = softplus_make },
};

belay_value *belay_softplus(belay_graph *g, belay_value *x, double beta, double threshold)
{
    struct belay_attrs attrs = { .f = { beta, threshold } };
    return belay_apply1(g, &belay_op_softplus, x, &attrs);
}
