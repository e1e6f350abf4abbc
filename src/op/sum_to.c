// x summed down to the shape of the second input: the gradient of broadcasting.
#include "op/reduce.h"

static belay_status sum_to_infer(struct belay_log *log, const struct belay_attrs *attrs, int num_x,
                                 const struct belay_shape *x, struct belay_shape *y)
{
    struct belay_shape both;
    char from[BELAY_SHAPE_TEXT], to[BELAY_SHAPE_TEXT];
    if (!belay_shape_broadcast(&x[0], &x[1], &both) || !belay_shape_equal(&both, &x[0]))
        return belay_fail(log, BELAY_ERR_SHAPE, "sum_to: shape %s cannot be summed to %s",
                          belay_shape_text(&x[0], from), belay_shape_text(&x[1], to));
    *y = x[1];
    return BELAY_OK;
}

static void sum_to_grad(struct belay_grad *g)
{
    g->dx[0] = belay_expand_like(g->graph, g->dy[0], g->x[0]);
}

static belay_value *sum_to_make(belay_graph *g, int size_class)
{
    static const struct {
        int rank_x;
        int64_t x[4];
        int rank_y;
        int64_t y[4];
    } c[] = {
        { 1, { 7 }, 0, { 0 } },
        { 2, { 33, 17 }, 1, { 17 } },
        { 2, { 33, 17 }, 2, { 33, 1 } },
        { 4, { 3, 4, 5, 7 }, 3, { 4, 1, 7 } },
        { 4, { 5, 3, 9, 13 }, 4, { 1, 3, 1, 1 } },
        { 3, { 1, 3, 65 }, 2, { 1, 65 } },
    };
    if (size_class >= (int) (sizeof(c) / sizeof(c[0])))
        return NULL;
    belay_value *x = belay_input(g, "x", BELAY_F32, c[size_class].rank_x, c[size_class].x, false);
    belay_value *y = belay_input(g, "y", BELAY_F32, c[size_class].rank_y, c[size_class].y, false);
    return belay_sum_to(g, x, y);
}

const struct belay_op belay_op_sum_to = {
    .name = "sum_to",
    .help = "x summed down to the shape of the second input",
    .num_x = 2,
    .shape_only = 2,
    .infer = sum_to_infer,
    .grad = sum_to_grad,
    .ref = belay_reduce_ref,
    .sums = belay_reduce_sums,
    .cl_file = "reduce",
    .stages = belay_reduce_stages,
    .scratch = belay_reduce_scratch,
    .launch = belay_reduce_launch,
    .test = { .lo = -1, .hi = 2, .make = sum_to_make },
};

belay_value *belay_sum_to(belay_graph *g, belay_value *dy, belay_value *like)
{
    if (!dy || !like)
        return NULL;
    if (belay_shape_equal(belay_value_shape(dy), belay_value_shape(like)))
        return dy;
    return belay_apply2(g, &belay_op_sum_to, dy, like, NULL);
}
