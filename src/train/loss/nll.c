#include "op/op.h"
#include "train/loss.h"

static belay_value *build(belay_graph *g, belay_value *output, belay_value *target,
                          const double *options)
{
    return belay_nll_loss(g, output, target, NULL, -100, BELAY_REDUCE_MEAN);
}

static belay_value *predict(belay_graph *g, belay_value *output)
{
    return belay_exp(g, output);
}

extern const struct belay_loss belay_loss_nll;
const struct belay_loss belay_loss_nll = {
    .name = "nll",
    .help = "classes: minus the log probability that the model gives at the label",
    .classes = true,
    .build = build,
    .predict = predict,
};
