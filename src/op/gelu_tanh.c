// y = x (1 + tanh u) / 2 = x / (1 + exp(-2 u)), u = sqrt(2/pi) (x + 0.044715 x^3)
#include "op/gelu.h"

#include <math.h>

#include "op/op.h"

#define TWO_K 1.5957691216057307117 // 2 sqrt(2/pi)
#define CUBE 0.044715

static double gelu_tanh_eval(const double *x, const double *f)
{
    double u2 = TWO_K * x[0] * (1 + CUBE * x[0] * x[0]);
    return x[0] / (1 + exp(-u2));
}

// With s = 1 / (1 + exp(-2 u)): s + x s (1 - s) 2 u'
static double gelu_tanh_grad_eval(const double *x, const double *f)
{
    double square = x[0] * x[0];
    double s = 1 / (1 + exp(-TWO_K * x[0] * (1 + CUBE * square)));
    return x[1] * s * (1 + x[0] * (1 - s) * TWO_K * (1 + 3 * CUBE * square));
}

#define S "(1.0f / (1.0f + exp(-1.5957691f * $0 * fma(0.044715f * $0, $0, 1.0f))))"

const struct belay_op belay_op_gelu_tanh_grad = { // x, dy
    .name = "gelu_tanh_grad",
    .num_x = 2,
    .eval = gelu_tanh_grad_eval,
    .expr = "$1 * " S " * fma(1.5957691f * $0 * fma(0.134145f * $0, $0, 1.0f), 1.0f - " S ", 1.0f)",
    .test = { .lo = -4, .hi = 4 },
};

static void gelu_tanh_grad(struct belay_grad *g)
{
    g->dx[0] = belay_apply2(g->graph, &belay_op_gelu_tanh_grad, g->x[0], g->dy[0], NULL);
}

const struct belay_op belay_op_gelu_tanh = {
    .name = "gelu_tanh",
    .help = "gelu by its approximation with tanh",
    .num_x = 1,
    .keep = 1,
    .grad = gelu_tanh_grad,
    .eval = gelu_tanh_eval,
    .expr = "$0 / (1.0f + exp(-1.5957691f * $0 * fma(0.044715f * $0, $0, 1.0f)))",
    .test = { .lo = -4, .hi = 4 },
};

belay_value *belay_gelu_tanh(belay_graph *g, belay_value *x)
{
    return belay_apply1(g, &belay_op_gelu_tanh, x, NULL);
}
