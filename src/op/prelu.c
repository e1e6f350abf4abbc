// prelu: x where x > 0, else weight * x; weight of one element, or one for each of axis 1.
#include "op/op.h"

belay_value *belay_prelu(belay_graph *g, belay_value *x, belay_value *weight)
{
    if (!x || !weight)
        return NULL;
    const struct belay_shape *s = belay_value_shape(x), *w = belay_value_shape(weight);
    struct belay_shape wide = { .rank = s->rank > 1 ? s->rank - 1 : 1 };
    char a[BELAY_SHAPE_TEXT], b[BELAY_SHAPE_TEXT];
    int64_t count = belay_shape_count(w);
    if (count != 1 && (s->rank < 2 || count != s->dim[1]))
        return belay_graph_fail(g, BELAY_ERR_SHAPE, "prelu: weight %s does not fit %s",
                                belay_shape_text(w, a), belay_shape_text(s, b));
    for (int i = 0; i < wide.rank; i++)
        wide.dim[i] = i ? 1 : count;
    weight = belay_reshape(g, weight, wide.rank, wide.dim);
    return belay_where(g, belay_gt(g, x, belay_scalar(g, 0)), x, belay_mul(g, weight, x));
}
