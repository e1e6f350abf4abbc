// cyclic: from min up to base in `up`, down again in `down`, over and over; the height of later
// cycles is halved each time (triangular2) or times gamma^t (exp_range). Momentum stays as it is.
// Smith 2015, arXiv:1506.01186.
#include <math.h>

#include "train/schedule.h"

enum { MIN, UP, DOWN, MODE, GAMMA };

static double rate(const double *options, const struct belay_schedule_state *state, double base,
                   uint64_t step)
{
    double up = options[UP], down = options[DOWN] > 0 ? options[DOWN] : up, t = (double) step;
    double height = base - options[MIN], cycle;
    if (!(up > 0))
        return base;
    t = modf(t / (up + down), &cycle) * (up + down);
    height *= t <= up ? t / up : (up + down - t) / down;
    if (options[MODE] == 1)
        height *= pow(0.5, cycle);
    else if (options[MODE] == 2)
        height *= pow(options[GAMMA], (double) step);
    return options[MIN] + height;
}

extern const struct belay_schedule belay_schedule_cyclic;
const struct belay_schedule belay_schedule_cyclic = {
    .name = "cyclic",
    .help = "rises from min to the base rate and falls again, over and over",
    .options = {
        [MIN] = { "min", "float", 0, "the lowest rate" },
        [UP] = { "up", "steps", 2000, "how long a rise takes" },
        [DOWN] = { "down", "steps", 0, "how long a fall takes; 0: as long as a rise" },
        [MODE] = { "mode", "triangular|triangular2|exp_range", 0, "how later cycles are lower" },
        [GAMMA] = { "gamma", "float", 1, "exp_range: factor of each step on the height" },
    },
    .rate = rate,
};
