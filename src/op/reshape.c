// reshape: the same elements in the same order under another shape.
//
// attrs.shape is the new shape with at most one -1. The rows of a batch may be fewer in a run than
// planned, and infer runs again then; they are the outermost dimension in memory, so the builder
// always leaves the outermost dimension that is not 1 to be inferred.
#include "op/op.h"

static belay_status reshape_infer(struct belay_log *log, const struct belay_attrs *attrs,
                                  int num_x, const struct belay_shape *x, struct belay_shape *y)
{
    int64_t count = belay_shape_count(x), known = 1;
    int open = -1;
    char text[BELAY_SHAPE_TEXT];

    *y = attrs->shape;
    for (int i = 0; i < y->rank; i++) {
        if (y->dim[i] < 0)
            open = i;
        else
            known *= y->dim[i];
    }
    if (known > 0 && count % known == 0 && (open >= 0 || count == known)) {
        if (open >= 0)
            y->dim[open] = count / known;
        return BELAY_OK;
    }
    return belay_fail(log, BELAY_ERR_SHAPE,
                      "reshape: %s has %lld elements, which do not fit the new shape (%lld%s)",
                      belay_shape_text(x, text), (long long) count, (long long) known,
                      open >= 0 ? " times a free dimension" : "");
}

static void reshape_grad(struct belay_grad *g)
{
    g->dx[0] = belay_reshape_like(g->graph, g->dy[0], g->x[0]);
}

static void copy_ref(const struct belay_ref *r)
{
    int64_t count = belay_shape_count(&r->call->y_shape[0]);
    for (int64_t i = 0; i < count; i++)
        r->y[0][i] = r->x[0][i];
}

static belay_value *reshape_make(belay_graph *g, int size_class)
{
    static const int64_t from[][3] = { { 1, 1, 1 }, { 3, 5, 4 }, { 33, 1, 6 } };
    static const int64_t to[][2] = { { 1, 1 }, { 5, -1 }, { -1, 3 } };
    if (size_class >= 3)
        return NULL;
    belay_value *x = belay_input(g, "x", BELAY_F32, 3, from[size_class], size_class == 2);
    return belay_reshape(g, x, 2, to[size_class]);
}

const struct belay_op belay_op_reshape = {
    .name = "reshape",
    .help = "the same elements in another shape",
    .num_x = 1,
    .flags = BELAY_OP_VIEW,
    .infer = reshape_infer,
    .grad = reshape_grad,
    .ref = copy_ref,
    .test = { .lo = -2, .hi = 2, .make = reshape_make },
};

// Checks the caller's shape and resolves its -1 by the planned count.
static bool resolve(belay_graph *g, belay_value *x, int rank, const int64_t *dim,
                    struct belay_shape *out)
{
    const struct belay_shape *shape = belay_value_shape(x);
    struct belay_attrs attrs = { .shape.rank = rank };
    char from[BELAY_SHAPE_TEXT], to[BELAY_SHAPE_TEXT];
    int num_open = 0;

    if (rank < 0 || rank > BELAY_MAX_RANK) {
        belay_graph_fail(g, BELAY_ERR_ARG, "reshape: rank %d, at most %d is possible", rank,
                         BELAY_MAX_RANK);
        return false;
    }
    for (int i = 0; i < rank; i++) {
        attrs.shape.dim[i] = dim[i];
        num_open += dim[i] == -1;
        if (dim[i] == 0 || dim[i] < -1 || num_open > 1) {
            belay_graph_fail(g, BELAY_ERR_ARG,
                             "reshape: dimension %d is %lld; want above 0, and at most one -1", i,
                             (long long) dim[i]);
            return false;
        }
    }
    if (reshape_infer(NULL, &attrs, 1, shape, out) == BELAY_OK)
        return true;
    belay_graph_fail(g, BELAY_ERR_SHAPE, "reshape: %s does not fit %s",
                     belay_shape_text(shape, from), belay_shape_text(&attrs.shape, to));
    return false;
}

belay_value *belay_reshape(belay_graph *g, belay_value *x, int rank, const int64_t *dim)
{
    struct belay_attrs attrs = { .axis = 0 };
    if (!x || !resolve(g, x, rank, dim, &attrs.shape))
        return NULL;
    if (belay_shape_equal(&attrs.shape, belay_value_shape(x)))
        return x;
    for (int i = 0; i < rank; i++) {
        if (attrs.shape.dim[i] == 1)
            continue;
        attrs.shape.dim[i] = -1;
        break;
    }
    return belay_apply1(g, &belay_op_reshape, x, &attrs);
}
