// lion: u = sign of (beta1 * m + (1 - beta1) * g); m = beta2 * m + (1 - beta2) * g;
// p = (1 - lr * weight_decay) * p - lr * u. Chen et al. 2023, arXiv:2302.06675; its defaults.
// Device: cl/optim_lion.cl. A change here is a change there.
#include "train/optimizer.h"

enum { LR, BETA1, BETA2, WEIGHT_DECAY, MAXIMIZE };
enum { H_LR, H_TAKE1, H_TAKE2, H_KEEP, H_SIGN };

static unsigned states(const double *options)
{
    return 1;
}

static void hyper(const double *options, uint64_t step, double h[BELAY_HYPER])
{
    h[H_LR] = options[LR];
    h[H_TAKE1] = 1 - options[BETA1];
    h[H_TAKE2] = 1 - options[BETA2];
    h[H_KEEP] = 1 - options[LR] * options[WEIGHT_DECAY];
    h[H_SIGN] = options[MAXIMIZE] != 0 ? -1 : 1;
}

static void update(const double *h, int num_states, double g, double *p, double *s)
{
    g *= h[H_SIGN];
    double u = s[0] + h[H_TAKE1] * (g - s[0]);
    // With NaN it is NaN.
    *p = h[H_KEEP] * *p - h[H_LR] * (u > 0 ? 1 : u < 0 ? -1 : u);
    s[0] += h[H_TAKE2] * (g - s[0]);
}

extern const struct belay_optimizer belay_optimizer_lion;
const struct belay_optimizer belay_optimizer_lion = {
    .name = "lion",
    .help = "steps of one length, by the sign of momentum and gradient",
    .options = {
        [LR] = { "lr", "float", 1e-4, "learning rate" },
        [BETA1] = { "beta1", "float", 0.9, "decay of the mean of gradients" },
        [BETA2] = { "beta2", "float", 0.99, "decay of the mean that is kept" },
        [WEIGHT_DECAY] = { "weight_decay", "float", 0,
                           "times lr: the share of the weight that is taken off" },
        [MAXIMIZE] = { "maximize", "bool", 0, "go up instead of down" },
    },
    .num_states = 1,
    .state_names = { "exp_avg" },
    .states = states,
    .hyper = hyper,
    .update = update,
    .cl_file = "optim_lion",
};
