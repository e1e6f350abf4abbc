// adamw: p *= 1 - lr * weight_decay, then adam's move without decay in the gradient.
// Device: cl/optim_adam.cl. A change here is a change there.
#include "train/optimizer/adam_inner.h"

static void hyper(const double *options, uint64_t step, double h[BELAY_HYPER])
{
    belay_adam_hyper(options, step, h);
    h[BELAY_ADAM_H_DECAY] = 1 - options[BELAY_ADAM_LR] * options[BELAY_ADAM_WEIGHT_DECAY];
}

static void update(const double *h, int num_states, double g, double *p, double *s)
{
    *p *= h[BELAY_ADAM_H_DECAY];
    belay_adam_move(h, num_states, h[BELAY_ADAM_H_SIGN] * g, p, s);
}

extern const struct belay_optimizer belay_optimizer_adamw;
const struct belay_optimizer belay_optimizer_adamw = {
    .name = "adamw",
    .help = "adam with weight decay apart from the gradient",
    .options = {
        [BELAY_ADAM_LR] = { "lr", "float", 0.001, "learning rate" },
        [BELAY_ADAM_BETA1] = { "beta1", "float", 0.9, "decay of the mean of gradients" },
        [BELAY_ADAM_BETA2] = { "beta2", "float", 0.999, "decay of the mean of squares" },
        [BELAY_ADAM_EPS] = { "eps", "float", 1e-8, "added to the denominator" },
        [BELAY_ADAM_WEIGHT_DECAY] = { "weight_decay", "float", 0.01,
                                      "times lr: the share of the weight that is taken off" },
        [BELAY_ADAM_AMSGRAD] = { "amsgrad", "bool", 0, "keep the largest mean of squares" },
        [BELAY_ADAM_MAXIMIZE] = { "maximize", "bool", 0, "go up instead of down" },
    },
    .num_states = 3,
    .state_names = { "exp_avg", "exp_avg_sq", "max_exp_avg_sq" },
    .states = belay_adam_states,
    .hyper = hyper,
    .update = update,
    .cl_file = "optim_adam",
};
