// rmsprop: g' = sign * g + weight_decay * p; v = alpha * v + (1 - alpha) * g'²; centered:
// a += (1 - alpha) * (g' - a), v' = v - a², else v' = v; b = momentum * b + g' / (sqrt(v') + eps);
// p -= lr * b. Hinton's lectures 2012; centered: Graves 2013, arXiv:1308.0850; PyTorch's defaults.
// Device: cl/optim_rmsprop.cl. A change here is a change there.
#include <math.h>

#include "train/optimizer.h"

enum { LR, ALPHA, EPS, WEIGHT_DECAY, MOMENTUM, CENTERED, MAXIMIZE };
enum { H_LR, H_TAKE, H_EPS, H_DECAY, H_MOMENTUM, H_CENTERED, H_SIGN };

static unsigned states(const double *options)
{
    // Centered without momentum has the buffer too: states are taken from the first on.
    return options[CENTERED] != 0 ? 7 : options[MOMENTUM] != 0 ? 3 : 1;
}

static void hyper(const double *options, uint64_t step, double h[BELAY_HYPER])
{
    h[H_LR] = options[LR];
    h[H_TAKE] = 1 - options[ALPHA];
    h[H_EPS] = options[EPS];
    h[H_MOMENTUM] = options[MOMENTUM];
    h[H_CENTERED] = options[CENTERED] != 0 ? 1 : 0;
    h[H_DECAY] = options[WEIGHT_DECAY];
    h[H_SIGN] = options[MAXIMIZE] != 0 ? -1 : 1;
}

static void update(const double *h, int num_states, double g, double *p, double *s)
{
    g = h[H_SIGN] * g + h[H_DECAY] * *p;
    s[0] = (1 - h[H_TAKE]) * s[0] + h[H_TAKE] * g * g;
    double v = s[0];
    if (num_states == 3) {
        s[2] += h[H_TAKE] * (g - s[2]);
        v -= h[H_CENTERED] * s[2] * s[2];
        v = v < 0 ? 0 : v; // by rounding
    }
    g /= sqrt(v) + h[H_EPS];
    if (num_states > 1)
        g = s[1] = h[H_MOMENTUM] * s[1] + g;
    *p -= h[H_LR] * g;
}

extern const struct belay_optimizer belay_optimizer_rmsprop;
const struct belay_optimizer belay_optimizer_rmsprop = {
    .name = "rmsprop",
    .help = "steps scaled by the running root of the mean of squares",
    .options = {
        [LR] = { "lr", "float", 0.01, "learning rate" },
        [ALPHA] = { "alpha", "float", 0.99, "decay of the mean of squares" },
        [EPS] = { "eps", "float", 1e-8, "added to the denominator" },
        [WEIGHT_DECAY] = { "weight_decay", "float", 0, "times the weight, added to the gradient" },
        [MOMENTUM] = { "momentum", "float", 0, "share of the last step that is kept" },
        [CENTERED] = { "centered", "bool", 0, "take the square of the mean of gradients off" },
        [MAXIMIZE] = { "maximize", "bool", 0, "go up instead of down" },
    },
    .num_states = 3,
    .state_names = { "square_avg", "momentum_buffer", "grad_avg" },
    .states = states,
    .hyper = hyper,
    .update = update,
    .cl_file = "optim_rmsprop",
};
