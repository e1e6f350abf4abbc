// muon: m += (1 - momentum) * (g - m); x = g + momentum * (m - g) with nesterov, else m; its columns
// or rows are made nearly orthonormal: x /= max(|x|, eps), then ns_steps times with A = x x^T:
// x = ns_a x + (ns_b A + ns_c A A) x; p = (1 - lr * weight_decay) p - lr * scale * x, where scale is
// original: sqrt(max(1, rows / columns)); match_rms_adamw: 0.2 sqrt(max(rows, columns));
// spectral_unclamped: sqrt(rows / columns). Jordan 2024, kellerjordan.github.io/posts/muon, in PyTorch's
// form and with its defaults, but in float32 where PyTorch iterates in bfloat16.
// What is no matrix, and all of a group with `adamw`, goes by adamw with its beta and eps, and the
// same lr and weight_decay.
#include <math.h>

#include "train/optimizer/parts.h"

enum { LR, WEIGHT_DECAY, MOMENTUM, NESTEROV, NS_A, NS_B, NS_C, EPS, NS_STEPS, ADJUST, ADAMW };
enum { H_LR, H_TAKE, H_SIZE, H_ROOT2 };
enum { MOMENTUM_BUFFER, EXP_AVG, EXP_AVG_SQ };
enum { ORIGINAL, MATCH_RMS_ADAMW, SPECTRAL_UNCLAMPED };
enum { MOST_STEPS = 99 };
static const double beta1 = 0.9, beta2 = 0.999, adamw_eps = 1e-8;

static unsigned states(const double *options)
{
    return 7;
}

static bool state_shape(const double *options, int state, const struct belay_shape *param,
                        struct belay_shape *out)
{
    *out = *param;
    bool matrix = param->rank == 2 && options[ADAMW] == 0;
    return matrix == (state == MOMENTUM_BUFFER);
}

static void hyper(const double *options, uint64_t step, double h[BELAY_HYPER])
{
    h[H_LR] = options[LR];
    h[H_TAKE] = 1 - options[MOMENTUM];
    h[H_SIZE] = options[LR] / (1 - pow(beta1, (double) step));
    h[H_ROOT2] = 1 / sqrt(1 - pow(beta2, (double) step));
    h[BELAY_H_KEEP] = 1 - options[LR] * options[WEIGHT_DECAY];
}

static belay_value *adamw(belay_graph *g, struct belay_update_param *p)
{
    belay_value **s = p->states, *d = p->grad;
    s[EXP_AVG] = belay_lerp(g, s[EXP_AVG], d, belay_scalar(g, 1 - beta1));
    s[EXP_AVG_SQ] = belay_lerp(g, s[EXP_AVG_SQ], belay_mul(g, d, d), belay_scalar(g, 1 - beta2));
    belay_value *root = belay_mul(g, belay_sqrt(g, s[EXP_AVG_SQ]), p->h[H_ROOT2]);
    root = belay_add(g, root, belay_scalar(g, adamw_eps));
    return belay_mul(g, belay_div(g, s[EXP_AVG], root), p->h[H_SIZE]);
}

// The products are of the smaller side: x x^T of wide matrices, x^T x of tall ones.
static belay_value *orthonormal(belay_graph *g, const struct belay_update_param *p, belay_value *x)
{
    const double *o = p->options;
    bool tall = p->shape.dim[0] > p->shape.dim[1];
    belay_value *a = belay_scalar(g, o[NS_A]), *b = belay_scalar(g, o[NS_B]);
    belay_value *c = belay_scalar(g, o[NS_C]);
    x = belay_div(g, x, belay_maximum(g, belay_norm2(g, x), belay_scalar(g, o[EPS])));
    if (o[NS_STEPS] < 0 || o[NS_STEPS] > MOST_STEPS)
        return belay_graph_fail(g, BELAY_ERR_ARG, "muon: ns_steps is %g, want 0 to %d", o[NS_STEPS],
                                MOST_STEPS);
    for (int i = 0; i < (int) o[NS_STEPS]; i++) {
        belay_value *gram = belay_matmul(g, x, x, tall, !tall);
        belay_value *twice = belay_mul(g, belay_matmul(g, gram, gram, false, false), c);
        belay_value *by = belay_add(g, belay_mul(g, gram, b), twice);
        belay_value *moved = tall ? belay_matmul(g, x, by, false, false)
                                  : belay_matmul(g, by, x, false, false);
        x = belay_add(g, belay_mul(g, x, a), moved);
    }
    return x;
}

static double scale_of(const struct belay_update_param *p)
{
    double rows = (double) p->shape.dim[0], columns = (double) p->shape.dim[1];
    if ((int) p->options[ADJUST] == MATCH_RMS_ADAMW)
        return 0.2 * sqrt(fmax(rows, columns));
    return sqrt((int) p->options[ADJUST] == ORIGINAL ? fmax(1, rows / columns) : rows / columns);
}

static belay_value *build(belay_graph *g, struct belay_update_param *p)
{
    if (!p->states[MOMENTUM_BUFFER])
        return adamw(g, p);
    belay_value *m = belay_lerp(g, p->states[MOMENTUM_BUFFER], p->grad, p->h[H_TAKE]), *x = m;
    p->states[MOMENTUM_BUFFER] = m;
    if (p->options[NESTEROV] != 0)
        x = belay_lerp(g, p->grad, m, belay_scalar(g, p->options[MOMENTUM]));
    x = orthonormal(g, p, x);
    return belay_mul(g, x, belay_mul(g, p->h[H_LR], belay_scalar(g, scale_of(p))));
}

extern const struct belay_optimizer belay_optimizer_muon;
const struct belay_optimizer belay_optimizer_muon = {
    .name = "muon",
    .help = "momentum made orthonormal for matrices, adamw for the rest",
    .options = {
        [LR] = { "lr", "float", 0.001, "learning rate" },
        [WEIGHT_DECAY] = { "weight_decay", "float", 0.1,
                           "times lr: the share of the weight that is taken off" },
        [MOMENTUM] = { "momentum", "float", 0.95, "decay of the mean of gradients" },
        [NESTEROV] = { "nesterov", "bool", 1, "look ahead along the mean" },
        [NS_A] = { "ns_a", "float", 3.4445, "of the iteration: share of x" },
        [NS_B] = { "ns_b", "float", -4.7750, "of the iteration: share of A x" },
        [NS_C] = { "ns_c", "float", 2.0315, "of the iteration: share of A A x" },
        [EPS] = { "eps", "float", 1e-7, "gradients count as at least so long" },
        [NS_STEPS] = { "ns_steps", "int", 5, "iterations" },
        [ADJUST] = { "adjust_lr_fn", "original|match_rms_adamw|spectral_unclamped", ORIGINAL,
                     "how the step depends on the matrix's shape" },
        [ADAMW] = { "adamw", "bool", 0, "matrices go by adamw, too: for groups" },
    },
    .num_states = 3,
    .state_names = { "momentum_buffer", "exp_avg", "exp_avg_sq" },
    .states = states,
    .hyper = hyper,
    .state_shape = state_shape,
    .build = build,
};
