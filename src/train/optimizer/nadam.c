// nadam: adam with Nesterov's look ahead: with mu(t) = beta1 * (1 - 0.96^(t * momentum_decay) / 2),
// M(t) = mu(1) … mu(t), m and v as in adam, d = sqrt(v / (1 - beta2^t)) + eps:
// p -= lr * (1 - mu(t)) / (1 - M(t)) * g' / d + lr * mu(t + 1) / (1 - M(t + 1)) * m / d.
// Dozat 2016, openreview OM0jvwB8jIp57ZJjtNEZ; PyTorch's defaults.
// Device: cl/optim_nadam.cl. A change here is a change there.
#include <math.h>

#include "train/optimizer/adam_decay.h"

enum { MOMENTUM_DECAY = BELAY_DECAY_MORE };
enum { H_OF_GRAD, H_OF_MEAN, H_ROOT2 };

static double mu(const double *options, uint64_t step)
{
    return options[BELAY_DECAY_BETA1] *
           (1 - 0.5 * pow(0.96, (double) step * options[MOMENTUM_DECAY]));
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
    double at = mu(options, step), next = mu(options, step + 1), lr = options[BELAY_DECAY_LR];
    double product = mu_product(options, step);
    h[H_OF_GRAD] = lr * (1 - at) / (1 - product);
    h[H_OF_MEAN] = lr * next / (1 - product * next);
    h[H_ROOT2] = 1 / sqrt(1 - pow(options[BELAY_DECAY_BETA2], (double) step));
    belay_decay_hyper(options, h);
}

static void update(const double *h, int num_states, double g, double *p, double *s)
{
    g = belay_decay_means(h, g, p, s);
    double denominator = sqrt(s[1]) * h[H_ROOT2] + h[BELAY_DECAY_H_EPS];
    *p -= (h[H_OF_GRAD] * g + h[H_OF_MEAN] * s[0]) / denominator;
}

extern const struct belay_optimizer belay_optimizer_nadam;
const struct belay_optimizer belay_optimizer_nadam = {
    .name = "nadam",
    .help = "adam with Nesterov's momentum",
    .options = {
        BELAY_DECAY_OPTIONS(0.002),
        [MOMENTUM_DECAY] = { "momentum_decay", "float", 0.004,
                             "how fast the momentum grows to beta1" },
    },
    .num_states = 2,
    .state_names = { "exp_avg", "exp_avg_sq" },
    .states = belay_decay_states,
    .hyper = hyper,
    .update = update,
    .cl_file = "optim_nadam",
};
