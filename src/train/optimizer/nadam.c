// nadam: adam with Nesterov's look ahead: with mu(t) = beta1 * (1 - 0.96^(t * momentum_decay) / 2),
// M(t) = mu(1) … mu(t), m and v as in adam, d = sqrt(v / (1 - beta2^t)) + eps:
// p -= lr * (1 - mu(t)) / (1 - M(t)) * g' / d + lr * mu(t + 1) / (1 - M(t + 1)) * m / d.
// Dozat 2016, openreview OM0jvwB8jIp57ZJjtNEZ; PyTorch's defaults.
// Device: cl/optim_nadam.cl. A change here is a change there.
#include <math.h>

#include "train/optimizer.h"

enum { LR, BETA1, BETA2, EPS, WEIGHT_DECAY, MOMENTUM_DECAY, DECOUPLED_WEIGHT_DECAY, MAXIMIZE };
enum { H_OF_GRAD, H_OF_MEAN, H_TAKE1, H_TAKE2, H_ROOT2, H_EPS, H_DECAY, H_SIGN };

static unsigned states(const double *options)
{
    return 3;
}

static double mu(const double *options, uint64_t step)
{
    return options[BETA1] * (1 - 0.5 * pow(0.96, (double) step * options[MOMENTUM_DECAY]));
}

// Ends early: 1 - product is 1 then.
static double mu_product(const double *options, uint64_t step)
{
    double product = 1;
    for (uint64_t t = 1; t <= step && product > 1e-20; t++)
        product *= mu(options, t);
    return product;
}

static void hyper(const double *options, uint64_t step, double h[BELAY_HYPER])
{
    double at = mu(options, step), next = mu(options, step + 1), lr = options[LR];
    double product = mu_product(options, step);
    h[H_OF_GRAD] = lr * (1 - at) / (1 - product);
    h[H_OF_MEAN] = lr * next / (1 - product * next);
    h[H_TAKE1] = 1 - options[BETA1];
    h[H_TAKE2] = 1 - options[BETA2];
    h[H_ROOT2] = sqrt(1 - pow(options[BETA2], (double) step));
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
    double denominator = sqrt(s[1]) / h[H_ROOT2] + h[H_EPS];
    *p -= (h[H_OF_GRAD] * g + h[H_OF_MEAN] * s[0]) / denominator;
}

extern const struct belay_optimizer belay_optimizer_nadam;
const struct belay_optimizer belay_optimizer_nadam = {
    .name = "nadam",
    .help = "adam with Nesterov's momentum",
    .options = {
        [LR] = { "lr", "float", 0.002, "learning rate" },
        [BETA1] = { "beta1", "float", 0.9, "decay of the mean of gradients" },
        [BETA2] = { "beta2", "float", 0.999, "decay of the mean of squares" },
        [EPS] = { "eps", "float", 1e-8, "added to the denominator" },
        [WEIGHT_DECAY] = { "weight_decay", "float", 0, "times the weight, added to the gradient" },
        [MOMENTUM_DECAY] = { "momentum_decay", "float", 0.004,
                             "how fast the momentum grows to beta1" },
        [DECOUPLED_WEIGHT_DECAY] = { "decoupled_weight_decay", "bool", 0,
                                     "take lr * weight_decay off the weight, as adamw" },
        [MAXIMIZE] = { "maximize", "bool", 0, "go up instead of down" },
    },
    .num_states = 2,
    .state_names = { "exp_avg", "exp_avg_sq" },
    .states = states,
    .hyper = hyper,
    .update = update,
    .cl_file = "optim_nadam",
};
