// adam: g' = sign * g + weight_decay * p; m += (1 - beta1) * (g' - m);
// v = beta2 * v + (1 - beta2) * g'²; with amsgrad v' = max(v', v), else v' = v;
// p -= lr / (1 - beta1^t) * m / (sqrt(v') / sqrt(1 - beta2^t) + eps).
// Device: cl/optim_adam.cl. A change here is a change there.
#include <math.h>

#include "train/optimizer/adam_inner.h"

unsigned belay_adam_states(const double *options)
{
    return options[BELAY_ADAM_AMSGRAD] != 0 ? 7 : 3;
}

void belay_adam_hyper(const double *options, uint64_t step, double h[BELAY_HYPER])
{
    double beta1 = options[BELAY_ADAM_BETA1], beta2 = options[BELAY_ADAM_BETA2];
    h[BELAY_ADAM_H_SIZE] = options[BELAY_ADAM_LR] / (1 - pow(beta1, (double) step));
    h[BELAY_ADAM_H_TAKE1] = 1 - beta1;
    // Without amsgrad in this group, but in another: the largest is forgotten at once.
    h[BELAY_ADAM_H_KEEP] = options[BELAY_ADAM_AMSGRAD] != 0 ? 1 : 0;
    h[BELAY_ADAM_H_TAKE2] = 1 - beta2;
    // The quotient, so that no weight needs the division.
    h[BELAY_ADAM_H_ROOT2] = 1 / sqrt(1 - pow(beta2, (double) step));
    h[BELAY_ADAM_H_EPS] = options[BELAY_ADAM_EPS];
    h[BELAY_ADAM_H_SIGN] = options[BELAY_ADAM_MAXIMIZE] != 0 ? -1 : 1;
}

void belay_adam_move(const double *h, int num_states, double g, double *p, double *s)
{
    s[0] += h[BELAY_ADAM_H_TAKE1] * (g - s[0]);
    s[1] = (1 - h[BELAY_ADAM_H_TAKE2]) * s[1] + h[BELAY_ADAM_H_TAKE2] * g * g;
    double v = s[1];
    if (num_states == 3)
        v = s[2] = fmax(h[BELAY_ADAM_H_KEEP] * s[2], v);
    double denominator = sqrt(v) * h[BELAY_ADAM_H_ROOT2] + h[BELAY_ADAM_H_EPS];
    *p -= h[BELAY_ADAM_H_SIZE] * (s[0] / denominator);
}

static void hyper(const double *options, uint64_t step, double h[BELAY_HYPER])
{
    belay_adam_hyper(options, step, h);
    h[BELAY_ADAM_H_DECAY] = options[BELAY_ADAM_WEIGHT_DECAY];
}

static void update(const double *h, int num_states, double g, double *p, double *s)
{
    g = h[BELAY_ADAM_H_SIGN] * g + h[BELAY_ADAM_H_DECAY] * *p;
    belay_adam_move(h, num_states, g, p, s);
}

extern const struct belay_optimizer belay_optimizer_adam;
const struct belay_optimizer belay_optimizer_adam = {
    .name = "adam",
    .help = "steps scaled by running means of gradient and squared gradient",
    .options = {
        [BELAY_ADAM_LR] = { "lr", "float", 0.001, "learning rate" },
        [BELAY_ADAM_BETA1] = { "beta1", "float", 0.9, "decay of the mean of gradients" },
        [BELAY_ADAM_BETA2] = { "beta2", "float", 0.999, "decay of the mean of squares" },
        [BELAY_ADAM_EPS] = { "eps", "float", 1e-8, "added to the denominator" },
        [BELAY_ADAM_WEIGHT_DECAY] = { "weight_decay", "float", 0,
                                      "times the weight, added to the gradient" },
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
