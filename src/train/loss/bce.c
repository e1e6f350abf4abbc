#include "op/op.h"
#include "train/loss.h"

static belay_value *build(belay_graph *g, belay_value *output, belay_value *target,
                          const double *options)
{
    return belay_bce_loss(g, output, target, NULL, BELAY_REDUCE_MEAN);
}

extern const struct belay_loss belay_loss_bce;
const struct belay_loss belay_loss_bce = {
    .name = "bce",
    .help = "yes or no as 1 or 0 for each target, of probabilities",
    .build = build,
};
