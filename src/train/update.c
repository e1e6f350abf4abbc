// The optimizer's nodes: the gradient's norm, and the update of the whole parameter arena in one
// launch. Each launch handles blocks of BELAY_BLOCK elements; a block is of one parameter, hence of
// one parameter group.
#include <assert.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "train/optimizer.h"

// ---- grad_norm: {sqrt(sum g²), scale} ----
// Device: cl/optim_norm.cl; block sums, then all, in an order that depends on the shape alone.

static size_t count_blocks(const struct belay_shape *s)
{
    return (size_t) belay_shape_count(s) / BELAY_BLOCK;
}

static belay_status check_arena(struct belay_log *log, const char *op, const struct belay_shape *s)
{
    char text[BELAY_SHAPE_TEXT];
    if (s->rank == 1 && s->dim[0] > 0 && s->dim[0] % BELAY_BLOCK == 0)
        return BELAY_OK;
    return belay_fail(log, BELAY_ERR_SHAPE, "%s: shape %s is no row of blocks of %d", op,
                      belay_shape_text(s, text), BELAY_BLOCK);
}

static belay_status norm_infer(struct belay_log *log, const struct belay_attrs *attrs, int num_x,
                               const struct belay_shape *x, struct belay_shape *y)
{
    BELAY_TRY(check_arena(log, "grad_norm", &x[0]));
    y[0] = (struct belay_shape){ 1, { 2 } };
    return BELAY_OK;
}

static double norm_scale(double norm, double max_norm)
{
    double scale = max_norm / (norm + 1e-6);
    return max_norm == 0 || scale > 1 ? 1 : scale; // NaN stays
}

static void norm_ref(const struct belay_ref *r)
{
    size_t count = (size_t) belay_shape_count(&r->call->x_shape[0]);
    double sum = 0;
    for (size_t i = 0; i < count; i++)
        sum += r->x[0][i] * r->x[0][i];
    r->y[0][0] = sqrt(sum);
    r->y[0][1] = norm_scale(r->y[0][0], r->call->attrs->f[0]);
}

static int norm_stages(const struct belay_call *call)
{
    return 2;
}

static size_t norm_scratch(const struct belay_call *call)
{
    return count_blocks(&call->x_shape[0]);
}

// Work-items of a group on devices with local memory.
#define GROUP 64

static size_t group_size(const struct belay_profile *p)
{
    return p->max_group < GROUP ? 1 : GROUP;
}

static void norm_launch(const struct belay_call *call, int stage, struct belay_launch *out)
{
    size_t blocks = count_blocks(&call->x_shape[0]);
    size_t local = call->profile->cpu ? 1 : group_size(call->profile);
    if (stage == 0) {
        belay_launch_begin(out, local == 1 ? "norm_blocks_cpu" : "norm_blocks");
        belay_launch_scratch(out);
        belay_launch_x(out, 0);
        belay_launch_range(out, blocks * local, local);
    } else {
        belay_launch_begin(out, local == 1 ? "norm_all_cpu" : "norm_all");
        belay_launch_y(out, 0);
        belay_launch_scratch(out);
        belay_launch_uint(out, blocks);
        belay_launch_float(out, call->attrs->f[0]);
        belay_launch_range(out, local, local);
    }
}

static const struct belay_op op_grad_norm = {
    .name = "grad_norm",
    .num_x = 1,
    .flags = BELAY_OP_EFFECT, // reads an arena that other nodes wrote piece by piece
    .infer = norm_infer,
    .ref = norm_ref,
    .cl_file = "optim_norm",
    .stages = norm_stages,
    .scratch = norm_scratch,
    .launch = norm_launch,
};

belay_value *belay_grad_norm(belay_graph *g, belay_value *grads, double max_norm)
{
    struct belay_attrs attrs;
    memset(&attrs, 0, sizeof(attrs));
    attrs.f[0] = max_norm;
    return belay_apply1(g, &op_grad_norm, grads, &attrs);
}

// ---- the update ----
// Inputs: params, states…, grads, block_group, hyper, norm_scale. Outputs, in place: params,
// states….

struct update_op {
    struct belay_op op; // first: a call's op is this struct
    const struct belay_optimizer *optimizer;
    int num_states;
    char kernel[2][48]; // for cpu, for groups
};

static const struct update_op *update_of(const struct belay_call *call)
{
    return (const struct update_op *) call->op;
}

static belay_status update_infer(struct belay_log *log, const struct belay_attrs *attrs, int num_x,
                                 const struct belay_shape *x, struct belay_shape *y)
{
    int num_y = num_x - 4;
    BELAY_TRY(check_arena(log, "update", &x[0]));
    for (int i = 1; i <= num_y; i++)
        if (!belay_shape_equal(&x[i], &x[0]))
            return belay_fail(log, BELAY_ERR_SHAPE, "update: arena %d has %lld elements, want %lld",
                              i, (long long) belay_shape_count(&x[i]), (long long) x[0].dim[0]);
    if (belay_shape_count(&x[num_y + 1]) != x[0].dim[0] / BELAY_BLOCK)
        return belay_fail(log, BELAY_ERR_SHAPE, "update: got groups of %lld blocks, want %lld",
                          (long long) belay_shape_count(&x[num_y + 1]),
                          (long long) x[0].dim[0] / BELAY_BLOCK);
    if (belay_shape_count(&x[num_y + 2]) % BELAY_HYPER != 0)
        return belay_fail(log, BELAY_ERR_SHAPE, "update: hyper has %lld elements, want rows of %d",
                          (long long) belay_shape_count(&x[num_y + 2]), BELAY_HYPER);
    if (belay_shape_count(&x[num_y + 3]) != 2)
        return belay_fail(log, BELAY_ERR_SHAPE, "update: norm has %lld elements, want 2",
                          (long long) belay_shape_count(&x[num_y + 3]));
    for (int i = 0; i < num_y; i++)
        y[i] = x[0];
    return BELAY_OK;
}

static void update_block(const struct belay_ref *r, const double *h, size_t start)
{
    const struct update_op *u = update_of(r->call);
    double scale = r->x[u->num_states + 4][1];
    for (size_t i = start; i < start + BELAY_BLOCK; i++) {
        double s[BELAY_MAX_MOMENTS] = { 0 };
        for (int k = 0; k < u->num_states; k++)
            s[k] = r->x[1 + k][i];
        u->optimizer->update(h, u->num_states, scale * r->x[u->num_states + 1][i], &r->y[0][i], s);
        for (int k = 0; k < u->num_states; k++)
            r->y[1 + k][i] = s[k];
    }
}

static void update_ref(const struct belay_ref *r)
{
    const struct update_op *u = update_of(r->call);
    size_t count = (size_t) belay_shape_count(&r->call->x_shape[0]);
    for (int k = 0; k <= u->num_states; k++)
        memcpy(r->y[k], r->x[k], count * sizeof(double));
    for (size_t block = 0; block < count / BELAY_BLOCK; block++) {
        double group = r->x[u->num_states + 2][block];
        if (group >= 0)
            update_block(r, r->x[u->num_states + 3] + (size_t) group * BELAY_HYPER,
                         block * BELAY_BLOCK);
    }
}

static void update_launch(const struct belay_call *call, int stage, struct belay_launch *out)
{
    const struct update_op *u = update_of(call);
    size_t local = call->profile->cpu ? 1 : group_size(call->profile);
    belay_launch_begin(out, u->kernel[local > 1]);
    for (int k = 0; k <= u->num_states; k++)
        belay_launch_y(out, k);
    for (int k = u->num_states + 1; k < call->num_x; k++)
        belay_launch_x(out, k);
    belay_launch_range(out, count_blocks(&call->x_shape[0]) * local, local);
}

static struct update_op *make_update(belay_graph *g, const struct belay_optimizer *opt,
                                     int num_states)
{
    struct update_op *u = belay_arena_alloc(&g->arena, sizeof(*u));
    if (!u)
        return NULL;
    u->optimizer = opt;
    u->num_states = num_states;
    snprintf(u->kernel[0], sizeof(u->kernel[0]), "%s_s%d_cpu", opt->name, num_states);
    snprintf(u->kernel[1], sizeof(u->kernel[1]), "%s_s%d", opt->name, num_states);
    struct belay_op op = {
        .name = opt->name,
        .num_x = num_states + 5,
        .num_y = num_states + 1,
        .flags = BELAY_OP_EFFECT,
        .index_inputs = 1u << (num_states + 2),
        .infer = update_infer,
        .ref = update_ref,
        .cl_file = opt->cl_file,
        .launch = update_launch,
    };
    for (int k = 0; k <= num_states; k++)
        op.inplace[k] = 1 + k;
    u->op = op;
    return u;
}

belay_status belay_optimizer_nodes(belay_graph *g, const struct belay_optimizer *opt,
                                   int num_states, belay_value *params, belay_value *grads,
                                   belay_value *const *states, belay_value *block_group,
                                   belay_value *hyper, belay_value *norm_scale)
{
    BELAY_TRY(belay_graph_check(g));
    assert(num_states <= opt->num_states && num_states < BELAY_MAX_OUT);
    struct update_op *u = make_update(g, opt, num_states);
    if (!u)
        return belay_fail_nomem(g->log, sizeof(*u));
    belay_value *x[BELAY_MAX_IN] = { params };
    for (int k = 0; k < num_states; k++)
        x[1 + k] = states[k];
    x[num_states + 1] = grads;
    x[num_states + 2] = block_group;
    x[num_states + 3] = hyper;
    x[num_states + 4] = norm_scale;
    belay_apply(g, &u->op, num_states + 5, x, NULL);
    return belay_graph_check(g);
}
