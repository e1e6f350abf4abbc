#include "op/op.h"
#include "train/loss.h"

static belay_value *weighted(belay_graph *g, belay_value *output, belay_value *target,
                             const double *options, belay_value *parts, bool each)
{
    return belay_nll_loss(g, output, target, parts, -100, belay_reduction_of(each));
}

static belay_value *build(belay_graph *g, belay_value *output, belay_value *target,
                          const double *options)
{
    return weighted(g, output, target, options, NULL, false);
}

static belay_value *predict(belay_graph *g, belay_value *output)
{
    return belay_exp(g, output);
}

extern const struct belay_loss belay_loss_nll;
const struct belay_loss belay_loss_nll = {
    .name = "nll",
    .help = "classes: minus the log probability that the model gives at the label",
    .options = { { "class_weights", "weights", 1,
                   "balanced, one number for each class, or a map by class" } },
    .classes = true,
    .build = build,
    .weighted = weighted,
    .predict = predict,
};
