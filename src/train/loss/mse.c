#include "op/op.h"
#include "train/loss.h"

static belay_value *weighted(belay_graph *g, belay_value *output, belay_value *target,
                             const double *options, belay_value *parts, bool each)
{
    return belay_mse_loss_full(g, output, target, belay_reduction_of(each));
}

static belay_value *build(belay_graph *g, belay_value *output, belay_value *target,
                          const double *options)
{
    return weighted(g, output, target, options, NULL, false);
}

extern const struct belay_loss belay_loss_mse;
const struct belay_loss belay_loss_mse = {
    .name = "mse",
    .help = "mean of the squared errors",
    .build = build,
    .weighted = weighted,
};
