// binary_cross_entropy_with_logits, for targets t in [0, 1] and the weight w of t = 1 (pos_weight):
// -(w t ln s(x) + (1 - t) ln(1 - s(x))), s(x) = 1 / (1 + exp(-x)), without overflow as
// (1 - t) x + (1 + (w - 1) t) ln(1 + exp(-x)); without w as ln(1 + exp(x)) - t x. Then times
// `weight`. Source and defaults: PyTorch.
#include "op/op.h"
#include "op/reduced.h"

#include <math.h>

static belay_value *weighted(belay_graph *g, belay_value *x, belay_value *t, belay_value *w)
{
    belay_value *one = belay_scalar(g, 1);
    belay_value *log_part = belay_softplus(g, belay_neg(g, x), 1, INFINITY);
    belay_value *factor = belay_add(g, belay_mul(g, belay_sub(g, w, one), t), one);
    return belay_add(g, belay_mul(g, belay_sub(g, one, t), x), belay_mul(g, factor, log_part));
}

belay_value *belay_bce_with_logits_full(belay_graph *g, belay_value *x, belay_value *target,
                                        belay_value *weight, belay_value *pos_weight,
                                        enum belay_reduction reduction)
{
    if (!belay_loss_fits(g, "binary_cross_entropy_with_logits", x, target))
        return NULL;
    belay_value *loss = pos_weight ? weighted(g, x, target, pos_weight)
                                   : belay_sub(g, belay_softplus(g, x, 1, INFINITY),
                                               belay_mul(g, target, x));
    return belay_reduced(g, weight ? belay_mul(g, loss, weight) : loss, reduction);
}
