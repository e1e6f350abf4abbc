// concat: the inputs one after the other along `axis`.
#include "op/op.h"

// As [outer, axis, inner]: elements of one piece between two of its rows, and rows.
static int64_t count_before(const struct belay_shape *s, int axis)
{
    int64_t count = 1;
    for (int i = 0; i < axis; i++)
        count *= s->dim[i];
    return count;
}

static int64_t count_from(const struct belay_shape *s, int axis)
{
    int64_t count = 1;
    for (int i = axis; i < s->rank; i++)
        count *= s->dim[i];
    return count;
}

static belay_status check_piece(struct belay_log *log, int axis, int index,
                                const struct belay_shape *first, const struct belay_shape *s)
{
    char a[BELAY_SHAPE_TEXT], b[BELAY_SHAPE_TEXT];
    bool fits = s->rank == first->rank;

    for (int i = 0; fits && i < s->rank; i++)
        fits = i == axis || s->dim[i] == first->dim[i];
    if (fits)
        return BELAY_OK;
    return belay_fail(log, BELAY_ERR_SHAPE,
                      "concat: input %d has shape %s, the first %s; only axis %d may differ",
                      index, belay_shape_text(s, a), belay_shape_text(first, b), axis);
}

static belay_status concat_infer(struct belay_log *log, const struct belay_attrs *attrs,
                                 int num_x, const struct belay_shape *x, struct belay_shape *y)
{
    int64_t sum = 0;
    for (int i = 0; i < num_x; i++) {
        BELAY_TRY(check_piece(log, attrs->axis, i, &x[0], &x[i]));
        sum += x[i].dim[attrs->axis];
    }
    *y = x[0];
    y->dim[attrs->axis] = sum;
    return BELAY_OK;
}

// dx[i] = concat_part(dy, x[0], …, x[i]).
static void concat_grad(struct belay_grad *g)
{
    belay_value *in[BELAY_MAX_IN];

    in[0] = g->dy[0];
    for (int i = 0; i < g->num_x; i++) {
        in[1 + i] = g->x[i];
        if (g->want[i])
            g->dx[i] = belay_apply(g->graph, belay_op_find("concat_part"), i + 2, in, g->attrs);
    }
}

// Where input `index` starts in a row of y.
static int64_t offset_of(const struct belay_call *call, int first, int index)
{
    int64_t offset = 0;
    for (int i = first; i < index; i++)
        offset += count_from(&call->x_shape[i], call->attrs->axis);
    return offset;
}

static void concat_ref(const struct belay_ref *r)
{
    int axis = r->call->attrs->axis;
    int64_t outer = count_before(&r->call->y_shape[0], axis);
    int64_t row = count_from(&r->call->y_shape[0], axis);

    for (int i = 0; i < r->call->num_x; i++) {
        int64_t offset = offset_of(r->call, 0, i);
        int64_t size = count_from(&r->call->x_shape[i], axis);
        for (int64_t o = 0; o < outer; o++)
            for (int64_t j = 0; j < size; j++)
                r->y[0][o * row + offset + j] = r->x[i][o * size + j];
    }
}

static int concat_stages(const struct belay_call *call)
{
    return call->num_x;
}

// y[o * y_row + y_offset + j] = x[o * x_row + x_offset + j] for j below `size`.
static void launch_rows(const struct belay_call *call, int x, int64_t outer, int64_t size,
                        int64_t y_row, int64_t y_offset, int64_t x_row, int64_t x_offset,
                        struct belay_launch *l)
{
    bool cpu = call->profile->cpu;

    belay_launch_begin(l, cpu ? "copy_rows" : "copy_elements");
    belay_launch_y(l, 0);
    belay_launch_x(l, x);
    belay_launch_uint(l, (uint64_t) outer);
    belay_launch_uint(l, (uint64_t) size);
    belay_launch_uint(l, (uint64_t) y_row);
    belay_launch_uint(l, (uint64_t) y_offset);
    belay_launch_uint(l, (uint64_t) x_row);
    belay_launch_uint(l, (uint64_t) x_offset);
    if (cpu)
        belay_launch_range(l, (size_t) outer, outer >= 64 ? 4 : 1);
    else
        belay_launch_range(l, (size_t) (outer * size),
                           call->profile->max_group < 256 ? call->profile->max_group : 256);
}

static void concat_launch(const struct belay_call *call, int stage, struct belay_launch *l)
{
    int axis = call->attrs->axis;
    int64_t size = count_from(&call->x_shape[stage], axis);

    launch_rows(call, stage, count_before(&call->y_shape[0], axis), size,
                count_from(&call->y_shape[0], axis), offset_of(call, 0, stage), size, 0, l);
}

static belay_value *concat_make(belay_graph *g, int size_class)
{
    static const struct {
        int axis, num;
        int64_t dim[3][3];
    } make[] = {
        { 0, 3, { { 3, 5, 1 }, { 1, 5, 1 }, { 4, 5, 1 } } },
        { 1, 3, { { 2, 3, 5 }, { 2, 1, 5 }, { 2, 7, 5 } } },
        { 2, 2, { { 2, 3, 17 }, { 2, 3, 16 } } },
        { 1, 2, { { 33, 3, 2 }, { 33, 1, 2 } } },
        { 0, 3, { { 4, 2, 3 }, { 33, 2, 3 }, { 33, 2, 3 } } },
    };
    belay_value *x[3];
    if ((size_t) size_class >= sizeof(make) / sizeof(make[0]))
        return NULL;
    for (int i = 0; i < make[size_class].num; i++)
        x[i] = belay_input(g, i == 0 ? "x0" : i == 1 ? "x1" : "x2", BELAY_F32, 3,
                           make[size_class].dim[i], make[size_class].dim[i][0] == 33);
    return belay_concat(g, make[size_class].num, x, make[size_class].axis);
}

const struct belay_op belay_op_concat = {
    .name = "concat",
    .help = "the inputs one after the other along an axis",
    .num_x = -1,
    .infer = concat_infer,
    .grad = concat_grad,
    .ref = concat_ref,
    .cl_file = "concat",
    .stages = concat_stages,
    .launch = concat_launch,
    .test = { .lo = -2, .hi = 2, .make = concat_make },
};

// concat_part: the piece of x[0] that the last of the shapes x[1], … takes up in their concat.
static belay_status part_infer(struct belay_log *log, const struct belay_attrs *attrs, int num_x,
                               const struct belay_shape *x, struct belay_shape *y)
{
    *y = x[num_x - 1];
    return BELAY_OK;
}

static void part_ref(const struct belay_ref *r)
{
    int axis = r->call->attrs->axis, last = r->call->num_x - 1;
    int64_t outer = count_before(&r->call->y_shape[0], axis);
    int64_t size = count_from(&r->call->y_shape[0], axis);
    int64_t row = count_from(&r->call->x_shape[0], axis);
    int64_t offset = offset_of(r->call, 1, last);

    for (int64_t o = 0; o < outer; o++)
        for (int64_t j = 0; j < size; j++)
            r->y[0][o * size + j] = r->x[0][o * row + offset + j];
}

static void part_launch(const struct belay_call *call, int stage, struct belay_launch *l)
{
    int axis = call->attrs->axis;
    int64_t size = count_from(&call->y_shape[0], axis);

    launch_rows(call, 0, count_before(&call->y_shape[0], axis), size, size, 0,
                count_from(&call->x_shape[0], axis), offset_of(call, 1, call->num_x - 1), l);
}

static belay_value *part_make(belay_graph *g, int size_class)
{
    static const int64_t dim[][3] = { { 2, 8, 5 }, { 2, 3, 5 }, { 2, 5, 5 } };
    struct belay_attrs attrs = { .axis = 1 };
    belay_value *x[3];

    if (size_class >= 1)
        return NULL;
    x[0] = belay_input(g, "dy", BELAY_F32, 3, dim[0], false);
    x[1] = belay_input(g, "x0", BELAY_F32, 3, dim[1], false);
    x[2] = belay_input(g, "x1", BELAY_F32, 3, dim[2], false);
    return belay_apply(g, belay_op_find("concat_part"), 3, x, &attrs);
}

const struct belay_op belay_op_concat_part = {
    .name = "concat_part",
    .num_x = -1,
    .shape_only = ~1u,
    .infer = part_infer,
    .ref = part_ref,
    .cl_file = "concat",
    .launch = part_launch,
    .test = { .lo = -2, .hi = 2, .make = part_make, .no_grad_check = true },
};

belay_value *belay_concat(belay_graph *g, int num, belay_value *const *x, int axis)
{
    enum { MAX = BELAY_MAX_IN - 1 }; // concat_part takes one more
    struct belay_attrs attrs = { .axis = 0 };
    belay_value *in[MAX];
    int at;

    if (num < 1)
        return belay_graph_fail(g, BELAY_ERR_ARG, "concat: no inputs");
    if (!x[0])
        return NULL;
    if (!belay_shape_axis(belay_value_shape(x[0]), axis, &at))
        return belay_graph_fail(g, BELAY_ERR_ARG, "concat: no axis %d in %d dimensions", axis,
                                belay_value_rank(x[0]));
    if (num == 1)
        return x[0];
    attrs.axis = at;
    if (num <= MAX)
        return belay_apply(g, &belay_op_concat, num, x, &attrs);
    for (int i = 0; i < MAX - 1; i++)
        in[i] = x[i];
    in[MAX - 1] = belay_concat(g, num - (MAX - 1), x + MAX - 1, at);
    return belay_apply(g, &belay_op_concat, MAX, in, &attrs);
}
