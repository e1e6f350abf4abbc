// softmax: y = exp(x - max) / sum exp(x - max) along an axis.
#include "op/softmax.h"

#include <math.h>

belay_status belay_softmax_infer(struct belay_log *log, const struct belay_attrs *attrs, int num_x,
                                 const struct belay_shape *x, struct belay_shape *y)
{
    *y = x[0];
    return BELAY_OK;
}

void belay_softmax_launch(const struct belay_call *call, const char *kernel,
                          const char *kernel_group, struct belay_launch *l)
{
    struct belay_lines lines = belay_lines_of(&call->y_shape[0], call->attrs->axis);
    int64_t count = lines.outer * lines.inner;
    struct belay_line_plan plan = belay_line_plan(call->profile, count, lines.n, lines.inner);

    belay_launch_begin(l, plan.group ? kernel_group : kernel);
    belay_launch_y(l, 0);
    for (int i = 0; i < call->num_x; i++)
        belay_launch_x(l, i);
    belay_launch_uint(l, (uint64_t) lines.n);
    if (plan.group) {
        belay_launch_local(l, plan.group * sizeof(float));
    } else {
        belay_launch_uint(l, (uint64_t) count);
        belay_launch_uint(l, (uint64_t) lines.inner);
        belay_launch_uint(l, plan.per);
    }
    belay_line_range(l, &plan, count);
}

belay_value *belay_softmax_make(belay_graph *g, const struct belay_op *op, int num_x,
                                int size_class)
{
    static const struct {
        struct belay_shape x;
        int axis;
    } sizes[] = {
        { { 2, { 1, 1 } }, 1 },     { { 2, { 5, 17 } }, 1 }, { { 2, { 5, 17 } }, 0 },
        { { 4, { 2, 3, 4, 5 } }, 1 }, { { 2, { 3, 301 } }, 1 }, { { 2, { 2, 1025 } }, 1 },
        { { 2, { 33, 10 } }, 1 },
    };
    static const char *const name[] = { "x0", "x1" };
    belay_value *x[2];

    if ((size_t) size_class >= sizeof(sizes) / sizeof(sizes[0]))
        return NULL;
    struct belay_attrs attrs = { .axis = sizes[size_class].axis };
    for (int i = 0; i < num_x; i++)
        x[i] = belay_input(g, name[i], BELAY_F32, sizes[size_class].x.rank,
                           sizes[size_class].x.dim, sizes[size_class].x.dim[0] == 33);
    return belay_apply(g, op, num_x, x, &attrs);
}

belay_value *belay_softmax_build(belay_graph *g, const struct belay_op *op, belay_value *x,
                                 int axis)
{
    struct belay_attrs attrs = { .axis = 0 };
    char text[BELAY_SHAPE_TEXT];
    int at;

    if (!x)
        return NULL;
    if (!belay_shape_axis(belay_value_shape(x), axis, &at))
        return belay_graph_fail(g, BELAY_ERR_ARG, "%s: no axis %d in %s", op->name, axis,
                                belay_shape_text(belay_value_shape(x), text));
    attrs.axis = at;
    return belay_apply1(g, op, x, &attrs);
}

static void softmax_grad(struct belay_grad *g)
{
    g->dx[0] = belay_apply2(g->graph, belay_op_find("softmax_grad"), g->dy[0], g->y[0], g->attrs);
}

static void softmax_ref(const struct belay_ref *r)
{
    struct belay_lines lines = belay_lines_of(&r->call->y_shape[0], r->call->attrs->axis);

    for (int64_t i = 0; i < lines.outer * lines.inner; i++) {
        int64_t at = i / lines.inner * lines.n * lines.inner + i % lines.inner;
        const double *x = r->x[0] + at;
        double *y = r->y[0] + at, max = x[0], sum = 0;
        for (int64_t j = 1; j < lines.n; j++)
            max = fmax(max, x[j * lines.inner]);
        for (int64_t j = 0; j < lines.n; j++)
            sum += y[j * lines.inner] = exp(x[j * lines.inner] - max);
        for (int64_t j = 0; j < lines.n; j++)
            y[j * lines.inner] /= sum;
    }
}

static void softmax_launch(const struct belay_call *call, int stage, struct belay_launch *l)
{
    belay_softmax_launch(call, "softmax", "softmax_group", l);
}

static belay_value *softmax_make(belay_graph *g, int size_class)
{
    return belay_softmax_make(g, belay_op_find("softmax"), 1, size_class);
}

const struct belay_op belay_op_softmax = {
    .name = "softmax",
    .help = "exp(x) / sum exp(x) along an axis",
    .num_x = 1,
    .infer = belay_softmax_infer,
    .grad = softmax_grad,
    .ref = softmax_ref,
    .cl_file = "softmax",
    .launch = softmax_launch,
    .test = { .lo = -4, .hi = 4, .make = softmax_make },
};

belay_value *belay_softmax(belay_graph *g, belay_value *x, int axis)
{
    return belay_softmax_build(g, &belay_op_softmax, x, axis);
}

// softmax_grad: x[0] = dy, x[1] = y; dx = y (dy - sum dy y).
static void grad_ref(const struct belay_ref *r)
{
    struct belay_lines lines = belay_lines_of(&r->call->y_shape[0], r->call->attrs->axis);

    for (int64_t i = 0; i < lines.outer * lines.inner; i++) {
        int64_t at = i / lines.inner * lines.n * lines.inner + i % lines.inner;
        const double *dy = r->x[0] + at, *y = r->x[1] + at;
        double *dx = r->y[0] + at, sum = 0;
        for (int64_t j = 0; j < lines.n; j++)
            sum += dy[j * lines.inner] * y[j * lines.inner];
        for (int64_t j = 0; j < lines.n; j++)
            dx[j * lines.inner] = y[j * lines.inner] * (dy[j * lines.inner] - sum);
    }
}

static void grad_launch(const struct belay_call *call, int stage, struct belay_launch *l)
{
    belay_softmax_launch(call, "softmax_grad", "softmax_grad_group", l);
}

static belay_value *grad_make(belay_graph *g, int size_class)
{
    return belay_softmax_make(g, belay_op_find("softmax_grad"), 2, size_class);
}

const struct belay_op belay_op_softmax_grad = {
    .name = "softmax_grad",
    .num_x = 2,
    .infer = belay_softmax_infer,
    .ref = grad_ref,
    .cl_file = "softmax",
    .launch = grad_launch,
    .test = { .lo = -1, .hi = 1, .make = grad_make, .no_grad_check = true },
};
