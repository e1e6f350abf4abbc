// kl_div: t (log t - x) of log probabilities x and probabilities t, 0 where t is 0; with log_target
// exp(t) (t - x). The mean is over elements; BATCHMEAN divides the sum by the rows.
#include "op/op.h"
#include "op/reduced.h"

belay_value *belay_kl_div(belay_graph *g, belay_value *x, belay_value *target, bool log_target,
                          bool batch_mean, enum belay_reduction reduction)
{
    if (!belay_loss_fits(g, "kl_div", x, target))
        return NULL;
    belay_value *zero = belay_scalar(g, 0), *loss;
    if (log_target) {
        loss = belay_mul(g, belay_exp(g, target), belay_sub(g, target, x));
    } else {
        belay_value *some = belay_gt(g, target, zero);
        belay_value *safe = belay_where(g, some, target, belay_scalar(g, 1));
        loss = belay_mul(g, target, belay_sub(g, belay_log(g, safe), x));
        loss = belay_where(g, some, loss, zero);
    }
    if (!batch_mean)
        return belay_reduced(g, loss, reduction);
    // The mean over rows of the sum of each.
    const int64_t dim[] = { -1, belay_shape_count(belay_value_shape(x)) /
                                    belay_value_shape(x)->dim[0] };
    const int axis = 1;
    belay_value *rows = belay_sum(g, belay_reshape(g, loss, 2, dim), 1, &axis, false);
    return belay_mean(g, rows, 0, NULL, false);
}
