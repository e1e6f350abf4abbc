// sgd, with momentum: g' = sign * g + weight_decay * p; m = momentum * m + (1 - dampening) * g'
// (m = g' in the first step); p -= lr * (nesterov ? g' + momentum * m : m).
// Device: cl/optim_sgd.cl. A change here is a change there.
#include "train/optimizer.h"

enum { LR, MOMENTUM, DAMPENING, NESTEROV, WEIGHT_DECAY, MAXIMIZE };
enum { H_LR, H_MOMENTUM, H_TAKE, H_DECAY, H_SIGN, H_OF_GRAD, H_OF_MOMENTUM };

static unsigned states(const double *options)
{
    return options[MOMENTUM] != 0;
}

static void hyper(const double *options, uint64_t step, double h[BELAY_HYPER])
{
    bool nesterov = options[NESTEROV] != 0;
    h[H_LR] = options[LR];
    h[H_MOMENTUM] = options[MOMENTUM];
    // m is 0 before the first step. Without momentum there is no dampening either.
    h[H_TAKE] = step <= 1 || options[MOMENTUM] == 0 ? 1 : 1 - options[DAMPENING];
    h[H_DECAY] = options[WEIGHT_DECAY];
    h[H_SIGN] = options[MAXIMIZE] != 0 ? -1 : 1;
    h[H_OF_GRAD] = nesterov ? 1 : 0;
    h[H_OF_MOMENTUM] = nesterov ? options[MOMENTUM] : 1;
}

static void update(const double *h, int num_states, double g, double *p, double *s)
{
    g = h[H_SIGN] * g + h[H_DECAY] * *p;
    if (num_states == 1) {
        s[0] = h[H_MOMENTUM] * s[0] + h[H_TAKE] * g;
        g = h[H_OF_GRAD] * g + h[H_OF_MOMENTUM] * s[0];
    }
    *p -= h[H_LR] * g;
}

extern const struct belay_optimizer belay_optimizer_sgd;
const struct belay_optimizer belay_optimizer_sgd = {
    .name = "sgd",
    .help = "stochastic gradient descent, with momentum if wanted",
    .options = {
        [LR] = { "lr", "float", 0.01, "learning rate" },
        [MOMENTUM] = { "momentum", "float", 0, "share of the last step that is kept" },
        [DAMPENING] = { "dampening", "float", 0, "share of the gradient kept out of the momentum" },
        [NESTEROV] = { "nesterov", "bool", 0, "look ahead by the momentum" },
        [WEIGHT_DECAY] = { "weight_decay", "float", 0, "times the weight, added to the gradient" },
        [MAXIMIZE] = { "maximize", "bool", 0, "go up instead of down" },
    },
    .num_states = 1,
    .state_names = { "momentum_buffer" },
    .states = states,
    .hyper = hyper,
    .update = update,
    .cl_file = "optim_sgd",
};
