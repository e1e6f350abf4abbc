#include "op/op.h"
#include "train/loss.h"

static belay_value *build(belay_graph *g, belay_value *output, belay_value *target,
                          const double *options)
{
    return belay_kl_div(g, output, target, false, true, BELAY_REDUCE_MEAN);
}

static belay_value *predict(belay_graph *g, belay_value *output)
{
    return belay_exp(g, output);
}

extern const struct belay_loss belay_loss_kl_div;
const struct belay_loss belay_loss_kl_div = {
    .name = "kl_div",
    .help = "divergence of log probabilities from target probabilities, a mean over rows",
    .build = build,
    .predict = predict,
};
