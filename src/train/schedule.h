// Learning-rate schedules: pure functions of the step (and, for plateau, of the checks so far).
#ifndef BELAY_TRAIN_SCHEDULE_H
#define BELAY_TRAIN_SCHEDULE_H

#include "base/log.h"

#define BELAY_MAX_OPTIONS 12

// A named number in a descriptor's table; the recipe, `belay config` and docs walk them.
struct belay_option {
    const char *name;
    const char *type; // "float", "bool", "steps" (a length with a unit, given here in steps), "int",
                      // "a|b|c" for a choice, given by its index, or "weights" (train/weights.h)
    double fallback;
    const char *help;
};

struct belay_schedule_state { // serialised by the trainer, value by value
    double v[8];
};
#define BELAY_MAX_PARTS 8
struct belay_schedule;
struct belay_schedule_part { // of a schedule that joins others
    const struct belay_schedule *schedule;
    double options[BELAY_MAX_OPTIONS];
    double start; // sequential: the step at which it begins
};
struct belay_schedule_parts {
    struct belay_schedule_part part[BELAY_MAX_PARTS];
    int num;
};
struct belay_schedule {
    const char *name, *help;
    struct belay_option options[BELAY_MAX_OPTIONS]; // fewer than that; the rest have a NULL name
    // An option `over` that is 0 is given the steps of the whole run after the warm-up, if limited.
    // The rate (not a factor) for step 0, 1, … and the base rate of a group; options in table order.
    double (*rate)(const double *options, const struct belay_schedule_state *state, double base,
                   uint64_t step);
    // The momentum (beta1 where the optimizer has one) of a step; NaN: these options leave it as it
    // is. NULL: always.
    double (*momentum)(const double *options, uint64_t step);
    void (*init)(const double *options, struct belay_schedule_state *state); // or NULL
    // After a check, with the monitored value. NULL: checks do not matter.
    void (*check)(const double *options, struct belay_schedule_state *state, double value,
                  bool maximize);
    // Of a schedule that joins others, in place of `rate`. Parts have no `check`.
    double (*join)(const struct belay_schedule_parts *parts, double base, uint64_t step);
    bool starts; // its parts begin at steps of their own
};
extern const struct belay_schedule *const belay_schedules[]; // ends with NULL
const struct belay_schedule *belay_schedule_find(const char *name);
// Warm-up before any schedule: linear from base/warmup to base over `warmup` steps; the schedule
// then starts at its step 0. parts: NULL but for one that joins.
double belay_schedule_rate(const struct belay_schedule *s, const double *options,
                           const struct belay_schedule_parts *parts,
                           const struct belay_schedule_state *state, double base, double warmup,
                           uint64_t step);
// The momentum of a step, the first one's during the warm-up; NaN: it is left as it is.
double belay_schedule_momentum(const struct belay_schedule *s, const double *options,
                               double warmup, uint64_t step);
// The rate of a part at a step of its own.
double belay_schedule_part_rate(const struct belay_schedule_part *part, double base, uint64_t step);

#endif
