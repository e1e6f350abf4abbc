// plateau: multiplies the rate by `factor` when the monitored value has not improved for more than
// `patience` checks. The rate is a function of the base rate and the number of reductions, so that
// groups with other base rates need no state of their own.
#include <math.h>

#include "train/schedule.h"

enum { FACTOR, PATIENCE, THRESHOLD, THRESHOLD_MODE, COOLDOWN, MIN_LR, EPS };
enum { BEST, HAS_BEST, BAD, COOLING, REDUCTIONS }; // state->v

static double rate(const double *options, const struct belay_schedule_state *state, double base,
                   uint64_t step)
{
    double lr = base;
    for (double i = 0; i < state->v[REDUCTIONS]; i++) {
        double lower = fmax(lr * options[FACTOR], options[MIN_LR]);
        if (!(lr - lower > options[EPS]))
            break; // later ones would change nothing either
        lr = lower;
    }
    return lr;
}

static bool better(const double *options, double value, double best, bool maximize)
{
    double threshold = options[THRESHOLD];
    if (options[THRESHOLD_MODE] != 0)
        return maximize ? value > best + threshold : value < best - threshold;
    return maximize ? value > best * (1 + threshold) : value < best * (1 - threshold);
}

static void check(const double *options, struct belay_schedule_state *state, double value,
                  bool maximize)
{
    double *v = state->v;
    if (!isnan(value) && (v[HAS_BEST] == 0 || better(options, value, v[BEST], maximize))) {
        v[BEST] = value;
        v[HAS_BEST] = 1;
        v[BAD] = 0;
    } else {
        v[BAD]++;
    }
    if (v[COOLING] > 0) {
        v[COOLING]--;
        v[BAD] = 0;
    }
    if (v[BAD] > options[PATIENCE]) {
        v[REDUCTIONS]++;
        v[COOLING] = options[COOLDOWN];
        v[BAD] = 0;
    }
}

extern const struct belay_schedule belay_schedule_plateau;
const struct belay_schedule belay_schedule_plateau = {
    .name = "plateau",
    .help = "lowers the rate when the monitored value stops improving",
    .options = {
        [FACTOR] = { "factor", "float", 0.1, "factor on the rate at each reduction" },
        [PATIENCE] = { "patience", "int", 10, "checks without improvement that are allowed" },
        [THRESHOLD] = { "threshold", "float", 1e-4, "an improvement must be larger" },
        [THRESHOLD_MODE] = { "threshold_mode", "rel|abs", 0, "share of the best, or a difference" },
        [COOLDOWN] = { "cooldown", "int", 0, "checks after a reduction that do not count" },
        [MIN_LR] = { "min_lr", "float", 0, "the lowest rate" },
        [EPS] = { "eps", "float", 1e-8, "smaller changes of the rate are not made" },
    },
    .rate = rate,
    .check = check,
};
