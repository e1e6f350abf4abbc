#include "op/op.h"
#include "train/loss.h"

enum { BETA };

static belay_value *weighted(belay_graph *g, belay_value *output, belay_value *target,
                             const double *options, belay_value *parts, bool each)
{
    return belay_smooth_l1_loss_full(g, output, target, options[BETA], belay_reduction_of(each));
}

static belay_value *build(belay_graph *g, belay_value *output, belay_value *target,
                          const double *options)
{
    return weighted(g, output, target, options, NULL, false);
}

extern const struct belay_loss belay_loss_smooth_l1;
const struct belay_loss belay_loss_smooth_l1 = {
    .name = "smooth_l1",
    .help = "mean of the absolute errors, rounded below beta",
    .options = { [BETA] = { "beta", "float", 1, "where it becomes straight; 0: l1" } },
    .build = build,
    .weighted = weighted,
};
