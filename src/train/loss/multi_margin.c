#include "op/op.h"
#include "train/loss.h"

enum { MARGIN };

static belay_value *weighted(belay_graph *g, belay_value *output, belay_value *target,
                             const double *options, belay_value *parts, bool each)
{
    return belay_multi_margin_loss(g, output, target, options[MARGIN], belay_reduction_of(each));
}

static belay_value *build(belay_graph *g, belay_value *output, belay_value *target,
                          const double *options)
{
    return weighted(g, output, target, options, NULL, false);
}

extern const struct belay_loss belay_loss_multi_margin;
const struct belay_loss belay_loss_multi_margin = {
    .name = "multi_margin",
    .help = "classes: how far others come within a margin of the label's output",
    .options = { [MARGIN] = { "margin", "float", 1, "the margin" } },
    .classes = true,
    .build = build,
    .weighted = weighted,
};
