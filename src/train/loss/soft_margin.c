#include "op/op.h"
#include "train/loss.h"

static belay_value *weighted(belay_graph *g, belay_value *output, belay_value *target,
                             const double *options, belay_value *parts, bool each)
{
    return belay_soft_margin_loss(g, output, target, belay_reduction_of(each));
}

static belay_value *build(belay_graph *g, belay_value *output, belay_value *target,
                          const double *options)
{
    return weighted(g, output, target, options, NULL, false);
}

extern const struct belay_loss belay_loss_soft_margin;
const struct belay_loss belay_loss_soft_margin = {
    .name = "soft_margin",
    .help = "targets 1 and -1: log(1 + exp(-target * output))",
    .build = build,
    .weighted = weighted,
};
