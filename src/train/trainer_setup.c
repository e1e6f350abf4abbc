// Setting a trainer up: data, lengths in steps, schedule, engine, weights to start from.
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/str.h"
#include "format/pth.h"
#include "format/weights.h"
#include "train/recipe_inner.h"
#include "train/trainer_internal.h"

// They are on the device now.
static void forget_features(void *user)
{
    struct belay_trainer *t = user;
    struct belay_dataset *all[] = { &t->data.train, &t->data.validation, &t->data.test };
    for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
        belay_free_aligned(all[i]->x);
        all[i]->x = NULL;
    }
}

belay_status belay_heads_fill(const struct belay_recipe *r, const struct belay_preprocess *p,
                              struct belay_engine_params *e)
{
    if (p->num_heads != r->num_heads || p->num_inputs != r->data.num_inputs)
        return belay_fail(r->log, BELAY_ERR_MISMATCH,
                          "the data have %zu inputs and %zu heads, the recipe %zu and %zu",
                          p->num_inputs, p->num_heads, r->data.num_inputs, r->num_heads);
    e->num_inputs = p->num_inputs;
    for (size_t i = 0; i < p->num_inputs; i++)
        e->inputs[i] = (struct belay_model_input){ p->inputs[i].name, p->inputs[i].width };
    e->num_heads = r->num_heads;
    for (size_t i = 0; i < r->num_heads; i++) {
        const struct belay_head *h = &r->heads[i];
        const struct belay_head_part *part = &p->heads[i];
        e->heads[i] = (struct belay_engine_head){ h->name, h->from, h->loss, h->loss_options,
                                                  h->weight, part->first, part->count,
                                                  part->num_classes };
    }
    return BELAY_OK;
}

static belay_status make_engine(struct belay_trainer *t, const belay_trainer_params *p)
{
    const struct belay_recipe *r = t->recipe;
    struct belay_engine_params e = {
        .device = t->ctx->device,
        .model = p->build ? NULL : r->model,
        .build = p->build,
        .build_user = p->build_user,
        .loss = r->loss,
        .loss_options = r->loss_options,
        .loss_weights = t->loss_weights,
        .parts = { &t->data.train, &t->data.validation, &t->data.test },
        .train_rows = t->overfit ? (size_t) r->batch : 0,
        .batch = r->batch,
        .eval_batch = r->eval_batch,
        .seed = r->seed,
        .confusion = belay_metrics_need(r, "confusion"),
        .regression = belay_metrics_need(r, "regression"),
        .scores = belay_metrics_need(r, "scores"),
        .optimizer = r->optimizer,
        .clip_norm = { r->norm_type, r->clip_norm },
        .clip_value = r->clip_value,
        .uploaded = forget_features,
        .uploaded_user = t,
        .ema = r->ema,
        .accumulate = r->accumulate,
    };
    for (int i = 0; i <= r->num_groups; i++) {
        bool rest = i == r->num_groups;
        e.group_options[i] = rest ? r->optimizer_options : r->groups[i].options;
        e.group_match[i] = rest ? "*" : r->groups[i].match;
        e.group_frozen[i] = !rest && r->groups[i].frozen;
        t->group_options[i] = e.group_options[i];
    }
    e.num_groups = t->num_groups = r->num_groups + 1;
    BELAY_TRY(belay_heads_fill(r, &t->data.preprocess, &e));
    return belay_engine_create(t->log, &e, &t->engine);
}

static belay_status check_metrics(struct belay_trainer *t)
{
    for (int i = 0; i < t->recipe->num_metrics; i++) {
        const struct belay_metric *m = t->recipe->metrics[i];
        if (t->recipe->num_heads == 0 && m->classes != t->recipe->loss->classes)
            return belay_fail(t->log, BELAY_ERR_RECIPE, "metric %s needs %s, loss %s has %s",
                              m->name, m->classes ? "classes" : "numbers", t->recipe->loss->name,
                              m->classes ? "numbers" : "classes");
    }
    if (!t->has_validation && !t->overfit && strncmp(t->recipe->monitor, "val.", 4) == 0)
        return belay_fail(t->log, BELAY_ERR_RECIPE,
                          "stop.monitor is %s, but there is no validation data: set "
                          "split.validation, or stop.monitor to train.loss",
                          t->recipe->monitor);
    return BELAY_OK;
}

// Lengths become steps now that the size of an epoch is known.
static belay_status count_steps(struct belay_trainer *t)
{
    struct belay_recipe *r = t->recipe;
    uint64_t rows = t->data.train.rows, batch;
    t->has_validation = t->data.validation.rows > 0 && !t->overfit;
    t->has_test = t->data.test.rows > 0;
    if (t->overfit && rows > (uint64_t) r->batch)
        rows = (uint64_t) r->batch;
    if ((uint64_t) r->batch > rows)
        r->batch = (int64_t) rows;
    batch = belay_trainer_step_rows(t);
    if (r->eval_batch <= 0)
        r->eval_batch = r->batch > 256 ? r->batch : 256;
    t->steps_per_epoch = r->drop_last ? rows / batch : (rows + batch - 1) / batch;
    if (t->steps_per_epoch == 0)
        return belay_fail(t->log, BELAY_ERR_DATA, "data: %llu training rows give no batch of %llu",
                          (unsigned long long) rows, (unsigned long long) batch);
    if (t->overfit) {
        r->stop.patience.value = -1;
        r->epochs.value = 0;
        r->steps = (struct belay_length){ 300, BELAY_UNIT_STEPS };
        r->check_every = (struct belay_length){ 50, BELAY_UNIT_STEPS };
    }
    t->check_every = belay_length_steps(&r->check_every, t->steps_per_epoch);
    t->max_steps = r->steps.value > 0 ? belay_length_steps(&r->steps, t->steps_per_epoch) : 0;
    uint64_t by_epochs =
        r->epochs.value > 0 ? belay_length_steps(&r->epochs, t->steps_per_epoch) : 0;
    t->epoch_steps = by_epochs;
    return BELAY_OK;
}

// Steps of the whole run after the warm-up; 0 when neither steps nor epochs limit it.
static double scheduled_steps(const struct belay_trainer *t)
{
    uint64_t limit = t->max_steps ? t->max_steps : t->epoch_steps;
    if (t->max_steps && t->epoch_steps && t->epoch_steps < limit)
        limit = t->epoch_steps;
    return (double) limit > t->warmup_steps ? (double) limit - t->warmup_steps : 0;
}

// Lengths in steps; an `over` of 0 is `whole`.
static void options_in_steps(const struct belay_trainer *t, const struct belay_schedule *s,
                             const double *options, const enum belay_unit *units, double whole,
                             double *out)
{
    for (int i = 0; i < BELAY_MAX_OPTIONS && s->options[i].name; i++) {
        out[i] = options[i];
        if (strcmp(s->options[i].type, "steps") != 0)
            continue;
        struct belay_length l = { options[i], units[i] };
        if ((l.unit == BELAY_UNIT_EPOCHS || l.unit == BELAY_UNIT_STEPS) && l.value > 0)
            out[i] = (double) belay_length_steps(&l, t->steps_per_epoch);
        if (l.value == 0 && strcmp(s->options[i].name, "over") == 0)
            out[i] = whole;
    }
}

// The whole of a part is up to where the next one begins.
static void make_parts(struct belay_trainer *t)
{
    const struct belay_recipe *r = t->recipe;
    struct belay_schedule_parts *parts = &t->schedule_parts;
    *parts = r->parts;
    for (int i = 1; i < parts->num && r->schedule->starts; i++)
        parts->part[i].start = (double) belay_length_steps(&r->part_at[i], t->steps_per_epoch);
    for (int i = 0; i < parts->num; i++) {
        struct belay_schedule_part *part = &parts->part[i];
        double end = i + 1 < parts->num && r->schedule->starts ? part[1].start
                                                               : scheduled_steps(t);
        options_in_steps(t, part->schedule, r->parts.part[i].options, r->part_units[i],
                         fmax(end - part->start, 0), part->options);
    }
}

static void make_schedule(struct belay_trainer *t)
{
    const struct belay_recipe *r = t->recipe;
    t->warmup_steps = r->warmup.value > 0
                          ? (double) belay_length_steps(&r->warmup, t->steps_per_epoch)
                          : 0;
    options_in_steps(t, r->schedule, r->schedule_options, r->schedule_units, scheduled_steps(t),
                     t->schedule_options);
    make_parts(t);
    if (r->schedule->init)
        r->schedule->init(t->schedule_options, &t->s.schedule);
}

// What evens out classes, and is learnt from the training rows.
static belay_status make_balance(struct belay_trainer *t)
{
    const struct belay_recipe *r = t->recipe;
    size_t count;
    BELAY_TRY(belay_loss_weights_make(r, &t->data.train, &t->data.preprocess, &t->loss_weights,
                                      &count));
    t->loss_json = belay_loss_to_json(r->loss, r->loss_options, t->loss_weights, count);
    if (!t->loss_json)
        return belay_fail_nomem(t->log, 1);
    return r->sampling && !t->overfit ? belay_strata_make(t->log, &t->data.train, &t->strata)
                                      : BELAY_OK;
}

static belay_status make_texts(struct belay_trainer *t, const belay_trainer_params *p)
{
    t->preprocess_json = belay_preprocess_to_json(&t->data.preprocess);
    if (!p->build && t->recipe->model)
        belay_str_add_yaml_tree(&t->model_text, t->recipe->model);
    if (t->recipe->num_heads)
        belay_recipe_write_heads(t->recipe, &t->heads_text);
    if (!t->preprocess_json || t->model_text.failed || t->heads_text.failed)
        return belay_fail_nomem(t->log, 1);
    return BELAY_OK;
}

static belay_status make_arrays(struct belay_trainer *t)
{
    size_t rows = t->data.train.rows;
    t->order = belay_alloc_array(rows + 1, sizeof(*t->order));
    t->losses = belay_alloc_array(BELAY_LOG_SLOTS, sizeof(*t->losses));
    t->norms = belay_alloc_array(BELAY_LOG_SLOTS, sizeof(*t->norms));
    if (!t->order || !t->losses || !t->norms)
        return belay_fail_nomem(t->log, rows * sizeof(*t->order));
    return BELAY_OK;
}

static belay_status load_init(struct belay_trainer *t)
{
    struct belay_st st = { 0 };
    size_t count, total = belay_engine_arena_count(t->engine);
    if (!t->recipe->init)
        return BELAY_OK;
    const struct belay_engine_param *params = belay_engine_params(t->engine, &count);
    float *arena = belay_alloc_array(total, sizeof(*arena));
    belay_status status = arena ? belay_weights_read(t->log, t->recipe->init, &st)
                                : belay_fail_nomem(t->log, total * sizeof(*arena));
    const char *prefix = status == BELAY_OK ? belay_weights_prefix(belay_st_meta(&st, BELAY_TREE_KEY)) : "";
    for (size_t i = 0; i < count && status == BELAY_OK; i++) {
        struct belay_str name = { 0 };
        belay_str_addf(&name, "%s%s", prefix, params[i].name);
        status = name.failed ? belay_fail_nomem(t->log, name.capacity)
                             : belay_trainer_load_tensor(t, &st, t->recipe->init, name.text, &params[i],
                                                         arena);
        belay_str_free(&name);
    }
    if (status == BELAY_OK)
        status = belay_engine_set_arena(t->engine, 0, arena);
    else
        status = belay_fail_in(t->log, status, "init %s", t->recipe->init);
    belay_st_finish(&st);
    belay_free(arena);
    return status;
}

belay_status belay_trainer_setup(struct belay_trainer *t, const belay_trainer_params *p)
{
    BELAY_TRY(count_steps(t));
    BELAY_TRY(check_metrics(t));
    make_schedule(t);
    BELAY_TRY(make_texts(t, p));
    BELAY_TRY(make_balance(t));
    BELAY_TRY(make_engine(t, p));
    BELAY_TRY(make_arrays(t));
    BELAY_TRY(load_init(t));
    t->lr_option = belay_optimizer_option(t->recipe->optimizer, "lr");
    return BELAY_OK;
}
