// reshape_like: x[0] in the shape of x[1], of which only the shape is used.
#include "op/op.h"

static belay_status reshape_like_infer(struct belay_log *log, const struct belay_attrs *attrs,
                                       int num_x, const struct belay_shape *x,
                                       struct belay_shape *y)
{
    char from[BELAY_SHAPE_TEXT], to[BELAY_SHAPE_TEXT];

    if (belay_shape_count(&x[0]) != belay_shape_count(&x[1]))
        return belay_fail(log, BELAY_ERR_SHAPE, "reshape_like: %s does not fit %s",
                          belay_shape_text(&x[0], from), belay_shape_text(&x[1], to));
    *y = x[1];
    return BELAY_OK;
}

static void reshape_like_grad(struct belay_grad *g)
{
    if (g->want[0])
        g->dx[0] = belay_reshape_like(g->graph, g->dy[0], g->x[0]);
}

static void copy_ref(const struct belay_ref *r)
{
    int64_t count = belay_shape_count(&r->call->y_shape[0]);
    for (int64_t i = 0; i < count; i++)
        r->y[0][i] = r->x[0][i];
}

static belay_value *reshape_like_make(belay_graph *g, int size_class)
{
    static const int64_t from[][2] = { { 1, 1 }, { 15, 4 } };
    static const int64_t to[][3] = { { 1, 1, 1 }, { 3, 5, 4 } };
    if (size_class >= 2)
        return NULL;
    belay_value *x = belay_input(g, "x", BELAY_F32, 2, from[size_class], false);
    belay_value *like = belay_input(g, "like", BELAY_F32, 3, to[size_class], false);
    return belay_reshape_like(g, x, like);
}

const struct belay_op belay_op_reshape_like = {
    .name = "reshape_like",
    .help = "x in the shape of the second input",
    .num_x = 2,
    .flags = BELAY_OP_VIEW,
    .shape_only = 1u << 1,
    .infer = reshape_like_infer,
    .grad = reshape_like_grad,
    .ref = copy_ref,
    .test = { .lo = -2, .hi = 2, .make = reshape_like_make },
};

belay_value *belay_reshape_like(belay_graph *g, belay_value *x, belay_value *like)
{
    if (x && like && belay_shape_equal(belay_value_shape(x), belay_value_shape(like)))
        return x;
    return belay_apply2(g, &belay_op_reshape_like, x, like, NULL);
}
