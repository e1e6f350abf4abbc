#include "op/op.h"
#include "train/loss.h"

static belay_value *build(belay_graph *g, belay_value *output, belay_value *target,
                          const double *options)
{
    return belay_soft_margin_loss(g, output, target, BELAY_REDUCE_MEAN);
}

extern const struct belay_loss belay_loss_soft_margin;
const struct belay_loss belay_loss_soft_margin = {
    .name = "soft_margin",
    .help = "targets 1 and -1: log(1 + exp(-target * output))",
    .build = build,
};
