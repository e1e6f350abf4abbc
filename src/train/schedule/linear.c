// linear: base * factor, which goes from start_factor to end_factor in a straight line over `over`.
#include "train/schedule.h"

enum { OVER, START_FACTOR, END_FACTOR };

static double rate(const double *options, const struct belay_schedule_state *state, double base,
                   uint64_t step)
{
    double over = options[OVER], t = (double) step, start = options[START_FACTOR];
    if (!(over > 0))
        return base;
    return base * (start + (options[END_FACTOR] - start) * (t < over ? t / over : 1));
}

extern const struct belay_schedule belay_schedule_linear;
const struct belay_schedule belay_schedule_linear = {
    .name = "linear",
    .help = "goes from one factor on the rate to another in a straight line",
    .options = {
        [OVER] = { "over", "steps", 0,
                   "how long the way takes; 0: the whole run, if it is limited" },
        [START_FACTOR] = { "start_factor", "float", 1.0 / 3, "factor at the start" },
        [END_FACTOR] = { "end_factor", "float", 1, "factor at the end and after" },
    },
    .rate = rate,
};
