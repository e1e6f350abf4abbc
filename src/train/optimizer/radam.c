// radam: m and v as in adam; with r = 2 / (1 - beta2) - 1, r(t) = r - 2 t beta2^t / (1 - beta2^t):
// r(t) > 5: p -= lr / (1 - beta1^t) * R * sqrt(1 - beta2^t) * m / (sqrt(v) + eps), where
// R² = (r(t) - 4) (r(t) - 2) r / ((r - 4) (r - 2) r(t)); else p -= lr / (1 - beta1^t) * m.
// Liu et al. 2019, arXiv:1908.03265; PyTorch's defaults.
// Device: cl/optim_nadam.cl. A change here is a change there.
#include <math.h>

#include "train/optimizer/adam_decay.h"

enum { H_ADAPTED, H_PLAIN };

static void hyper(const double *options, uint64_t step, double h[BELAY_HYPER])
{
    double beta1 = options[BELAY_DECAY_BETA1], beta2 = options[BELAY_DECAY_BETA2];
    double power2 = pow(beta2, (double) step), correction2 = 1 - power2;
    double r = 2 / (1 - beta2) - 1;
    double r_t = r - 2 * (double) step * power2 / correction2;
    double size = options[BELAY_DECAY_LR] / (1 - pow(beta1, (double) step));
    double rect = r_t > 5 ? sqrt((r_t - 4) * (r_t - 2) * r / ((r - 4) * (r - 2) * r_t)) : 0;
    h[H_ADAPTED] = size * rect * sqrt(correction2);
    h[H_PLAIN] = r_t > 5 ? 0 : size;
    belay_decay_hyper(options, h);
}

static void update(const double *h, int num_states, double g, double *p, double *s)
{
    (void) belay_decay_means(h, g, p, s);
    *p -= s[0] * (h[H_PLAIN] + h[H_ADAPTED] / (sqrt(s[1]) + h[BELAY_DECAY_H_EPS]));
}

extern const struct belay_optimizer belay_optimizer_radam;
const struct belay_optimizer belay_optimizer_radam = {
    .name = "radam",
    .help = "adam that waits with scaling until its mean of squares can be trusted",
    .options = { BELAY_DECAY_OPTIONS(0.001) },
    .num_states = 2,
    .state_names = { "exp_avg", "exp_avg_sq" },
    .states = belay_decay_states,
    .hyper = hyper,
    .update = update,
    .cl_file = "optim_nadam",
};
