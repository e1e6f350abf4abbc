// nll_loss: minus weight[target] * input at the target class, of log probabilities [N, C, d1...]
// and int32 classes [N, d1...]; `ignore_index` counts for nothing. The mean is over the weights.
#include "op/op.h"

// 1 for each class, 0 for the ignored one, times the weights.
static belay_value *class_weights(belay_graph *g, belay_value *weight, int64_t classes,
                                  int64_t ignored)
{
    bool is_class = ignored >= 0 && ignored < classes;
    int64_t before = is_class ? ignored : 0, behind = classes - 1 - before;
    const int64_t one = 1;
    if (!is_class && weight)
        return weight;
    belay_value *mask = belay_copy(g, belay_scalar(g, is_class ? 0 : 1));
    mask = belay_pad(g, belay_reshape(g, mask, 1, &one), 1, &before, &behind, 1);
    return weight ? belay_mul(g, mask, weight) : mask;
}

static belay_value *shaped(belay_graph *g, belay_value *x, const struct belay_shape *like, bool one)
{
    struct belay_shape to = { .rank = 1, .dim = { -1 } };
    if (one)
        to.dim[to.rank++] = 1;
    for (int i = 2; i < like->rank; i++)
        to.dim[to.rank++] = like->dim[i];
    return belay_reshape(g, x, to.rank, to.dim);
}

belay_value *belay_nll_loss(belay_graph *g, belay_value *input, belay_value *target,
                            belay_value *weight, int64_t ignore_index,
                            enum belay_reduction reduction)
{
    char a[BELAY_SHAPE_TEXT], b[BELAY_SHAPE_TEXT];
    if (!input || !target)
        return NULL;
    const struct belay_shape *x = belay_value_shape(input), *t = belay_value_shape(target);
    if (x->rank < 2 || t->rank != x->rank - 1 || belay_value_dtype(target) != BELAY_I32)
        return belay_graph_fail(g, BELAY_ERR_SHAPE, "nll_loss: classes %s do not fit input %s",
                                belay_shape_text(t, b), belay_shape_text(x, a));
    belay_value *picked = belay_gather(g, input, shaped(g, target, x, true), 1);
    belay_value *weights = class_weights(g, weight, x->dim[1], ignore_index);
    weights = belay_index_select(g, weights, belay_flatten(g, target, 0, -1), 0);
    weights = shaped(g, weights, x, true);
    belay_value *loss = belay_neg(g, belay_mul(g, picked, weights));
    if (reduction == BELAY_REDUCE_NONE)
        return shaped(g, loss, x, false);
    belay_value *sum = belay_sum(g, loss, 0, NULL, false);
    return reduction == BELAY_REDUCE_SUM
               ? sum
               : belay_div(g, sum, belay_sum(g, weights, 0, NULL, false));
}
