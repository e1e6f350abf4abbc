// What reports need of a trained model beside its public functions.
#ifndef BELAY_TRAIN_MODEL_FILE_H
#define BELAY_TRAIN_MODEL_FILE_H

#include <belay/model.h>

#include "data/data.h"
#include "format/yaml.h"

// The rows on which belay_model_evaluate measures. *out is owned.
belay_status belay_model_test_data(belay_model *model, const belay_recipe *recipe,
                                   const char *const *files, size_t num,
                                   struct belay_dataset *out);
// belay_model_evaluate on rows that are there.
belay_status belay_model_score(belay_model *model, const struct belay_dataset *rows,
                               belay_scores *out);
// Predicts every row in order.
belay_status belay_model_each_row(belay_model *model, const struct belay_dataset *rows,
                                  belay_row_fn fn, void *user);
const struct belay_preprocess *belay_model_preprocess(const belay_model *model);
// The recipe's `model` map.
const struct belay_yaml *belay_model_layers(const belay_model *model);

#endif
