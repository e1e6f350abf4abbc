// What an operator is. One file defines one operator (and the operator of its gradient, when it
// has one of its own); nothing else knows it but one line in op/list.h.
#ifndef BELAY_OP_OP_H
#define BELAY_OP_OP_H

#include <belay/graph.h>

#include "base/log.h"
#include "tensor/shape.h"

#define BELAY_MAX_IN 16 // inputs of a node
#define BELAY_MAX_OUT 8
#define BELAY_MAX_ARGS 40 // of a kernel

// Settings of one node, compared and hashed as bytes: always start from a zeroed struct.
struct belay_attrs {
    double f[4];            // numbers, in the op's own order
    int64_t a[BELAY_MAX_RANK]; // lists by dimension, in the op's own meaning
    int64_t b[BELAY_MAX_RANK];
    struct belay_shape shape;
    uint64_t stream;        // random stream, 0 for none
    int32_t axis;
    uint32_t axes;          // bit i: axis i
    uint32_t flags;         // the op's own
    uint32_t pad;
};

// Facts of a device that choose between kernel families; never a device's name.
struct belay_profile {
    bool cpu;               // explicit loops, one work-item a group; else groups and local memory
    uint32_t compute_units;
    uint32_t float_width;   // native vector width
    size_t max_group;       // work-items in a group
    size_t local_memory;    // bytes
    // Measured by `belay tune` and kept in the user's file, else estimates from what the driver
    // says. They may divide work among work-items; no order of a sum may depend on them.
    double flops, bandwidth; // a second: multiply-adds in registers; bytes of memory
    double launch, sync;     // seconds of a queued launch, and of one that is waited for
};

// A call with the shapes of this run (rows may be fewer than planned).
struct belay_call {
    const struct belay_op *op;
    const struct belay_attrs *attrs;
    int num_x, num_y;
    struct belay_shape x_shape[BELAY_MAX_IN];
    struct belay_shape y_shape[BELAY_MAX_OUT];
    belay_dtype x_dtype[BELAY_MAX_IN];
    belay_dtype y_dtype[BELAY_MAX_OUT];
    const struct belay_profile *profile; // NULL on the host reference
};

// The reference. Values come as double whatever their type; ops with BELAY_OP_RAW get the stored
// bytes instead (types in `call`; floats are F32, or F64 under finite differences).
// Outputs that share memory with an input (op->inplace) still get memory of their own here.
struct belay_ref {
    const struct belay_call *call;
    const double *const *x; // NULL entries: shape-only inputs
    double *const *y;
    const void *const *xraw;
    void *const *yraw;
};

// One kernel launch as data.
enum belay_arg_kind { BELAY_ARG_X, BELAY_ARG_Y, BELAY_ARG_UINT, BELAY_ARG_FLOAT, BELAY_ARG_SCRATCH,
                      BELAY_ARG_LOCAL };
struct belay_arg {
    enum belay_arg_kind kind;
    int index;    // X, Y
    uint32_t u;   // UINT; LOCAL: bytes
    float f;
};
struct belay_launch {
    const char *kernel; // function in op->cl_file
    int dims;           // 1..3
    size_t global[3], local[3]; // global is a multiple of local; 0 in any: nothing to do
    int num_args;
    struct belay_arg arg[BELAY_MAX_ARGS];
};
void belay_launch_begin(struct belay_launch *l, const char *kernel);
void belay_launch_x(struct belay_launch *l, int index);
void belay_launch_y(struct belay_launch *l, int index);
void belay_launch_uint(struct belay_launch *l, uint64_t value); // asserts that it fits
void belay_launch_float(struct belay_launch *l, double value);
void belay_launch_scratch(struct belay_launch *l);
void belay_launch_local(struct belay_launch *l, size_t bytes);
// One dimension: at least `count` work-items in groups of `local` (rounded up).
void belay_launch_range(struct belay_launch *l, size_t count, size_t local);
void belay_launch_range2(struct belay_launch *l, size_t count0, size_t local0, size_t count1,
                         size_t local1);

// A product: C[batch] = alpha * op(A) op(B), row-major, C contiguous [batch..., m, n].
// A is [m, k], or [k, m] with ta; B [k, n], or [n, k] with tb, both contiguous.
// Batches: batch_rank dimensions, with element strides of A and B (0: repeated).
struct belay_gemm {
    bool ta, tb;
    int64_t m, n, k;
    float alpha, beta; // beta 0: C is not read
    int a, b;          // indices into x
    int batch_rank;
    int64_t batch_dim[BELAY_MAX_RANK], a_stride[BELAY_MAX_RANK], b_stride[BELAY_MAX_RANK];
};

// Building the gradient: from dy[] (NULL: no gradient flows there) to dx[].
struct belay_grad {
    belay_graph *graph;
    const struct belay_attrs *attrs;
    int num_x, num_y;
    belay_value *x[BELAY_MAX_IN], *y[BELAY_MAX_OUT], *dy[BELAY_MAX_OUT];
    bool want[BELAY_MAX_IN];       // whose gradient is asked for
    belay_value *dx[BELAY_MAX_IN]; // to be set where wanted; NULL stands for zero
};
typedef void (*belay_grad_fn)(struct belay_grad *g);

enum belay_op_flags {
    BELAY_OP_RAW = 1,      // the reference takes stored bytes
    BELAY_OP_EFFECT = 2,   // kept though nobody reads its output; nothing is moved across it
    BELAY_OP_VIEW = 4,     // the output is the input's memory under another shape
    BELAY_OP_RANDOM = 8,   // never joined with an equal node
    BELAY_OP_OWN = 16,     // a program's: its kernel file is built whole
    BELAY_OP_NO_GRADIENT = 32, // OWN without a gradient rule: gradients end here, that is no error
};

struct belay_op {
    const char *name;
    const char *help;      // one line; NULL where only gradients and fusion make the operator
    int num_x;             // -1: any number up to BELAY_MAX_IN
    int num_y;             // 0 counts as 1
    unsigned flags;
    unsigned shape_only;   // bit i: of input i only the shape is used
    unsigned index_inputs; // bit i: input i is I32 (the rest F32)
    unsigned keep;         // bit i: backward reads x[i] (for the plan's print and tests)
    int inplace[BELAY_MAX_OUT]; // 1 + index of the input whose memory the output is; 0: none
    belay_dtype y_dtype;   // of all outputs, F32 when not set
    unsigned index_outputs; // bit i: output i is I32 whatever y_dtype says
    // An operator whose outputs are the first ones of this, from the same inputs and attributes:
    // where both are in a graph, one node of this does for both.
    const struct belay_op *extends;
    // A sum of x[0]: is this axis summed? So that it can be made where x[0] is made.
    bool (*sums)(const struct belay_call *call, int axis);
    // Bit i: where input i is the number `neutral`, the output is the other input (of two).
    unsigned neutral_inputs;
    double neutral;

    // Shapes of the outputs; x and attrs are checked here. NULL: outputs have the broadcast shape
    // of the inputs (element-wise).
    belay_status (*infer)(struct belay_log *log, const struct belay_attrs *attrs, int num_x,
                          const struct belay_shape *x, struct belay_shape *y);
    belay_grad_fn grad;    // NULL: not differentiable

    // Element-wise ops: y = eval(x[0..num_x), f). `expr` is the same in OpenCL C: $0, $1, … are
    // the inputs, @0, @1, … the numbers f[] (printed as float constants). Each $i may stand more
    // than once. Everything else is NULL then.
    double (*eval)(const double *x, const double *f);
    const char *expr;

    // All others: the reference …
    void (*ref)(const struct belay_ref *r);
    // … and how a device runs it: as a product, …
    void (*gemm)(const struct belay_call *call, struct belay_gemm *out);
    // … or by a kernel file. Stages run one after the other; scratch is float elements that they
    // share. stages NULL: 1.
    const char *cl_file;   // "softmax" for cl/softmax.cl
    int (*stages)(const struct belay_call *call);
    size_t (*scratch)(const struct belay_call *call);
    void (*launch)(const struct belay_call *call, int stage, struct belay_launch *out);

    // Bytes read and written, where these are not simply all inputs and outputs. NULL: they are.
    double (*bytes)(const struct belay_call *call);

    // For tests: inputs are drawn from [lo, hi], `avoid` away from kinks at 0 (and, with two
    // inputs, from each other). make builds the node at a size class (0, 1, 2, …: odd sizes);
    // returns NULL when there are no more. Inputs with rows have 33 of them; they are run with 33
    // and with 5. NULL: an element-wise default.
    struct {
        float lo, hi, avoid;
        belay_value *(*make)(belay_graph *g, int size_class);
        bool no_grad_check;
    } test;
};

extern const struct belay_op *const belay_ops[]; // ends with NULL
const struct belay_op *belay_op_find(const char *name);

static inline int belay_op_num_y(const struct belay_op *op)
{
    return op->num_y ? op->num_y : 1;
}

// ---- For builders and gradient rules; made by the graph room ----

// Appends a node; NULL when an input is NULL or the shapes do not fit (the error sticks).
// Returns the first output; belay_output gives the others. attrs may be NULL. The node goes
// through belay_op's own infer.
belay_value *belay_apply(belay_graph *g, const struct belay_op *op, int num_x,
                         belay_value *const *x, const struct belay_attrs *attrs);
belay_value *belay_apply1(belay_graph *g, const struct belay_op *op, belay_value *x,
                          const struct belay_attrs *attrs);
belay_value *belay_apply2(belay_graph *g, const struct belay_op *op, belay_value *a,
                          belay_value *b, const struct belay_attrs *attrs);
belay_value *belay_output(belay_value *first, int index);
const struct belay_shape *belay_value_shape(const belay_value *v); // planned (largest) shape
belay_dtype belay_value_dtype(const belay_value *v);
// Makes an error stick to the graph; returns NULL.
belay_value *belay_graph_fail(belay_graph *g, belay_status status, const char *format, ...)
    BELAY_PRINTF(3, 4);
struct belay_log *belay_graph_log(belay_graph *g);
bool belay_graph_training(const belay_graph *g);
uint64_t belay_graph_seed(const belay_graph *g);
// The I32 [8] state "step", made at its first use, which the host writes before every step:
// [0], [1] micro-step, low and high word; [2] position of the batch in the epoch's order; [3] log
// slot; the rest is free.
belay_value *belay_graph_step_table(belay_graph *g);
// Masks: 1 where it holds, else 0 (also with a NaN). No gradient.
belay_value *belay_gt(belay_graph *g, belay_value *a, belay_value *b);
belay_value *belay_ge(belay_graph *g, belay_value *a, belay_value *b);
belay_value *belay_eq(belay_graph *g, belay_value *a, belay_value *b);
// Sums dy down to the shape of `like` (the gradient of broadcasting); dy itself when equal.
belay_value *belay_sum_to(belay_graph *g, belay_value *dy, belay_value *like);
// y = x, into memory of its own; a scalar becomes a value in memory.
belay_value *belay_copy(belay_graph *g, belay_value *x);
// Repeats x to the shape of `like`.
belay_value *belay_expand_like(belay_graph *g, belay_value *x, belay_value *like);
// x in the shape of `like` (same number of elements): the gradient of reshape and flatten.
belay_value *belay_reshape_like(belay_graph *g, belay_value *x, belay_value *like);
// Element-wise: activations, and 1 / sqrt(x).
belay_value *belay_hardsigmoid(belay_graph *g, belay_value *x);
belay_value *belay_hardswish(belay_graph *g, belay_value *x);
belay_value *belay_mish(belay_graph *g, belay_value *x);
belay_value *belay_relu6(belay_graph *g, belay_value *x);
belay_value *belay_rsqrt(belay_graph *g, belay_value *x);
belay_value *belay_selu(belay_graph *g, belay_value *x);
// Along axes: the largest or smallest (equals share the gradient), log of the sum of exp, variance
// with n - correction.
belay_value *belay_amax(belay_graph *g, belay_value *x, int num, const int *axes, bool keepdim);
belay_value *belay_amin(belay_graph *g, belay_value *x, int num, const int *axes, bool keepdim);
belay_value *belay_logsumexp(belay_graph *g, belay_value *x, int num, const int *axes,
                             bool keepdim);
belay_value *belay_var(belay_graph *g, belay_value *x, int num, const int *axes, double correction,
                       bool keepdim);
// The largest along one axis and its place (int32), the first of equals; the k largest, falling.
belay_value *belay_max(belay_graph *g, belay_value *x, int axis, bool keepdim,
                       belay_value **index);
belay_value *belay_topk(belay_graph *g, belay_value *x, int64_t k, int axis, belay_value **index);
belay_value *belay_cumsum(belay_graph *g, belay_value *x, int axis);
// Of an axis the elements that the int32 vector names.
belay_value *belay_index_select(belay_graph *g, belay_value *x, belay_value *index, int axis);
// `value` before and behind each axis; numbers below 0 leave out.
belay_value *belay_pad(belay_graph *g, belay_value *x, int rank, const int64_t *before,
                       const int64_t *behind, double value);
belay_value *belay_prelu(belay_graph *g, belay_value *x, belay_value *weight);
// Over the last `num` axes; weight and bias may be NULL.
belay_value *belay_layer_norm(belay_graph *g, belay_value *x, int num, belay_value *weight,
                              belay_value *bias, double eps);
belay_value *belay_rms_norm(belay_graph *g, belay_value *x, int num, belay_value *weight,
                            double eps);

// Losses with all their settings.
enum belay_reduction { BELAY_REDUCE_NONE, BELAY_REDUCE_SUM, BELAY_REDUCE_MEAN };
// logits [N, C, d1...]; target int32 classes [N, d1...] (`ignore_index` counts for nothing), or F32
// probabilities of logits' shape; weight [C] or NULL. The mean of class targets is weighted.
belay_value *belay_cross_entropy_full(belay_graph *g, belay_value *logits, belay_value *target,
                                      belay_value *weight, double label_smoothing,
                                      int64_t ignore_index, enum belay_reduction reduction);
belay_value *belay_mse_loss_full(belay_graph *g, belay_value *x, belay_value *target,
                                 enum belay_reduction reduction);
// x and target of one shape; formulas in op/huber_loss.c and op/bce_with_logits.c.
belay_value *belay_l1_loss_full(belay_graph *g, belay_value *x, belay_value *target,
                                enum belay_reduction reduction);
belay_value *belay_huber_loss_full(belay_graph *g, belay_value *x, belay_value *target,
                                   double delta, enum belay_reduction reduction);
belay_value *belay_smooth_l1_loss_full(belay_graph *g, belay_value *x, belay_value *target,
                                       double beta, enum belay_reduction reduction);
// weight and pos_weight broadcast, or NULL.
belay_value *belay_bce_with_logits_full(belay_graph *g, belay_value *x, belay_value *target,
                                        belay_value *weight, belay_value *pos_weight,
                                        enum belay_reduction reduction);
// Formulas in op/nll_loss.c, bce_loss.c, kl_div.c and margin_loss.c. weight may be NULL.
belay_value *belay_nll_loss(belay_graph *g, belay_value *input, belay_value *target,
                            belay_value *weight, int64_t ignore_index,
                            enum belay_reduction reduction);
belay_value *belay_bce_loss(belay_graph *g, belay_value *x, belay_value *target,
                            belay_value *weight, enum belay_reduction reduction);
belay_value *belay_kl_div(belay_graph *g, belay_value *x, belay_value *target, bool log_target,
                          bool batch_mean, enum belay_reduction reduction);
belay_value *belay_hinge_loss(belay_graph *g, belay_value *x, belay_value *target,
                              enum belay_reduction reduction);
belay_value *belay_soft_margin_loss(belay_graph *g, belay_value *x, belay_value *target,
                                    enum belay_reduction reduction);
belay_value *belay_hinge_embedding_loss(belay_graph *g, belay_value *x, belay_value *target,
                                        double margin, enum belay_reduction reduction);
belay_value *belay_cosine_embedding_loss(belay_graph *g, belay_value *a, belay_value *b,
                                         belay_value *target, double margin,
                                         enum belay_reduction reduction);
belay_value *belay_multi_margin_loss(belay_graph *g, belay_value *x, belay_value *target,
                                     double margin, enum belay_reduction reduction);
// The nearest whole numbers as int32.
belay_value *belay_to_index(belay_graph *g, belay_value *x);
// Index of the largest along the last axis, int32 (the first of equals).
belay_value *belay_argmax(belay_graph *g, belay_value *x);
// F32 [C * C]: rows of true class t predicted as p at [t * C + p]. output [N, C], or [N, 1] (class 1
// where > 0; C is 2 then); target int32 [N].
belay_value *belay_confusion(belay_graph *g, belay_value *output, belay_value *target);
// Each row counts its weight (F32 [N], or NULL).
belay_value *belay_confusion_weighted(belay_graph *g, belay_value *output, belay_value *target,
                                      belay_value *weights);

#endif
