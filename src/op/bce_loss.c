// binary_cross_entropy: -(t log x + (1 - t) log(1 - x)) of probabilities, logs not below -100.
#include "op/op.h"
#include "op/reduced.h"

static belay_value *safe_log(belay_graph *g, belay_value *x)
{
    return belay_maximum(g, belay_log(g, x), belay_scalar(g, -100));
}

belay_value *belay_bce_loss(belay_graph *g, belay_value *x, belay_value *target,
                            belay_value *weight, enum belay_reduction reduction)
{
    if (!belay_loss_fits(g, "binary_cross_entropy", x, target))
        return NULL;
    belay_value *one = belay_scalar(g, 1);
    belay_value *yes = belay_mul(g, target, safe_log(g, x));
    belay_value *no = belay_mul(g, belay_sub(g, one, target), safe_log(g, belay_sub(g, one, x)));
    belay_value *loss = belay_neg(g, belay_add(g, yes, no));
    return belay_reduced(g, weight ? belay_mul(g, loss, weight) : loss, reduction);
}
