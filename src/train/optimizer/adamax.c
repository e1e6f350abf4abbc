// adamax: g' = sign * g + weight_decay * p; m += (1 - beta1) * (g' - m);
// u = max(beta2 * u, |g'| + eps); p -= lr / (1 - beta1^t) * m / u.
// Kingma and Ba 2014, arXiv:1412.6980, section 7.1; PyTorch's defaults.
// Device: cl/optim_adamax.cl. A change here is a change there.
#include <math.h>

#include "train/optimizer.h"

enum { LR, BETA1, BETA2, EPS, WEIGHT_DECAY, MAXIMIZE };
enum { H_SIZE, H_TAKE, H_KEEP, H_EPS, H_DECAY, H_SIGN };

static unsigned states(const double *options)
{
    return 3;
}

static void hyper(const double *options, uint64_t step, double h[BELAY_HYPER])
{
    h[H_SIZE] = options[LR] / (1 - pow(options[BETA1], (double) step));
    h[H_TAKE] = 1 - options[BETA1];
    h[H_KEEP] = options[BETA2];
    h[H_EPS] = options[EPS];
    h[H_DECAY] = options[WEIGHT_DECAY];
    h[H_SIGN] = options[MAXIMIZE] != 0 ? -1 : 1;
}

static void update(const double *h, int num_states, double g, double *p, double *s)
{
    g = h[H_SIGN] * g + h[H_DECAY] * *p;
    s[0] += h[H_TAKE] * (g - s[0]);
    double kept = h[H_KEEP] * s[1], size = fabs(g) + h[H_EPS];
    s[1] = size < kept ? kept : size;
    *p -= h[H_SIZE] * (s[0] / s[1]);
}

extern const struct belay_optimizer belay_optimizer_adamax;
const struct belay_optimizer belay_optimizer_adamax = {
    .name = "adamax",
    .help = "adam scaled by the largest gradient instead of the mean of squares",
    .options = {
        [LR] = { "lr", "float", 0.002, "learning rate" },
        [BETA1] = { "beta1", "float", 0.9, "decay of the mean of gradients" },
        [BETA2] = { "beta2", "float", 0.999, "decay of the largest gradient" },
        [EPS] = { "eps", "float", 1e-8, "added to the size of the gradient" },
        [WEIGHT_DECAY] = { "weight_decay", "float", 0, "times the weight, added to the gradient" },
        [MAXIMIZE] = { "maximize", "bool", 0, "go up instead of down" },
    },
    .num_states = 2,
    .state_names = { "exp_avg", "exp_inf" },
    .states = states,
    .hyper = hyper,
    .update = update,
    .cl_file = "optim_adamax",
};
