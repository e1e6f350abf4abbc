#include "op/op.h"
#include "train/loss.h"

enum { LABEL_SMOOTHING };

static belay_value *build(belay_graph *g, belay_value *output, belay_value *target,
                          const double *options)
{
    // No label is negative: datasets are checked when they are read.
    return belay_cross_entropy_full(g, output, target, NULL, options[LABEL_SMOOTHING], -100,
                                    BELAY_REDUCE_MEAN);
}

static belay_value *predict(belay_graph *g, belay_value *output)
{
    return belay_softmax(g, output, 1);
}

extern const struct belay_loss belay_loss_cross_entropy;
const struct belay_loss belay_loss_cross_entropy = {
    .name = "cross_entropy",
    .help = "classes: minus the log of the softmax at the label",
    .options = {
        [LABEL_SMOOTHING] = { "label_smoothing", "float", 0,
                              "share of the target spread over all classes" },
    },
    .classes = true,
    .build = build,
    .predict = predict,
};
