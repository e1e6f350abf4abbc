#include "op/op.h"
#include "train/loss.h"

enum { LABEL_SMOOTHING, CLASS_WEIGHTS };

static belay_value *weighted(belay_graph *g, belay_value *output, belay_value *target,
                             const double *options, belay_value *parts, bool each)
{
    // No label is negative: datasets are checked when they are read.
    return belay_cross_entropy_full(g, output, target, parts, options[LABEL_SMOOTHING], -100,
                                    belay_reduction_of(each));
}

static belay_value *build(belay_graph *g, belay_value *output, belay_value *target,
                          const double *options)
{
    return weighted(g, output, target, options, NULL, false);
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
        [CLASS_WEIGHTS] = { "class_weights", "weights", 1,
                            "balanced, one number for each class, or a map by class" },
    },
    .classes = true,
    .build = build,
    .weighted = weighted,
    .predict = predict,
};
