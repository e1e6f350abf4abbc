// step: base * gamma^floor(t / step_size).
#include <math.h>

#include "train/schedule.h"

enum { STEP_SIZE, GAMMA };

static double rate(const double *options, const struct belay_schedule_state *state, double base,
                   uint64_t step)
{
    double size = options[STEP_SIZE];
    return size > 0 ? base * pow(options[GAMMA], floor((double) step / size)) : base;
}

extern const struct belay_schedule belay_schedule_step;
const struct belay_schedule belay_schedule_step = {
    .name = "step",
    .help = "multiplies the rate by gamma every step_size",
    .options = {
        [STEP_SIZE] = { "step_size", "steps", 0, "how long one rate holds; 0: for ever" },
        [GAMMA] = { "gamma", "float", 0.1, "factor from one rate to the next" },
    },
    .rate = rate,
};
