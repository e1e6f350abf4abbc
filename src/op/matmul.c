// matmul: y = op(a) op(b) over the last two dimensions; the dimensions before them broadcast.
// flags: 1 the first operand is stored transposed, 2 the second.
#include "op/op.h"

enum { MATMUL_TX = 1, MATMUL_TY = 2 };

// Sizes of one product, whatever the batch.
struct sizes {
    int64_t m, k, k2, n;
};

static struct sizes sizes_of(const struct belay_attrs *attrs, const struct belay_shape *x)
{
    const int64_t *a = &x[0].dim[x[0].rank - 2], *b = &x[1].dim[x[1].rank - 2];
    bool tx = attrs->flags & MATMUL_TX, ty = attrs->flags & MATMUL_TY;
    return (struct sizes){ .m = a[tx], .k = a[!tx], .k2 = b[ty], .n = b[!ty] };
}

static struct belay_shape batch_of(const struct belay_shape *x)
{
    struct belay_shape batch = *x;
    batch.rank = x->rank - 2;
    return batch;
}

static belay_status matmul_infer(struct belay_log *log, const struct belay_attrs *attrs,
                                 int num_x, const struct belay_shape *x, struct belay_shape *y)
{
    char a[BELAY_SHAPE_TEXT], b[BELAY_SHAPE_TEXT];
    const char *tx = attrs->flags & MATMUL_TX ? " transposed" : "";
    const char *ty = attrs->flags & MATMUL_TY ? " transposed" : "";

    belay_shape_text(&x[0], a);
    belay_shape_text(&x[1], b);
    if (x[0].rank < 2 || x[1].rank < 2)
        return belay_fail(log, BELAY_ERR_SHAPE, "matmul: %s and %s are no matrices", a, b);
    struct sizes s = sizes_of(attrs, x);
    if (s.k != s.k2)
        return belay_fail(log, BELAY_ERR_SHAPE, "matmul: %s%s does not fit %s%s: %lld against %lld",
                          a, tx, b, ty, (long long) s.k, (long long) s.k2);
    struct belay_shape batch_a = batch_of(&x[0]), batch_b = batch_of(&x[1]), batch;
    if (!belay_shape_broadcast(&batch_a, &batch_b, &batch))
        return belay_fail(log, BELAY_ERR_SHAPE, "matmul: %s and %s: leading dimensions do not fit",
                          a, b);
    *y = batch;
    y->rank = batch.rank + 2;
    y->dim[batch.rank] = s.m;
    y->dim[batch.rank + 1] = s.n;
    return BELAY_OK;
}

// A right operand that is one matrix: its gradient is one product over all rows.
static belay_value *grad_of_matrix(struct belay_grad *g, bool ty)
{
    belay_value *x = belay_flatten(g->graph, g->x[0], 0, -2);
    belay_value *dy = belay_flatten(g->graph, g->dy[0], 0, -2);
    return ty ? belay_matmul(g->graph, dy, x, true, false)
              : belay_matmul(g->graph, x, dy, true, false);
}

// With a = op(x), b = op(y): da = dc b', db = a' dc.
static void matmul_grad(struct belay_grad *g)
{
    bool tx = g->attrs->flags & MATMUL_TX, ty = g->attrs->flags & MATMUL_TY;
    belay_value *x = g->x[0], *y = g->x[1], *dc = g->dy[0];

    if (g->want[0])
        g->dx[0] = belay_sum_to(g->graph,
                                tx ? belay_matmul(g->graph, y, dc, ty, true)
                                   : belay_matmul(g->graph, dc, y, false, !ty), x);
    if (!g->want[1])
        return;
    if (belay_value_shape(y)->rank == 2 && belay_value_shape(x)->rank > 2 && !tx)
        g->dx[1] = grad_of_matrix(g, ty);
    else
        g->dx[1] = belay_sum_to(g->graph,
                                ty ? belay_matmul(g->graph, dc, x, true, tx)
                                   : belay_matmul(g->graph, x, dc, !tx, false), y);
}

// Drops dimensions of size 1 and joins neighbours that are one run for both operands.
static void join_batches(struct belay_gemm *g)
{
    int rank = 0;
    for (int i = 0; i < g->batch_rank; i++) {
        int64_t dim = g->batch_dim[i], a = g->a_stride[i], b = g->b_stride[i];
        if (dim == 1)
            continue;
        bool joined = rank > 0 && g->a_stride[rank - 1] == a * dim
                      && g->b_stride[rank - 1] == b * dim;
        int at = joined ? rank - 1 : rank++;
        g->batch_dim[at] = joined ? g->batch_dim[at] * dim : dim;
        g->a_stride[at] = a;
        g->b_stride[at] = b;
    }
    g->batch_rank = rank;
}

static void matmul_gemm(const struct belay_call *call, struct belay_gemm *out)
{
    struct sizes s = sizes_of(call->attrs, call->x_shape);
    struct belay_shape a = batch_of(&call->x_shape[0]), b = batch_of(&call->x_shape[1]);
    struct belay_shape batch = batch_of(&call->y_shape[0]);

    *out = (struct belay_gemm){
        .ta = call->attrs->flags & MATMUL_TX, .tb = call->attrs->flags & MATMUL_TY,
        .m = s.m, .n = s.n, .k = s.k, .alpha = 1, .a = 0, .b = 1,
    };
    if (!out->ta && belay_shape_count(&b) == 1
        && belay_shape_count(&a) == belay_shape_count(&batch)) {
        out->m *= belay_shape_count(&a); // the same right side for all: one tall product
        return;
    }
    belay_shape_strides_to(&a, &batch, out->a_stride);
    belay_shape_strides_to(&b, &batch, out->b_stride);
    out->batch_rank = batch.rank;
    for (int i = 0; i < batch.rank; i++) {
        out->batch_dim[i] = batch.dim[i];
        out->a_stride[i] *= s.m * s.k;
        out->b_stride[i] *= s.k * s.n;
    }
    join_batches(out);
}

static void product_ref(const struct belay_gemm *g, const double *a, const double *b, double *c)
{
    int64_t a_row = g->ta ? 1 : g->k, a_col = g->ta ? g->m : 1;
    int64_t b_row = g->tb ? 1 : g->n, b_col = g->tb ? g->k : 1;

    for (int64_t i = 0; i < g->m; i++) {
        for (int64_t j = 0; j < g->n; j++) {
            double sum = 0;
            for (int64_t p = 0; p < g->k; p++)
                sum += a[i * a_row + p * a_col] * b[p * b_row + j * b_col];
            c[i * g->n + j] = sum;
        }
    }
}

static void matmul_ref(const struct belay_ref *r)
{
    struct belay_gemm g;
    matmul_gemm(r->call, &g);
    int64_t batches = belay_shape_count(&r->call->y_shape[0]) / (g.m * g.n);

    for (int64_t i = 0; i < batches; i++) {
        int64_t a = 0, b = 0, rest = i;
        for (int j = g.batch_rank - 1; j >= 0; j--) {
            int64_t at = rest % g.batch_dim[j];
            rest /= g.batch_dim[j];
            a += at * g.a_stride[j];
            b += at * g.b_stride[j];
        }
        product_ref(&g, r->x[0] + a, r->x[1] + b, r->y[0] + i * g.m * g.n);
    }
}

static belay_value *matmul_make(belay_graph *g, int size_class)
{
    static const struct {
        struct belay_shape x, y;
        bool tx, ty;
    } make[] = {
        { { 2, { 1, 1 } }, { 2, { 1, 1 } }, false, false },
        { { 2, { 3, 17 } }, { 2, { 17, 33 } }, false, false },
        { { 2, { 3, 17 } }, { 2, { 31, 17 } }, false, true },
        { { 2, { 17, 5 } }, { 2, { 17, 9 } }, true, false },
        { { 2, { 17, 5 } }, { 2, { 9, 17 } }, true, true },
        { { 4, { 2, 3, 5, 7 } }, { 2, { 7, 9 } }, false, false },
        { { 4, { 4, 1, 5, 7 } }, { 3, { 3, 2, 7 } }, false, true },
        { { 3, { 3, 7, 5 } }, { 3, { 3, 7, 2 } }, true, false },
        { { 2, { 4, 6 } }, { 3, { 3, 5, 6 } }, false, true },
        { { 1, { 9 } }, { 1, { 9 } }, false, false },
        { { 2, { 5, 9 } }, { 1, { 9 } }, false, false },
        { { 1, { 9 } }, { 3, { 2, 9, 4 } }, false, false },
        { { 2, { 33, 7 } }, { 2, { 5, 7 } }, false, true },
        { { 2, { 33, 7 } }, { 2, { 33, 5 } }, true, false },
        { { 3, { 33, 2, 7 } }, { 2, { 7, 5 } }, false, false },
        { { 3, { 33, 2, 3 } }, { 3, { 33, 3, 2 } }, false, false },
        { { 2, { 33, 7 } }, { 1, { 7 } }, false, false },
    };
    if ((size_t) size_class >= sizeof(make) / sizeof(make[0]))
        return NULL;
    const struct belay_shape *a = &make[size_class].x, *b = &make[size_class].y;
    belay_value *x = belay_input(g, "x", BELAY_F32, a->rank, a->dim, a->dim[0] == 33);
    belay_value *y = belay_input(g, "y", BELAY_F32, b->rank, b->dim, b->dim[0] == 33);
    return belay_matmul(g, x, y, make[size_class].tx, make[size_class].ty);
}

const struct belay_op belay_op_matmul = {
    .name = "matmul",
    .help = "matrix product of the last two axes, either transposed; the axes before broadcast",
    .num_x = 2,
    .keep = 3,
    .infer = matmul_infer,
    .grad = matmul_grad,
    .ref = matmul_ref,
    .gemm = matmul_gemm,
    .test = { .lo = -1, .hi = 1, .make = matmul_make },
};

// The result of a product with vectors loses the dimensions that they were given.
static belay_value *drop_dims(belay_graph *g, belay_value *y, bool row, bool column)
{
    struct belay_shape s;

    if (!y || (!row && !column))
        return y;
    s = *belay_value_shape(y);
    s.rank -= row + column;
    if (row && !column)
        s.dim[s.rank - 1] = belay_value_dim(y, -1);
    return belay_reshape(g, y, s.rank, s.dim);
}

belay_value *belay_matmul(belay_graph *g, belay_value *x, belay_value *y, bool tx, bool ty)
{
    struct belay_attrs attrs = { .axis = 0 };
    if (!x || !y)
        return NULL;
    bool row = belay_value_rank(x) == 1, column = belay_value_rank(y) == 1;

    if (row)
        x = belay_reshape(g, x, 2, (const int64_t[]){ 1, belay_value_dim(x, 0) });
    if (column)
        y = belay_reshape(g, y, 2, (const int64_t[]){ belay_value_dim(y, 0), 1 });
    attrs.flags = (tx && !row ? MATMUL_TX : 0) | (ty && !column ? MATMUL_TY : 0);
    y = belay_apply2(g, &belay_op_matmul, x, y, &attrs);
    return drop_dims(g, y, row, column);
}
