// mse_loss: (x - target)², reduced.
#include "op/op.h"
#include "op/reduced.h"

belay_value *belay_mse_loss_full(belay_graph *g, belay_value *x, belay_value *target,
                                 enum belay_reduction reduction)
{
    if (!belay_loss_fits(g, "mse_loss", x, target))
        return NULL;
    belay_value *d = belay_sub(g, x, target);
    return belay_reduced(g, belay_mul(g, d, d), reduction);
}

belay_value *belay_mse_loss(belay_graph *g, belay_value *x, belay_value *target)
{
    return belay_mse_loss_full(g, x, target, BELAY_REDUCE_MEAN);
}
