// Losses by name, for recipes: they build graph nodes.
#ifndef BELAY_TRAIN_LOSS_H
#define BELAY_TRAIN_LOSS_H

#include "graph/graph.h"
#include "train/schedule.h"

struct belay_loss {
    const char *name, *help;
    struct belay_option options[BELAY_MAX_OPTIONS];
    bool classes; // target is int32 labels; else F32 [rows, targets]
    // The mean over the rows of the batch, a scalar.
    belay_value *(*build)(belay_graph *g, belay_value *output, belay_value *target,
                          const double *options);
    // Output of the model to what predict gives (softmax); NULL: as it is.
    belay_value *(*predict)(belay_graph *g, belay_value *output);
};
extern const struct belay_loss *const belay_losses[];
// The list, then those that the program registered; NULL past the last.
const struct belay_loss *belay_loss_at(size_t index);
const struct belay_loss *belay_loss_find(const char *name);

#endif
