// The sum over axes.
#include "op/reduce.h"

static void sum_grad(struct belay_grad *g)
{
    g->dx[0] = belay_expand_axes(g->graph, g->dy[0], g->x[0], g->attrs);
}

static belay_value *sum_make(belay_graph *g, int size_class)
{
    static const struct {
        int rank;
        int64_t dim[4];
        int num, axes[3];
        bool keepdim;
    } c[] = {
        { 1, { 1 }, 0, { 0 }, false },
        { 1, { 7 }, 1, { 0 }, true },
        { 2, { 33, 17 }, 1, { 0 }, false },
        { 2, { 33, 17 }, 1, { -1 }, true },
        { 2, { 5, 301 }, 1, { 1 }, false },
        { 3, { 5, 3, 65 }, 0, { 0 }, false },
        { 3, { 5, 3, 65 }, 2, { 0, 2 }, true },
        { 4, { 3, 4, 5, 7 }, 2, { 1, 3 }, false },
        { 2, { 1300, 3 }, 1, { 0 }, false },
        { 3, { 2, 2900, 19 }, 1, { 1 }, false },
        { 2, { 3, 33001 }, 0, { 0 }, false },
    };
    if (size_class >= (int) (sizeof(c) / sizeof(c[0])))
        return NULL;
    belay_value *x = belay_input(g, "x", BELAY_F32, c[size_class].rank, c[size_class].dim, false);
    return belay_sum(g, x, c[size_class].num, c[size_class].axes, c[size_class].keepdim);
}

const struct belay_op belay_op_sum = {
    .name = "sum",
    .help = "the sum over axes",
    .num_x = 1,
    .infer = belay_reduce_infer,
    .grad = sum_grad,
    .ref = belay_reduce_ref,
    .sums = belay_reduce_sums,
    .cl_file = "reduce",
    .stages = belay_reduce_stages,
    .scratch = belay_reduce_scratch,
    .launch = belay_reduce_launch,
    .test = { .lo = -1, .hi = 2, .make = sum_make },
};

belay_value *belay_sum(belay_graph *g, belay_value *x, int num, const int *axes, bool keepdim)
{
    struct belay_attrs attrs;
    if (!x || !belay_reduce_attrs(g, "sum", x, num, axes, keepdim, &attrs))
        return NULL;
    return belay_apply1(g, &belay_op_sum, x, &attrs);
}
