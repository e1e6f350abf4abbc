// lamb: m and v as in adam; r = m / (1 - beta1^t) / (sqrt(v / (1 - beta2^t)) + eps) + weight_decay * p;
// p -= lr * |p| / |r| * r, with 2-norms of the whole parameter, whose quotient is 1 where either
// is 0. You et al. 2019, arXiv:1904.00962, algorithm 2 with phi(x) = x; beta and eps as there.
#include <math.h>

#include "train/optimizer/parts.h"

enum { LR, BETA1, BETA2, EPS, WEIGHT_DECAY, MAXIMIZE };
enum { H_LR, H_TAKE1, H_TAKE2, H_MEAN, H_ROOT2 };
enum { EXP_AVG, EXP_AVG_SQ };

static unsigned states(const double *options)
{
    return 3;
}

static bool state_shape(const double *options, int state, const struct belay_shape *param,
                        struct belay_shape *out)
{
    *out = *param;
    return true;
}

static void hyper(const double *options, uint64_t step, double h[BELAY_HYPER])
{
    h[H_LR] = options[LR];
    h[H_TAKE1] = 1 - options[BETA1];
    h[H_TAKE2] = 1 - options[BETA2];
    h[H_MEAN] = 1 / (1 - pow(options[BETA1], (double) step));
    h[H_ROOT2] = 1 / sqrt(1 - pow(options[BETA2], (double) step));
    h[BELAY_H_KEEP] = 1;
}

static belay_value *build(belay_graph *g, struct belay_update_param *p)
{
    belay_value *d = belay_signed_grad(g, p, p->options[MAXIMIZE]), *one = belay_scalar(g, 1);
    p->states[EXP_AVG] = belay_lerp(g, p->states[EXP_AVG], d, p->h[H_TAKE1]);
    p->states[EXP_AVG_SQ] =
        belay_lerp(g, p->states[EXP_AVG_SQ], belay_mul(g, d, d), p->h[H_TAKE2]);
    belay_value *root = belay_mul(g, belay_sqrt(g, p->states[EXP_AVG_SQ]), p->h[H_ROOT2]);
    belay_value *r = belay_div(g, belay_mul(g, p->states[EXP_AVG], p->h[H_MEAN]),
                               belay_add(g, root, belay_scalar(g, p->options[EPS])));
    if (p->options[WEIGHT_DECAY] != 0)
        r = belay_add(g, r, belay_mul(g, p->param, belay_scalar(g, p->options[WEIGHT_DECAY])));
    belay_value *of_p = belay_norm2(g, p->param), *of_r = belay_norm2(g, r);
    belay_value *ratio = belay_where(g, of_r, belay_div(g, of_p, of_r), one);
    ratio = belay_where(g, of_p, ratio, one);
    return belay_mul(g, r, belay_mul(g, ratio, p->h[H_LR]));
}

extern const struct belay_optimizer belay_optimizer_lamb;
const struct belay_optimizer belay_optimizer_lamb = {
    .name = "lamb",
    .help = "adam's direction, as long as a share of the parameter's own norm: for large batches",
    .options = {
        [LR] = { "lr", "float", 0.001, "learning rate" },
        [BETA1] = { "beta1", "float", 0.9, "decay of the mean of gradients" },
        [BETA2] = { "beta2", "float", 0.999, "decay of the mean of squares" },
        [EPS] = { "eps", "float", 1e-6, "added to the denominator" },
        [WEIGHT_DECAY] = { "weight_decay", "float", 0.01, "times the weight, added to the direction" },
        [MAXIMIZE] = { "maximize", "bool", 0, "go up instead of down" },
    },
    .num_states = 2,
    .state_names = { "exp_avg", "exp_avg_sq" },
    .states = states,
    .hyper = hyper,
    .state_shape = state_shape,
    .build = build,
};
