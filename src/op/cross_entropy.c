// cross_entropy of class indices. With q = (1 - s) w[t] [c == t] + s / C w[c] (s: label smoothing,
// w: class weights, 1 without), a position's loss is -sum over c of q[c] log softmax(x)[c]; 0 where
// the target is ignored or no class. The mean divides by the sum of w[t].
//
// Inputs logits [N, C, ...], target [N, ...], and perhaps weight [C]. Outputs: the loss, and the
// sum of w[t], a scalar. f[0] = s, a[0] = ignored class, flags = reduction.
#include <math.h>

#include "op/line.h"

enum { TOTAL = 1, DX = 2 }; // outputs
enum { SMALL = 16384 };     // so many elements one group does sooner than a second launch starts

static bool has_dx(const struct belay_call *call)
{
    return call->num_y > DX;
}

static belay_status check(struct belay_log *log, int num_x, const struct belay_shape *x)
{
    char a[BELAY_SHAPE_TEXT], b[BELAY_SHAPE_TEXT];
    bool fits = x[0].rank >= 2 && x[1].rank == x[0].rank - 1;

    for (int i = 0; fits && i < x[1].rank; i++)
        fits = x[1].dim[i] == x[0].dim[i == 0 ? 0 : i + 1];
    if (!fits)
        return belay_fail(log, BELAY_ERR_SHAPE,
                          "cross_entropy: target %s does not fit logits %s; want [N, C, ...] and "
                          "[N, ...]", belay_shape_text(&x[1], b), belay_shape_text(&x[0], a));
    if (num_x > 2 && (x[2].rank != 1 || x[2].dim[0] != x[0].dim[1]))
        return belay_fail(log, BELAY_ERR_SHAPE, "cross_entropy: weight %s for %lld classes",
                          belay_shape_text(&x[2], b), (long long) x[0].dim[1]);
    return BELAY_OK;
}

static belay_status ce_infer(struct belay_log *log, const struct belay_attrs *attrs, int num_x,
                             const struct belay_shape *x, struct belay_shape *y)
{
    BELAY_TRY(check(log, num_x, x));
    y[0] = y[1] = (struct belay_shape){ .rank = 0 };
    if (attrs->flags == BELAY_REDUCE_NONE)
        y[0] = x[1];
    return BELAY_OK;
}

// [N, d1...] as [N, 1, d1...].
static belay_value *each_line(belay_graph *g, belay_value *dy)
{
    const struct belay_shape *s = belay_value_shape(dy);
    int64_t dim[BELAY_MAX_RANK] = { -1, 1 };
    for (int i = 1; i < s->rank; i++)
        dim[i + 1] = s->dim[i];
    return belay_reshape(g, dy, s->rank + 1, dim);
}

static void ce_grad(struct belay_grad *g)
{
    if (g->want[0] && g->dy[0]) {
        // Joined with this node by the passes: loss and gradient in one kernel.
        belay_value *both = belay_apply(g->graph, belay_op_find("cross_entropy_with_grad"),
                                        g->num_x, g->x, g->attrs);
        belay_value *dy = g->dy[0];
        if (g->attrs->flags == BELAY_REDUCE_NONE)
            dy = each_line(g->graph, dy);
        g->dx[0] = belay_mul(g->graph, belay_output(both, 2), dy);
    }
    if (g->num_x > 2 && g->want[2])
        belay_graph_fail(g->graph, BELAY_ERR_UNSUPPORTED,
                         "cross_entropy: no gradient of the class weights");
}

// The class of a position, or -1 where it counts for nothing.
static int64_t class_of(const struct belay_attrs *attrs, double target, int64_t classes)
{
    return target == (double) attrs->a[0] || target < 0 || target >= (double) classes
               ? -1 : (int64_t) target;
}

static double log_sum(const double *x, int64_t n, int64_t inner, double *max)
{
    double sum = 0;
    *max = x[0];
    for (int64_t c = 1; c < n; c++)
        *max = fmax(*max, x[c * inner]);
    for (int64_t c = 0; c < n; c++)
        sum += exp(x[c * inner] - *max);
    return log(sum);
}

static double position_loss(const struct belay_ref *r, const double *x, const double *weight,
                            struct belay_lines lines, int64_t label)
{
    double smoothing = r->call->attrs->f[0], max, sum = 0;
    double log_z = log_sum(x, lines.n, lines.inner, &max);

    for (int64_t c = 0; c < lines.n; c++) {
        double q = smoothing / (double) lines.n + (c == label ? 1 - smoothing : 0);
        sum += q * (weight ? weight[c] : 1) * (log_z - (x[c * lines.inner] - max));
    }
    return sum;
}

// dx = softmax(x) sum(q) - q, times `scale`.
static void position_grad(const struct belay_ref *r, const double *x, const double *weight,
                          struct belay_lines lines, int64_t label, double scale, double *dx)
{
    double smoothing = r->call->attrs->f[0], max, sum_q = 0;
    double log_z = log_sum(x, lines.n, lines.inner, &max);

    for (int pass = 0; pass < 2; pass++) {
        for (int64_t c = 0; c < lines.n; c++) {
            double q = smoothing / (double) lines.n + (c == label ? 1 - smoothing : 0);
            q *= weight ? weight[c] : 1;
            if (pass == 0)
                sum_q += q;
            else
                dx[c * lines.inner] = scale * (exp(x[c * lines.inner] - max - log_z) * sum_q - q);
        }
    }
}

static double total_weight(const struct belay_ref *r, const double *weight, int64_t classes)
{
    double total = 0;
    for (int64_t i = 0; i < belay_shape_count(&r->call->x_shape[1]); i++) {
        int64_t label = class_of(r->call->attrs, r->x[1][i], classes);
        total += label < 0 ? 0 : weight ? weight[label] : 1;
    }
    return total;
}

static void ce_ref(const struct belay_ref *r)
{
    struct belay_lines lines = belay_lines_of(&r->call->x_shape[0], 1);
    const double *weight = r->call->num_x > 2 ? r->x[2] : NULL;
    double sum = 0, total = total_weight(r, weight, lines.n);
    double scale = r->call->attrs->flags == BELAY_REDUCE_MEAN ? 1 / total : 1;

    for (int64_t i = 0; i < lines.outer * lines.inner; i++) {
        int64_t label = class_of(r->call->attrs, r->x[1][i], lines.n);
        int64_t at = i / lines.inner * lines.n * lines.inner + i % lines.inner;
        double loss = label < 0 ? 0 : position_loss(r, r->x[0] + at, weight, lines, label);
        if (r->call->attrs->flags == BELAY_REDUCE_NONE)
            r->y[0][i] = loss;
        sum += loss;
        for (int64_t c = 0; c < lines.n && has_dx(r->call) && label < 0; c++)
            r->y[DX][at + c * lines.inner] = 0;
        if (has_dx(r->call) && label >= 0)
            position_grad(r, r->x[0] + at, weight, lines, label, scale, r->y[DX] + at);
    }
    r->y[TOTAL][0] = total;
    if (r->call->attrs->flags == BELAY_REDUCE_SUM)
        r->y[0][0] = sum;
    else if (r->call->attrs->flags == BELAY_REDUCE_MEAN)
        r->y[0][0] = sum / total;
}

static int64_t positions(const struct belay_call *call)
{
    return belay_shape_count(&call->x_shape[1]);
}

// One group does everything: sooner than further launches.
static bool is_small(const struct belay_call *call)
{
    return call->attrs->flags != BELAY_REDUCE_NONE &&
           belay_shape_count(&call->x_shape[0]) <= SMALL &&
           (call->profile->cpu || call->x_shape[0].dim[1] < 64);
}

static int ce_stages(const struct belay_call *call)
{
    if (is_small(call))
        return 1;
    return call->attrs->flags == BELAY_REDUCE_NONE ? 2 : 3;
}

// Losses of all positions. Not less for fewer rows, whatever is small then.
static size_t ce_scratch(const struct belay_call *call)
{
    return call->attrs->flags == BELAY_REDUCE_NONE ? 0 : (size_t) positions(call);
}

static uint64_t ignored_class(const struct belay_call *call)
{
    // An ignored class that is none needs no comparison of its own.
    int64_t ignored = call->attrs->a[0];
    return ignored >= 0 && ignored < call->x_shape[0].dim[1] ? (uint64_t) ignored : UINT32_MAX;
}

static void add_inputs(const struct belay_call *call, struct belay_launch *l)
{
    bool has_weight = call->num_x > 2;

    belay_launch_y(l, has_dx(call) ? DX : TOTAL);
    belay_launch_uint(l, has_dx(call));
    belay_launch_x(l, 0);
    belay_launch_x(l, 1);
    belay_launch_x(l, has_weight ? 2 : 0);
    belay_launch_uint(l, has_weight);
    belay_launch_uint(l, (uint64_t) call->x_shape[0].dim[1]);
    belay_launch_uint(l, ignored_class(call));
    belay_launch_float(l, call->attrs->f[0]);
}

static void add_positions(const struct belay_call *call, struct belay_launch *l)
{
    struct belay_lines lines = belay_lines_of(&call->x_shape[0], 1);
    belay_launch_uint(l, (uint64_t) (lines.outer * lines.inner));
    belay_launch_uint(l, (uint64_t) lines.inner);
    belay_launch_uint(l, call->profile->cpu && lines.inner == 1); // vectors
}

static void add_loss(const struct belay_call *call, struct belay_launch *l)
{
    if (call->attrs->flags == BELAY_REDUCE_NONE)
        belay_launch_y(l, 0);
    else
        belay_launch_scratch(l);
}

static void launch_rows(const struct belay_call *call, struct belay_launch *l)
{
    struct belay_lines lines = belay_lines_of(&call->x_shape[0], 1);
    int64_t count = lines.outer * lines.inner;
    struct belay_line_plan plan = belay_line_plan(call->profile, count, lines.n, lines.inner);

    belay_launch_begin(l, plan.group ? "rows_group" : "rows");
    add_loss(call, l);
    belay_launch_y(l, TOTAL);
    add_inputs(call, l);
    if (!plan.group)
        add_positions(call, l);
    belay_launch_uint(l, call->attrs->flags);
    if (plan.group)
        belay_launch_local(l, plan.group * sizeof(float));
    else
        belay_launch_uint(l, plan.per);
    belay_line_range(l, &plan, count);
}

// One group with room for a number of each of its work-items.
static void one_group(const struct belay_call *call, struct belay_launch *l)
{
    size_t group = call->profile->cpu ? 1 : 256;
    while (group > call->profile->max_group)
        group /= 2;
    belay_launch_local(l, group * sizeof(float));
    belay_launch_range(l, group, group);
}

static void launch_weights(const struct belay_call *call, struct belay_launch *l)
{
    bool has_weight = call->num_x > 2;
    belay_launch_begin(l, "weights");
    belay_launch_y(l, TOTAL);
    belay_launch_x(l, 1);
    belay_launch_x(l, has_weight ? 2 : 0);
    belay_launch_uint(l, has_weight);
    belay_launch_uint(l, (uint64_t) call->x_shape[0].dim[1]);
    belay_launch_uint(l, (uint64_t) positions(call));
    belay_launch_uint(l, ignored_class(call));
    one_group(call, l);
}

static void launch_reduce(const struct belay_call *call, struct belay_launch *l)
{
    belay_launch_begin(l, "reduce");
    belay_launch_y(l, 0);
    belay_launch_y(l, TOTAL);
    belay_launch_scratch(l);
    belay_launch_uint(l, (uint64_t) positions(call));
    belay_launch_uint(l, call->attrs->flags);
    one_group(call, l);
}

static void ce_launch(const struct belay_call *call, int stage, struct belay_launch *l)
{
    if (is_small(call)) {
        belay_launch_begin(l, "small");
        belay_launch_y(l, 0);
        belay_launch_y(l, TOTAL);
        add_inputs(call, l);
        add_positions(call, l);
        belay_launch_uint(l, call->attrs->flags);
        one_group(call, l);
    } else if (stage == 0) {
        launch_weights(call, l);
    } else if (stage == 1) {
        launch_rows(call, l);
    } else {
        launch_reduce(call, l);
    }
}

static const struct {
    struct belay_shape x, target;
    bool weight;
    enum belay_reduction reduction;
    double smoothing;
    int64_t ignored;
} sizes[] = {
    { { 2, { 5, 3 } }, { 1, { 5 } }, false, BELAY_REDUCE_MEAN, 0, -100 },
    { { 2, { 33, 10 } }, { 1, { 33 } }, true, BELAY_REDUCE_MEAN, 0.1, 2 },
    { { 3, { 2, 7, 5 } }, { 2, { 2, 5 } }, true, BELAY_REDUCE_SUM, 0, 1 },
    { { 2, { 7, 300 } }, { 1, { 7 } }, false, BELAY_REDUCE_NONE, 0.2, -100 },
    { { 2, { 3, 2049 } }, { 1, { 3 } }, true, BELAY_REDUCE_MEAN, 0, 0 },
    { { 2, { 1000, 5 } }, { 1, { 1000 } }, false, BELAY_REDUCE_MEAN, 0, 3 },
    { { 3, { 33, 4, 3 } }, { 2, { 33, 3 } }, false, BELAY_REDUCE_NONE, 0, -100 },
    { { 2, { 33, 150 } }, { 1, { 33 } }, false, BELAY_REDUCE_MEAN, 0, -100 },
    { { 2, { 2000, 10 } }, { 1, { 2000 } }, true, BELAY_REDUCE_MEAN, 0.1, 5 },
    { { 3, { 33, 70, 9 } }, { 2, { 33, 9 } }, false, BELAY_REDUCE_SUM, 0.1, -100 },
    { { 2, { 33, 700 } }, { 1, { 33 } }, true, BELAY_REDUCE_MEAN, 0.3, 2 },
};
enum { NUM_SIZES = sizeof(sizes) / sizeof(sizes[0]) };

static bool has_rows(int i)
{
    return sizes[i].x.dim[0] == 33;
}

static belay_value *make(belay_graph *g, const char *op, int i)
{
    if (i >= NUM_SIZES)
        return NULL;
    struct belay_attrs attrs = { .f = { sizes[i].smoothing }, .a = { sizes[i].ignored },
                                 .flags = sizes[i].reduction };
    belay_value *in[3] = {
        belay_input(g, "logits", BELAY_F32, sizes[i].x.rank, sizes[i].x.dim, has_rows(i)),
        belay_input(g, "target", BELAY_I32, sizes[i].target.rank, sizes[i].target.dim,
                    has_rows(i)),
    };
    if (sizes[i].weight)
        in[2] = belay_input(g, "weight", BELAY_F32, 1, &sizes[i].x.dim[1], false);
    return belay_apply(g, belay_op_find(op), in[2] ? 3 : 2, in, &attrs);
}

static belay_value *ce_make(belay_graph *g, int i)
{
    return make(g, "cross_entropy", i);
}

const struct belay_op belay_op_cross_entropy = {
    .name = "cross_entropy",
    .help = "minus the log of the softmax at each row's class; smoothing, class weights, ignored "
            "class",
    .num_x = -1,
    .num_y = 2,
    .index_inputs = 1u << 1,
    .keep = 7,
    .infer = ce_infer,
    .grad = ce_grad,
    .ref = ce_ref,
    .cl_file = "cross_entropy",
    .stages = ce_stages,
    .scratch = ce_scratch,
    .launch = ce_launch,
    // The gradient of a weight is refused, so finite differences are left to the golden cases.
    .test = { .lo = 0, .hi = 4, .make = ce_make, .no_grad_check = true },
};

static belay_status both_infer(struct belay_log *log, const struct belay_attrs *attrs, int num_x,
                               const struct belay_shape *x, struct belay_shape *y)
{
    BELAY_TRY(ce_infer(log, attrs, num_x, x, y));
    y[DX] = x[0];
    return BELAY_OK;
}

static belay_value *both_make(belay_graph *g, int i)
{
    return make(g, "cross_entropy_with_grad", i);
}

// The same with a third output: the gradient of the logits where that of the (reduced) loss is 1.
const struct belay_op belay_op_cross_entropy_with_grad = {
    .name = "cross_entropy_with_grad",
    .num_x = -1,
    .num_y = 3,
    .index_inputs = 1u << 1,
    .extends = &belay_op_cross_entropy,
    .infer = both_infer,
    .ref = ce_ref,
    .cl_file = "cross_entropy",
    .stages = ce_stages,
    .scratch = ce_scratch,
    .launch = ce_launch,
    .test = { .lo = 0, .hi = 4, .make = both_make, .no_grad_check = true },
};

// Class probabilities: made of other ops, so that the target may have a gradient too.
static belay_value *of_probabilities(belay_graph *g, belay_value *logits, belay_value *target,
                                     belay_value *weight, double smoothing,
                                     enum belay_reduction reduction)
{
    const struct belay_shape *shape = belay_value_shape(logits);
    struct belay_shape wide = { .rank = shape->rank - 1, .dim = { shape->dim[1] } };
    char a[BELAY_SHAPE_TEXT], b[BELAY_SHAPE_TEXT];
    const int axis = 1;

    if (shape->rank < 2 || !belay_shape_equal(shape, belay_value_shape(target)))
        return belay_graph_fail(g, BELAY_ERR_SHAPE,
                                "cross_entropy: probabilities %s do not fit logits %s",
                                belay_shape_text(belay_value_shape(target), b),
                                belay_shape_text(shape, a));
    if (smoothing > 0) {
        belay_value *even = belay_scalar(g, smoothing / (double) shape->dim[1]);
        target = belay_add(g, belay_mul(g, target, belay_scalar(g, 1 - smoothing)), even);
    }
    belay_value *y = belay_mul(g, belay_log_softmax(g, logits, 1), target);
    for (int i = 1; i < wide.rank; i++)
        wide.dim[i] = 1;
    if (weight)
        y = belay_mul(g, y, belay_reshape(g, weight, wide.rank, wide.dim));
    y = belay_neg(g, belay_sum(g, y, 1, &axis, false));
    if (reduction == BELAY_REDUCE_NONE)
        return y;
    return reduction == BELAY_REDUCE_SUM ? belay_sum(g, y, 0, NULL, false)
                                         : belay_mean(g, y, 0, NULL, false);
}

belay_value *belay_cross_entropy_full(belay_graph *g, belay_value *logits, belay_value *target,
                                      belay_value *weight, double label_smoothing,
                                      int64_t ignore_index, enum belay_reduction reduction)
{
    struct belay_attrs attrs = { .f = { label_smoothing }, .a = { ignore_index },
                                 .flags = reduction };
    belay_value *in[] = { logits, target, weight };

    if (!logits || !target)
        return NULL;
    if (!(label_smoothing >= 0 && label_smoothing <= 1))
        return belay_graph_fail(g, BELAY_ERR_ARG, "cross_entropy: label smoothing %g, want 0 to 1",
                                label_smoothing);
    if (belay_value_dtype(target) != BELAY_I32)
        return of_probabilities(g, logits, target, weight, label_smoothing, reduction);
    return belay_apply(g, &belay_op_cross_entropy, weight ? 3 : 2, in, &attrs);
}

belay_value *belay_cross_entropy(belay_graph *g, belay_value *logits, belay_value *target)
{
    return belay_cross_entropy_full(g, logits, target, NULL, 0, -100, BELAY_REDUCE_MEAN);
}
