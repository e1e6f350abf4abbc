// radam: m and v as in adam; with r = 2 / (1 - beta2) - 1, r(t) = r - 2 t beta2^t / (1 - beta2^t):
// r(t) > 5: p -= lr / (1 - beta1^t) * R * sqrt(1 - beta2^t) * m / (sqrt(v) + eps), where
// R² = (r(t) - 4) (r(t) - 2) r / ((r - 4) (r - 2) r(t)); else p -= lr / (1 - beta1^t) * m.
// Liu et al. 2019, arXiv:1908.03265; PyTorch's defaults.
// Device: cl/optim_radam.cl. A change here is a change there.
#include <math.h>

#include "train/optimizer.h"

enum { LR, BETA1, BETA2, EPS, WEIGHT_DECAY, DECOUPLED_WEIGHT_DECAY, MAXIMIZE };
enum { H_ADAPTED, H_PLAIN, H_TAKE1, H_TAKE2, H_EPS, H_DECAY, H_SIGN };

static unsigned states(const double *options)
{
    return 3;
}

static void hyper(const double *options, uint64_t step, double h[BELAY_HYPER])
{
    double power2 = pow(options[BETA2], (double) step), correction2 = 1 - power2;
    double r = 2 / (1 - options[BETA2]) - 1;
    double r_t = r - 2 * (double) step * power2 / correction2;
    double size = options[LR] / (1 - pow(options[BETA1], (double) step));
    double rect = r_t > 5 ? sqrt((r_t - 4) * (r_t - 2) * r / ((r - 4) * (r - 2) * r_t)) : 0;
    h[H_ADAPTED] = size * rect * sqrt(correction2);
    h[H_PLAIN] = r_t > 5 ? 0 : size;
    h[H_TAKE1] = 1 - options[BETA1];
    h[H_TAKE2] = 1 - options[BETA2];
    h[H_EPS] = options[EPS];
    // Below 0: decoupled, the share of the weight that is taken off.
    h[H_DECAY] = options[DECOUPLED_WEIGHT_DECAY] != 0 ? -options[LR] * options[WEIGHT_DECAY]
                                                      : options[WEIGHT_DECAY];
    h[H_SIGN] = options[MAXIMIZE] != 0 ? -1 : 1;
}

static void update(const double *h, int num_states, double g, double *p, double *s)
{
    if (h[H_DECAY] < 0)
        *p += h[H_DECAY] * *p;
    g = h[H_SIGN] * g + fmax(h[H_DECAY], 0) * *p;
    s[0] += h[H_TAKE1] * (g - s[0]);
    s[1] = (1 - h[H_TAKE2]) * s[1] + h[H_TAKE2] * g * g;
    *p -= s[0] * (h[H_PLAIN] + h[H_ADAPTED] / (sqrt(s[1]) + h[H_EPS]));
}

extern const struct belay_optimizer belay_optimizer_radam;
const struct belay_optimizer belay_optimizer_radam = {
    .name = "radam",
    .help = "adam that waits with scaling until its mean of squares can be trusted",
    .options = {
        [LR] = { "lr", "float", 0.001, "learning rate" },
        [BETA1] = { "beta1", "float", 0.9, "decay of the mean of gradients" },
        [BETA2] = { "beta2", "float", 0.999, "decay of the mean of squares" },
        [EPS] = { "eps", "float", 1e-8, "added to the denominator" },
        [WEIGHT_DECAY] = { "weight_decay", "float", 0, "times the weight, added to the gradient" },
        [DECOUPLED_WEIGHT_DECAY] = { "decoupled_weight_decay", "bool", 0,
                                     "take lr * weight_decay off the weight, as adamw" },
        [MAXIMIZE] = { "maximize", "bool", 0, "go up instead of down" },
    },
    .num_states = 2,
    .state_names = { "exp_avg", "exp_avg_sq" },
    .states = states,
    .hyper = hyper,
    .update = update,
    .cl_file = "optim_radam",
};
