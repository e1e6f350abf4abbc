// The two graphs of an engine: a training step (batch, forward, loss, backward, norm, update, log)
// and an evaluation batch (batch, forward, loss, statistics, log).
#include <stdio.h>
#include <string.h>

#include "base/env.h"
#include "base/str.h"
#include "train/engine_internal.h"
#include "train/ops.h"

static belay_value *state1(belay_graph *g, const char *name, belay_dtype dtype, size_t count)
{
    return belay_state(g, name, dtype, 1, (const int64_t[]){ (int64_t) count });
}

static belay_value *state2(belay_graph *g, const char *name, belay_dtype dtype, size_t rows,
                           size_t columns)
{
    return belay_state(g, name, dtype, 2, (const int64_t[]){ (int64_t) rows, (int64_t) columns });
}

// The batch: rows of the tables that the step table and the order name.
static void add_batch(struct belay_engine *e, struct belay_side *s, int64_t batch, belay_value **x,
                      belay_value **target)
{
    belay_graph *g = s->graph;
    belay_value *step = belay_graph_step_table(g);
    s->rows = belay_input(g, "rows", BELAY_F32, 1, &batch, true);
    s->order = state1(g, "order", BELAY_I32, e->table_rows);
    s->data_x = state2(g, "data.x", e->x_dtype, e->table_rows, e->features);
    if (e->weighted) {
        s->data_w = state1(g, "data.w", BELAY_F32, e->table_rows);
        s->row_weights = belay_gather_rows(g, s->data_w, s->order, step, s->rows, 1, 0);
    }
    if (e->labels) {
        s->data_y = state1(g, "data.labels", BELAY_I32, e->table_rows);
        *x = belay_gather_labelled(g, s->data_x, s->data_y, s->order, step, s->rows, e->x_scale,
                                   e->x_shift);
        *target = belay_output(*x, 1);
    } else {
        *x = belay_gather_rows(g, s->data_x, s->order, step, s->rows, e->x_scale, e->x_shift);
        s->data_y = state2(g, "data.y", BELAY_F32, e->table_rows, e->targets);
        *target = belay_gather_rows(g, s->data_y, s->order, step, s->rows, 1, 0);
    }
}

static belay_status check_output(struct belay_engine *e, belay_value *out)
{
    const struct belay_shape *shape = belay_value_shape(out);
    char text[BELAY_SHAPE_TEXT];
    size_t want = e->labels ? e->classes : e->targets;
    if (shape->rank == 2 && shape->dim[1] == (int64_t) want)
        return BELAY_OK;
    // A label that the model has no output for is likelier a fault of the data.
    for (int i = 0; i < BELAY_NUM_PARTS && shape->rank == 2; i++)
        if (e->p.parts[i])
            BELAY_TRY(belay_dataset_check_classes(e->log, e->p.parts[i],
                                                  (size_t) shape->dim[1]));
    return belay_fail(e->log, BELAY_ERR_SHAPE,
                      "model: the output is %s, the data have %zu %s: want [batch, %zu]",
                      belay_shape_text(shape, text), want, e->labels ? "classes" : "targets", want);
}

static belay_status check_loss(struct belay_engine *e, const belay_value *loss)
{
    char text[BELAY_SHAPE_TEXT];
    if (loss && belay_shape_count(belay_value_shape(loss)) == 1)
        return BELAY_OK;
    return belay_fail(e->log, BELAY_ERR_SHAPE, "loss %s: its build gives %s, want one number",
                      e->p.loss->name,
                      loss ? belay_shape_text(belay_value_shape(loss), text) : "nothing");
}

static belay_status add_model(struct belay_engine *e, struct belay_side *s, int64_t batch,
                              belay_value **target)
{
    belay_graph *g = s->graph;
    belay_value *x;
    bool first = e->model_params.count == 0;
    add_batch(e, s, batch, &x, target);
    BELAY_TRY(belay_graph_check(g));
    if (e->p.num_heads || e->p.num_inputs)
        return belay_engine_heads_model(e, s, x, *target, first);
    if (e->p.build)
        s->output = e->p.build(e->p.build_user, g, x);
    else
        s->output = belay_model_build(g, e->p.model, x, first ? &e->model_params : NULL);
    BELAY_TRY(belay_graph_check(g));
    if (!s->output)
        return belay_fail(e->log, BELAY_ERR_ARG, "model: the build function gave no output");
    if (e->p.build && first)
        BELAY_TRY(belay_model_params_of(g, &e->model_params));
    return belay_engine_add_loss(e, s, *target);
}

belay_status belay_engine_add_loss(struct belay_engine *e, struct belay_side *s, belay_value *target)
{
    belay_graph *g = s->graph;
    BELAY_TRY(check_output(e, s->output));
    struct belay_loss_weights weights = { .rows = s->row_weights };
    if (e->p.loss_weights)
        weights.parts = s->loss_weights =
            state1(g, "loss.weights", BELAY_F32, e->labels ? e->classes : e->targets);
    s->loss = belay_loss_build(g, e->p.loss, s->output, target, e->p.loss_options, &weights,
                               &s->total);
    BELAY_TRY(belay_graph_check(g));
    return check_loss(e, s->loss);
}

static belay_value *as_row(belay_graph *g, belay_value *v)
{
    return belay_reshape(g, v, 1, (const int64_t[]){ -1 });
}

static belay_status build_eval(struct belay_engine *e)
{
    struct belay_side *s = &e->eval;
    belay_value *target, *parts[3];
    int num = 0;
    BELAY_TRY(belay_graph_new(e->log, false, &s->graph));
    belay_graph *g = s->graph;
    g->seed = e->p.seed;
    BELAY_TRY(add_model(e, s, e->p.eval_batch, &target));
    parts[num++] = as_row(g, s->loss);
    if (e->p.num_heads)
        parts[num++] = belay_engine_heads_row(e, s);
    else if (e->p.regression) { // of what `predict` gives: probabilities, not logits
        belay_value *y = e->p.loss->predict ? e->p.loss->predict(g, s->output) : s->output;
        parts[num++] = belay_stats_find("regression")->build(g, y, target, s->row_weights);
    }
    if (s->total)
        parts[num++] = as_row(g, s->total);
    belay_value *row = num == 1 ? parts[0] : belay_concat(g, num, parts, 0);
    // Fewer slots where rows are wide.
    s->log_width = 1 + (e->p.regression || e->p.num_heads ? e->num_regression : 0) +
                   e->p.num_heads + (s->total != NULL);
    s->log_slots = s->log_width <= 8 ? BELAY_LOG_SLOTS : 8 * BELAY_LOG_SLOTS / s->log_width;
    s->log_slots = s->log_slots ? s->log_slots : 1;
    s->log = state2(g, "log", BELAY_F32, s->log_slots, s->log_width);
    belay_record(g, s->log, row, belay_graph_step_table(g));
    if (e->p.num_heads)
        return belay_engine_heads_stats(e, s);
    if (e->p.confusion) {
        s->counts = state1(g, "counts", BELAY_F32, e->num_counts);
        belay_accumulate(g, s->counts,
                         belay_stats_find("confusion")->build(g, s->output, target, s->row_weights));
    }
    if (e->p.scores) {
        belay_value *y = e->p.loss->predict ? e->p.loss->predict(g, s->output) : s->output;
        s->scores = belay_graph_output(g, y, "scores");
    }
    return belay_graph_check(g);
}

belay_status belay_engine_build_graphs(struct belay_engine *e)
{
    belay_value *target;
    if (!e->eval_only) {
        BELAY_TRY(belay_graph_new(e->log, true, &e->train.graph));
        e->train.graph->seed = e->p.seed;
        BELAY_TRY(add_model(e, &e->train, e->p.batch, &target));
    }
    return build_eval(e);
}

static belay_value *find_param(const struct belay_graph *g, const char *name)
{
    for (size_t i = 0; i < g->num_values; i++)
        if (g->values[i]->kind == BELAY_VALUE_PARAM && strcmp(g->values[i]->name, name) == 0)
            return g->values[i];
    return NULL;
}

// Gradients become outputs, which the program writes into the gradient arena.
static belay_status add_gradients(struct belay_engine *e, belay_value **out)
{
    belay_graph *g = e->train.graph;
    belay_value **of = belay_alloc_array(2 * e->num_params + 1, sizeof(*of));
    if (!of)
        return belay_fail_nomem(e->log, e->num_params * sizeof(*of));
    belay_value **grads = of + e->num_params;
    int num = 0;
    for (size_t i = 0; i < e->num_params; i++)
        if (e->params[i].group >= 0)
            of[num++] = find_param(g, e->params[i].name);
    belay_status status;
    if (e->p.accumulate > 1) { // the mean over the step's rows, batch by batch
        e->train.weight = belay_state(g, "weight", BELAY_F32, 0, (const int64_t[]){ 0 });
        status = belay_gradient_from(g, 1, &e->train.loss, &e->train.weight, num, of, grads);
    } else {
        status = belay_gradient(g, e->train.loss, num, of, grads);
    }
    for (size_t i = 0, k = 0; i < e->num_params && status == BELAY_OK; i++) {
        belay_value *dx = e->params[i].group >= 0 ? grads[k++] : NULL;
        if (e->p.accumulate > 1)
            out[i] = dx ? belay_graph_adding_output(g, dx, e->params[i].name) : NULL;
        else
            out[i] = dx ? belay_graph_output(g, dx, e->params[i].name) : NULL;
    }
    belay_free(of);
    return status == BELAY_OK ? belay_graph_check(g) : status;
}

// "exp_avg", "exp_avg.1", … for the slabs.
static belay_value *arena_state(belay_graph *g, const char *name, size_t slab, belay_dtype dtype,
                                size_t count)
{
    char text[64];
    if (slab == 0)
        return state1(g, name, dtype, count);
    snprintf(text, sizeof(text), "%s.%zu", name, slab);
    return state1(g, text, dtype, count);
}

static void add_slab(struct belay_engine *e, size_t index)
{
    struct belay_engine_slab *s = &e->slabs[index];
    belay_graph *g = e->train.graph;
    const size_t count = s->blocks * BELAY_BLOCK;
    s->values[0] = arena_state(g, "params", index, BELAY_F32, count);
    s->values[BELAY_ARENA_GRADS] = arena_state(g, "grads", index, BELAY_F32, count);
    for (int i = 0; i < e->num_states; i++)
        if (i >= e->num_moments || !e->places[i])
            s->values[1 + i] =
                arena_state(g, belay_engine_state_name(e, i), index, BELAY_F32, count);
    s->groups = arena_state(g, "block_group", index, BELAY_I32, s->blocks);
}

static void add_states(struct belay_engine *e)
{
    struct belay_side *s = &e->train;
    belay_graph *g = s->graph;
    for (size_t i = 0; i < e->num_slabs; i++)
        add_slab(e, i);
    s->hyper = state1(g, "hyper", BELAY_F32, (size_t) e->p.num_groups * BELAY_HYPER);
    s->common = state1(g, "common", BELAY_F32, BELAY_COMMON);
    s->log_width = 3;
    s->log_slots = BELAY_LOG_SLOTS;
    s->log = state2(g, "log", BELAY_F32, BELAY_LOG_SLOTS, s->log_width);
}

// Part of an arena as a value of its own.
static belay_value *view(struct belay_engine *e, const char *of, const struct belay_engine_param *p)
{
    struct belay_str name = { 0 };
    belay_str_addf(&name, "%s.%s", of, p->name);
    belay_value *v = name.failed ? NULL
                                 : belay_state(e->train.graph, name.text, BELAY_F32, p->shape.rank,
                                               p->shape.dim);
    belay_str_free(&name);
    return v;
}

static void make_slot(struct belay_engine *e, size_t i)
{
    struct belay_update_slot *slot = &e->update_slots[i];
    const struct belay_engine_param *p = &e->params[i];
    slot->group = e->grad_values[i] ? p->group : -1;
    if (slot->group < 0)
        return;
    slot->p.shape = p->shape;
    slot->p.options = e->p.group_options[p->group];
    slot->p.param = find_param(e->train.graph, p->name);
    slot->p.grad = view(e, "grad", p);
    for (int k = 0; k < e->num_moments; k++)
        if (belay_engine_place(e, 1 + k, i))
            slot->p.states[e->state_index[k]] =
                view(e, belay_engine_state_name(e, k), belay_engine_place(e, 1 + k, i));
}

// The nodes of each parameter of a slab, then the move of all.
static belay_status update_each(struct belay_engine *e, int slab, const struct belay_update *u)
{
    for (size_t i = 0; i < e->num_params; i++) {
        if (e->params[i].slab != slab)
            continue;
        make_slot(e, i);
        BELAY_TRY(belay_graph_check(e->train.graph));
        BELAY_TRY(belay_optimizer_graph(e->train.graph, u, &e->update_slots[i]));
    }
    return belay_optimizer_move(e->train.graph, u);
}

static belay_status update_slab(struct belay_engine *e, const struct belay_engine_slab *slab,
                                belay_value *norm, belay_value **squares)
{
    struct belay_update u = {
        .optimizer = e->p.optimizer,
        .num_states = e->num_moments,
        .params = slab->values[0],
        .grads = slab->values[BELAY_ARENA_GRADS],
        .ema = e->num_states > e->num_moments ? slab->values[1 + e->num_moments] : NULL,
        .block_group = slab->groups,
        .hyper = e->train.hyper,
        .common = e->train.common,
        .norm = norm,
        .clip_value = e->p.clip_value,
        .clear = e->p.accumulate > 1,
    };
    memcpy(u.states, slab->values + 1, sizeof(u.states));
    if (e->p.optimizer->build)
        return update_each(e, (int) (slab - e->slabs), &u);
    return belay_optimizer_nodes(e->train.graph, &u, squares);
}

// The sums of all blocks in one row, in the order of the arena: norms do not depend on
// where the slabs begin.
static belay_value *join_sums(belay_graph *g, belay_value **sums, size_t num)
{
    for (size_t out; num > 1; num = out) {
        out = 0;
        for (size_t i = 0; i < num; i += BELAY_MAX_IN) {
            const size_t some = num - i < BELAY_MAX_IN ? num - i : BELAY_MAX_IN;
            sums[out++] = some == 1 ? sums[i] : belay_concat(g, (int) some, sums + i, 0);
        }
    }
    return sums[0];
}

static belay_status update_all(struct belay_engine *e, belay_value **sums)
{
    struct belay_side *s = &e->train;
    const struct belay_norm clip = e->p.clip_norm, plain = { .power = 2 };
    belay_value *norm = NULL;
    const bool first = clip.max > 0 || e->p.optimizer->build; // the norm is made before the update
    for (size_t i = 0; i < e->num_slabs && first; i++)
        sums[i] = belay_grad_sums(s->graph, e->slabs[i].values[BELAY_ARENA_GRADS], s->common,
                                  clip.power);
    if (first)
        norm = belay_grad_norm_log(s->graph, join_sums(s->graph, sums, e->num_slabs), clip,
                                   s->log, s->loss);
    for (size_t i = 0; i < e->num_slabs; i++)
        BELAY_TRY(update_slab(e, &e->slabs[i], norm, norm ? NULL : &sums[i]));
    if (!norm)
        belay_grad_norm_log(s->graph, join_sums(s->graph, sums, e->num_slabs), plain, s->log,
                            s->loss);
    return belay_graph_check(s->graph);
}

// Clipping needs the norm first, and so do optimizers that are graphs; else the update gives the sums of squares as it goes.
static belay_status add_update(struct belay_engine *e)
{
    belay_value **sums = belay_alloc_array(e->num_slabs, sizeof(*sums));
    if (!sums)
        return belay_fail_nomem(e->log, e->num_slabs * sizeof(*sums));
    e->update_slots = belay_alloc_array(e->num_params + 1, sizeof(*e->update_slots));
    if (!e->update_slots) {
        belay_free(sums);
        return belay_fail_nomem(e->log, e->num_params * sizeof(*e->update_slots));
    }
    add_states(e);
    belay_status status = update_all(e, sums);
    belay_free(sums);
    return status;
}

static belay_status make_plan(struct belay_engine *e, struct belay_side *s)
{
    const char *fusion = belay_env("BELAY_FUSION"), *reuse = belay_env("BELAY_REUSE");
    struct belay_plan_params params = {
        .no_fusion = fusion && strcmp(fusion, "0") == 0,
        .no_reuse = reuse && strcmp(reuse, "0") == 0,
        .align = e->dev->align > 64 ? e->dev->align : 64,
        .max_slab = e->dev->max_alloc < SIZE_MAX ? (size_t) e->dev->max_alloc : 0,
        .large_values = true, // for belay_engine_check_memory to refuse, with what would fit
    };
    BELAY_TRY(belay_graph_optimize(s->graph));
    return belay_plan_create(e->log, s->graph, &params, &s->plan);
}

belay_status belay_engine_finish_graphs(struct belay_engine *e)
{
    if (!e->eval_only) {
        e->grad_values = belay_alloc_array(e->num_params + 1, sizeof(*e->grad_values));
        if (!e->grad_values)
            return belay_fail_nomem(e->log, e->num_params * sizeof(*e->grad_values));
        BELAY_TRY(add_gradients(e, e->grad_values));
        BELAY_TRY(add_update(e));
        BELAY_TRY(make_plan(e, &e->train));
    }
    return make_plan(e, &e->eval);
}

// ---- programs ----

static belay_status bind(struct belay_side *s, belay_value *v, const struct belay_buf *buf)
{
    return v ? belay_program_bind(s->program, v, buf, 0) : BELAY_OK;
}

static const struct belay_engine_slab *slab_of(const struct belay_engine *e, size_t param)
{
    return &e->slabs[e->params[param].slab];
}

static belay_status bind_common(struct belay_engine *e, struct belay_side *s,
                                 const struct belay_buf *log, int arena)
{
    BELAY_TRY(bind(s, s->data_x, &e->data_x));
    BELAY_TRY(bind(s, s->data_y, &e->data_y));
    BELAY_TRY(bind(s, s->data_w, &e->data_w));
    BELAY_TRY(bind(s, s->order, &e->order));
    BELAY_TRY(bind(s, s->graph->step, &e->step_table));
    BELAY_TRY(bind(s, s->log, log));
    BELAY_TRY(bind(s, s->loss_weights, &e->loss_weights));
    for (size_t i = 0; i < e->num_params; i++) {
        belay_value *v = find_param(s->graph, e->params[i].name);
        if (v)
            BELAY_TRY(belay_program_bind(s->program, v, &slab_of(e, i)->arenas[arena],
                                         belay_engine_offset(e, 0, i)));
    }
    return BELAY_OK;
}

static belay_status bind_part(struct belay_engine *e, belay_value *v, int arena, size_t param)
{
    return v ? belay_program_bind(e->train.program, v, &slab_of(e, param)->arenas[arena],
                                  belay_engine_offset(e, arena, param))
             : BELAY_OK;
}

// What optimizers that are graphs see of the arenas.
static belay_status bind_slots(struct belay_engine *e)
{
    for (size_t i = 0; i < e->num_params; i++) {
        const struct belay_update_param *p = &e->update_slots[i].p;
        BELAY_TRY(bind_part(e, p->grad, BELAY_ARENA_GRADS, i));
        for (int k = 0; k < e->num_moments; k++)
            BELAY_TRY(bind_part(e, p->states[e->state_index[k]], 1 + k, i));
    }
    return BELAY_OK;
}

static belay_status bind_train(struct belay_engine *e)
{
    struct belay_side *s = &e->train;
    for (size_t i = 0; i < e->num_slabs; i++) {
        for (int k = 0; k < BELAY_NUM_ARENAS; k++)
            BELAY_TRY(bind(s, e->slabs[i].values[k], &e->slabs[i].arenas[k]));
        BELAY_TRY(bind(s, e->slabs[i].groups, &e->slabs[i].block_group));
    }
    BELAY_TRY(bind(s, s->hyper, &e->hyper));
    BELAY_TRY(belay_program_bind(s->program, s->common, &e->hyper, e->common_at));
    if (s->weight)
        BELAY_TRY(belay_program_bind(s->program, s->weight, &e->hyper,
                                     e->common_at + BELAY_COMMON_WEIGHT * sizeof(float)));
    for (size_t i = 0; i < e->num_params; i++)
        if (e->grad_values[i])
            BELAY_TRY(bind_part(e, e->grad_values[i], BELAY_ARENA_GRADS, i));
    return bind_slots(e);
}

static belay_status make_program(struct belay_engine *e, struct belay_side *s)
{
    const struct belay_program_params params = { e->dev, s->plan, e->activations, false };
    return belay_program_create(&params, &s->program);
}

static belay_status make_log(struct belay_engine *e, struct belay_side *s, struct belay_buf *log)
{
    return belay_buf_create(e->dev, s->log_slots * s->log_width * sizeof(float), 0, log);
}

// The kernels of both sides are built together.
static belay_status preload(struct belay_engine *e)
{
    const struct belay_plan *const plans[2] = { e->eval.plan, e->train.plan };
    return belay_device_preload(e->dev, plans, e->train.plan ? 2 : 1);
}

size_t belay_engine_activation_size(const struct belay_engine *e, int slab)
{
    const struct belay_plan *plans[2] = { e->eval.plan, e->train.plan };
    size_t size = 0;
    for (int i = 0; i < 2; i++)
        if (plans[i] && slab < plans[i]->num_slabs && plans[i]->slab_sizes[slab] > size)
            size = plans[i]->slab_sizes[slab];
    return size;
}

// Steps and evaluation take turns with the same memory.
static belay_status make_activations(struct belay_engine *e)
{
    int num = e->eval.plan->num_slabs;
    if (e->train.plan && e->train.plan->num_slabs > num)
        num = e->train.plan->num_slabs;
    e->activations = belay_alloc_array((size_t) num, sizeof(*e->activations));
    if (!e->activations)
        return belay_fail_nomem(e->log, (size_t) num * sizeof(*e->activations));
    e->num_activations = num;
    for (int i = 0; i < num; i++)
        BELAY_TRY(belay_buf_create(e->dev, belay_engine_activation_size(e, i), 0, &e->activations[i]));
    return BELAY_OK;
}

belay_status belay_engine_make_programs(struct belay_engine *e)
{
    size_t counts = e->num_counts;
    BELAY_TRY(make_activations(e));
    e->log_copy = belay_alloc_array(BELAY_LOG_SLOTS * 8 + e->eval.log_width, sizeof(float));
    e->regression_sum = belay_alloc_array(e->num_regression + 1, sizeof(double));
    e->counts_copy = belay_alloc_array(counts + 1, sizeof(float));
    e->counts_sum = belay_alloc_array(counts + 1, sizeof(double));
    if (!e->log_copy || !e->counts_copy || !e->counts_sum || !e->regression_sum)
        return belay_fail_nomem(e->log, (counts + e->num_regression) * sizeof(double));
    if (e->p.confusion)
        BELAY_TRY(belay_buf_create(e->dev, counts * sizeof(float), 0, &e->counts));
    BELAY_TRY(preload(e));
    BELAY_TRY(make_log(e, &e->eval, &e->eval_log));
    BELAY_TRY(make_program(e, &e->eval));
    BELAY_TRY(bind_common(e, &e->eval, &e->eval_log, belay_engine_shown(e)));
    BELAY_TRY(bind(&e->eval, e->eval.counts, &e->counts));
    BELAY_TRY(belay_program_ready(e->eval.program));
    if (e->eval_only)
        return BELAY_OK;
    BELAY_TRY(make_log(e, &e->train, &e->train_log));
    BELAY_TRY(make_program(e, &e->train));
    BELAY_TRY(bind_common(e, &e->train, &e->train_log, 0));
    BELAY_TRY(bind_train(e));
    return belay_program_ready(e->train.program);
}
