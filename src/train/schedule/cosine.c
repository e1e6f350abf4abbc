// cosine: min + (base - min) * (1 + cos(pi * t / over)) / 2 up to t = over, then min; or, with
// `past_end: rise`, so on for ever, as PyTorch's CosineAnnealingLR.
#include <math.h>

#include "train/schedule.h"

enum { OVER, MIN, PAST_END };

static double rate(const double *options, const struct belay_schedule_state *state, double base,
                   uint64_t step)
{
    double pi = acos(-1), over = options[OVER], low = options[MIN], t = (double) step;
    if (!(over > 0))
        return base;
    if (t >= over && options[PAST_END] == 0)
        return low;
    return low + (base - low) * (1 + cos(pi * t / over)) / 2;
}

extern const struct belay_schedule belay_schedule_cosine;
const struct belay_schedule belay_schedule_cosine = {
    .name = "cosine",
    .help = "falls to min along half a cosine, then stays there",
    .options = {
        [OVER] = { "over", "steps", 0, "how long the fall takes; 0: the whole run, if it is limited" },
        [MIN] = { "min", "float", 0, "the lowest rate" },
        [PAST_END] = { "past_end", "stay|rise", 0, "at the lowest rate, or up again and down" },
    },
    .rate = rate,
};
