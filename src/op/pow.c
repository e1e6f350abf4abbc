// y = a^b
#include "op/op.h"

#include <math.h>

static double pow_eval(const double *x, const double *f)
{
    return pow(x[0], x[1]);
}

// d/da = b a^(b-1), and 0 where b is 0 (also at a = 0, where a^(b-1) is infinite)
static double pow_grad_base_eval(const double *x, const double *f)
{
    return x[1] == 0 ? 0 : x[2] * (x[1] * pow(x[0], x[1] - 1));
}

const struct belay_op belay_op_pow_grad_base = { // a, b, dy
    .name = "pow_grad_base",
    .num_x = 3,
    .eval = pow_grad_base_eval,
    .expr = "$1 == 0.0f ? 0.0f : $2 * ($1 * pow($0, $1 - 1.0f))",
    .test = { .lo = 0.2F, .hi = 3 },
};

// d/db = y ln a, and 0 where a is 0 and b is not negative (0 times infinity otherwise)
static double pow_grad_exponent_eval(const double *x, const double *f)
{
    return x[0] == 0 && x[1] >= 0 ? 0 : x[3] * (x[2] * log(x[0]));
}

const struct belay_op belay_op_pow_grad_exponent = { // a, b, y, dy
    .name = "pow_grad_exponent",
    .num_x = 4,
    .eval = pow_grad_exponent_eval,
    .expr = "$0 == 0.0f && $1 >= 0.0f ? 0.0f : $3 * ($2 * log($0))",
    .test = { .lo = 0.2F, .hi = 3 },
};

static void pow_grad(struct belay_grad *g)
{
    if (g->want[0]) {
        belay_value *x[3] = { g->x[0], g->x[1], g->dy[0] };
        belay_value *dx = belay_apply(g->graph, &belay_op_pow_grad_base, 3, x, NULL);
        g->dx[0] = belay_sum_to(g->graph, dx, g->x[0]);
    }
    if (g->want[1]) {
        belay_value *x[4] = { g->x[0], g->x[1], g->y[0], g->dy[0] };
        belay_value *dx = belay_apply(g->graph, &belay_op_pow_grad_exponent, 4, x, NULL);
        g->dx[1] = belay_sum_to(g->graph, dx, g->x[1]);
    }
}

const struct belay_op belay_op_pow = {
    .name = "pow",
    .help = "a to the b",
    .num_x = 2,
    .keep = 3,
    .grad = pow_grad,
    .eval = pow_eval,
    .expr = "pow($0, $1)",
    .test = { .lo = 0.2F, .hi = 3 },
};
