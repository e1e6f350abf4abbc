// adadelta: g' = sign * g + weight_decay * p; v = rho * v + (1 - rho) * g'²;
// d = sqrt(u + eps) / sqrt(v + eps) * g'; u = rho * u + (1 - rho) * d²; p -= lr * d.
// Zeiler 2012, arXiv:1212.5701; PyTorch's defaults.
// Device: cl/optim_adadelta.cl. A change here is a change there.
#include <math.h>

#include "train/optimizer.h"

enum { LR, RHO, EPS, WEIGHT_DECAY, MAXIMIZE };
enum { H_LR, H_TAKE, H_EPS, H_DECAY, H_SIGN };

static unsigned states(const double *options)
{
    return 3;
}

static void hyper(const double *options, uint64_t step, double h[BELAY_HYPER])
{
    h[H_LR] = options[LR];
    h[H_TAKE] = 1 - options[RHO];
    h[H_EPS] = options[EPS];
    h[H_DECAY] = options[WEIGHT_DECAY];
    h[H_SIGN] = options[MAXIMIZE] != 0 ? -1 : 1;
}

static void update(const double *h, int num_states, double g, double *p, double *s)
{
    g = h[H_SIGN] * g + h[H_DECAY] * *p;
    s[0] = (1 - h[H_TAKE]) * s[0] + h[H_TAKE] * g * g;
    double move = sqrt(s[1] + h[H_EPS]) / sqrt(s[0] + h[H_EPS]) * g;
    s[1] = (1 - h[H_TAKE]) * s[1] + h[H_TAKE] * move * move;
    *p -= h[H_LR] * move;
}

extern const struct belay_optimizer belay_optimizer_adadelta;
const struct belay_optimizer belay_optimizer_adadelta = {
    .name = "adadelta",
    .help = "steps as long as the last ones, in the units of the weights",
    .options = {
        [LR] = { "lr", "float", 1, "learning rate" },
        [RHO] = { "rho", "float", 0.9, "decay of the means of squares" },
        [EPS] = { "eps", "float", 1e-6, "added under the roots" },
        [WEIGHT_DECAY] = { "weight_decay", "float", 0, "times the weight, added to the gradient" },
        [MAXIMIZE] = { "maximize", "bool", 0, "go up instead of down" },
    },
    .num_states = 2,
    .state_names = { "square_avg", "acc_delta" },
    .states = states,
    .hyper = hyper,
    .update = update,
    .cl_file = "optim_adadelta",
};
