// index_select: of an axis the elements that the int32 vector x[1] names; an index outside gives 0.
#include "op/line.h"
#include "op/move.h"

static belay_status select_infer(struct belay_log *log, const struct belay_attrs *attrs, int num_x,
                                 const struct belay_shape *x, struct belay_shape *y)
{
    char text[BELAY_SHAPE_TEXT];
    if (x[1].rank != 1)
        return belay_fail(log, BELAY_ERR_SHAPE, "index_select: index %s, want one dimension",
                          belay_shape_text(&x[1], text));
    *y = x[0];
    y->dim[attrs->axis] = x[1].dim[0];
    return BELAY_OK;
}

static void select_grad(struct belay_grad *g)
{
    belay_index_grad(g, "index_select_grad");
}

static void select_ref(const struct belay_ref *r)
{
    struct belay_lines l = belay_lines_of(&r->call->x_shape[0], r->call->attrs->axis);
    int64_t k = r->call->x_shape[1].dim[0];
    for (int64_t at = 0; at < l.outer * k * l.inner; at++) {
        int64_t i = at % l.inner, o = at / l.inner / k;
        int64_t from = (int64_t) r->x[1][at / l.inner % k];
        bool inside = from >= 0 && from < l.n;
        r->y[0][at] = inside ? r->x[0][(o * l.n + from) * l.inner + i] : 0;
    }
}

static void launch(const struct belay_call *call, const char *kernel, struct belay_lines lines,
                   int64_t count, struct belay_launch *l)
{
    belay_launch_begin(l, kernel);
    belay_launch_y(l, 0);
    belay_launch_x(l, 0);
    belay_launch_x(l, 1);
    belay_launch_uint(l, (uint64_t) count);
    belay_launch_uint(l, (uint64_t) lines.n);
    belay_launch_uint(l, (uint64_t) call->x_shape[1].dim[0]);
    belay_launch_uint(l, (uint64_t) lines.inner);
    belay_launch_range(l, (size_t) count, belay_move_group(call->profile));
}

static void select_launch(const struct belay_call *call, int stage, struct belay_launch *l)
{
    launch(call, "index_select", belay_lines_of(&call->x_shape[0], call->attrs->axis),
           belay_shape_count(&call->y_shape[0]), l);
}

static const struct {
    int64_t dim[3], index;
    int axis;
} sizes[] = { { { 5, 7, 3 }, 4, 0 }, { { 3, 5, 7 }, 9, 1 }, { { 33, 2, 5 }, 3, 2 } };

static belay_value *select_make(belay_graph *g, int i)
{
    if ((size_t) i >= sizeof(sizes) / sizeof(sizes[0]))
        return NULL;
    belay_value *x = belay_input(g, "x", BELAY_F32, 3, sizes[i].dim, sizes[i].dim[0] == 33);
    belay_value *index = belay_input(g, "index", BELAY_I32, 1, &sizes[i].index, false);
    return belay_index_select(g, x, index, sizes[i].axis);
}

const struct belay_op belay_op_index_select = {
    .name = "index_select",
    .help = "of an axis the elements that an int32 vector names",
    .num_x = 2,
    .index_inputs = 1u << 1,
    .keep = 1u << 1,
    .infer = select_infer,
    .grad = select_grad,
    .ref = select_ref,
    .cl_file = "index_select",
    .launch = select_launch,
    .test = { .lo = 0, .hi = 4, .make = select_make },
};

// index_select_grad: x[0] = dy, x[1] = index, x[2] the shape of the result.
static void grad_ref(const struct belay_ref *r)
{
    struct belay_lines l = belay_lines_of(&r->call->y_shape[0], r->call->attrs->axis);
    int64_t k = r->call->x_shape[1].dim[0];
    for (int64_t at = 0; at < l.outer * l.n * l.inner; at++) {
        int64_t i = at % l.inner, a = at / l.inner % l.n, o = at / l.inner / l.n;
        double sum = 0;
        for (int64_t j = 0; j < k; j++)
            sum += (int64_t) r->x[1][j] == a ? r->x[0][(o * k + j) * l.inner + i] : 0;
        r->y[0][at] = sum;
    }
}

static void grad_launch(const struct belay_call *call, int stage, struct belay_launch *l)
{
    launch(call, "index_select_grad", belay_lines_of(&call->y_shape[0], call->attrs->axis),
           belay_shape_count(&call->y_shape[0]), l);
}

static belay_value *grad_make(belay_graph *g, int i)
{
    if ((size_t) i >= sizeof(sizes) / sizeof(sizes[0]))
        return NULL;
    int64_t dim[3] = { sizes[i].dim[0], sizes[i].dim[1], sizes[i].dim[2] };
    struct belay_attrs attrs = { .axis = sizes[i].axis };
    dim[sizes[i].axis] = sizes[i].index;
    belay_value *in[] = { belay_input(g, "dy", BELAY_F32, 3, dim, dim[0] == 33),
                          belay_input(g, "index", BELAY_I32, 1, &sizes[i].index, false),
                          belay_input(g, "like", BELAY_F32, 3, sizes[i].dim, dim[0] == 33) };
    return belay_apply(g, belay_op_find("index_select_grad"), 3, in, &attrs);
}

const struct belay_op belay_op_index_select_grad = {
    .name = "index_select_grad",
    .num_x = 3,
    .shape_only = 1u << 2,
    .index_inputs = 1u << 1,
    .infer = belay_third_infer,
    .ref = grad_ref,
    .cl_file = "index_select",
    .launch = grad_launch,
    .test = { .lo = 0, .hi = 4, .make = grad_make, .no_grad_check = true },
};

belay_value *belay_index_select(belay_graph *g, belay_value *x, belay_value *index, int axis)
{
    struct belay_attrs attrs = { .axis = 0 };
    char text[BELAY_SHAPE_TEXT];
    int at = 0;
    if (!x || !index)
        return NULL;
    if (!belay_shape_axis(belay_value_shape(x), axis, &at))
        return belay_graph_fail(g, BELAY_ERR_ARG, "index_select: no axis %d in %s", axis,
                                belay_shape_text(belay_value_shape(x), text));
    attrs.axis = at;
    return belay_apply2(g, &belay_op_index_select, x, index, &attrs);
}
