#include "op/op.h"
#include "train/loss.h"

static belay_value *build(belay_graph *g, belay_value *output, belay_value *target,
                          const double *options)
{
    return belay_hinge_loss(g, output, target, BELAY_REDUCE_MEAN);
}

extern const struct belay_loss belay_loss_hinge;
const struct belay_loss belay_loss_hinge = {
    .name = "hinge",
    .help = "targets 1 and -1: max(0, 1 - target * output)",
    .build = build,
};
