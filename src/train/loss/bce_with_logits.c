#include "op/op.h"
#include "train/loss.h"

enum { POS_WEIGHT };

static belay_value *build(belay_graph *g, belay_value *output, belay_value *target,
                          const double *options)
{
    belay_value *w = options[POS_WEIGHT] == 1 ? NULL : belay_scalar(g, options[POS_WEIGHT]);
    return belay_bce_with_logits_full(g, output, target, NULL, w, BELAY_REDUCE_MEAN);
}

static belay_value *predict(belay_graph *g, belay_value *output)
{
    return belay_sigmoid(g, output);
}

extern const struct belay_loss belay_loss_bce_with_logits;
const struct belay_loss belay_loss_bce_with_logits = {
    .name = "bce_with_logits",
    .help = "yes or no as 1 or 0 for each target: minus the log of the sigmoid",
    .options = { [POS_WEIGHT] = { "pos_weight", "float", 1, "weight of the targets that are 1" } },
    .build = build,
    .predict = predict,
};
