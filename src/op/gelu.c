// y = x Phi(x), Phi the normal distribution. By erfc, which keeps its digits where Phi is small.
#include "op/op.h"

#include <math.h>

#include "op/gelu.h"

#define SQRT_HALF 0.70710678118654752440
#define PDF_0 0.39894228040143267794 // 1 / sqrt(2 pi)

static double gelu_eval(const double *x, const double *f)
{
    return 0.5 * x[0] * erfc(-x[0] * SQRT_HALF);
}

// Phi + x phi
static double gelu_grad_eval(const double *x, const double *f)
{
    double cdf = 0.5 * erfc(-x[0] * SQRT_HALF);
    return x[1] * (cdf + x[0] * (PDF_0 * exp(-0.5 * x[0] * x[0])));
}

const struct belay_op belay_op_gelu_grad = { // x, dy
    .name = "gelu_grad",
    .num_x = 2,
    .eval = gelu_grad_eval,
    .expr = "$1 * fma($0, 0.39894228f * exp(-0.5f * $0 * $0), 0.5f * erfc($0 * -0.70710678f))",
    .test = { .lo = -4, .hi = 4 },
};

static void gelu_grad(struct belay_grad *g)
{
    g->dx[0] = belay_apply2(g->graph, &belay_op_gelu_grad, g->x[0], g->dy[0], NULL);
}

const struct belay_op belay_op_gelu = {
    .name = "gelu",
    .help = "x * Phi(x)",
    .num_x = 1,
    .keep = 1,
    .grad = gelu_grad,
    .eval = gelu_eval,
    .expr = "0.5f * $0 * erfc($0 * -0.70710678f)",
    .test = { .lo = -4, .hi = 4 },
};

belay_value *belay_gelu(belay_graph *g, belay_value *x, bool tanh_form)
{
    return tanh_form ? belay_gelu_tanh(g, x) : belay_apply1(g, &belay_op_gelu, x, NULL);
}
