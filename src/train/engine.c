#include "train/engine.h"

#include <string.h>

#include "base/env.h"
#include "base/str.h"
#include "train/engine_internal.h"

// ---- states ----

int belay_engine_num_states(const struct belay_engine *e)
{
    return e->num_states;
}

const char *belay_engine_state_name(const struct belay_engine *e, int state)
{
    return state == e->num_moments ? "ema" : e->p.optimizer->state_names[e->state_index[state]];
}

int belay_engine_shown(const struct belay_engine *e)
{
    return e->num_states > e->num_moments ? e->num_states : 0;
}

// ---- memory ----

// Weights start as the initialisers say: a function of seed and name.
static belay_status init_params(struct belay_engine *e)
{
    float *arena = belay_alloc_array(belay_engine_arena_count(e), sizeof(*arena));
    if (!arena)
        return belay_fail_nomem(e->log, belay_engine_arena_count(e) * sizeof(*arena));
    for (size_t i = 0; i < e->num_params; i++)
        belay_init_fill(&e->model_params.params[i], e->p.seed, arena + e->params[i].offset);
    belay_status status = belay_engine_set_arena(e, 0, arena);
    belay_free(arena);
    return status;
}

static belay_status make_buffers(struct belay_engine *e)
{
    struct belay_device *dev = e->dev;
    BELAY_TRY(belay_engine_make_arenas(e));
    BELAY_TRY(belay_buf_create(dev, 8 * sizeof(int32_t), 0, &e->step_table));
    if (e->p.loss_weights) {
        size_t size = (e->labels ? e->classes : e->targets) * sizeof(float);
        BELAY_TRY(belay_buf_create(dev, size, 0, &e->loss_weights));
        BELAY_TRY(belay_buf_write(dev, &e->loss_weights, 0, e->p.loss_weights, size, true));
    }
    if (e->eval_only)
        return BELAY_OK;
    BELAY_TRY(belay_engine_make_snaps(e));
    BELAY_TRY(belay_buf_create(dev, e->hyper_size, 0, &e->hyper));
    for (int i = 0; i < RING; i++) {
        e->ring[i].hyper = belay_alloc(e->hyper_size);
        if (!e->ring[i].hyper)
            return belay_fail_nomem(e->log, e->hyper_size);
    }
    return BELAY_OK;
}

// ---- life ----

static void choose_states(struct belay_engine *e)
{
    const struct belay_optimizer *opt = e->p.optimizer;
    unsigned mask = 0;
    for (int i = 0; opt && i < e->p.num_groups; i++)
        mask |= opt->states ? opt->states(e->p.group_options[i]) : (1u << opt->num_states) - 1;
    for (int i = 0; opt && i < opt->num_states; i++)
        if ((mask >> i) & 1)
            e->state_index[e->num_moments++] = i;
    e->num_states = e->num_moments + (opt && e->p.ema > 0);
}

belay_status belay_engine_create(struct belay_log *log, const struct belay_engine_params *params,
                                 struct belay_engine **out)
{
    belay_status status = BELAY_OK;
    *out = NULL;
    struct belay_engine *e = belay_alloc(sizeof(*e));
    if (!e)
        return belay_fail_nomem(log, sizeof(*e));
    e->log = log;
    e->p = *params;
    e->dev = params->device;
    e->eval_only = !params->optimizer;
    e->p.accumulate = params->accumulate > 1 ? params->accumulate : 1;
    if (e->p.clip_norm.power == 0)
        e->p.clip_norm.power = 2;
    choose_states(e);
    BELAY_TRY_DONE(belay_engine_place_data(e));
    BELAY_TRY_DONE(belay_engine_build_graphs(e));
    BELAY_TRY_DONE(belay_engine_lay_out(e));
    BELAY_TRY_DONE(belay_engine_finish_graphs(e));
    BELAY_TRY_DONE(belay_engine_check_memory(e));
    BELAY_TRY_DONE(make_buffers(e));
    BELAY_TRY_DONE(belay_engine_upload_data(e));
    // Before kernels are built: that takes the driver memory of its own.
    if (!e->stream && !e->shared && e->p.uploaded) {
        BELAY_TRY_DONE(belay_device_finish(e->dev));
        e->p.uploaded(e->p.uploaded_user);
    }
    BELAY_TRY_DONE(belay_engine_make_programs(e));
    BELAY_TRY_DONE(init_params(e));
    *out = e;
    e = NULL;
done:
    belay_engine_destroy(&e);
    return status;
}

static void destroy_side(struct belay_side *side)
{
    belay_program_destroy(&side->program);
    belay_plan_destroy(&side->plan);
    belay_graph_destroy(&side->graph);
}

void belay_engine_destroy(struct belay_engine **engine)
{
    struct belay_engine *e = engine ? *engine : NULL;
    if (!e)
        return;
    belay_engine_drop_snaps(e);
    belay_device_drain(e->dev);
    destroy_side(&e->train);
    destroy_side(&e->eval);
    struct belay_buf *bufs[] = { &e->hyper, &e->step_table, &e->data_x, &e->data_y, &e->order,
                                 &e->train_log, &e->eval_log, &e->counts, &e->log_snapshot,
                                 &e->loss_weights, &e->data_w };
    for (size_t i = 0; i < sizeof(bufs) / sizeof(bufs[0]); i++)
        belay_buf_destroy(e->dev, bufs[i]);
    belay_engine_drop_arenas(e);
    for (int i = 0; e->activations && i < e->num_activations; i++)
        belay_buf_destroy(e->dev, &e->activations[i]);
    belay_free(e->activations);
    belay_model_params_finish(&e->model_params);
    for (int i = 0; i < RING; i++) {
        belay_free(e->ring[i].hyper);
        belay_free(e->ring[i].order);
        belay_free(e->ring[i].x);
        belay_free(e->ring[i].y);
        belay_free(e->ring[i].w);
    }
    belay_free(e->grad_values);
    belay_free(e->update_slots);
    for (int i = 0; i < BELAY_MAX_MOMENTS; i++)
        belay_free(e->places[i]);
    belay_free(e->identity);
    belay_free(e->host_order);
    belay_free(e->log_copy);
    belay_free(e->counts_sum);
    belay_free(e->regression_sum);
    belay_engine_heads_free(e);
    belay_free(e->scores);
    belay_free(e->counts_copy);
    belay_free(e->params);
    belay_free(e);
    *engine = NULL;
}

void belay_engine_describe(const struct belay_engine *e, struct belay_str *out)
{
    char text[BELAY_SHAPE_TEXT];
    size_t total = 0;
    for (size_t i = 0; i < e->num_params; i++) {
        belay_str_addf(out, "  %-32s %-20s %10zu\n", e->params[i].name,
                       belay_shape_text(&e->params[i].shape, text), e->params[i].count);
        total += e->params[i].count;
    }
    belay_str_addf(out, "%zu parameters in %zu tensors\n\n", total, e->num_params);
    if (e->train.plan) {
        belay_str_add(out, "Training step:\n");
        belay_plan_print(e->train.plan, out);
    }
    belay_str_add(out, "\nEvaluation:\n");
    belay_plan_print(e->eval.plan, out);
    belay_str_add(out, "\nDevice memory: ");
    belay_str_add_size(out, e->dev->allocated);
    belay_str_addf(out, " (data %s", e->stream ? "streamed" : "resident");
    if (e->num_slabs > 1)
        belay_str_addf(out, ", parameters in %zu pieces", e->num_slabs);
    belay_str_add(out, ")\n");
}
