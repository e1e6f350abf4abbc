// The group ops: how each op of the files is built with ours. An op or attribute that is not in the
// table is skipped by name.
#include <math.h>
#include <string.h>

#include "golden/golden.h"
#include "op/op.h"

static belay_value *x_of(const struct golden_call *call)
{
    return golden_in(call, "x");
}

static belay_value *y_of(const struct golden_call *call)
{
    return golden_in(call, "y");
}

// `alpha` times the second operand of add and sub.
static belay_value *scaled_y(const struct golden_call *call)
{
    double alpha = golden_number(call->c, "alpha", 1);
    if (alpha == 1)
        return y_of(call);
    return belay_mul(call->graph, y_of(call), belay_scalar(call->graph, alpha));
}

static void build_add(const struct golden_call *call, belay_value **out)
{
    out[0] = belay_add(call->graph, x_of(call), scaled_y(call));
}

static void build_sub(const struct golden_call *call, belay_value **out)
{
    out[0] = belay_sub(call->graph, x_of(call), scaled_y(call));
}

static void build_mul(const struct golden_call *call, belay_value **out)
{
    out[0] = belay_mul(call->graph, x_of(call), y_of(call));
}

static void build_div(const struct golden_call *call, belay_value **out)
{
    out[0] = belay_div(call->graph, x_of(call), y_of(call));
}

static void build_maximum(const struct golden_call *call, belay_value **out)
{
    out[0] = belay_maximum(call->graph, x_of(call), y_of(call));
}

static void build_pow(const struct golden_call *call, belay_value **out)
{
    belay_value *exponent = golden_in(call, "exponent");
    if (!exponent)
        exponent = belay_scalar(call->graph, golden_number(call->c, "exponent", 1));
    out[0] = belay_pow(call->graph, x_of(call), exponent);
}

static void build_where(const struct golden_call *call, belay_value **out)
{
    out[0] = belay_where(call->graph, golden_in(call, "condition"), x_of(call), y_of(call));
}

static void build_neg(const struct golden_call *call, belay_value **out)
{
    out[0] = belay_neg(call->graph, x_of(call));
}

static void build_exp(const struct golden_call *call, belay_value **out)
{
    out[0] = belay_exp(call->graph, x_of(call));
}

static void build_log(const struct golden_call *call, belay_value **out)
{
    out[0] = belay_log(call->graph, x_of(call));
}

static void build_sqrt(const struct golden_call *call, belay_value **out)
{
    out[0] = belay_sqrt(call->graph, x_of(call));
}

static void build_relu(const struct golden_call *call, belay_value **out)
{
    out[0] = belay_relu(call->graph, x_of(call));
}

static void build_leaky_relu(const struct golden_call *call, belay_value **out)
{
    out[0] = belay_leaky_relu(call->graph, x_of(call),
                              golden_number(call->c, "negative_slope", 0.01));
}

static void build_abs(const struct golden_call *call, belay_value **out)
{
    out[0] = belay_abs(call->graph, x_of(call));
}

static void build_hardsigmoid(const struct golden_call *call, belay_value **out)
{
    out[0] = belay_hardsigmoid(call->graph, x_of(call));
}

static void build_hardswish(const struct golden_call *call, belay_value **out)
{
    out[0] = belay_hardswish(call->graph, x_of(call));
}

static void build_mish(const struct golden_call *call, belay_value **out)
{
    out[0] = belay_mish(call->graph, x_of(call));
}

static void build_relu6(const struct golden_call *call, belay_value **out)
{
    out[0] = belay_relu6(call->graph, x_of(call));
}

static void build_rsqrt(const struct golden_call *call, belay_value **out)
{
    out[0] = belay_rsqrt(call->graph, x_of(call));
}

static void build_selu(const struct golden_call *call, belay_value **out)
{
    out[0] = belay_selu(call->graph, x_of(call));
}

static void build_minimum(const struct golden_call *call, belay_value **out)
{
    out[0] = belay_minimum(call->graph, x_of(call), y_of(call));
}

static void build_clamp(const struct golden_call *call, belay_value **out)
{
    out[0] = belay_clamp(call->graph, x_of(call), golden_number(call->c, "min", -INFINITY),
                         golden_number(call->c, "max", INFINITY));
}

static void build_elu(const struct golden_call *call, belay_value **out)
{
    out[0] = belay_elu(call->graph, x_of(call), golden_number(call->c, "alpha", 1));
}

static void build_gelu(const struct golden_call *call, belay_value **out)
{
    const char *form = golden_text(call->c, "approximate", "none");
    out[0] = belay_gelu(call->graph, x_of(call), strcmp(form, "tanh") == 0);
}

static void build_silu(const struct golden_call *call, belay_value **out)
{
    out[0] = belay_silu(call->graph, x_of(call));
}

static void build_sigmoid(const struct golden_call *call, belay_value **out)
{
    out[0] = belay_sigmoid(call->graph, x_of(call));
}

static void build_tanh(const struct golden_call *call, belay_value **out)
{
    out[0] = belay_tanh(call->graph, x_of(call));
}

static void build_softplus(const struct golden_call *call, belay_value **out)
{
    out[0] = belay_softplus(call->graph, x_of(call), golden_number(call->c, "beta", 1),
                            golden_number(call->c, "threshold", 20));
}

static void build_matmul(const struct golden_call *call, belay_value **out)
{
    out[0] = belay_matmul(call->graph, x_of(call), y_of(call),
                          golden_flag(call->c, "transpose_x", false),
                          golden_flag(call->c, "transpose_y", false));
}

static void build_linear(const struct golden_call *call, belay_value **out)
{
    out[0] = belay_linear(call->graph, x_of(call), golden_in(call, "weight"),
                          golden_in(call, "bias"));
}

static void build_softmax(const struct golden_call *call, belay_value **out)
{
    out[0] = belay_softmax(call->graph, x_of(call), (int) golden_number(call->c, "dim", -1));
}

static void build_log_softmax(const struct golden_call *call, belay_value **out)
{
    out[0] = belay_log_softmax(call->graph, x_of(call), (int) golden_number(call->c, "dim", -1));
}

static int axes_of(const struct golden_call *call, const char *name, int *axes)
{
    int64_t list[BELAY_MAX_RANK];
    int count = golden_list(call->c, name, BELAY_MAX_RANK, list);
    for (int i = 0; i < count; i++)
        axes[i] = (int) list[i];
    return count < 0 ? 0 : count;
}

static void build_sum(const struct golden_call *call, belay_value **out)
{
    int axes[BELAY_MAX_RANK], count = axes_of(call, "dim", axes);
    out[0] = belay_sum(call->graph, x_of(call), count, axes,
                       golden_flag(call->c, "keepdim", false));
}

static void build_mean(const struct golden_call *call, belay_value **out)
{
    int axes[BELAY_MAX_RANK], count = axes_of(call, "dim", axes);
    out[0] = belay_mean(call->graph, x_of(call), count, axes,
                        golden_flag(call->c, "keepdim", false));
}

static void build_reshape(const struct golden_call *call, belay_value **out)
{
    int64_t shape[BELAY_MAX_RANK];
    int rank = golden_list(call->c, "shape", BELAY_MAX_RANK, shape);
    out[0] = belay_reshape(call->graph, x_of(call), rank, shape);
}

static void build_flatten(const struct golden_call *call, belay_value **out)
{
    out[0] = belay_flatten(call->graph, x_of(call), (int) golden_number(call->c, "start_dim", 0),
                           (int) golden_number(call->c, "end_dim", -1));
}

static void build_permute(const struct golden_call *call, belay_value **out)
{
    int order[BELAY_MAX_RANK], rank = axes_of(call, "dims", order);
    out[0] = belay_permute(call->graph, x_of(call), rank, order);
}

static void build_concat(const struct golden_call *call, belay_value **out)
{
    out[0] = belay_concat(call->graph, call->num_in, call->in,
                          (int) golden_number(call->c, "dim", 0));
}

static void build_slice(const struct golden_call *call, belay_value **out)
{
    int64_t dim[BELAY_MAX_RANK], start[BELAY_MAX_RANK], end[BELAY_MAX_RANK], step[BELAY_MAX_RANK];
    int count = golden_list(call->c, "dim", BELAY_MAX_RANK, dim);
    int starts = golden_list(call->c, "start", BELAY_MAX_RANK, start);
    int ends = golden_list(call->c, "end", BELAY_MAX_RANK, end);
    int steps = golden_list(call->c, "step", BELAY_MAX_RANK, step);

    out[0] = x_of(call);
    for (int i = 0; i < count; i++)
        out[0] = belay_slice(call->graph, out[0], (int) dim[i], i < starts ? start[i] : 0,
                             i < ends ? end[i] : INT64_MAX, i < steps ? step[i] : 1);
}

static void build_gather(const struct golden_call *call, belay_value **out)
{
    out[0] = belay_gather(call->graph, x_of(call), golden_in(call, "index"),
                          (int) golden_number(call->c, "dim", 0));
}

static void build_prelu(const struct golden_call *call, belay_value **out)
{
    out[0] = belay_prelu(call->graph, x_of(call), golden_in(call, "weight"));
}

static belay_value *times(const struct golden_call *call, belay_value *v, const char *name)
{
    double factor = golden_number(call->c, name, 1);
    return factor == 1 ? v : belay_mul(call->graph, v, belay_scalar(call->graph, factor));
}

static void build_addmm(const struct golden_call *call, belay_value **out)
{
    belay_value *product = belay_matmul(call->graph, x_of(call), y_of(call), false, false);
    out[0] = belay_add(call->graph, times(call, golden_in(call, "bias"), "beta"),
                       times(call, product, "alpha"));
}

// From the last axis on: before, behind, before, …
static void build_pad(const struct golden_call *call, belay_value **out)
{
    int64_t pad[2 * BELAY_MAX_RANK], before[BELAY_MAX_RANK] = { 0 }, behind[BELAY_MAX_RANK] = { 0 };
    int count = golden_list(call->c, "pad", 2 * BELAY_MAX_RANK, pad);
    int rank = belay_value_rank(x_of(call));
    for (int i = 0; i + 1 < count && i / 2 < rank; i += 2) {
        before[rank - 1 - i / 2] = pad[i];
        behind[rank - 1 - i / 2] = pad[i + 1];
    }
    out[0] = belay_pad(call->graph, x_of(call), rank, before, behind,
                       golden_number(call->c, "value", 0));
}

static int normalized(const struct golden_call *call)
{
    int64_t shape[BELAY_MAX_RANK];
    return golden_list(call->c, "normalized_shape", BELAY_MAX_RANK, shape);
}

static void build_layer_norm(const struct golden_call *call, belay_value **out)
{
    out[0] = belay_layer_norm(call->graph, x_of(call), normalized(call),
                              golden_in(call, "weight"), golden_in(call, "bias"),
                              golden_number(call->c, "eps", 1e-5));
}

static void build_rms_norm(const struct golden_call *call, belay_value **out)
{
    out[0] = belay_rms_norm(call->graph, x_of(call), normalized(call), golden_in(call, "weight"),
                            golden_number(call->c, "eps", 1.1920929e-07));
}

static void build_logsumexp(const struct golden_call *call, belay_value **out)
{
    int axes[BELAY_MAX_RANK], count = axes_of(call, "dim", axes);
    out[0] = belay_logsumexp(call->graph, x_of(call), count, axes,
                             golden_flag(call->c, "keepdim", false));
}

static void build_amax(const struct golden_call *call, belay_value **out)
{
    int axes[BELAY_MAX_RANK], count = axes_of(call, "dim", axes);
    out[0] = belay_amax(call->graph, x_of(call), count, axes,
                        golden_flag(call->c, "keepdim", false));
}

static void build_amin(const struct golden_call *call, belay_value **out)
{
    int axes[BELAY_MAX_RANK], count = axes_of(call, "dim", axes);
    out[0] = belay_amin(call->graph, x_of(call), count, axes,
                        golden_flag(call->c, "keepdim", false));
}

static void build_var(const struct golden_call *call, belay_value **out)
{
    int axes[BELAY_MAX_RANK], count = axes_of(call, "dim", axes);
    out[0] = belay_var(call->graph, x_of(call), count, axes,
                       golden_number(call->c, "correction", 1),
                       golden_flag(call->c, "keepdim", false));
}

static void build_max(const struct golden_call *call, belay_value **out)
{
    if (golden_attr(call->c, "dim"))
        out[0] = belay_max(call->graph, x_of(call), (int) golden_number(call->c, "dim", 0),
                           golden_flag(call->c, "keepdim", false), &out[1]);
    else
        out[0] = belay_amax(call->graph, x_of(call), 0, NULL, false);
}

static void build_topk(const struct golden_call *call, belay_value **out)
{
    out[0] = belay_topk(call->graph, x_of(call), (int64_t) golden_number(call->c, "k", 1),
                        (int) golden_number(call->c, "dim", -1), &out[1]);
}

static void build_cumsum(const struct golden_call *call, belay_value **out)
{
    out[0] = belay_cumsum(call->graph, x_of(call), (int) golden_number(call->c, "dim", 0));
}

static void build_index_select(const struct golden_call *call, belay_value **out)
{
    out[0] = belay_index_select(call->graph, x_of(call), golden_in(call, "index"),
                                (int) golden_number(call->c, "dim", 0));
}

static void build_stack(const struct golden_call *call, belay_value **out)
{
    belay_value *part[GOLDEN_MAX_IN];
    int rank = belay_value_rank(call->in[0]), axis = (int) golden_number(call->c, "dim", 0);
    int64_t dim[BELAY_MAX_RANK] = { 0 };
    axis += axis < 0 ? rank + 1 : 0;
    for (int i = 0, from = 0; i <= rank; i++)
        dim[i] = i == axis ? 1 : belay_value_dim(call->in[0], from++);
    for (int i = 0; i < call->num_in; i++)
        part[i] = belay_reshape(call->graph, call->in[i], rank + 1, dim);
    out[0] = belay_concat(call->graph, call->num_in, part, axis);
}

static void build_split(const struct golden_call *call, belay_value **out)
{
    int64_t sizes[GOLDEN_MAX_OUT], start = 0;
    int count = golden_list(call->c, "sizes", GOLDEN_MAX_OUT, sizes);
    for (int i = 0; i < count; start += sizes[i++])
        out[i] = belay_slice(call->graph, x_of(call), (int) golden_number(call->c, "dim", 0), start,
                             start + sizes[i], 1);
}

static void build_transpose(const struct golden_call *call, belay_value **out)
{
    int order[BELAY_MAX_RANK], rank = belay_value_rank(x_of(call));
    int a = (int) golden_number(call->c, "dim0", 0), b = (int) golden_number(call->c, "dim1", 1);
    a += a < 0 ? rank : 0;
    b += b < 0 ? rank : 0;
    for (int i = 0; i < rank; i++)
        order[i] = i == a ? b : i == b ? a : i;
    out[0] = belay_permute(call->graph, x_of(call), rank, order);
}

// To the shape of a parameter, of which only the shape is used.
static void build_expand(const struct golden_call *call, belay_value **out)
{
    int64_t size[BELAY_MAX_RANK];
    int rank = golden_list(call->c, "size", BELAY_MAX_RANK, size);
    int lead = rank - belay_value_rank(x_of(call));
    for (int i = 0; i < rank; i++)
        size[i] = size[i] < 0 ? belay_value_dim(x_of(call), i - lead) : size[i];
    belay_value *like = belay_input(call->graph, "like", BELAY_F32, rank, size, false);
    out[0] = belay_expand_like(call->graph, x_of(call), like);
}

static const struct {
    const char *op, *attributes;
    golden_build_fn build;
} table[] = {
    { "abs", "", build_abs },
    { "add", "alpha", build_add },
    { "addmm", "alpha beta", build_addmm },
    { "amax", "dim keepdim", build_amax },
    { "amin", "dim keepdim", build_amin },
    { "bmm", "transpose_x transpose_y", build_matmul },
    { "clamp", "min max", build_clamp },
    { "concat", "dim", build_concat },
    { "cumsum", "dim", build_cumsum },
    { "div", "", build_div },
    { "elu", "alpha", build_elu },
    { "exp", "", build_exp },
    { "expand", "size", build_expand },
    { "flatten", "start_dim end_dim", build_flatten },
    { "gather", "dim", build_gather },
    { "gelu", "approximate", build_gelu },
    { "hardsigmoid", "", build_hardsigmoid },
    { "hardswish", "", build_hardswish },
    { "index_select", "dim", build_index_select },
    { "layer_norm", "normalized_shape eps", build_layer_norm },
    { "leaky_relu", "negative_slope", build_leaky_relu },
    { "linear", "", build_linear },
    { "log", "", build_log },
    { "log_softmax", "dim", build_log_softmax },
    { "logsumexp", "dim keepdim", build_logsumexp },
    { "matmul", "transpose_x transpose_y", build_matmul },
    { "max", "dim keepdim", build_max },
    { "maximum", "", build_maximum },
    { "mean", "dim keepdim", build_mean },
    { "minimum", "", build_minimum },
    { "mish", "", build_mish },
    { "mul", "", build_mul },
    { "neg", "", build_neg },
    { "pad", "pad value", build_pad },
    { "permute", "dims", build_permute },
    { "pow", "exponent", build_pow },
    { "prelu", "", build_prelu },
    { "relu", "", build_relu },
    { "relu6", "", build_relu6 },
    { "reshape", "shape", build_reshape },
    { "rms_norm", "normalized_shape eps", build_rms_norm },
    { "rsqrt", "", build_rsqrt },
    { "selu", "", build_selu },
    { "sigmoid", "", build_sigmoid },
    { "silu", "", build_silu },
    { "slice", "dim start end step", build_slice },
    { "softmax", "dim", build_softmax },
    { "softplus", "beta threshold", build_softplus },
    { "split", "sizes dim", build_split },
    { "sqrt", "", build_sqrt },
    { "stack", "dim", build_stack },
    { "sub", "alpha", build_sub },
    { "sum", "dim keepdim", build_sum },
    { "tanh", "", build_tanh },
    { "topk", "k dim", build_topk },
    { "transpose", "dim0 dim1", build_transpose },
    { "var", "dim correction keepdim", build_var },
    { "where", "", build_where },
};

enum golden_result golden_op(struct golden_case *c)
{
    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
        if (strcmp(table[i].op, c->op) != 0)
            continue;
        if (!golden_only(c, table[i].attributes))
            return GOLDEN_SKIP;
        return golden_run_graph(c, table[i].build);
    }
    return GOLDEN_SKIP;
}
