#include "train/engine.h"

#include <string.h>

#include "base/env.h"
#include "base/str.h"
#include "train/engine_internal.h"

// ---- parameters in the arena ----

static int group_of(const struct belay_engine_params *p, const char *name)
{
    for (int i = 0; i + 1 < p->num_groups; i++)
        if (p->group_match[i] && belay_glob(p->group_match[i], name))
            return i;
    return p->num_groups - 1;
}

belay_status belay_engine_lay_out(struct belay_engine *e)
{
    const struct belay_model_params *m = &e->model_params;
    size_t blocks = 0;
    e->params = belay_alloc_array(m->count + 1, sizeof(*e->params));
    if (!e->params)
        return belay_fail_nomem(e->log, m->count * sizeof(*e->params));
    for (size_t i = 0; i < m->count; i++) {
        struct belay_engine_param *p = &e->params[i];
        p->name = m->params[i].name;
        p->shape = m->params[i].shape;
        p->count = (size_t) belay_shape_count(&p->shape);
        p->offset = blocks * BELAY_BLOCK;
        p->group = e->p.optimizer ? group_of(&e->p, p->name) : 0;
        if (e->p.optimizer && e->p.group_frozen[p->group])
            p->group = -1;
        blocks += (p->count + BELAY_BLOCK - 1) / BELAY_BLOCK;
    }
    e->num_params = m->count;
    e->blocks = blocks ? blocks : 1;
    return BELAY_OK;
}

const struct belay_engine_param *belay_engine_params(const struct belay_engine *e, size_t *count)
{
    *count = e->num_params;
    return e->params;
}

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

size_t belay_engine_arena_count(const struct belay_engine *e)
{
    return e->blocks * BELAY_BLOCK;
}

// ---- memory ----

static belay_status upload_blocks(struct belay_engine *e)
{
    int32_t *group = belay_alloc_array(e->blocks, sizeof(*group));
    if (!group)
        return belay_fail_nomem(e->log, e->blocks * sizeof(*group));
    for (size_t i = 0; i < e->num_params; i++) {
        const struct belay_engine_param *p = &e->params[i];
        for (size_t b = 0; b * BELAY_BLOCK < p->count; b++)
            group[p->offset / BELAY_BLOCK + b] = p->group;
    }
    belay_status status = belay_buf_write(e->dev, &e->block_group, 0, group,
                                          e->blocks * sizeof(*group), true);
    belay_free(group);
    return status;
}

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
    size_t arena = belay_engine_arena_count(e) * sizeof(float);
    BELAY_TRY(belay_buf_create(dev, arena, 0, &e->arenas[0]));
    BELAY_TRY(belay_buf_create(dev, 8 * sizeof(int32_t), 0, &e->step_table));
    if (!e->p.optimizer)
        return BELAY_OK;
    BELAY_TRY(belay_buf_create(dev, arena, 0, &e->grads));
    for (int i = 0; i < e->num_states; i++)
        BELAY_TRY(belay_buf_create(dev, arena, 0, &e->arenas[1 + i]));
    for (int i = 0; i <= e->num_states; i++)
        BELAY_TRY(belay_buf_create(dev, arena, BELAY_BUF_HOST_VISIBLE, &e->snapshots[i]));
    BELAY_TRY(belay_buf_create(dev, arena, BELAY_BUF_HOST_VISIBLE, &e->weights_snapshot));
    BELAY_TRY(belay_buf_create(dev, BELAY_LOG_SLOTS * e->train.log_width * sizeof(float),
                               BELAY_BUF_HOST_VISIBLE, &e->log_snapshot));
    BELAY_TRY(belay_buf_create(dev, e->blocks * sizeof(int32_t), 0, &e->block_group));
    size_t align = dev->align > sizeof(float) ? dev->align : sizeof(float);
    e->common_at = (size_t) e->p.num_groups * BELAY_HYPER * sizeof(float);
    e->common_at = (e->common_at + align - 1) / align * align;
    e->hyper_size = e->common_at + BELAY_COMMON * sizeof(float);
    BELAY_TRY(belay_buf_create(dev, e->hyper_size, 0, &e->hyper));
    for (int i = 0; i < RING; i++) {
        e->ring[i].hyper = belay_alloc(e->hyper_size);
        if (!e->ring[i].hyper)
            return belay_fail_nomem(e->log, e->hyper_size);
    }
    return upload_blocks(e);
}

belay_status belay_engine_set_arena(struct belay_engine *e, int arena, const float *data)
{
    size_t size = belay_engine_arena_count(e) * sizeof(*data);
    int shown = belay_engine_shown(e);
    if (arena == 0 && shown > 0)
        BELAY_TRY(belay_buf_write(e->dev, &e->arenas[shown], 0, data, size, true));
    return belay_buf_write(e->dev, &e->arenas[arena], 0, data, size, true);
}

belay_status belay_engine_get_arena(struct belay_engine *e, int arena, float *out)
{
    return belay_buf_read(e->dev, &e->arenas[arena], 0, out,
                          belay_engine_arena_count(e) * sizeof(*out));
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
    choose_states(e);
    BELAY_TRY_DONE(belay_engine_place_data(e));
    BELAY_TRY_DONE(belay_engine_build_graphs(e));
    BELAY_TRY_DONE(belay_engine_lay_out(e));
    BELAY_TRY_DONE(belay_engine_finish_graphs(e));
    BELAY_TRY_DONE(belay_engine_check_memory(e));
    BELAY_TRY_DONE(make_buffers(e));
    BELAY_TRY_DONE(belay_engine_upload_data(e));
    // Before kernels are built: that takes the driver memory of its own.
    if (!e->stream && e->p.uploaded) {
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
    for (int i = 0; i < BELAY_NUM_SNAPS; i++)
        (void) belay_engine_snap_drop(e, (enum belay_snap_kind) i);
    belay_device_drain(e->dev);
    destroy_side(&e->train);
    destroy_side(&e->eval);
    struct belay_buf *bufs[] = { &e->grads, &e->block_group, &e->hyper, &e->step_table,
                                 &e->data_x, &e->data_y, &e->order, &e->train_log, &e->eval_log,
                                 &e->counts, &e->weights_snapshot,
                                 &e->log_snapshot };
    for (size_t i = 0; i < sizeof(bufs) / sizeof(bufs[0]); i++)
        belay_buf_destroy(e->dev, bufs[i]);
    for (int i = 0; i <= BELAY_MAX_MOMENTS; i++) {
        belay_buf_destroy(e->dev, &e->arenas[i]);
        belay_buf_destroy(e->dev, &e->snapshots[i]);
    }
    for (int i = 0; e->activations && i < e->num_slabs; i++)
        belay_buf_destroy(e->dev, &e->activations[i]);
    belay_free(e->activations);
    belay_model_params_finish(&e->model_params);
    for (int i = 0; i < RING; i++) {
        belay_free(e->ring[i].hyper);
        belay_free(e->ring[i].order);
        belay_free(e->ring[i].x);
        belay_free(e->ring[i].y);
    }
    belay_free(e->grad_values);
    belay_free(e->identity);
    belay_free(e->host_order);
    belay_free(e->log_copy);
    belay_free(e->counts_sum);
    belay_free(e->regression_sum);
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
    belay_str_addf(out, " (data %s)\n", e->stream ? "streamed" : "resident");
}
