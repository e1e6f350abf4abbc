// cosine_restarts: min + (base - min) * (1 + cos(pi * t / T)) / 2 from each restart on; T is
// `first`, and `mult` times as long after each restart. Loshchilov and Hutter 2016,
// arXiv:1608.03983.
#include <math.h>

#include "train/schedule.h"

enum { FIRST, MULT, MIN };

static double rate(const double *options, const struct belay_schedule_state *state, double base,
                   uint64_t step)
{
    double length = options[FIRST], mult = options[MULT], low = options[MIN], t = (double) step;
    if (!(length > 0))
        return base;
    if (mult > 1) {
        for (; t >= length; length *= mult)
            t -= length;
    } else {
        t = fmod(t, length);
    }
    return low + (base - low) * (1 + cos(acos(-1) * t / length)) / 2;
}

extern const struct belay_schedule belay_schedule_cosine_restarts;
const struct belay_schedule belay_schedule_cosine_restarts = {
    .name = "cosine_restarts",
    .help = "falls to min along half a cosine, again and again",
    .options = {
        [FIRST] = { "first", "steps", 0, "how long the first fall takes; 0: no fall" },
        [MULT] = { "mult", "float", 1, "how many times as long the next one takes; at least 1" },
        [MIN] = { "min", "float", 0, "the lowest rate" },
    },
    .rate = rate,
};
