// y = a where the condition is not 0, else b
#include "op/op.h"

static double where_eval(const double *x, const double *f)
{
    return x[0] != 0 ? x[1] : x[2];
}

static void where_grad(struct belay_grad *g)
{
    belay_value *zero = belay_scalar(g->graph, 0);
    if (g->want[1])
        g->dx[1] = belay_sum_to(g->graph, belay_where(g->graph, g->x[0], g->dy[0], zero), g->x[1]);
    if (g->want[2])
        g->dx[2] = belay_sum_to(g->graph, belay_where(g->graph, g->x[0], zero, g->dy[0]), g->x[2]);
}

// Random numbers are never 0: the condition is made by a comparison.
static belay_value *where_make(belay_graph *g, int size_class)
{
    static const int64_t size[][2] = { { 1, 1 }, { 3, 5 }, { 17, 33 }, { 65, 129 } };
    if (size_class >= 4)
        return NULL;
    belay_value *x = belay_input(g, "x", BELAY_F32, 2, size[size_class], false);
    belay_value *a = belay_input(g, "a", BELAY_F32, 2, size[size_class], false);
    belay_value *b = belay_input(g, "b", BELAY_F32, 1, &size[size_class][1], false);
    return belay_where(g, belay_gt(g, x, belay_scalar(g, 0)), a, b);
}

const struct belay_op belay_op_where = {
    .name = "where",
    .help = "a where the condition is not 0, else b",
    .num_x = 3,
    .keep = 1,
    .grad = where_grad,
    .eval = where_eval,
    .expr = "$0 != 0.0f ? $1 : $2",
    .test = { .lo = -3, .hi = 3, .avoid = 0.05F, .make = where_make },
};

belay_value *belay_where(belay_graph *g, belay_value *cond, belay_value *a, belay_value *b)
{
    belay_value *x[3] = { cond, a, b };
    return belay_apply(g, &belay_op_where, 3, x, NULL);
}
