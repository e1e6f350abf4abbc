// The update of the whole parameter arena in one launch: clipping, the optimizer's step, the mean of
// the weights over steps, the sums of squares of the gradients. Each launch handles blocks of
// BELAY_BLOCK elements; a block is of one parameter, hence of one parameter group.
// Device: cl/optim.clh and the optimizer's file.
#include <assert.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "train/update.h"

// Inputs: params, states…, grads, block_group, hyper, common, and perhaps norm and ema.
// Outputs: params, states… in place; then, where they are wanted, ema and grads in place and the
// sums of squares.
struct update_op {
    struct belay_op op; // first: a call's op is this struct
    const struct belay_optimizer *optimizer;
    int num_states;
    double most; // of an element of the gradient
    int grads, group, hyper, common, norm, ema; // inputs; -1: none
    int y_ema, y_grads, y_squares;              // outputs; -1: none
    char kernel[2][48]; // for cpu, for groups
};

static const struct update_op *update_of(const struct belay_call *call)
{
    return (const struct update_op *) call->op;
}

static belay_status check_count(struct belay_log *log, const char *what, const struct belay_shape *s,
                                int64_t want)
{
    int64_t count = belay_shape_count(s);
    return count == want ? BELAY_OK
                         : belay_fail(log, BELAY_ERR_SHAPE, "update: %s has %lld elements, want %lld",
                                      what, (long long) count, (long long) want);
}

static belay_status update_infer(struct belay_log *log, const struct belay_attrs *attrs, int num_x,
                                 const struct belay_shape *x, struct belay_shape *y)
{
    int num_states = (int) attrs->a[0], num_y = (int) attrs->a[1], squares = (int) attrs->a[2];
    const struct belay_shape *rest = x + num_states + 1; // grads, block_group, hyper, common, …
    int64_t count = belay_shape_count(&x[0]), hyper = belay_shape_count(&rest[2]);
    BELAY_TRY(belay_check_arena(log, "update", &x[0]));
    for (int i = 1; i <= num_states + 1; i++)
        BELAY_TRY(check_count(log, "an arena", &x[i], count));
    BELAY_TRY(check_count(log, "block_group", &rest[1], count / BELAY_BLOCK));
    if (hyper == 0 || hyper % BELAY_HYPER != 0)
        return belay_fail(log, BELAY_ERR_SHAPE, "update: hyper has %lld elements, want rows of %d",
                          (long long) hyper, BELAY_HYPER);
    BELAY_TRY(check_count(log, "common", &rest[3], BELAY_COMMON));
    for (int i = 0; i < num_y; i++)
        y[i] = x[0];
    if (squares >= 0)
        y[squares] = (struct belay_shape){ 1, { count / BELAY_BLOCK } };
    return BELAY_OK;
}

static void update_element(const struct belay_ref *r, const double *h, double scale, size_t i,
                           double *squares)
{
    const struct update_op *u = update_of(r->call);
    double s[BELAY_MAX_MOMENTS] = { 0 }, g = scale * r->x[u->grads][i];
    *squares += g * g;
    g = g > u->most ? u->most : g < -u->most ? -u->most : g; // NaN stays
    for (int k = 0; k < u->num_states; k++)
        s[k] = r->x[1 + k][i];
    u->optimizer->update(h, u->num_states, g, &r->y[0][i], s);
    for (int k = 0; k < u->num_states; k++)
        r->y[1 + k][i] = s[k];
    if (u->ema >= 0)
        r->y[u->y_ema][i] += r->x[u->common][BELAY_COMMON_EMA] * (r->y[0][i] - r->x[u->ema][i]);
    if (u->y_grads >= 0)
        r->y[u->y_grads][i] = 0;
}

static void update_ref(const struct belay_ref *r)
{
    const struct update_op *u = update_of(r->call);
    size_t count = (size_t) belay_shape_count(&r->call->x_shape[0]);
    double scale = u->norm >= 0 ? r->x[u->norm][1] : 1;
    for (int k = 0; k < r->call->num_y; k++)
        if (u->op.inplace[k])
            memcpy(r->y[k], r->x[u->op.inplace[k] - 1], count * sizeof(double));
    for (size_t block = 0; block < count / BELAY_BLOCK; block++) {
        double group = r->x[u->group][block], squares = 0;
        const double *h = r->x[u->hyper] + (group < 0 ? 0 : (size_t) group) * BELAY_HYPER;
        bool idle = group < 0 || r->x[u->common][BELAY_COMMON_LAST] == 0;
        for (size_t i = block * BELAY_BLOCK; i < (block + 1) * BELAY_BLOCK && !idle; i++)
            update_element(r, h, scale, i, &squares);
        if (u->y_squares >= 0)
            r->y[u->y_squares][block] = squares;
    }
}

static void update_launch(const struct belay_call *call, int stage, struct belay_launch *out)
{
    const struct update_op *u = update_of(call);
    bool groups = belay_block_group(call->profile) > 1;
    belay_launch_begin(out, u->kernel[groups]);
    for (int k = 0; k <= u->num_states; k++)
        belay_launch_y(out, k);
    for (int k = u->grads; k <= u->common; k++)
        belay_launch_x(out, k);
    if (u->norm >= 0)
        belay_launch_x(out, u->norm);
    else
        belay_launch_y(out, u->y_squares);
    belay_launch_uint(out, u->norm >= 0);
    belay_launch_float(out, u->most);
    belay_launch_y(out, u->ema >= 0 ? u->y_ema : 0); // not touched without has_ema
    belay_launch_uint(out, u->ema >= 0);
    belay_launch_uint(out, u->y_grads >= 0);
    belay_launch_blocks(call->profile, belay_count_blocks(&call->x_shape[0]), out);
}

static struct belay_op op_of(const struct update_op *u, int num_x, int num_y)
{
    struct belay_op op = {
        .name = u->optimizer->name,
        .num_x = num_x,
        .num_y = num_y,
        .flags = BELAY_OP_EFFECT | (u->optimizer->own ? BELAY_OP_OWN : 0),
        .index_inputs = 1u << u->group,
        .infer = update_infer,
        .ref = update_ref,
        .cl_file = u->optimizer->cl_file,
        .launch = update_launch,
    };
    for (int k = 0; k <= u->num_states; k++)
        op.inplace[k] = 1 + k;
    if (u->y_ema >= 0)
        op.inplace[u->y_ema] = 1 + u->ema;
    if (u->y_grads >= 0)
        op.inplace[u->y_grads] = 1 + u->grads;
    return op;
}

static struct update_op *make_update(belay_graph *g, const struct belay_update *in)
{
    struct update_op *u = belay_arena_alloc(&g->arena, sizeof(*u));
    if (!u)
        return NULL;
    int num_x = in->num_states + 1, num_y = num_x, n = in->num_states;
    u->optimizer = in->optimizer;
    u->num_states = n;
    u->most = in->clip_value > 0 ? in->clip_value : HUGE_VAL;
    u->grads = num_x++;
    u->group = num_x++;
    u->hyper = num_x++;
    u->common = num_x++;
    u->norm = in->norm ? num_x++ : -1;
    u->ema = in->ema ? num_x++ : -1;
    u->y_ema = in->ema ? num_y++ : -1;
    u->y_grads = in->clear ? num_y++ : -1;
    u->y_squares = in->norm ? -1 : num_y++;
    snprintf(u->kernel[0], sizeof(u->kernel[0]), "%s_s%d_cpu", in->optimizer->name, n);
    snprintf(u->kernel[1], sizeof(u->kernel[1]), "%s_s%d", in->optimizer->name, n);
    u->op = op_of(u, num_x, num_y);
    return u;
}

belay_status belay_optimizer_nodes(belay_graph *g, const struct belay_update *in,
                                   belay_value **squares)
{
    BELAY_TRY(belay_graph_check(g));
    assert(in->num_states <= in->optimizer->num_states && in->num_states + 4 <= BELAY_MAX_OUT);
    struct update_op *u = make_update(g, in);
    if (!u)
        return belay_fail_nomem(g->log, sizeof(*u));
    belay_value *x[BELAY_MAX_IN] = { in->params };
    for (int k = 0; k < in->num_states; k++)
        x[1 + k] = in->states[k];
    x[u->grads] = in->grads;
    x[u->group] = in->block_group;
    x[u->hyper] = in->hyper;
    x[u->common] = in->common;
    if (in->norm)
        x[u->norm] = in->norm;
    if (in->ema)
        x[u->ema] = in->ema;
    const struct belay_attrs attrs = { .a = { u->num_states, u->op.num_y, u->y_squares } };
    belay_value *first = belay_apply(g, &u->op, u->op.num_x, x, &attrs);
    if (squares)
        *squares = u->y_squares >= 0 ? belay_output(first, u->y_squares) : NULL;
    return belay_graph_check(g);
}
