#include "op/op.h"
#include "train/loss.h"

static belay_value *weighted(belay_graph *g, belay_value *output, belay_value *target,
                             const double *options, belay_value *parts, bool each)
{
    return belay_hinge_loss(g, output, target, belay_reduction_of(each));
}

static belay_value *build(belay_graph *g, belay_value *output, belay_value *target,
                          const double *options)
{
    return weighted(g, output, target, options, NULL, false);
}

extern const struct belay_loss belay_loss_hinge;
const struct belay_loss belay_loss_hinge = {
    .name = "hinge",
    .help = "targets 1 and -1: max(0, 1 - target * output)",
    .build = build,
    .weighted = weighted,
};
