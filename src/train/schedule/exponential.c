// exponential: base * gamma^(t / every).
#include <math.h>

#include "train/schedule.h"

enum { GAMMA, EVERY };

static double rate(const double *options, const struct belay_schedule_state *state, double base,
                   uint64_t step)
{
    double every = options[EVERY];
    return every > 0 ? base * pow(options[GAMMA], (double) step / every) : base;
}

extern const struct belay_schedule belay_schedule_exponential;
const struct belay_schedule belay_schedule_exponential = {
    .name = "exponential",
    .help = "multiplies the rate by gamma all the time",
    .options = {
        [GAMMA] = { "gamma", "float", 0.9999, "factor on the rate" },
        [EVERY] = { "every", "steps", 1, "in how long the rate becomes gamma times as high" },
    },
    .rate = rate,
};
