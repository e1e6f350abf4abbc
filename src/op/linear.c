// linear: x weight' + bias, made of a product over all leading dimensions at once, so that the
// gradient of the weight is one product too.
#include "op/op.h"

static bool check(belay_graph *g, belay_value *x, belay_value *weight, belay_value *bias)
{
    const struct belay_shape *w = belay_value_shape(weight), *in = belay_value_shape(x);
    char a[BELAY_SHAPE_TEXT], b[BELAY_SHAPE_TEXT];

    if (w->rank != 2 || in->rank < 1 || in->dim[in->rank - 1] != w->dim[1]) {
        belay_graph_fail(g, BELAY_ERR_SHAPE, "linear: input %s does not fit weight %s",
                         belay_shape_text(in, a), belay_shape_text(w, b));
        return false;
    }
    if (bias && (belay_value_rank(bias) != 1 || belay_value_dim(bias, 0) != w->dim[0])) {
        belay_graph_fail(g, BELAY_ERR_SHAPE, "linear: bias %s does not fit weight %s",
                         belay_shape_text(belay_value_shape(bias), a), belay_shape_text(w, b));
        return false;
    }
    return true;
}

belay_value *belay_linear(belay_graph *g, belay_value *x, belay_value *weight, belay_value *bias)
{
    if (!x || !weight || !check(g, x, weight, bias))
        return NULL;
    struct belay_shape shape = *belay_value_shape(x);
    if (shape.rank > 2)
        x = belay_flatten(g, x, 0, -2);
    belay_value *y = belay_matmul(g, x, weight, false, true);
    if (bias)
        y = belay_add(g, y, bias);
    if (shape.rank <= 2)
        return y;
    shape.dim[shape.rank - 1] = belay_value_dim(weight, 0);
    return belay_reshape(g, y, shape.rank, shape.dim);
}
