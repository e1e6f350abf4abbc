// permute: axis i of y is axis a[i] of x.
#include "op/move.h"

static belay_status permute_infer(struct belay_log *log, const struct belay_attrs *attrs,
                                  int num_x, const struct belay_shape *x, struct belay_shape *y)
{
    y->rank = x->rank;
    for (int i = 0; i < x->rank; i++)
        y->dim[i] = x->dim[attrs->a[i]];
    return BELAY_OK;
}

static void permute_grad(struct belay_grad *g)
{
    int rank = belay_value_shape(g->x[0])->rank;
    int back[BELAY_MAX_RANK];

    for (int i = 0; i < rank; i++)
        back[g->attrs->a[i]] = i;
    g->dx[0] = belay_permute(g->graph, g->dy[0], rank, back);
}

static void permute_move(const struct belay_call *call, struct belay_move *m)
{
    int64_t stride[BELAY_MAX_RANK];

    belay_shape_strides(&call->x_shape[0], stride);
    belay_move_init(m, &call->y_shape[0]);
    for (int i = 0; i < m->rank; i++)
        m->stride[i] = stride[call->attrs->a[i]];
}

static void permute_ref(const struct belay_ref *r)
{
    struct belay_move m;
    permute_move(r->call, &m);
    belay_move_ref(&m, r->x[0], r->y[0]);
}

static void permute_launch(const struct belay_call *call, int stage, struct belay_launch *l)
{
    struct belay_move m;
    permute_move(call, &m);
    belay_move_launch(call, &m, l);
}

static belay_value *permute_make(belay_graph *g, int size_class)
{
    static const int64_t dim[] = { 33, 3, 2, 5 };
    static const int order[][4] = {
        { 0, 2, 3, 1 }, { 0, 2, 1, 3 }, { 3, 2, 1, 0 }, { 2, 3, 0, 1 }, { 0, 1, 2, 3 },
    };
    if ((size_t) size_class >= sizeof(order) / sizeof(order[0]))
        return NULL;
    belay_value *x = belay_input(g, "x", BELAY_F32, 4, dim, true);
    return belay_permute(g, x, 4, order[size_class]);
}

const struct belay_op belay_op_permute = {
    .name = "permute",
    .help = "the axes in another order",
    .num_x = 1,
    .infer = permute_infer,
    .grad = permute_grad,
    .ref = permute_ref,
    .cl_file = "move",
    .launch = permute_launch,
    .test = { .lo = -2, .hi = 2, .make = permute_make },
};

belay_value *belay_permute(belay_graph *g, belay_value *x, int rank, const int *order)
{
    struct belay_attrs attrs = { .axis = 0 };
    char text[BELAY_SHAPE_TEXT];
    uint32_t seen = 0;

    if (!x)
        return NULL;
    const struct belay_shape *shape = belay_value_shape(x);
    if (rank != shape->rank)
        return belay_graph_fail(g, BELAY_ERR_ARG, "permute: %d axes for %s", rank,
                                belay_shape_text(shape, text));
    for (int i = 0; i < rank; i++) {
        int axis = 0;
        if (!belay_shape_axis(shape, order[i], &axis) || (seen & 1u << axis))
            return belay_graph_fail(g, BELAY_ERR_ARG,
                                    "permute: axis %d is repeated or not one of %s", order[i],
                                    belay_shape_text(shape, text));
        seen |= 1u << axis;
        attrs.a[i] = axis;
    }
    return belay_apply1(g, &belay_op_permute, x, &attrs);
}
