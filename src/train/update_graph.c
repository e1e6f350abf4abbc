// The update by optimizers that are small graphs. For each parameter: its gradient is taken out of the
// arena (clipped), the optimizer's nodes follow, and what they make is put back: the states, and
// into the gradient's place the move. One launch over the arena then does the rest, as for all
// others. Taking and putting are effects, so nothing is moved across them; before the last batch of a
// step nothing is put. Device: cl/optim_move.cl.
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "op/op.h"
#include "train/update.h"

// ---- take: y = the gradient, scaled and limited; inputs the memory, and perhaps the norm ----

static belay_status take_infer(struct belay_log *log, const struct belay_attrs *attrs, int num_x,
                               const struct belay_shape *x, struct belay_shape *y)
{
    y[0] = x[0];
    return BELAY_OK;
}

static void take_ref(const struct belay_ref *r)
{
    double scale = r->call->num_x > 1 ? r->x[1][1] : 1, most = r->call->attrs->f[0];
    for (int64_t i = 0; i < belay_shape_count(&r->call->x_shape[0]); i++) {
        double g = scale * r->x[0][i];
        r->y[0][i] = g > most ? most : g < -most ? -most : g; // NaN stays
    }
}

static void launch_each(const struct belay_call *call, struct belay_launch *out)
{
    size_t count = (size_t) belay_shape_count(&call->x_shape[0]), most = call->profile->max_group;
    belay_launch_uint(out, count);
    belay_launch_range(out, count, most < 64 ? most : 64);
}

static void take_launch(const struct belay_call *call, int stage, struct belay_launch *out)
{
    belay_launch_begin(out, "optim_take");
    belay_launch_y(out, 0);
    belay_launch_x(out, 0);
    belay_launch_x(out, call->num_x > 1); // without a norm it is not touched
    belay_launch_uint(out, call->num_x > 1);
    belay_launch_float(out, call->attrs->f[0]);
    launch_each(call, out);
}

#define TAKE_OP                                                                                    \
    .name = "optim_take", .flags = BELAY_OP_EFFECT, .infer = take_infer, .ref = take_ref,          \
    .cl_file = "optim_move", .launch = take_launch

static const struct belay_op op_take = { TAKE_OP, .num_x = 1 };
static const struct belay_op op_take_scaled = { TAKE_OP, .num_x = 2 };

static belay_value *take(belay_graph *g, belay_value *memory, const struct belay_update *u)
{
    const struct belay_attrs attrs = { .f = { u->clip_value > 0 ? u->clip_value : HUGE_VAL } };
    return u->norm ? belay_apply2(g, &op_take_scaled, memory, u->norm, &attrs)
                   : belay_apply1(g, &op_take, memory, &attrs);
}

// ---- put: inputs memory, value, common ----

static belay_status put_infer(struct belay_log *log, const struct belay_attrs *attrs, int num_x,
                              const struct belay_shape *x, struct belay_shape *y)
{
    char a[BELAY_SHAPE_TEXT], b[BELAY_SHAPE_TEXT];
    if (belay_shape_count(&x[0]) != belay_shape_count(&x[1]))
        return belay_fail(log, BELAY_ERR_SHAPE, "optimizer: got %s, want %s",
                          belay_shape_text(&x[1], a), belay_shape_text(&x[0], b));
    y[0] = x[0];
    return BELAY_OK;
}

static void put_ref(const struct belay_ref *r)
{
    size_t size = (size_t) belay_shape_count(&r->call->x_shape[0]) * sizeof(double);
    memmove(r->y[0], r->x[r->x[2][BELAY_COMMON_LAST] != 0 ? 1 : 0], size);
}

static void put_launch(const struct belay_call *call, int stage, struct belay_launch *out)
{
    belay_launch_begin(out, "optim_put");
    belay_launch_y(out, 0);
    belay_launch_x(out, 1);
    belay_launch_x(out, 2);
    launch_each(call, out);
}

static const struct belay_op op_put = {
    .name = "optim_put",
    .num_x = 3,
    .flags = BELAY_OP_EFFECT,
    .inplace = { 1 },
    .infer = put_infer,
    .ref = put_ref,
    .cl_file = "optim_move",
    .launch = put_launch,
};

static void put(belay_graph *g, belay_value *memory, belay_value *value, belay_value *common)
{
    belay_apply(g, &op_put, 3, (belay_value *[]){ memory, value, common }, NULL);
}

// ---- the move of the arena ----

static void move(const double *h, int num_states, double g, double *p, double *s)
{
    *p = h[BELAY_H_KEEP] * *p - g;
}

static const struct belay_optimizer mover = { .name = "move", .update = move, .cl_file = "optim_move" };

belay_status belay_optimizer_graph(belay_graph *g, const struct belay_update *update,
                                   const struct belay_update_slot *slot)
{
    struct belay_update_param p = slot->p;
    if (slot->group < 0)
        return BELAY_OK;
    p.grad = take(g, slot->p.grad, update);
    for (int k = 0; k < BELAY_HYPER; k++) {
        int64_t at = slot->group * BELAY_HYPER + k;
        p.h[k] = belay_slice(g, update->hyper, 0, at, at + 1, 1);
    }
    belay_value *by = update->optimizer->build(g, &p);
    for (int k = 0; k < BELAY_MAX_MOMENTS; k++)
        if (slot->p.states[k])
            put(g, slot->p.states[k], p.states[k], update->common);
    put(g, slot->p.grad, by, update->common);
    return belay_graph_check(g);
}

belay_status belay_optimizer_move(belay_graph *g, const struct belay_update *update)
{
    struct belay_update u = *update;
    u.optimizer = &mover;
    u.num_states = 0;
    u.norm = NULL; // the moves were made of clipped gradients
    u.clip_value = 0;
    return belay_optimizer_nodes(g, &u, NULL);
}
