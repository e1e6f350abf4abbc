// x repeated to the shape of the second input: along its axes attrs.axes (where x has no such axes,
// or with BELAY_SUM_KEEPDIM one of one element), with axes 0 by broadcasting. With BELAY_SUM_MEAN
// divided by the number of copies.
#include <assert.h>

#include "op/reduce.h"

// x with its missing axes put in, of the rank of `like`.
static struct belay_shape spread(const struct belay_attrs *attrs, const struct belay_shape *x,
                                 const struct belay_shape *like)
{
    struct belay_shape s = { .rank = like->rank };
    bool squeezed = attrs->axes && !(attrs->flags & BELAY_SUM_KEEPDIM);
    int at = attrs->axes ? 0 : x->rank - like->rank;
    for (int i = 0; i < like->rank; i++) {
        bool missing = squeezed && attrs->axes >> i & 1;
        s.dim[i] = missing || at < 0 || at >= x->rank ? 1 : x->dim[at];
        at += !missing;
    }
    return s;
}

static belay_status expand_infer(struct belay_log *log, const struct belay_attrs *attrs, int num_x,
                                 const struct belay_shape *x, struct belay_shape *y)
{
    struct belay_shape s = spread(attrs, &x[0], &x[1]), both;
    char from[BELAY_SHAPE_TEXT], to[BELAY_SHAPE_TEXT];
    bool fits = belay_shape_count(&s) == belay_shape_count(&x[0]);
    if (!fits || !belay_shape_broadcast(&s, &x[1], &both) || !belay_shape_equal(&both, &x[1]))
        return belay_fail(log, BELAY_ERR_SHAPE, "expand_like: shape %s does not repeat to %s",
                          belay_shape_text(&x[0], from), belay_shape_text(&x[1], to));
    *y = x[1];
    return BELAY_OK;
}

// Of every dimension of y the stride in x, 0 where it is repeated.
static int64_t strides_of(const struct belay_call *call, int64_t stride[BELAY_MAX_RANK])
{
    const struct belay_shape *y = &call->y_shape[0];
    struct belay_shape s = spread(call->attrs, &call->x_shape[0], y);
    int64_t next = 1, copies = 1;
    for (int i = y->rank - 1; i >= 0; i--) {
        stride[i] = s.dim[i] == y->dim[i] ? next : 0;
        copies *= stride[i] ? 1 : y->dim[i];
        next *= s.dim[i];
    }
    return call->attrs->flags & BELAY_SUM_MEAN ? copies : 1;
}

static void expand_ref(const struct belay_ref *r)
{
    const struct belay_shape *y = &r->call->y_shape[0];
    int64_t stride[BELAY_MAX_RANK];
    double divisor = (double) strides_of(r->call, stride);
    int64_t count = belay_shape_count(y);
    for (int64_t i = 0; i < count; i++) {
        int64_t at = 0, rest = i;
        for (int d = y->rank - 1; d >= 0; d--) {
            at += rest % y->dim[d] * stride[d];
            rest /= y->dim[d];
        }
        r->y[0][i] = r->x[0][at] / divisor;
    }
}

// Neighbouring axes of one kind joined; 0: repeated.
static int join_axes(const struct belay_shape *y, int64_t *stride, int64_t *dim)
{
    int rank = 0;
    for (int i = 0; i < y->rank; i++) {
        if (y->dim[i] == 1)
            continue;
        if (rank > 0 && (stride[rank - 1] == 0) == (stride[i] == 0)) {
            dim[rank - 1] *= y->dim[i];
            stride[rank - 1] = stride[i];
            continue;
        }
        dim[rank] = y->dim[i];
        stride[rank++] = stride[i];
    }
    return rank;
}

// y [outer, copies, inner] from x [outer, inner]; false when more than one axis is repeated.
static bool three_axes(int rank, const int64_t *stride, const int64_t *dim, int64_t out[3])
{
    int i = 0;
    out[0] = out[1] = out[2] = 1;
    if (i < rank && stride[i])
        out[0] = dim[i++];
    if (i < rank)
        out[1] = dim[i++];
    if (i < rank)
        out[2] = dim[i++];
    return i == rank;
}

#define CPU_BLOCK 4096
#define GPU_GROUP 64

static void put_range(const struct belay_call *call, int64_t count, struct belay_launch *l)
{
    const struct belay_profile *p = call->profile;
    int64_t per = p->cpu ? CPU_BLOCK : 1;
    size_t local = p->cpu ? 1 : p->max_group < GPU_GROUP ? p->max_group : GPU_GROUP;
    belay_launch_uint(l, (uint64_t) per);
    belay_launch_range(l, (size_t) ((count + per - 1) / per), local);
}

static void expand_launch(const struct belay_call *call, int stage, struct belay_launch *out)
{
    const struct belay_shape *y = &call->y_shape[0];
    int64_t stride[BELAY_MAX_RANK], dim[BELAY_MAX_RANK], axes[3];
    int64_t divisor = strides_of(call, stride), count = belay_shape_count(y);
    int rank = join_axes(y, stride, dim);
    bool simple = three_axes(rank, stride, dim, axes);
    belay_launch_begin(out, simple ? "expand" : "expand_strided");
    belay_launch_y(out, 0);
    belay_launch_x(out, 0);
    belay_launch_float(out, (double) divisor);
    belay_launch_uint(out, (uint64_t) count);
    for (int i = 1; i < 3 && simple; i++)
        belay_launch_uint(out, (uint64_t) axes[i]);
    // Missing axes have one element. The first dimension is not needed.
    for (int i = 1; i < BELAY_MAX_RANK && !simple; i++)
        belay_launch_uint(out, i < rank ? (uint64_t) dim[i] : 1);
    for (int i = 0; i < BELAY_MAX_RANK && !simple; i++)
        belay_launch_uint(out, i < rank ? (uint64_t) stride[i] : 0);
    put_range(call, count, out);
}

static void expand_grad(struct belay_grad *g)
{
    if (!g->attrs->axes) {
        g->dx[0] = belay_sum_to(g->graph, g->dy[0], g->x[0]);
        return;
    }
    int axes[BELAY_MAX_RANK], num = 0;
    for (int i = 0; i < BELAY_MAX_RANK; i++)
        if (g->attrs->axes >> i & 1)
            axes[num++] = i;
    bool keepdim = g->attrs->flags & BELAY_SUM_KEEPDIM;
    g->dx[0] = g->attrs->flags & BELAY_SUM_MEAN
                   ? belay_mean(g->graph, g->dy[0], num, axes, keepdim)
                   : belay_sum(g->graph, g->dy[0], num, axes, keepdim);
}

static belay_value *expand_make(belay_graph *g, int size_class)
{
    static const struct {
        int rank_x;
        int64_t x[4];
        int rank_y;
        int64_t y[5];
        unsigned axes, flags;
    } c[] = {
        { 0, { 0 }, 1, { 7 }, 0, 0 },
        { 1, { 17 }, 2, { 33, 17 }, 0, 0 },
        { 2, { 33, 1 }, 2, { 33, 301 }, 0, 0 },
        { 3, { 4, 1, 7 }, 4, { 3, 4, 5, 7 }, 0, 0 },
        { 2, { 3, 5 }, 5, { 2, 3, 4, 5, 6 }, 1 | 4 | 16, BELAY_SUM_MEAN },
        { 3, { 5, 1, 7 }, 3, { 5, 13, 7 }, 2, BELAY_SUM_MEAN | BELAY_SUM_KEEPDIM },
        { 0, { 0 }, 2, { 65, 129 }, 3, BELAY_SUM_MEAN },
        { 2, { 3, 5 }, 2, { 3, 5 }, 0, 0 },
    };
    if (size_class >= (int) (sizeof(c) / sizeof(c[0])))
        return NULL;
    belay_value *x = belay_input(g, "x", BELAY_F32, c[size_class].rank_x, c[size_class].x, false);
    belay_value *y = belay_input(g, "y", BELAY_F32, c[size_class].rank_y, c[size_class].y, false);
    struct belay_attrs attrs = { .axes = c[size_class].axes, .flags = c[size_class].flags };
    return belay_expand_axes(g, x, y, &attrs);
}

const struct belay_op belay_op_expand_like = {
    .name = "expand_like",
    .help = "x repeated to the shape of the second input",
    .num_x = 2,
    .shape_only = 2,
    .infer = expand_infer,
    .grad = expand_grad,
    .ref = expand_ref,
    .cl_file = "expand",
    .launch = expand_launch,
    .test = { .lo = -3, .hi = 3, .make = expand_make },
};

belay_value *belay_expand_axes(belay_graph *g, belay_value *x, belay_value *like,
                               const struct belay_attrs *attrs)
{
    return belay_apply2(g, &belay_op_expand_like, x, like, attrs);
}

belay_value *belay_expand_like(belay_graph *g, belay_value *x, belay_value *like)
{
    if (x && like && belay_shape_equal(belay_value_shape(x), belay_value_shape(like)))
        return x;
    return belay_apply2(g, &belay_op_expand_like, x, like, NULL);
}
