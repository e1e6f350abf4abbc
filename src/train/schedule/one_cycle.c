// one_cycle: from base / div_factor up to base in pct_start of the run, then down to
// base / div_factor / final_div_factor; with three_phase down to the first rate as slowly as up,
// and then to the last. With cycle_momentum the momentum falls while the rate rises, and rises
// while it falls. Smith and Topin 2017, arXiv:1708.07120; PyTorch's phases.
#include <math.h>

#include "train/schedule.h"

enum {
    OVER,
    PCT_START,
    ANNEAL,
    DIV_FACTOR,
    FINAL_DIV_FACTOR,
    THREE_PHASE,
    CYCLE_MOMENTUM,
    BASE_MOMENTUM,
    MAX_MOMENTUM
};

// From a at step t0 to b at step t1.
static double between(const double *options, double a, double b, double t, double t0, double t1)
{
    double share = t < t1 ? (t - t0) / (t1 - t0) : 1;
    if (options[ANNEAL] != 0)
        return a + (b - a) * share;
    return b + (a - b) / 2 * (1 + cos(acos(-1) * share));
}

static double rate(const double *options, const struct belay_schedule_state *state, double base,
                   uint64_t step)
{
    double total = options[OVER], peak = options[PCT_START] * total - 1, t = (double) step;
    double first = base / options[DIV_FACTOR], last = first / options[FINAL_DIV_FACTOR];
    if (!(total > 0))
        return base;
    if (t <= peak)
        return between(options, first, base, t, 0, peak);
    if (options[THREE_PHASE] == 0)
        return between(options, base, last, t, peak, total - 1);
    double back = 2 * options[PCT_START] * total - 2;
    if (t <= back)
        return between(options, base, first, t, peak, back);
    return between(options, first, last, t, back, total - 1);
}

static double momentum(const double *options, uint64_t step)
{
    double total = options[OVER], peak = options[PCT_START] * total - 1, t = (double) step;
    double low = options[BASE_MOMENTUM], high = options[MAX_MOMENTUM];
    if (options[CYCLE_MOMENTUM] == 0 || !(total > 0))
        return NAN;
    if (t <= peak)
        return between(options, high, low, t, 0, peak);
    double back = options[THREE_PHASE] == 0 ? total - 1 : 2 * options[PCT_START] * total - 2;
    return between(options, low, high, t, peak, back);
}

extern const struct belay_schedule belay_schedule_one_cycle;
const struct belay_schedule belay_schedule_one_cycle = {
    .name = "one_cycle",
    .help = "rises to the base rate and falls far below where it began",
    .options = {
        [OVER] = { "over", "steps", 0, "how long it takes; 0: the whole run, if it is limited" },
        [PCT_START] = { "pct_start", "float", 0.3, "share of it that the rise takes" },
        [ANNEAL] = { "anneal", "cos|linear", 0, "along half a cosine, or straight" },
        [DIV_FACTOR] = { "div_factor", "float", 25, "base rate over first rate" },
        [FINAL_DIV_FACTOR] = { "final_div_factor", "float", 1e4, "first rate over last rate" },
        [THREE_PHASE] = { "three_phase", "bool", 0,
                          "fall back as slowly as it rose, then further" },
        [CYCLE_MOMENTUM] = { "cycle_momentum", "bool", 0,
                             "momentum or beta1 goes the other way (in PyTorch it does)" },
        [BASE_MOMENTUM] = { "base_momentum", "float", 0.85, "the lowest momentum" },
        [MAX_MOMENTUM] = { "max_momentum", "float", 0.95, "the highest momentum" },
    },
    .rate = rate,
    .momentum = momentum,
};
