// Graphs: values and operators. Builders append to the graph and return the new value.
//
// Builders take and return NULL freely: the first error sticks to the graph and is reported once
// by belay_graph_check. Values belong to the graph. Axes may be negative (from the end).
// Broadcasting is NumPy's. Shapes are row-major. The thread rule is the context's.
#ifndef BELAY_GRAPH_H
#define BELAY_GRAPH_H

#include <belay/context.h>

#ifdef __cplusplus
extern "C" {
#endif

#define BELAY_MAX_RANK 8

typedef struct belay_graph belay_graph;
typedef struct belay_value belay_value;

typedef enum belay_dtype {
    BELAY_F32 = 0, BELAY_F64, BELAY_F16, BELAY_BF16,
    BELAY_I64, BELAY_I32, BELAY_I16, BELAY_I8,
    BELAY_U64, BELAY_U32, BELAY_U16, BELAY_U8, BELAY_BOOL,
    BELAY_DTYPE_COUNT
} belay_dtype;

// An empty graph. In a graph for training belay_dropout drops; else it does nothing. *out is owned.
BELAY_API BELAY_MUST_CHECK belay_status belay_graph_create(belay_ctx *ctx, bool training,
                                                           belay_graph **out);
BELAY_API void belay_graph_destroy(belay_graph **graph);
// BELAY_OK, or the first error that a builder met.
BELAY_API BELAY_MUST_CHECK belay_status belay_graph_check(const belay_graph *graph);

// An input. With `rows` the first dimension is the number of rows of a batch: `dim[0]` is its
// maximum, and each run may take fewer.
BELAY_API belay_value *belay_input(belay_graph *g, const char *name, belay_dtype dtype, int rank,
                                   const int64_t *dim, bool rows);
// A float32 parameter, trained; `name` is its name in checkpoints. The same name gives the same
// value (shared), the shape must fit.
BELAY_API belay_value *belay_param(belay_graph *g, const char *name, int rank, const int64_t *dim);
BELAY_API belay_value *belay_scalar(belay_graph *g, double value);

BELAY_API int belay_value_rank(const belay_value *v);
BELAY_API int64_t belay_value_dim(const belay_value *v, int axis);

// An operator by its name: an element-wise one of those that take no settings ("relu", "mish",
// "rsqrt"; "add", "maximum", …; two operands broadcast), or one that the program registered
// (belay/own.h), with num_settings 0 at its fallbacks. An unknown name makes an error stick to the
// graph.
BELAY_API belay_value *belay_named(belay_graph *g, const char *op, int num_x, belay_value *const *x,
                                   int num_settings, const double *settings);
static inline belay_value *belay_unary(belay_graph *g, const char *op, belay_value *x)
{
    return belay_named(g, op, 1, &x, 0, NULL);
}
static inline belay_value *belay_binary(belay_graph *g, const char *op, belay_value *a,
                                        belay_value *b)
{
    belay_value *x[2];
    x[0] = a;
    x[1] = b;
    return belay_named(g, op, 2, x, 0, NULL);
}

static inline belay_value *belay_add(belay_graph *g, belay_value *a, belay_value *b)
{
    return belay_binary(g, "add", a, b);
}
static inline belay_value *belay_sub(belay_graph *g, belay_value *a, belay_value *b)
{
    return belay_binary(g, "sub", a, b);
}
static inline belay_value *belay_mul(belay_graph *g, belay_value *a, belay_value *b)
{
    return belay_binary(g, "mul", a, b);
}
static inline belay_value *belay_div(belay_graph *g, belay_value *a, belay_value *b)
{
    return belay_binary(g, "div", a, b);
}
static inline belay_value *belay_pow(belay_graph *g, belay_value *a, belay_value *b)
{
    return belay_binary(g, "pow", a, b);
}
static inline belay_value *belay_maximum(belay_graph *g, belay_value *a, belay_value *b)
{
    return belay_binary(g, "maximum", a, b);
}
static inline belay_value *belay_minimum(belay_graph *g, belay_value *a, belay_value *b)
{
    return belay_binary(g, "minimum", a, b);
}
// Where `cond` is not 0, `a`, else `b`.
BELAY_API belay_value *belay_where(belay_graph *g, belay_value *cond, belay_value *a,
                                   belay_value *b);
static inline belay_value *belay_neg(belay_graph *g, belay_value *x)
{
    return belay_unary(g, "neg", x);
}
static inline belay_value *belay_exp(belay_graph *g, belay_value *x)
{
    return belay_unary(g, "exp", x);
}
static inline belay_value *belay_log(belay_graph *g, belay_value *x)
{
    return belay_unary(g, "log", x);
}
static inline belay_value *belay_sqrt(belay_graph *g, belay_value *x)
{
    return belay_unary(g, "sqrt", x);
}
static inline belay_value *belay_abs(belay_graph *g, belay_value *x)
{
    return belay_unary(g, "abs", x);
}
// At least `lo` and at most `hi`, which may be infinite.
BELAY_API belay_value *belay_clamp(belay_graph *g, belay_value *x, double lo, double hi);
static inline belay_value *belay_relu(belay_graph *g, belay_value *x)
{
    return belay_unary(g, "relu", x);
}
BELAY_API belay_value *belay_leaky_relu(belay_graph *g, belay_value *x, double slope);
BELAY_API belay_value *belay_elu(belay_graph *g, belay_value *x, double alpha);
BELAY_API belay_value *belay_gelu(belay_graph *g, belay_value *x, bool tanh_form);
static inline belay_value *belay_silu(belay_graph *g, belay_value *x)
{
    return belay_unary(g, "silu", x);
}
static inline belay_value *belay_sigmoid(belay_graph *g, belay_value *x)
{
    return belay_unary(g, "sigmoid", x);
}
static inline belay_value *belay_tanh(belay_graph *g, belay_value *x)
{
    return belay_unary(g, "tanh", x);
}
BELAY_API belay_value *belay_softplus(belay_graph *g, belay_value *x, double beta,
                                      double threshold);

// Products. matmul: x [..., m, k] (or [..., k, m] with tx), y [..., k, n] (or [..., n, k] with
// ty); leading dimensions broadcast; a vector works as in NumPy. linear: x [..., in],
// weight [out, in], bias [out] or NULL.
BELAY_API belay_value *belay_matmul(belay_graph *g, belay_value *x, belay_value *y, bool tx,
                                    bool ty);
BELAY_API belay_value *belay_linear(belay_graph *g, belay_value *x, belay_value *weight,
                                    belay_value *bias);

BELAY_API belay_value *belay_softmax(belay_graph *g, belay_value *x, int axis);
BELAY_API belay_value *belay_log_softmax(belay_graph *g, belay_value *x, int axis);

// Sums and means over the axes listed; num 0 means all of them.
BELAY_API belay_value *belay_sum(belay_graph *g, belay_value *x, int num, const int *axes,
                                 bool keepdim);
BELAY_API belay_value *belay_mean(belay_graph *g, belay_value *x, int num, const int *axes,
                                  bool keepdim);

// Movement. reshape: one dimension may be -1. slice: from `start` up to but without `end`, every
// `step` (> 0), Python's rules for negative and large bounds. gather: as torch.gather,
// index int32 of x's rank.
BELAY_API belay_value *belay_reshape(belay_graph *g, belay_value *x, int rank, const int64_t *dim);
BELAY_API belay_value *belay_flatten(belay_graph *g, belay_value *x, int first, int last);
BELAY_API belay_value *belay_permute(belay_graph *g, belay_value *x, int rank, const int *order);
BELAY_API belay_value *belay_concat(belay_graph *g, int num, belay_value *const *x, int axis);
BELAY_API belay_value *belay_slice(belay_graph *g, belay_value *x, int axis, int64_t start,
                                   int64_t end, int64_t step);
BELAY_API belay_value *belay_gather(belay_graph *g, belay_value *x, belay_value *index, int axis);

// Dropout: in training zero with probability `p` and scale by 1/(1-p); `path` names its random
// stream (two dropouts of one path are equal). Identity in evaluation graphs.
BELAY_API belay_value *belay_dropout(belay_graph *g, belay_value *x, double p, const char *path);

// Losses; scalar results. mse: mean of squares over all elements. cross_entropy: logits
// [N, C, ...], target int32 class indices [N, ...]; mean over positions.
BELAY_API belay_value *belay_mse_loss(belay_graph *g, belay_value *x, belay_value *target);
BELAY_API belay_value *belay_cross_entropy(belay_graph *g, belay_value *logits,
                                           belay_value *target);

#ifdef __cplusplus
}
#endif
#endif
