// log_softmax: y = x - max - log(sum exp(x - max)) along an axis.
#include "op/softmax.h"

#include <math.h>

static void log_softmax_grad(struct belay_grad *g)
{
    g->dx[0] = belay_apply2(g->graph, belay_op_find("log_softmax_grad"), g->dy[0], g->y[0],
                            g->attrs);
}

static void log_softmax_ref(const struct belay_ref *r)
{
    struct belay_lines lines = belay_lines_of(&r->call->y_shape[0], r->call->attrs->axis);

    for (int64_t i = 0; i < lines.outer * lines.inner; i++) {
        int64_t at = i / lines.inner * lines.n * lines.inner + i % lines.inner;
        const double *x = r->x[0] + at;
        double *y = r->y[0] + at, max = x[0], sum = 0;
        for (int64_t j = 1; j < lines.n; j++)
            max = fmax(max, x[j * lines.inner]);
        for (int64_t j = 0; j < lines.n; j++)
            sum += exp(x[j * lines.inner] - max);
        for (int64_t j = 0; j < lines.n; j++)
            y[j * lines.inner] = x[j * lines.inner] - max - log(sum);
    }
}

static void log_softmax_launch(const struct belay_call *call, int stage, struct belay_launch *l)
{
    belay_softmax_launch(call, "log_softmax", "log_softmax_group", l);
}

static belay_value *log_softmax_make(belay_graph *g, int size_class)
{
    return belay_softmax_make(g, belay_op_find("log_softmax"), 1, size_class);
}

const struct belay_op belay_op_log_softmax = {
    .name = "log_softmax",
    .help = "the logarithm of softmax along an axis",
    .num_x = 1,
    .infer = belay_softmax_infer,
    .grad = log_softmax_grad,
    .ref = log_softmax_ref,
    .cl_file = "softmax",
    .launch = log_softmax_launch,
    .test = { .lo = -4, .hi = 4, .make = log_softmax_make },
};

belay_value *belay_log_softmax(belay_graph *g, belay_value *x, int axis)
{
    return belay_softmax_build(g, &belay_op_log_softmax, x, axis);
}

// log_softmax_grad: x[0] = dy, x[1] = y; dx = dy - exp(y) sum dy.
static void grad_ref(const struct belay_ref *r)
{
    struct belay_lines lines = belay_lines_of(&r->call->y_shape[0], r->call->attrs->axis);

    for (int64_t i = 0; i < lines.outer * lines.inner; i++) {
        int64_t at = i / lines.inner * lines.n * lines.inner + i % lines.inner;
        const double *dy = r->x[0] + at, *y = r->x[1] + at;
        double *dx = r->y[0] + at, sum = 0;
        for (int64_t j = 0; j < lines.n; j++)
            sum += dy[j * lines.inner];
        for (int64_t j = 0; j < lines.n; j++)
            dx[j * lines.inner] = dy[j * lines.inner] - exp(y[j * lines.inner]) * sum;
    }
}

static void grad_launch(const struct belay_call *call, int stage, struct belay_launch *l)
{
    belay_softmax_launch(call, "log_softmax_grad", "log_softmax_grad_group", l);
}

static belay_value *grad_make(belay_graph *g, int size_class)
{
    return belay_softmax_make(g, belay_op_find("log_softmax_grad"), 2, size_class);
}

const struct belay_op belay_op_log_softmax_grad = {
    .name = "log_softmax_grad",
    .num_x = 2,
    .infer = belay_softmax_infer,
    .ref = grad_ref,
    .cl_file = "softmax",
    .launch = grad_launch,
    .test = { .lo = -1, .hi = 1, .make = grad_make, .no_grad_check = true },
};
