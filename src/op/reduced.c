#include "op/reduced.h"

belay_value *belay_reduced(belay_graph *g, belay_value *x, enum belay_reduction reduction)
{
    if (reduction == BELAY_REDUCE_NONE)
        return x;
    return reduction == BELAY_REDUCE_SUM ? belay_sum(g, x, 0, NULL, false)
                                         : belay_mean(g, x, 0, NULL, false);
}

bool belay_loss_fits(belay_graph *g, const char *loss, belay_value *x, belay_value *target)
{
    char a[BELAY_SHAPE_TEXT], b[BELAY_SHAPE_TEXT];

    if (!x || !target)
        return false;
    if (belay_shape_equal(belay_value_shape(x), belay_value_shape(target)))
        return true;
    belay_graph_fail(g, BELAY_ERR_SHAPE, "%s: output %s against target %s", loss,
                     belay_shape_text(belay_value_shape(x), a),
                     belay_shape_text(belay_value_shape(target), b));
    return false;
}
