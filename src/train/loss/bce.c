#include "op/op.h"
#include "train/loss.h"

// -(w t log x + (1 - t) log(1 - x)) as the loss and (w - 1) times its first part once more.
static belay_value *weigh_positive(belay_graph *g, belay_value *loss, belay_value *x,
                                   belay_value *target, belay_value *w)
{
    belay_value *log = belay_maximum(g, belay_log(g, x), belay_scalar(g, -100));
    belay_value *more = belay_mul(g, belay_sub(g, belay_scalar(g, 1), w), target);
    return belay_add(g, loss, belay_mul(g, more, log));
}

static belay_value *weighted(belay_graph *g, belay_value *output, belay_value *target,
                             const double *options, belay_value *parts, bool each)
{
    if (!parts)
        return belay_bce_loss(g, output, target, NULL, belay_reduction_of(each));
    belay_value *loss = belay_bce_loss(g, output, target, NULL, BELAY_REDUCE_NONE);
    loss = weigh_positive(g, loss, output, target, parts);
    return each ? loss : belay_mean(g, loss, 0, NULL, false);
}

static belay_value *build(belay_graph *g, belay_value *output, belay_value *target,
                          const double *options)
{
    return weighted(g, output, target, options, NULL, false);
}

extern const struct belay_loss belay_loss_bce;
const struct belay_loss belay_loss_bce = {
    .name = "bce",
    .help = "yes or no as 1 or 0 for each target, of probabilities",
    .options = { { "pos_weight", "weights", 1,
                   "of targets that are 1: balanced, a number, or one for each target" } },
    .build = build,
    .weighted = weighted,
};
