// constant: base, or base * factor during the first `total_iters` steps.
#include "train/schedule.h"

enum { FACTOR, TOTAL_ITERS };

static double rate(const double *options, const struct belay_schedule_state *state, double base,
                   uint64_t step)
{
    return (double) step < options[TOTAL_ITERS] ? base * options[FACTOR] : base;
}

extern const struct belay_schedule belay_schedule_constant;
const struct belay_schedule belay_schedule_constant = {
    .name = "constant",
    .help = "the base rate, with another factor at the start if wanted",
    .options = {
        [FACTOR] = { "factor", "float", 1, "factor on the rate for the first total_iters" },
        [TOTAL_ITERS] = { "total_iters", "steps", 0, "how long `factor` holds" },
    },
    .rate = rate,
};
