// Losses by name, for recipes: they build graph nodes.
#ifndef BELAY_TRAIN_LOSS_H
#define BELAY_TRAIN_LOSS_H

#include "graph/graph.h"
#include "op/op.h"
#include "train/schedule.h"

// What makes some rows count more; NULL: all alike.
struct belay_loss_weights {
    belay_value *parts; // F32 [classes]; or [targets]: of the targets that are 1
    belay_value *rows;  // F32 [rows]
};

struct belay_loss {
    const char *name, *help;
    struct belay_option options[BELAY_MAX_OPTIONS];
    bool classes; // target is int32 labels; else F32 [rows, targets]
    // The mean over the rows of the batch, a scalar.
    belay_value *(*build)(belay_graph *g, belay_value *output, belay_value *target,
                          const double *options);
    // The same with weights of classes or of targets that are 1 (only when it has an option of the
    // type "weights"; or NULL), their mean as PyTorch takes it. With `each` no mean is taken:
    // [rows] or [rows, targets]. NULL: the loss takes no weights.
    belay_value *(*weighted)(belay_graph *g, belay_value *output, belay_value *target,
                             const double *options, belay_value *parts, bool each);
    // Output of the model to what predict gives (softmax); NULL: as it is.
    belay_value *(*predict)(belay_graph *g, belay_value *output);
};
extern const struct belay_loss *const belay_losses[];
// The list, then those that the program registered; NULL past the last.
const struct belay_loss *belay_loss_at(size_t index);
const struct belay_loss *belay_loss_find(const char *name);
static inline enum belay_reduction belay_reduction_of(bool each) // for `weighted`
{
    return each ? BELAY_REDUCE_NONE : BELAY_REDUCE_MEAN;
}
// The option of the type "weights", or NULL.
const struct belay_option *belay_loss_weights_option(const struct belay_loss *loss);
// The loss of a batch: sum(w * loss) / sum(w) over its rows, w being the weight of the row (times
// that of its class). *total is sum(w), to join batches by; NULL: all rows count alike.
belay_value *belay_loss_build(belay_graph *g, const struct belay_loss *loss, belay_value *output,
                              belay_value *target, const double *options,
                              const struct belay_loss_weights *weights, belay_value **total);

#endif
