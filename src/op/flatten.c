// flatten: the axes a[0] to a[1] become one.
#include "op/op.h"

static belay_status flatten_infer(struct belay_log *log, const struct belay_attrs *attrs,
                                  int num_x, const struct belay_shape *x, struct belay_shape *y)
{
    int first = (int) attrs->a[0], last = (int) attrs->a[1];

    *y = (struct belay_shape){ .rank = x->rank - (last - first) };
    for (int i = 0, j = 0; i < x->rank; i++) {
        if (i > first && i <= last)
            y->dim[j - 1] *= x->dim[i];
        else
            y->dim[j++] = x->dim[i];
    }
    return BELAY_OK;
}

static void flatten_grad(struct belay_grad *g)
{
    g->dx[0] = belay_reshape_like(g->graph, g->dy[0], g->x[0]);
}

static void copy_ref(const struct belay_ref *r)
{
    int64_t count = belay_shape_count(&r->call->y_shape[0]);
    for (int64_t i = 0; i < count; i++)
        r->y[0][i] = r->x[0][i];
}

static belay_value *flatten_make(belay_graph *g, int size_class)
{
    static const int64_t dim[] = { 33, 3, 2, 5 };
    static const int axes[][2] = { { 1, -1 }, { 0, 1 }, { 1, 2 }, { 0, 3 } };
    if (size_class >= 4)
        return NULL;
    belay_value *x = belay_input(g, "x", BELAY_F32, 4, dim, true);
    return belay_flatten(g, x, axes[size_class][0], axes[size_class][1]);
}

const struct belay_op belay_op_flatten = {
    .name = "flatten",
    .help = "some axes become one",
    .num_x = 1,
    .flags = BELAY_OP_VIEW,
    .infer = flatten_infer,
    .grad = flatten_grad,
    .ref = copy_ref,
    .test = { .lo = -2, .hi = 2, .make = flatten_make },
};

belay_value *belay_flatten(belay_graph *g, belay_value *x, int first, int last)
{
    static const int64_t one = 1;
    struct belay_attrs attrs = { .axis = 0 };
    char text[BELAY_SHAPE_TEXT];
    int from, to;

    if (!x)
        return NULL;
    const struct belay_shape *shape = belay_value_shape(x);
    if (shape->rank == 0)
        return belay_reshape(g, x, 1, &one);
    if (!belay_shape_axis(shape, first, &from) || !belay_shape_axis(shape, last, &to) || from > to)
        return belay_graph_fail(g, BELAY_ERR_ARG, "flatten: axes %d to %d do not fit %s", first,
                                last, belay_shape_text(shape, text));
    if (from == to)
        return x;
    attrs.a[0] = from;
    attrs.a[1] = to;
    return belay_apply1(g, &belay_op_flatten, x, &attrs);
}
