// polynomial: base * (1 - t / over)^power, then 0.
#include <math.h>

#include "train/schedule.h"

enum { OVER, POWER };

static double rate(const double *options, const struct belay_schedule_state *state, double base,
                   uint64_t step)
{
    double over = options[OVER], t = (double) step;
    if (!(over > 0))
        return base;
    return t < over ? base * pow(1 - t / over, options[POWER]) : 0;
}

extern const struct belay_schedule belay_schedule_polynomial;
const struct belay_schedule belay_schedule_polynomial = {
    .name = "polynomial",
    .help = "falls to 0 as a power of what is left",
    .options = {
        [OVER] = { "over", "steps", 0,
                   "how long the fall takes; 0: the whole run, if it is limited" },
        [POWER] = { "power", "float", 1, "1 is a straight line" },
    },
    .rate = rate,
};
