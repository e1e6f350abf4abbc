// logsumexp: log(sum exp(x)) along axes. dx = dy exp(x - y).
#include "op/fold.h"

#include <math.h>

static void logsumexp_grad(struct belay_grad *g)
{
    belay_graph *graph = g->graph;
    belay_value *x = g->x[0], *y = belay_expand_axes(graph, g->y[0], x, g->attrs);
    belay_value *dy = belay_expand_axes(graph, g->dy[0], x, g->attrs);
    g->dx[0] = belay_mul(graph, dy, belay_exp(graph, belay_sub(graph, x, y)));
}

static void logsumexp_ref(const struct belay_ref *r)
{
    struct belay_fold f;
    belay_fold_of(r->call, &f);
    for (int64_t i = 0; i < f.outputs; i++) {
        const double *x = r->x[0] + belay_fold_first(&f, i);
        double top = x[0], sum = 0;
        for (int64_t j = 1; j < f.n; j++) {
            double v = x[belay_fold_step(&f, j)];
            top = v > top || isnan(v) ? v : top;
        }
        for (int64_t j = 0; j < f.n && !isinf(top); j++)
            sum += exp(x[belay_fold_step(&f, j)] - top);
        r->y[0][i] = isinf(top) ? top : top + log(sum);
    }
}

static void logsumexp_launch(const struct belay_call *call, int stage, struct belay_launch *l)
{
    belay_fold_launch(call, "logsumexp", l);
}

static belay_value *logsumexp_make(belay_graph *g, int size_class)
{
    return belay_fold_make(g, belay_op_find("logsumexp"), size_class);
}

const struct belay_op belay_op_logsumexp = {
    .name = "logsumexp",
    .help = "log(sum exp(x)) along axes",
    .num_x = 1,
    .keep = 1,
    .infer = belay_reduce_infer,
    .grad = logsumexp_grad,
    .ref = logsumexp_ref,
    .cl_file = "fold",
    .launch = logsumexp_launch,
    .test = { .lo = -4, .hi = 4, .make = logsumexp_make },
};

belay_value *belay_logsumexp(belay_graph *g, belay_value *x, int num, const int *axes, bool keepdim)
{
    struct belay_attrs attrs;
    if (!x || !belay_reduce_attrs(g, "logsumexp", x, num, axes, keepdim, &attrs))
        return NULL;
    return belay_apply1(g, &belay_op_logsumexp, x, &attrs);
}
