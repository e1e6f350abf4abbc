// rprop: every weight has a step of its own, at first lr. Where the gradient keeps its sign the step
// grows by eta_plus, where it turns it shrinks by eta_minus and the weight waits; within step_min
// and step_max. p -= sign(g) * step. Riedmiller, Braun 1993; PyTorch's form and defaults.
// Device: cl/optim_rprop.cl. A change here is a change there.
#include <math.h>

#include "train/optimizer.h"

enum { LR, ETA_MINUS, ETA_PLUS, STEP_MIN, STEP_MAX, WEIGHT_DECAY, MAXIMIZE };
enum { H_FIRST, H_MINUS, H_PLUS, H_MIN, H_MAX, H_DECAY, H_SIGN };

static unsigned states(const double *options)
{
    return 3;
}

// H_FIRST: the step to begin with in the first step, 0 after.
static void hyper(const double *options, uint64_t step, double h[BELAY_HYPER])
{
    h[H_FIRST] = step == 1 ? options[LR] : 0;
    h[H_MINUS] = options[ETA_MINUS];
    h[H_PLUS] = options[ETA_PLUS];
    h[H_MIN] = options[STEP_MIN];
    h[H_MAX] = options[STEP_MAX];
    h[H_DECAY] = options[WEIGHT_DECAY];
    h[H_SIGN] = options[MAXIMIZE] != 0 ? -1 : 1;
}

static void update(const double *h, int num_states, double g, double *p, double *s)
{
    g = h[H_SIGN] * g + h[H_DECAY] * *p;
    double size = h[H_FIRST] > 0 ? h[H_FIRST] : s[1], same = g * s[0];
    size *= same > 0 ? h[H_PLUS] : same < 0 ? h[H_MINUS] : 1;
    s[1] = fmin(fmax(size, h[H_MIN]), h[H_MAX]);
    g = same < 0 ? 0 : g;
    *p -= g > 0 ? s[1] : g < 0 ? -s[1] : 0;
    s[0] = g;
}

extern const struct belay_optimizer belay_optimizer_rprop;
const struct belay_optimizer belay_optimizer_rprop = {
    .name = "rprop",
    .help = "steps by the sign of the gradient alone; for whole-data batches",
    .options = {
        [LR] = { "lr", "float", 0.01, "the first step" },
        [ETA_MINUS] = { "eta_minus", "float", 0.5, "factor where the sign turns" },
        [ETA_PLUS] = { "eta_plus", "float", 1.2, "factor where the sign stays" },
        [STEP_MIN] = { "step_min", "float", 1e-6, "smallest step" },
        [STEP_MAX] = { "step_max", "float", 50, "largest step" },
        [WEIGHT_DECAY] = { "weight_decay", "float", 0, "times the weight, added to the gradient" },
        [MAXIMIZE] = { "maximize", "bool", 0, "go up instead of down" },
    },
    .num_states = 2,
    .state_names = { "prev", "step_size" },
    .states = states,
    .hyper = hyper,
    .update = update,
    .cl_file = "optim_rprop",
};
