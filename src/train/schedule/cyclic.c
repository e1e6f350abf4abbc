// cyclic: from min up to base in `up`, down again in `down`, over and over; the height of later
// cycles is halved each time (triangular2) or times gamma^t (exp_range). With cycle_momentum the
// momentum falls from its highest as the rate rises. Smith 2015, arXiv:1506.01186; PyTorch's.
#include <math.h>

#include "train/schedule.h"

enum { MIN, UP, DOWN, MODE, GAMMA, CYCLE_MOMENTUM, BASE_MOMENTUM, MAX_MOMENTUM };

// Where in its cycle a step is: 0 at the foot, 1 at the top of the first one.
static double height(const double *options, uint64_t step)
{
    double up = options[UP], down = options[DOWN] > 0 ? options[DOWN] : up, cycle;
    double t = modf((double) step / (up + down), &cycle) * (up + down);
    double share = t <= up ? t / up : (up + down - t) / down;
    if (options[MODE] == 1)
        return share * pow(0.5, cycle);
    return options[MODE] == 2 ? share * pow(options[GAMMA], (double) step) : share;
}

static double rate(const double *options, const struct belay_schedule_state *state, double base,
                   uint64_t step)
{
    if (!(options[UP] > 0))
        return base;
    return options[MIN] + (base - options[MIN]) * height(options, step);
}

static double momentum(const double *options, uint64_t step)
{
    double high = options[MAX_MOMENTUM];
    if (options[CYCLE_MOMENTUM] == 0 || !(options[UP] > 0))
        return NAN;
    return high - (high - options[BASE_MOMENTUM]) * height(options, step);
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
        [CYCLE_MOMENTUM] = { "cycle_momentum", "bool", 0,
                             "momentum or beta1 goes the other way (in PyTorch it does)" },
        [BASE_MOMENTUM] = { "base_momentum", "float", 0.8, "the lowest momentum" },
        [MAX_MOMENTUM] = { "max_momentum", "float", 0.9, "the highest momentum" },
    },
    .rate = rate,
    .momentum = momentum,
};
