#include "op/op.h"
#include "train/loss.h"

enum { DELTA };

static belay_value *weighted(belay_graph *g, belay_value *output, belay_value *target,
                             const double *options, belay_value *parts, bool each)
{
    return belay_huber_loss_full(g, output, target, options[DELTA], belay_reduction_of(each));
}

static belay_value *build(belay_graph *g, belay_value *output, belay_value *target,
                          const double *options)
{
    return weighted(g, output, target, options, NULL, false);
}

extern const struct belay_loss belay_loss_huber;
const struct belay_loss belay_loss_huber = {
    .name = "huber",
    .help = "mean of half the squared errors, straight where they are larger than delta",
    .options = { [DELTA] = { "delta", "float", 1, "where it becomes straight, above 0" } },
    .build = build,
    .weighted = weighted,
};
