// Imbalance: what each class counts in the loss, and drawing rows so that classes come equally
// often.
#ifndef BELAY_TRAIN_WEIGHTS_H
#define BELAY_TRAIN_WEIGHTS_H

#include "data/data.h"
#include "format/yaml.h"
#include "train/recipe.h"

struct belay_str;

// The numbers behind loss.class_weights or loss.pos_weight: one for each class, or one for each
// target. *out is owned; NULL when the recipe asks for none. `train` are the training rows, which
// alone decide: balanced is rows / (classes * rows of the class), of targets rows that are 0 / rows
// that are 1.
belay_status belay_loss_weights_make(const struct belay_recipe *r,
                                     const struct belay_dataset *train,
                                     const struct belay_preprocess *p, float **out, size_t *count);

// The options of a loss as JSON for model files, weights included; and back. Owned.
char *belay_loss_to_json(const struct belay_loss *loss, const double *options, const float *weights,
                         size_t count);
// `json` NULL: the fallbacks. `options` has BELAY_MAX_OPTIONS.
belay_status belay_loss_from_json(struct belay_log *log, const struct belay_loss *loss,
                                  const char *json, double *options, float **weights,
                                  size_t *count);

// Rows by class, for data.sampling: balanced.
struct belay_strata {
    int32_t *rows; // those of class c lie at first[c] … first[c + 1]; owned, as `first`
    size_t *first;
    size_t count;  // classes that have rows
};
// Classes are the labels, or 0 and 1 of one target.
belay_status belay_strata_make(struct belay_log *log, const struct belay_dataset *train,
                               struct belay_strata *out);
void belay_strata_finish(struct belay_strata *s); // safe on zeroed
// An epoch: for each place a class, all alike, then a row of it. A function of seed and epoch
// alone.
void belay_strata_draw(const struct belay_strata *s, uint64_t seed, uint64_t epoch, int32_t *order,
                       size_t rows);

#endif
