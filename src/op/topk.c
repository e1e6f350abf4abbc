// topk_index: places of the a[0] largest along an axis, falling, int32; of equals the first, NaN
// before all. topk gathers the values, through which the gradient flows.
#include <math.h>

#include "op/line.h"
#include "op/move.h"

static belay_status topk_infer(struct belay_log *log, const struct belay_attrs *attrs, int num_x,
                               const struct belay_shape *x, struct belay_shape *y)
{
    char text[BELAY_SHAPE_TEXT];
    if (attrs->a[0] < 1 || attrs->a[0] > x->dim[attrs->axis])
        return belay_fail(log, BELAY_ERR_SHAPE, "topk: %lld of axis %d of %s",
                          (long long) attrs->a[0], attrs->axis, belay_shape_text(x, text));
    *y = *x;
    y->dim[attrs->axis] = attrs->a[0];
    return BELAY_OK;
}

static bool before(double a, int64_t i, double b, int64_t j)
{
    if (isnan(a) || isnan(b))
        return isnan(a) && (!isnan(b) || i < j);
    return a > b || (a == b && i < j);
}

static void topk_ref(const struct belay_ref *r)
{
    struct belay_lines l = belay_lines_of(&r->call->x_shape[0], r->call->attrs->axis);
    int64_t k = r->call->attrs->a[0];
    for (int64_t i = 0; i < l.outer * l.inner; i++) {
        const double *x = r->x[0] + i / l.inner * l.n * l.inner + i % l.inner;
        double *y = r->y[0] + i / l.inner * k * l.inner + i % l.inner;
        for (int64_t m = 0, last = l.n; m < k; m++) {
            int64_t best = l.n;
            for (int64_t j = 0; j < l.n; j++) {
                bool after = last == l.n ||
                             (j != last && before(x[last * l.inner], last, x[j * l.inner], j));
                if (after && (best == l.n || before(x[j * l.inner], j, x[best * l.inner], best)))
                    best = j;
            }
            y[m * l.inner] = (double) best;
            last = best;
        }
    }
}

static void topk_launch(const struct belay_call *call, int stage, struct belay_launch *l)
{
    struct belay_lines lines = belay_lines_of(&call->x_shape[0], call->attrs->axis);
    belay_launch_begin(l, "topk_index");
    belay_launch_y(l, 0);
    belay_launch_x(l, 0);
    belay_launch_uint(l, (uint64_t) (lines.outer * lines.inner));
    belay_launch_uint(l, (uint64_t) lines.n);
    belay_launch_uint(l, (uint64_t) lines.inner);
    belay_launch_uint(l, (uint64_t) call->attrs->a[0]);
    belay_launch_range(l, (size_t) (lines.outer * lines.inner), belay_move_group(call->profile));
}

static belay_value *topk_make(belay_graph *g, int size_class)
{
    static const int64_t dim[][3] = { { 1, 1, 7 }, { 3, 5, 7 }, { 33, 9, 3 }, { 3, 65, 2 } };
    static const int axis[] = { 2, 0, 1, 1 }, k[] = { 7, 1, 4, 5 };
    if ((size_t) size_class >= sizeof(dim) / sizeof(dim[0]))
        return NULL;
    const struct belay_attrs attrs = { .axis = axis[size_class], .a = { k[size_class] } };
    belay_value *x = belay_input(g, "x", BELAY_F32, 3, dim[size_class], size_class == 2);
    return belay_apply1(g, belay_op_find("topk_index"), x, &attrs);
}

const struct belay_op belay_op_topk_index = {
    .name = "topk_index",
    .help = "places of the k largest along an axis, falling, int32",
    .num_x = 1,
    .y_dtype = BELAY_I32,
    .infer = topk_infer,
    .ref = topk_ref,
    .cl_file = "scan",
    .launch = topk_launch,
    .test = { .lo = -9, .hi = 9, .make = topk_make, .no_grad_check = true },
};

belay_value *belay_topk(belay_graph *g, belay_value *x, int64_t k, int axis, belay_value **index)
{
    struct belay_attrs attrs = { .a = { k } };
    char text[BELAY_SHAPE_TEXT];
    int at = 0;
    if (!x)
        return NULL;
    if (!belay_shape_axis(belay_value_shape(x), axis, &at))
        return belay_graph_fail(g, BELAY_ERR_ARG, "topk: no axis %d in %s", axis,
                                belay_shape_text(belay_value_shape(x), text));
    attrs.axis = at;
    *index = belay_apply1(g, &belay_op_topk_index, x, &attrs);
    return belay_gather(g, x, *index, axis);
}
