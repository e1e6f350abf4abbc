// The norm of the gradients: sums over blocks, then over all, in an order that depends on the
// number of blocks alone; and the row of the log that it goes to.
// Device: cl/optim_norm.cl. A change here is a change there.
#include <math.h>
#include <string.h>

#include "train/update.h"

enum { COMMON_LAST = 2, STEP_SLOT = 3, LOG_WIDTH = 3 };

size_t belay_count_blocks(const struct belay_shape *s)
{
    return (size_t) belay_shape_count(s) / BELAY_BLOCK;
}

belay_status belay_check_arena(struct belay_log *log, const char *op, const struct belay_shape *s)
{
    char text[BELAY_SHAPE_TEXT];
    if (s->rank == 1 && s->dim[0] > 0 && s->dim[0] % BELAY_BLOCK == 0)
        return BELAY_OK;
    return belay_fail(log, BELAY_ERR_SHAPE, "%s: shape %s is no row of blocks of %d", op,
                      belay_shape_text(s, text), BELAY_BLOCK);
}

size_t belay_block_group(const struct belay_profile *p)
{
    enum { GROUP = 64 }; // OPTIM_GROUP
    return p->cpu || p->max_group < GROUP ? 1 : GROUP;
}

// A few work-items for each core of a CPU: one a block would cost as much as its work.
size_t belay_blocks_per_item(const struct belay_profile *p, size_t blocks)
{
    size_t items = (size_t) p->compute_units * 4;
    return !p->cpu || items == 0 || blocks <= items ? 1 : (blocks + items - 1) / items;
}

void belay_launch_blocks(const struct belay_profile *p, size_t blocks, struct belay_launch *l)
{
    size_t local = belay_block_group(p), per = belay_blocks_per_item(p, blocks);
    belay_launch_uint(l, blocks);
    belay_launch_uint(l, per);
    belay_launch_range(l, (blocks + per - 1) / per * local, local);
}

// ---- sums: inputs gradients and common; a sum, or the largest, for each block ----

static belay_status sums_infer(struct belay_log *log, const struct belay_attrs *attrs, int num_x,
                               const struct belay_shape *x, struct belay_shape *y)
{
    BELAY_TRY(belay_check_arena(log, "grad_norm", &x[0]));
    if (belay_shape_count(&x[1]) <= COMMON_LAST)
        return belay_fail(log, BELAY_ERR_SHAPE, "grad_norm: common has %lld elements, want %d",
                          (long long) belay_shape_count(&x[1]), BELAY_COMMON);
    y[0] = (struct belay_shape){ 1, { x[0].dim[0] / BELAY_BLOCK } };
    return BELAY_OK;
}

// The larger of two; NaN stays.
static double larger(double a, double b)
{
    return b > a || isnan(b) ? b : a;
}

static double with_power(double sum, double x, double power)
{
    if (power == 2)
        return sum + x * x;
    if (isinf(power))
        return larger(sum, fabs(x));
    return sum + (power == 1 ? fabs(x) : pow(fabs(x), power));
}

static void sums_ref(const struct belay_ref *r)
{
    size_t blocks = belay_count_blocks(&r->call->x_shape[0]);
    for (size_t b = 0; b < blocks; b++) {
        r->y[0][b] = 0;
        for (size_t i = b * BELAY_BLOCK; i < (b + 1) * BELAY_BLOCK; i++)
            r->y[0][b] = with_power(r->y[0][b], r->x[0][i], r->call->attrs->f[0]);
    }
}

static void sums_launch(const struct belay_call *call, int stage, struct belay_launch *out)
{
    bool groups = belay_block_group(call->profile) > 1, squares = call->attrs->f[0] == 2;
    belay_launch_begin(out, groups ? squares ? "squares" : "powers"
                                   : squares ? "squares_cpu" : "powers_cpu");
    belay_launch_y(out, 0);
    belay_launch_x(out, 0);
    belay_launch_x(out, 1);
    if (!squares)
        belay_launch_float(out, call->attrs->f[0]);
    belay_launch_blocks(call->profile, belay_count_blocks(&call->x_shape[0]), out);
}

static const struct belay_op op_sums = {
    .name = "grad_sums",
    .num_x = 2,
    .flags = BELAY_OP_EFFECT,
    .infer = sums_infer,
    .ref = sums_ref,
    .cl_file = "optim_norm",
    .launch = sums_launch,
};

// ---- norm: inputs the sums, and perhaps log, loss, step; {norm, scale}, and the log in place ----

static bool has_log(const struct belay_call *call)
{
    return call->num_x > 1;
}

static belay_status norm_infer(struct belay_log *log, const struct belay_attrs *attrs, int num_x,
                               const struct belay_shape *x, struct belay_shape *y)
{
    char text[BELAY_SHAPE_TEXT];
    y[0] = (struct belay_shape){ 1, { 2 } };
    if (num_x == 1)
        return BELAY_OK;
    if (x[1].rank != 2 || x[1].dim[1] != LOG_WIDTH || belay_shape_count(&x[2]) != 1 ||
        belay_shape_count(&x[3]) <= STEP_SLOT)
        return belay_fail(log, BELAY_ERR_SHAPE, "grad_norm: log %s has no rows of %d",
                          belay_shape_text(&x[1], text), LOG_WIDTH);
    y[1] = x[1];
    return BELAY_OK;
}

static double norm_scale(double norm, double max)
{
    double scale = max / (norm + 1e-6);
    return max == 0 || scale > 1 ? 1 : scale; // NaN stays
}

static double norm_of(const double *sums, int64_t count, double power)
{
    double sum = 0;
    for (int64_t i = 0; i < count; i++)
        sum = isinf(power) ? larger(sum, sums[i]) : sum + sums[i];
    if (power == 2)
        return sqrt(sum);
    return power == 1 || isinf(power) ? sum : pow(sum, 1 / power);
}

static void norm_ref(const struct belay_ref *r)
{
    const double *settings = r->call->attrs->f;
    r->y[0][0] = norm_of(r->x[0], belay_shape_count(&r->call->x_shape[0]), settings[1]);
    r->y[0][1] = norm_scale(r->y[0][0], settings[0]);
    if (!has_log(r->call))
        return;
    int64_t slots = r->call->x_shape[1].dim[0], slot = (int64_t) r->x[3][STEP_SLOT];
    memcpy(r->y[1], r->x[1], (size_t) (slots * LOG_WIDTH) * sizeof(double));
    if (slot < 0 || slot >= slots)
        return;
    r->y[1][slot * LOG_WIDTH] = r->x[2][0];
    r->y[1][slot * LOG_WIDTH + 1] = r->y[0][0];
    r->y[1][slot * LOG_WIDTH + 2] = r->y[0][1];
}

static void norm_launch(const struct belay_call *call, int stage, struct belay_launch *out)
{
    size_t local = belay_block_group(call->profile);
    belay_launch_begin(out, "norm_all");
    belay_launch_y(out, 0);
    belay_launch_x(out, 0);
    belay_launch_uint(out, (uint64_t) belay_shape_count(&call->x_shape[0]));
    belay_launch_float(out, call->attrs->f[0]);
    belay_launch_float(out, call->attrs->f[1]);
    belay_launch_y(out, has_log(call)); // without a log these three are not touched
    belay_launch_x(out, has_log(call) ? 2 : 0);
    belay_launch_x(out, has_log(call) ? 3 : 0);
    belay_launch_uint(out, has_log(call) ? (uint64_t) call->x_shape[1].dim[0] : 0);
    belay_launch_range(out, local, local);
}

#define NORM_OP                                                                                    \
    .name = "grad_norm", .flags = BELAY_OP_EFFECT, .infer = norm_infer, .ref = norm_ref,           \
    .cl_file = "optim_norm", .launch = norm_launch

static const struct belay_op op_norm = { NORM_OP, .num_x = 1 };
static const struct belay_op op_norm_log = {
    NORM_OP, .num_x = 4, .num_y = 2, .index_inputs = 1u << 3, .inplace = { 0, 2 },
};

belay_value *belay_grad_sums(belay_graph *g, belay_value *grads, belay_value *common, double power)
{
    const struct belay_attrs attrs = { .f = { power } };
    return belay_apply2(g, &op_sums, grads, common, &attrs);
}

belay_value *belay_grad_norm(belay_graph *g, belay_value *sums, struct belay_norm norm)
{
    const struct belay_attrs attrs = { .f = { norm.max, norm.power } };
    return belay_apply1(g, &op_norm, sums, &attrs);
}

belay_value *belay_grad_norm_log(belay_graph *g, belay_value *sums, struct belay_norm norm,
                                 belay_value *log, belay_value *loss)
{
    const struct belay_attrs attrs = { .f = { norm.max, norm.power } };
    belay_value *x[4] = { sums, log, loss, belay_graph_step_table(g) };
    return belay_apply(g, &op_norm_log, 4, x, &attrs);
}
