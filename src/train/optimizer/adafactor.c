// adafactor: for a matrix (the last two dimensions of more) running means of the squares of its
// rows R and columns C stand for the mean of squares V = R C / max(mean R, eps1); a vector keeps V itself.
// With take = t^beta2_decay, X += take * (mean of g² - X); u = g / sqrt(max(V, eps1²));
// p = (1 - lr * weight_decay) p - min(lr, 1 / sqrt(t)) * max(eps2, rms p) / max(1, rms u / d) * u.
// Shazeer and Stern 2018, arXiv:1804.04235, in PyTorch's form and with its defaults.
#include <math.h>

#include "train/optimizer/parts.h"

enum { LR, BETA2_DECAY, EPS1, EPS2, D, WEIGHT_DECAY, MAXIMIZE };
enum { H_TAKE, H_RATE };
enum { ROW, COLUMN, VARIANCE };

static unsigned states(const double *options)
{
    return 7;
}

static bool state_shape(const double *options, int state, const struct belay_shape *param,
                        struct belay_shape *out)
{
    *out = *param;
    if (param->rank < 2)
        return state == VARIANCE;
    out->dim[state == ROW ? param->rank - 1 : param->rank - 2] = 1;
    return state != VARIANCE;
}

static void hyper(const double *options, uint64_t step, double h[BELAY_HYPER])
{
    h[H_TAKE] = pow((double) step, options[BETA2_DECAY]);
    h[H_RATE] = fmin(options[LR], 1 / sqrt((double) step));
    h[BELAY_H_KEEP] = 1 - options[LR] * options[WEIGHT_DECAY];
}

static belay_value *mean_along(belay_graph *g, belay_value *x, int axis)
{
    return belay_mean(g, x, 1, &axis, true);
}

static belay_value *factored(belay_graph *g, struct belay_update_param *p, belay_value *squares)
{
    belay_value **s = p->states, *least = belay_scalar(g, p->options[EPS1]);
    s[ROW] = belay_lerp(g, s[ROW], mean_along(g, squares, -1), p->h[H_TAKE]);
    s[COLUMN] = belay_lerp(g, s[COLUMN], mean_along(g, squares, -2), p->h[H_TAKE]);
    belay_value *rows = belay_maximum(g, mean_along(g, s[ROW], -2), least);
    return belay_div(g, belay_mul(g, s[ROW], s[COLUMN]), rows);
}

static belay_value *rms(belay_graph *g, belay_value *x, const struct belay_shape *shape)
{
    double count = (double) belay_shape_count(shape);
    return belay_mul(g, belay_norm2(g, x), belay_scalar(g, 1 / sqrt(count)));
}

static belay_value *build(belay_graph *g, struct belay_update_param *p)
{
    const double *o = p->options;
    belay_value *d = belay_signed_grad(g, p, o[MAXIMIZE]), *squares = belay_mul(g, d, d), *v;
    if (p->states[ROW])
        v = factored(g, p, squares);
    else
        v = p->states[VARIANCE] = belay_lerp(g, p->states[VARIANCE], squares, p->h[H_TAKE]);
    v = belay_maximum(g, v, belay_scalar(g, o[EPS1] * o[EPS1]));
    belay_value *u = belay_mul(g, d, belay_unary(g, "rsqrt", v));
    belay_value *too_long = belay_mul(g, rms(g, u, &p->shape), belay_scalar(g, 1 / o[D]));
    belay_value *size = belay_maximum(g, rms(g, p->param, &p->shape), belay_scalar(g, o[EPS2]));
    size = belay_mul(g, size, p->h[H_RATE]);
    size = belay_div(g, size, belay_maximum(g, too_long, belay_scalar(g, 1)));
    return belay_mul(g, u, size);
}

extern const struct belay_optimizer belay_optimizer_adafactor;
const struct belay_optimizer belay_optimizer_adafactor = {
    .name = "adafactor",
    .help = "scaled steps whose state is one number for each row and column of a matrix",
    .options = {
        [LR] = { "lr", "float", 0.01, "largest step relative to the weights" },
        [BETA2_DECAY] = { "beta2_decay", "float", -0.8, "exponent: the means take step^this" },
        [EPS1] = { "eps1", "float", 1.1920928955078125e-07, "keeps the denominator from 0" },
        [EPS2] = { "eps2", "float", 1e-3, "weights count as at least so large" },
        [D] = { "d", "float", 1, "a step's root mean square is cut to this" },
        [WEIGHT_DECAY] = { "weight_decay", "float", 0,
                           "times lr: the share of the weight that is taken off" },
        [MAXIMIZE] = { "maximize", "bool", 0, "go up instead of down" },
    },
    .num_states = 3,
    .state_names = { "row_var", "col_var", "variance" },
    .states = states,
    .hyper = hyper,
    .state_shape = state_shape,
    .build = build,
};
