// adagrad: g' = sign * g + weight_decay * p; v += g'² (from initial_accumulator_value);
// p -= lr / (1 + (t - 1) * lr_decay) * g' / (sqrt(v) + eps). Duchi et al. 2011; PyTorch's defaults.
// Device: cl/optim_adagrad.cl. A change here is a change there.
#include <math.h>

#include "train/optimizer.h"

enum { LR, LR_DECAY, WEIGHT_DECAY, INITIAL_ACCUMULATOR_VALUE, EPS, MAXIMIZE };
enum { H_LR, H_INITIAL, H_EPS, H_DECAY, H_SIGN };

static unsigned states(const double *options)
{
    return 1;
}

static void hyper(const double *options, uint64_t step, double h[BELAY_HYPER])
{
    h[H_LR] = options[LR] / (1 + (double) (step - 1) * options[LR_DECAY]);
    h[H_INITIAL] = step == 1 ? options[INITIAL_ACCUMULATOR_VALUE] : 0; // states start as 0
    h[H_EPS] = options[EPS];
    h[H_DECAY] = options[WEIGHT_DECAY];
    h[H_SIGN] = options[MAXIMIZE] != 0 ? -1 : 1;
}

static void update(const double *h, int num_states, double g, double *p, double *s)
{
    g = h[H_SIGN] * g + h[H_DECAY] * *p;
    s[0] += h[H_INITIAL] + g * g;
    *p -= h[H_LR] * (g / (sqrt(s[0]) + h[H_EPS]));
}

extern const struct belay_optimizer belay_optimizer_adagrad;
const struct belay_optimizer belay_optimizer_adagrad = {
    .name = "adagrad",
    .help = "steps scaled by the root of the sum of squares",
    .options = {
        [LR] = { "lr", "float", 0.01, "learning rate" },
        [LR_DECAY] = { "lr_decay", "float", 0, "how fast the rate falls with the steps" },
        [WEIGHT_DECAY] = { "weight_decay", "float", 0, "times the weight, added to the gradient" },
        [INITIAL_ACCUMULATOR_VALUE] = { "initial_accumulator_value", "float", 0,
                                        "sum of squares at the start" },
        [EPS] = { "eps", "float", 1e-10, "added to the denominator" },
        [MAXIMIZE] = { "maximize", "bool", 0, "go up instead of down" },
    },
    .num_states = 1,
    .state_names = { "sum" },
    .states = states,
    .hyper = hyper,
    .update = update,
    .cl_file = "optim_adagrad",
};
