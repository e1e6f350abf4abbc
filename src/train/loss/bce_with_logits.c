#include "op/op.h"
#include "train/loss.h"

static belay_value *weighted(belay_graph *g, belay_value *output, belay_value *target,
                             const double *options, belay_value *parts, bool each)
{
    return belay_bce_with_logits_full(g, output, target, NULL, parts, belay_reduction_of(each));
}

static belay_value *build(belay_graph *g, belay_value *output, belay_value *target,
                          const double *options)
{
    return weighted(g, output, target, options, NULL, false);
}

static belay_value *predict(belay_graph *g, belay_value *output)
{
    return belay_sigmoid(g, output);
}

extern const struct belay_loss belay_loss_bce_with_logits;
const struct belay_loss belay_loss_bce_with_logits = {
    .name = "bce_with_logits",
    .help = "yes or no as 1 or 0 for each target: minus the log of the sigmoid",
    .options = { { "pos_weight", "weights", 1,
                   "of targets that are 1: balanced, a number, or one for each target" } },
    .build = build,
    .weighted = weighted,
    .predict = predict,
};
