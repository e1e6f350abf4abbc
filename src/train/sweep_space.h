// What a sweep tries: the recipe's `sweep` section, and the values of each trial.
#ifndef BELAY_TRAIN_SWEEP_SPACE_H
#define BELAY_TRAIN_SWEEP_SPACE_H

#include "base/str.h"
#include "train/recipe.h"

#define BELAY_MAX_SWEEP_KEYS 16

struct belay_sweep_key {
    const char *key;               // "stop.patience"
    const struct belay_yaml *choices; // a list; NULL: a range
    double low, high;
    bool log, whole;
    size_t points;                 // grid of a range
};
struct belay_sweep_space {
    struct belay_sweep_key keys[BELAY_MAX_SWEEP_KEYS];
    size_t num_keys;
    bool random;
    size_t trials;                 // of all
    uint64_t seed;
    size_t folds;                  // k-fold, or
    size_t repeats;                // repeated hold-out of
    double hold_out;               // this share
    const char *score;             // "loss" or a metric
    bool maximize;
    const char *dir;
};
belay_status belay_sweep_space_read(struct belay_recipe *r, struct belay_sweep_space *out);
static inline size_t belay_sweep_space_parts(const struct belay_sweep_space *s)
{
    return s->folds ? s->folds : s->repeats;
}
// The value of key `k` in a trial, as YAML.
void belay_sweep_space_value(const struct belay_sweep_space *s, size_t trial, size_t k,
                             struct belay_str *out);

#endif
