#include "op/op.h"
#include "train/loss.h"

static belay_value *build(belay_graph *g, belay_value *output, belay_value *target,
                          const double *options)
{
    return belay_l1_loss_full(g, output, target, BELAY_REDUCE_MEAN);
}

extern const struct belay_loss belay_loss_l1;
const struct belay_loss belay_loss_l1 = {
    .name = "l1",
    .help = "mean of the absolute errors",
    .build = build,
};
