// mse_loss: (x - target)², reduced.
#include "op/op.h"

belay_value *belay_mse_loss_full(belay_graph *g, belay_value *x, belay_value *target,
                                 enum belay_reduction reduction)
{
    char a[BELAY_SHAPE_TEXT], b[BELAY_SHAPE_TEXT];

    if (!x || !target)
        return NULL;
    if (!belay_shape_equal(belay_value_shape(x), belay_value_shape(target)))
        return belay_graph_fail(g, BELAY_ERR_SHAPE, "mse_loss: output %s against target %s",
                                belay_shape_text(belay_value_shape(x), a),
                                belay_shape_text(belay_value_shape(target), b));
    belay_value *d = belay_sub(g, x, target);
    belay_value *square = belay_mul(g, d, d);
    if (reduction == BELAY_REDUCE_NONE)
        return square;
    return reduction == BELAY_REDUCE_SUM ? belay_sum(g, square, 0, NULL, false)
                                         : belay_mean(g, square, 0, NULL, false);
}

belay_value *belay_mse_loss(belay_graph *g, belay_value *x, belay_value *target)
{
    return belay_mse_loss_full(g, x, target, BELAY_REDUCE_MEAN);
}
