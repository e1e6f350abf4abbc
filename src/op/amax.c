// amax: the largest along axes, NaN when there is one. Its gradient is shared by equals.
// amin: -amax(-x).
#include "op/fold.h"

#include <math.h>

static void amax_grad(struct belay_grad *g)
{
    belay_graph *graph = g->graph;
    struct belay_attrs attrs = *g->attrs;
    belay_value *x = g->x[0];
    belay_value *hit = belay_eq(graph, x, belay_expand_axes(graph, g->y[0], x, &attrs));
    int axes[BELAY_MAX_RANK], num = 0;
    for (int i = 0; i < BELAY_MAX_RANK; i++)
        if (attrs.axes >> i & 1)
            axes[num++] = i;
    belay_value *count = belay_sum(graph, hit, num, axes, attrs.flags & BELAY_SUM_KEEPDIM);
    belay_value *share = belay_div(graph, g->dy[0], count);
    g->dx[0] = belay_mul(graph, hit, belay_expand_axes(graph, share, x, &attrs));
}

static void amax_ref(const struct belay_ref *r)
{
    struct belay_fold f;
    belay_fold_of(r->call, &f);
    for (int64_t i = 0; i < f.outputs; i++) {
        const double *x = r->x[0] + belay_fold_first(&f, i);
        double best = x[0];
        for (int64_t j = 1; j < f.n; j++) {
            double v = x[belay_fold_step(&f, j)];
            best = v > best || isnan(v) ? v : best;
        }
        r->y[0][i] = best;
    }
}

static void amax_launch(const struct belay_call *call, int stage, struct belay_launch *l)
{
    belay_fold_launch(call, "amax", l);
}

static belay_value *amax_make(belay_graph *g, int size_class)
{
    return belay_fold_make(g, belay_op_find("amax"), size_class);
}

const struct belay_op belay_op_amax = {
    .name = "amax",
    .help = "the largest along axes",
    .num_x = 1,
    .keep = 1,
    .infer = belay_reduce_infer,
    .grad = amax_grad,
    .ref = amax_ref,
    .cl_file = "fold",
    .launch = amax_launch,
    .test = { .lo = -9, .hi = 9, .make = amax_make, .no_grad_check = true },
};

belay_value *belay_amax(belay_graph *g, belay_value *x, int num, const int *axes, bool keepdim)
{
    struct belay_attrs attrs;
    if (!x || !belay_reduce_attrs(g, "amax", x, num, axes, keepdim, &attrs))
        return NULL;
    return belay_apply1(g, &belay_op_amax, x, &attrs);
}

belay_value *belay_amin(belay_graph *g, belay_value *x, int num, const int *axes, bool keepdim)
{
    return belay_neg(g, belay_amax(g, belay_neg(g, x), num, axes, keepdim));
}
