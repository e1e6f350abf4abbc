#include "op/op.h"
#include "train/loss.h"

static belay_value *weighted(belay_graph *g, belay_value *output, belay_value *target,
                             const double *options, belay_value *parts, bool each)
{
    const int axis = 1;
    if (!each)
        return belay_kl_div(g, output, target, false, true, BELAY_REDUCE_MEAN);
    belay_value *all = belay_kl_div(g, output, target, false, false, BELAY_REDUCE_NONE);
    return belay_sum(g, all, 1, &axis, false);
}

static belay_value *build(belay_graph *g, belay_value *output, belay_value *target,
                          const double *options)
{
    return weighted(g, output, target, options, NULL, false);
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
    .weighted = weighted,
    .predict = predict,
};
