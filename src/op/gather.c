// gather: y[c] = x[c with c[axis] replaced by index[c]]; as torch.gather, so index may be smaller
// than x along the other axes. An index outside of x gives 0.
#include "op/move.h"

static belay_status gather_infer(struct belay_log *log, const struct belay_attrs *attrs, int num_x,
                                 const struct belay_shape *x, struct belay_shape *y)
{
    char a[BELAY_SHAPE_TEXT], b[BELAY_SHAPE_TEXT];
    bool fits = x[0].rank == x[1].rank;

    for (int i = 0; fits && i < x[0].rank; i++)
        fits = i == attrs->axis || x[1].dim[i] <= x[0].dim[i];
    if (!fits)
        return belay_fail(log, BELAY_ERR_SHAPE, "gather: index %s does not fit %s along axis %d",
                          belay_shape_text(&x[1], b), belay_shape_text(&x[0], a), attrs->axis);
    *y = x[1];
    return BELAY_OK;
}

static void gather_grad(struct belay_grad *g)
{
    belay_index_grad(g, "gather_grad");
}

// Place in a tensor of strides `stride` of element i of a shape, leaving out one axis, whose
// coordinate goes to *c.
static int64_t place(const struct belay_shape *s, int64_t i, const int64_t *stride, int axis,
                     int64_t *c)
{
    int64_t at = 0;
    for (int j = s->rank - 1; j >= 0; j--) {
        if (j == axis)
            *c = i % s->dim[j];
        else
            at += i % s->dim[j] * stride[j];
        i /= s->dim[j];
    }
    return at;
}

static void gather_ref(const struct belay_ref *r)
{
    const struct belay_shape *x = &r->call->x_shape[0], *y = &r->call->y_shape[0];
    int axis = r->call->attrs->axis;
    int64_t stride[BELAY_MAX_RANK], c, count = belay_shape_count(y);

    belay_shape_strides(x, stride);
    for (int64_t i = 0; i < count; i++) {
        int64_t at = place(y, i, stride, axis, &c), index = (int64_t) r->x[1][i];
        bool inside = index >= 0 && index < x->dim[axis];
        r->y[0][i] = inside ? r->x[0][at + index * stride[axis]] : 0;
    }
}

// The sizes of `s` and the strides of `other`, with 1 and 0 before them; the axis has stride 0.
static void add_dims(struct belay_launch *l, const struct belay_shape *s,
                     const struct belay_shape *other, int axis, bool first)
{
    int64_t stride[BELAY_MAX_RANK];
    int pad = BELAY_MAX_RANK - s->rank;

    belay_shape_strides(other, stride);
    for (int i = first ? 0 : 1; i < BELAY_MAX_RANK; i++)
        belay_launch_uint(l, i < pad ? 1 : (uint64_t) s->dim[i - pad]);
    for (int i = 0; i < BELAY_MAX_RANK; i++)
        belay_launch_uint(l, i < pad || i - pad == axis ? 0 : (uint64_t) stride[i - pad]);
}

static void gather_launch(const struct belay_call *call, int stage, struct belay_launch *l)
{
    const struct belay_shape *x = &call->x_shape[0], *y = &call->y_shape[0];
    int axis = call->attrs->axis;
    int64_t stride[BELAY_MAX_RANK], count = belay_shape_count(y);

    belay_shape_strides(x, stride);
    belay_launch_begin(l, "gather");
    belay_launch_y(l, 0);
    belay_launch_x(l, 0);
    belay_launch_x(l, 1);
    belay_launch_uint(l, (uint64_t) count);
    belay_launch_uint(l, (uint64_t) x->dim[axis]);
    belay_launch_uint(l, (uint64_t) stride[axis]);
    add_dims(l, y, x, axis, false);
    belay_launch_range(l, (size_t) count, belay_move_group(call->profile));
}

static const struct {
    struct belay_shape x, index;
    int axis;
} sizes[] = {
    { { 2, { 5, 7 } }, { 2, { 5, 3 } }, 1 },
    { { 2, { 5, 3 } }, { 2, { 9, 3 } }, 0 },
    { { 3, { 4, 5, 3 } }, { 3, { 2, 6, 3 } }, 1 },
    { { 1, { 5 } }, { 1, { 1 } }, 0 },
    { { 2, { 33, 7 } }, { 2, { 33, 3 } }, 1 },
    { { 2, { 4, 7 } }, { 2, { 33, 5 } }, 0 },
};

static belay_value *gather_make(belay_graph *g, int size_class)
{
    if ((size_t) size_class >= sizeof(sizes) / sizeof(sizes[0]))
        return NULL;
    const struct belay_shape *a = &sizes[size_class].x, *b = &sizes[size_class].index;
    belay_value *x = belay_input(g, "x", BELAY_F32, a->rank, a->dim, a->dim[0] == 33);
    belay_value *index = belay_input(g, "index", BELAY_I32, b->rank, b->dim, b->dim[0] == 33);
    return belay_gather(g, x, index, sizes[size_class].axis);
}

const struct belay_op belay_op_gather = {
    .name = "gather",
    .help = "along an axis the elements that an index of the same rank names",
    .num_x = 2,
    .index_inputs = 1u << 1,
    .keep = 1u << 1,
    .infer = gather_infer,
    .grad = gather_grad,
    .ref = gather_ref,
    .cl_file = "gather",
    .launch = gather_launch,
    .test = { .lo = 0, .hi = 4, .make = gather_make },
};

// gather_grad: x[0] = dy, x[1] = index, x[2] the shape of the result. Every element sums over the
// indices of its own line, in order: no atomics, one order.
static void grad_ref(const struct belay_ref *r)
{
    const struct belay_shape *index = &r->call->x_shape[1], *dx = &r->call->y_shape[0];
    int axis = r->call->attrs->axis;
    int64_t stride[BELAY_MAX_RANK], c, count = belay_shape_count(dx);

    for (int64_t i = 0; i < count; i++)
        r->y[0][i] = 0;
    belay_shape_strides(dx, stride);
    count = belay_shape_count(index);
    for (int64_t i = 0; i < count; i++) {
        int64_t at = place(index, i, stride, axis, &c), to = (int64_t) r->x[1][i];
        if (to >= 0 && to < dx->dim[axis])
            r->y[0][at + to * stride[axis]] += r->x[0][i];
    }
}

static void grad_launch(const struct belay_call *call, int stage, struct belay_launch *l)
{
    const struct belay_shape *index = &call->x_shape[1], *dx = &call->y_shape[0];
    int axis = call->attrs->axis, pad = BELAY_MAX_RANK - dx->rank;
    int64_t stride[BELAY_MAX_RANK], count = belay_shape_count(dx);

    belay_shape_strides(index, stride);
    belay_launch_begin(l, "gather_grad");
    belay_launch_y(l, 0);
    belay_launch_x(l, 0);
    belay_launch_x(l, 1);
    belay_launch_uint(l, (uint64_t) count);
    belay_launch_uint(l, (uint64_t) (axis + pad));
    belay_launch_uint(l, (uint64_t) index->dim[axis]);
    belay_launch_uint(l, (uint64_t) stride[axis]);
    add_dims(l, dx, index, axis, true);
    for (int i = 0; i < BELAY_MAX_RANK; i++)
        belay_launch_uint(l, i < pad || i - pad == axis ? UINT32_MAX
                                                        : (uint64_t) index->dim[i - pad]);
    belay_launch_range(l, (size_t) count, belay_move_group(call->profile));
}

static belay_value *grad_make(belay_graph *g, int size_class)
{
    if ((size_t) size_class >= sizeof(sizes) / sizeof(sizes[0]))
        return NULL;
    const struct belay_shape *a = &sizes[size_class].x, *b = &sizes[size_class].index;
    struct belay_attrs attrs = { .axis = sizes[size_class].axis };
    belay_value *in[] = {
        belay_input(g, "dy", BELAY_F32, b->rank, b->dim, b->dim[0] == 33),
        belay_input(g, "index", BELAY_I32, b->rank, b->dim, b->dim[0] == 33),
        belay_input(g, "like", BELAY_F32, a->rank, a->dim, a->dim[0] == 33),
    };
    return belay_apply(g, belay_op_find("gather_grad"), 3, in, &attrs);
}

const struct belay_op belay_op_gather_grad = {
    .name = "gather_grad",
    .num_x = 3,
    .shape_only = 1u << 2,
    .index_inputs = 1u << 1,
    .infer = belay_third_infer,
    .ref = grad_ref,
    .cl_file = "gather",
    .launch = grad_launch,
    .test = { .lo = 0, .hi = 4, .make = grad_make, .no_grad_check = true },
};

belay_value *belay_gather(belay_graph *g, belay_value *x, belay_value *index, int axis)
{
    struct belay_attrs attrs = { .axis = 0 };
    char text[BELAY_SHAPE_TEXT];
    int at;

    if (!x || !index)
        return NULL;
    if (!belay_shape_axis(belay_value_shape(x), axis, &at))
        return belay_graph_fail(g, BELAY_ERR_ARG, "gather: no axis %d in %s", axis,
                                belay_shape_text(belay_value_shape(x), text));
    attrs.axis = at;
    return belay_apply2(g, &belay_op_gather, x, index, &attrs);
}
