// asgd: g' = sign * g + weight_decay * p; eta = lr / (1 + lambd * lr * (t - 1))^alpha;
// p = p * (1 - lambd * eta) - eta * g'; ax += mu * (p - ax), mu = 1 / max(1, t - 1 - t0).
// Polyak, Juditsky 1992; PyTorch's form and defaults, with the present step's lr in eta.
// Device: cl/optim_asgd.cl. A change here is a change there.
#include <math.h>

#include "train/optimizer.h"

enum { LR, LAMBD, ALPHA, T0, WEIGHT_DECAY, MAXIMIZE };
enum { H_ETA, H_KEEP, H_DECAY, H_MU, H_SIGN };

static unsigned states(const double *options)
{
    return 1;
}

static void hyper(const double *options, uint64_t step, double h[BELAY_HYPER])
{
    double before = (double) step - 1;
    h[H_ETA] = options[LR] / pow(1 + options[LAMBD] * options[LR] * before, options[ALPHA]);
    h[H_KEEP] = 1 - options[LAMBD] * h[H_ETA];
    h[H_DECAY] = options[WEIGHT_DECAY];
    h[H_MU] = 1 / fmax(1, before - options[T0]);
    h[H_SIGN] = options[MAXIMIZE] != 0 ? -1 : 1;
}

static void update(const double *h, int num_states, double g, double *p, double *s)
{
    g = h[H_SIGN] * g + h[H_DECAY] * *p;
    *p = *p * h[H_KEEP] - h[H_ETA] * g;
    s[0] = h[H_MU] == 1 ? *p : s[0] + h[H_MU] * (*p - s[0]);
}

extern const struct belay_optimizer belay_optimizer_asgd;
const struct belay_optimizer belay_optimizer_asgd = {
    .name = "asgd",
    .help = "plain steps that shrink; the mean of the weights is kept beside them",
    .options = {
        [LR] = { "lr", "float", 0.01, "learning rate" },
        [LAMBD] = { "lambd", "float", 1e-4, "decay" },
        [ALPHA] = { "alpha", "float", 0.75, "power of the step's decay" },
        [T0] = { "t0", "float", 1e6, "step after which the mean is taken" },
        [WEIGHT_DECAY] = { "weight_decay", "float", 0, "times the weight, added to the gradient" },
        [MAXIMIZE] = { "maximize", "bool", 0, "go up instead of down" },
    },
    .num_states = 1,
    .state_names = { "ax" },
    .states = states,
    .hyper = hyper,
    .update = update,
    .cl_file = "optim_asgd",
};
