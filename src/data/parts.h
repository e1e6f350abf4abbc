// Inputs and heads of a model with several of them. Inside the data room.
#ifndef BELAY_DATA_PARTS_H
#define BELAY_DATA_PARTS_H

#include "data/data.h"

void belay_parts_finish(struct belay_preprocess *p); // inputs and heads
// Names of the inputs and heads of a recipe; widths and classes are still to be found.
belay_status belay_parts_begin(struct belay_log *log, const struct belay_dataset_params *params,
                               struct belay_preprocess *p);
// Numbers of a row of targets.
size_t belay_parts_targets(const struct belay_preprocess *p);
// The labels of the first head with classes, for a split by classes; owned. *labels NULL: none.
belay_status belay_parts_labels(struct belay_log *log, const struct belay_preprocess *p,
                                const float *y, size_t rows, int32_t **labels, size_t *classes);

#endif
