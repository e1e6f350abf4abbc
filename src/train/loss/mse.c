#include "train/loss.h"

static belay_value *build(belay_graph *g, belay_value *output, belay_value *target,
                          const double *options)
{
    return belay_mse_loss(g, output, target);
}

extern const struct belay_loss belay_loss_mse;
const struct belay_loss belay_loss_mse = {
    .name = "mse",
    .help = "mean of the squared errors",
    .build = build,
};
