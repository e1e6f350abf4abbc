// The trainer: steps, and the checks and checkpoints that are due after them.
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/env.h"
#include "base/rng.h"
#include "train/recipe_inner.h"
#include "train/trainer_internal.h"

double belay_trainer_epoch(const struct belay_trainer *t)
{
    return (double) t->s.step / (double) t->steps_per_epoch;
}

double belay_trainer_seconds(const struct belay_trainer *t)
{
    return t->started > 0 ? belay_clock_now() - t->started : 0;
}

// ---- making one ----

// `train` with run.if_exists=resume goes on where the run was, as `resume` does.
static belay_status recorded_device(struct belay_trainer *t, char **out)
{
    const struct belay_recipe *r = t->recipe;
    belay_recipe *recorded = NULL;
    if (r->device || r->if_exists != BELAY_IF_RESUME || !r->run_dir || t->no_files) {
        *out = r->device ? belay_strdup(r->device) : NULL;
        return r->device && !*out ? belay_fail_nomem(t->log, 1) : BELAY_OK;
    }
    char *path = belay_path_join(r->run_dir, "resolved.yaml");
    belay_status status = path ? BELAY_OK : belay_fail_nomem(t->log, 1);
    if (path && belay_file_exists(path))
        status = belay_recipe_load(t->ctx, path, NULL, 0, &recorded);
    if (recorded && recorded->device) {
        *out = belay_strdup(recorded->device);
        status = *out ? BELAY_OK : belay_fail_nomem(t->log, 1);
    }
    belay_recipe_destroy(&recorded);
    belay_free(path);
    return status;
}

// What the caller or BELAY_DEVICE says wins over the recipe.
static belay_status open_device(struct belay_trainer *t)
{
    struct belay_ctx *ctx = t->ctx;
    if (!ctx->device && !ctx->device_spec && !belay_env("BELAY_DEVICE"))
        BELAY_TRY(recorded_device(t, &ctx->device_spec));
    return belay_ctx_open(ctx);
}

static const struct belay_memory_data *as_memory(const belay_data *d, struct belay_memory_data *m)
{
    if (!d)
        return NULL;
    *m = (struct belay_memory_data){ d->x, d->y, d->labels, d->rows, d->features,
                                     d->labels ? 1 : d->targets, d->classes };
    return m;
}

static belay_status load_data(struct belay_trainer *t, const belay_trainer_params *p)
{
    struct belay_memory_data train, validation, test;
    struct belay_dataset_params data = t->recipe->data;
    if (t->overfit)
        data.validation = 0;
    if (!p->train && !t->recipe->has_data)
        return belay_fail(t->log, BELAY_ERR_RECIPE, "%s: there is no data: section",
                          t->recipe->name);
    if (!p->train)
        return belay_datasets_load(t->log, &data, &t->data);
    return belay_datasets_from_memory(t->log, &data, as_memory(p->train, &train),
                                      as_memory(p->validation, &validation),
                                      as_memory(p->test, &test), &t->data);
}

// A trainer keeps its own recipe.
static belay_status own_recipe(struct belay_trainer *t, const belay_recipe *recipe)
{
    BELAY_TRY(belay_recipe_parse(t->ctx, recipe->text, recipe->name, NULL, 0, &t->recipe));
    char *source = belay_strdup(recipe->source ? recipe->source : recipe->text);
    if (!source)
        return belay_fail_nomem(t->log, 1);
    belay_free(t->recipe->source);
    t->recipe->source = source;
    return BELAY_OK;
}

// The device goes into the resolved recipe, for resume.
static belay_status record_device(struct belay_trainer *t)
{
    char override[96];
    const char *const overrides[1] = { override };
    belay_recipe *again = NULL;
    snprintf(override, sizeof(override), "device=\"%s\"", t->ctx->device->select);
    BELAY_TRY(belay_recipe_parse(t->ctx, t->recipe->text, t->recipe->name, overrides, 1, &again));
    t->resolved = belay_strdup(again->text);
    belay_recipe_destroy(&again);
    return t->resolved ? BELAY_OK : belay_fail_nomem(t->log, 1);
}

static int find_option(const struct belay_optimizer *opt, const char *name)
{
    for (int i = 0; i < BELAY_MAX_OPTIONS && opt->options[i].name; i++)
        if (strcmp(opt->options[i].name, name) == 0)
            return i;
    return -1;
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
        .parts = { &t->data.train, &t->data.validation, &t->data.test },
        .train_rows = t->overfit ? (size_t) r->batch : 0,
        .batch = r->batch,
        .eval_batch = r->eval_batch,
        .seed = r->seed,
        .confusion = belay_metrics_need(r, "confusion"),
        .regression = belay_metrics_need(r, "regression"),
        .optimizer = r->optimizer,
        .clip_norm = r->clip_norm,
    };
    for (int i = 0; i <= r->num_groups; i++) {
        bool rest = i == r->num_groups;
        e.group_options[i] = rest ? r->optimizer_options : r->groups[i].options;
        e.group_match[i] = rest ? "*" : r->groups[i].match;
        e.group_frozen[i] = !rest && r->groups[i].frozen;
        t->group_options[i] = e.group_options[i];
    }
    e.num_groups = t->num_groups = r->num_groups + 1;
    return belay_engine_create(t->log, &e, &t->engine);
}

static belay_status check_metrics(struct belay_trainer *t)
{
    for (int i = 0; i < t->recipe->num_metrics; i++) {
        const struct belay_metric *m = t->recipe->metrics[i];
        if (m->classes != t->recipe->loss->classes)
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
    batch = (uint64_t) r->batch;
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
    t->checkpoint_every = r->checkpoint_every.value > 0
                              ? belay_length_steps(&r->checkpoint_every, t->steps_per_epoch)
                              : 0;
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

static void make_schedule(struct belay_trainer *t)
{
    const struct belay_recipe *r = t->recipe;
    t->warmup_steps = r->warmup.value > 0
                          ? (double) belay_length_steps(&r->warmup, t->steps_per_epoch)
                          : 0;
    for (int i = 0; i < BELAY_MAX_OPTIONS && r->schedule->options[i].name; i++) {
        t->schedule_options[i] = r->schedule_options[i];
        if (strcmp(r->schedule->options[i].type, "steps") == 0) {
            struct belay_length l = { r->schedule_options[i], r->schedule_units[i] };
            if (l.unit == BELAY_UNIT_EPOCHS || l.unit == BELAY_UNIT_STEPS)
                t->schedule_options[i] =
                    l.value > 0 ? (double) belay_length_steps(&l, t->steps_per_epoch) : l.value;
            if (l.value == 0 && strcmp(r->schedule->options[i].name, "over") == 0)
                t->schedule_options[i] = scheduled_steps(t);
        }
    }
    if (r->schedule->init)
        r->schedule->init(t->schedule_options, &t->s.schedule);
}

static belay_status make_texts(struct belay_trainer *t, const belay_trainer_params *p)
{
    t->preprocess_json = belay_preprocess_to_json(&t->data.preprocess);
    if (!p->build && t->recipe->model)
        belay_str_add_yaml_tree(&t->model_text, t->recipe->model);
    if (!t->preprocess_json || t->model_text.failed)
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
    belay_status status = arena ? belay_st_read(t->log, t->recipe->init, &st)
                                : belay_fail_nomem(t->log, total * sizeof(*arena));
    for (size_t i = 0; i < count && status == BELAY_OK; i++)
        status = belay_trainer_load_tensor(t, &st, params[i].name, &params[i], arena);
    if (status == BELAY_OK)
        status = belay_engine_set_arena(t->engine, 0, arena);
    else
        status = belay_fail_in(t->log, status, "init %s", t->recipe->init);
    belay_st_finish(&st);
    belay_free(arena);
    return status;
}

// The reason is derived again from the state, so that a larger limit lets the run go on.
static void find_reason(struct belay_trainer *t)
{
    belay_stop_reason reason = t->s.monitor.reason;
    const struct belay_monitor_event now = { .step = t->s.step, .epoch = belay_trainer_epoch(t) };
    t->reason = BELAY_STOP_NONE;
    if (reason == BELAY_STOP_PATIENCE) {
        t->s.monitor.reason = BELAY_STOP_NONE;
        if (belay_monitor_exhausted(&t->recipe->stop, &t->s.monitor, &now))
            t->reason = t->s.monitor.reason = BELAY_STOP_PATIENCE;
    } else if (reason != BELAY_STOP_NONE) {
        t->reason = reason;
    }
    if (t->reason == BELAY_STOP_NONE && t->max_steps && t->s.step >= t->max_steps)
        t->reason = BELAY_STOP_STEPS;
    if (t->reason == BELAY_STOP_NONE && t->epoch_steps && t->s.step >= t->epoch_steps)
        t->reason = BELAY_STOP_EPOCHS;
}

static belay_status open_run(struct belay_trainer *t, bool resume_only)
{
    bool resume = false, found = false;
    BELAY_TRY(belay_trainer_open_dir(t, resume_only, &resume));
    if (resume)
        BELAY_TRY(belay_trainer_restore(t, &found));
    if (resume && !found)
        belay_say(t->log, BELAY_LOG_WARN,
                  "%s has no checkpoint yet: the run starts from its beginning", t->paths.dir);
    if (found)
        belay_say(t->log, BELAY_LOG_INFO, "resumed %s at step %llu", t->paths.dir,
                  (unsigned long long) t->s.step);
    BELAY_TRY(record_device(t));
    BELAY_TRY(belay_trainer_open_logs(t, found));
    if (found)
        find_reason(t);
    t->saved_step = found ? t->s.step : UINT64_MAX;
    return BELAY_OK;
}

static belay_status create(belay_ctx *ctx, const belay_recipe *recipe,
                           const belay_trainer_params *p, bool resume_only, belay_trainer **out)
{
    belay_status status = BELAY_OK;
    *out = NULL;
    struct belay_trainer *t = belay_alloc(sizeof(*t));
    if (!t)
        return belay_fail_nomem(&ctx->log, sizeof(*t));
    t->ctx = ctx;
    t->log = &ctx->log;
    t->lock = -1;
    t->overfit = p->overfit_batch;
    t->no_files = p->no_files || t->overfit;
    t->order_epoch = UINT64_MAX;
    t->last_train_loss = t->last_val_loss = t->last_monitor = NAN;
    belay_monitor_init(&t->s.monitor);
    BELAY_TRY_DONE(own_recipe(t, recipe));
    t->maximize = t->recipe->stop.maximize && !t->overfit;
    t->recipe->stop.maximize = t->maximize;
    BELAY_TRY_DONE(open_device(t));
    BELAY_TRY_DONE(load_data(t, p));
    BELAY_TRY_DONE(count_steps(t));
    BELAY_TRY_DONE(check_metrics(t));
    make_schedule(t);
    BELAY_TRY_DONE(make_texts(t, p));
    BELAY_TRY_DONE(make_engine(t, p));
    BELAY_TRY_DONE(make_arrays(t));
    BELAY_TRY_DONE(load_init(t));
    t->lr_option = find_option(t->recipe->optimizer, "lr");
    if (!t->no_files)
        BELAY_TRY_DONE(open_run(t, resume_only));
    t->first_step = t->s.step;
    *out = t;
    t = NULL;
done:
    belay_trainer_destroy(&t);
    return status;
}

belay_status belay_trainer_create(belay_ctx *ctx, const belay_trainer_params *params,
                                  belay_trainer **out)
{
    *out = NULL;
    if (!params || !params->recipe)
        return belay_fail(&ctx->log, BELAY_ERR_ARG, "trainer: no recipe");
    return create(ctx, params->recipe, params, false, out);
}

belay_status belay_trainer_resume(belay_ctx *ctx, const char *run_dir,
                                  const char *const *overrides, size_t num,
                                  const belay_trainer_params *params, belay_trainer **out)
{
    static const belay_trainer_params none;
    belay_recipe *recipe = NULL;
    char *resolved = belay_path_join(run_dir, "resolved.yaml"), *dir = NULL;
    const char **all = belay_alloc_array(num + 1, sizeof(*all));
    struct belay_str set = { 0 };
    belay_status status = BELAY_OK;
    *out = NULL;
    belay_str_add(&set, "run.dir=");
    belay_str_add_json(&set, run_dir);
    if (!resolved || !all || set.failed) {
        status = belay_fail_nomem(&ctx->log, 1);
        goto done;
    }
    if (!belay_file_exists(resolved)) {
        status = belay_fail(&ctx->log, BELAY_ERR_IO,
                            "'%s' is no run folder: it has no resolved.yaml", run_dir);
        goto done;
    }
    if (num)
        memcpy(all, overrides, num * sizeof(*all));
    all[num] = set.text;
    BELAY_TRY_DONE(belay_recipe_load(ctx, resolved, all, num + 1, &recipe));
    status = create(ctx, recipe, params ? params : &none, true, out);
done:
    belay_recipe_destroy(&recipe);
    belay_str_free(&set);
    belay_free(all);
    belay_free(dir);
    belay_free(resolved);
    return status;
}

void belay_trainer_destroy(belay_trainer **trainer)
{
    struct belay_trainer *t = trainer ? *trainer : NULL;
    if (!t)
        return;
    belay_engine_destroy(&t->engine);
    belay_append_close(&t->metrics);
    belay_append_close(&t->timing);
    belay_lock_drop(&t->lock);
    belay_run_paths_finish(&t->paths);
    belay_datasets_finish(&t->data);
    belay_recipe_destroy(&t->recipe);
    belay_str_free(&t->model_text);
    belay_str_free(&t->line);
    belay_str_free(&t->sentence);
    belay_str_free(&t->json);
    belay_str_free(&t->plan);
    belay_free(t->resolved);
    belay_free(t->preprocess_json);
    belay_free(t->order);
    belay_free(t->losses);
    belay_free(t->norms);
    belay_free(t->best_weights);
    belay_free(t);
    *trainer = NULL;
}

const char *belay_trainer_plan(belay_trainer *t)
{
    belay_str_clear(&t->plan);
    belay_str_addf(&t->plan, "Device: %s\nRows: %zu training, %zu validation, %zu test; %llu steps "
                             "an epoch\n\nParameters:\n",
                   t->ctx->device->description, t->data.train.rows, t->data.validation.rows,
                   t->data.test.rows, (unsigned long long) t->steps_per_epoch);
    belay_engine_describe(t->engine, &t->plan);
    return t->plan.text ? t->plan.text : "";
}

// ---- steps ----

static belay_status upload_order(struct belay_trainer *t)
{
    uint64_t epoch = t->s.step / t->steps_per_epoch;
    size_t rows = t->overfit ? (size_t) t->recipe->batch : t->data.train.rows;
    struct belay_rng rng;
    if (t->order_epoch == epoch || !t->recipe->shuffle || t->overfit)
        return BELAY_OK;
    for (size_t i = 0; i < rows; i++)
        t->order[i] = (int32_t) i;
    belay_rng_init(&rng, t->recipe->seed, belay_hash_text("order") + epoch);
    belay_rng_shuffle(&rng, t->order, (uint32_t) rows);
    t->order_epoch = epoch;
    return belay_engine_order(t->engine, t->order, rows);
}

static void fill_scalars(struct belay_trainer *t, struct belay_step_scalars *s)
{
    const struct belay_recipe *r = t->recipe;
    size_t batch = (size_t) r->batch, rows = t->overfit ? batch : t->data.train.rows;
    s->step = t->s.step;
    s->first = (size_t) (t->s.step % t->steps_per_epoch) * batch;
    s->rows = rows - s->first < batch ? rows - s->first : batch;
    for (int i = t->num_groups - 1; i >= 0; i--) {
        double options[BELAY_MAX_OPTIONS], h[BELAY_HYPER] = { 0 };
        memcpy(options, t->group_options[i], sizeof(options));
        double base = options[t->lr_option];
        options[t->lr_option] = belay_schedule_rate(r->schedule, t->schedule_options,
                                                    &t->s.schedule, base, t->warmup_steps,
                                                    t->s.step);
        r->optimizer->hyper(options, t->s.step + 1, h);
        for (int k = 0; k < BELAY_HYPER; k++)
            s->hyper[i * BELAY_HYPER + k] = (float) h[k];
        if (i == t->num_groups - 1)
            t->last_lr = options[t->lr_option];
    }
}

// A loss that is not finite stops the run between checks too, at fixed steps.
#define LOOK_EVERY 256

static belay_status look_at_losses(struct belay_trainer *t)
{
    if (t->s.step % LOOK_EVERY != 0)
        return BELAY_OK;
    BELAY_TRY(belay_trainer_drain(t));
    if (!isfinite(t->s.loss_sum) && t->recipe->stop.nan == BELAY_NAN_STOP)
        t->reason = BELAY_STOP_NAN;
    return BELAY_OK;
}

static void look_at_limits(struct belay_trainer *t)
{
    if (t->reason != BELAY_STOP_NONE)
        return;
    if (t->max_steps && t->s.step >= t->max_steps)
        t->reason = BELAY_STOP_STEPS;
    else if (t->epoch_steps && t->s.step >= t->epoch_steps)
        t->reason = BELAY_STOP_EPOCHS;
    else if (t->recipe->time.value > 0 && belay_trainer_seconds(t) >= t->recipe->time.value)
        t->reason = BELAY_STOP_TIME;
}

static belay_status save_if_due(struct belay_trainer *t)
{
    bool due = t->checkpoint_every && t->s.step % t->checkpoint_every == 0;
    bool end = t->reason != BELAY_STOP_NONE && t->reason != BELAY_STOP_NAN;
    if ((!due && !end) || t->reason == BELAY_STOP_NAN || t->saved_step == t->s.step)
        return BELAY_OK;
    BELAY_TRY(belay_trainer_save_checkpoint(t));
    t->saved_step = t->s.step;
    return BELAY_OK;
}

static belay_status after_step(struct belay_trainer *t)
{
    bool check = t->s.step % t->check_every == 0;
    BELAY_TRY(look_at_losses(t));
    look_at_limits(t);
    // A run that ends is measured at its end.
    if (t->reason == BELAY_STOP_NAN)
        return BELAY_OK;
    if (check || t->reason != BELAY_STOP_NONE) {
        belay_stop_reason limit = t->reason;
        BELAY_TRY(belay_trainer_check(t));
        t->reason = t->reason == BELAY_STOP_NONE ? limit : t->reason;
    }
    return save_if_due(t);
}

static belay_status one_step(struct belay_trainer *t)
{
    struct belay_step_scalars scalars;
    t->checked = t->improved = false;
    if (t->reason != BELAY_STOP_NONE)
        return BELAY_OK;
    if (t->started == 0)
        t->started = belay_clock_now();
    if (atomic_load(&t->cancelled)) {
        t->reason = BELAY_STOP_CANCELLED;
        return save_if_due(t);
    }
    BELAY_TRY(upload_order(t));
    fill_scalars(t, &scalars);
    BELAY_TRY(belay_engine_step(t->engine, &scalars));
    t->s.step++;
    return after_step(t);
}

belay_status belay_trainer_step(belay_trainer *t, belay_progress *progress)
{
    belay_status status = t->ctx->device->failed;
    if (status != BELAY_OK)
        return belay_fail(t->log, status, "the device failed earlier: nothing after it is saved");
    status = one_step(t);
    if (progress)
        belay_trainer_fill_progress(t, progress);
    return status;
}

belay_status belay_trainer_run(belay_trainer *t, belay_progress_fn fn, void *user)
{
    belay_progress p;
    do {
        BELAY_TRY(belay_trainer_step(t, &p));
        if (fn && !fn(user, &p))
            belay_trainer_cancel(t);
    } while (p.reason == BELAY_STOP_NONE);
    return BELAY_OK;
}

void belay_trainer_cancel(belay_trainer *t)
{
    atomic_store(&t->cancelled, 1);
}

// ---- the end ----

static belay_status test_model(struct belay_trainer *t, belay_result *r, struct check_values *test)
{
    BELAY_TRY(belay_trainer_measure(t, BELAY_PART_TEST, test));
    r->test_loss = test->loss;
    for (int i = 0; i < t->recipe->num_metrics; i++)
        if (strcmp(t->recipe->metrics[i]->name, "accuracy") == 0)
            r->test_accuracy = test->metrics[i];
    return BELAY_OK;
}

static void fill_result(struct belay_trainer *t, belay_result *r)
{
    belay_progress p;
    belay_trainer_fill_progress(t, &p);
    *r = (belay_result){ .reason = t->reason, .step = p.step, .epoch = p.epoch,
                         .best_step = p.best_step, .best_epoch = p.best_epoch, .best = p.best,
                         .test_loss = NAN, .test_accuracy = NAN };
    r->sentence = t->sentence.text ? t->sentence.text : "";
    r->best_path = t->no_files || t->s.num_bests == 0 ? "" : t->paths.best;
    r->run_dir = t->no_files ? "" : t->paths.dir;
}

belay_status belay_trainer_finish(belay_trainer *t, belay_result *result)
{
    struct check_values test = { .loss = NAN };
    bool cancelled = t->reason == BELAY_STOP_CANCELLED, tested = t->has_test && !cancelled;
    BELAY_TRY(belay_trainer_drain(t));
    BELAY_TRY(belay_device_finish(t->ctx->device));
    if (t->reason != BELAY_STOP_NAN)
        BELAY_TRY(belay_trainer_save_last(t));
    if (t->recipe->restore_best && !cancelled)
        BELAY_TRY(belay_trainer_load_best(t));
    belay_trainer_make_sentence(t);
    fill_result(t, result);
    if (tested)
        BELAY_TRY(test_model(t, result, &test));
    belay_trainer_make_json(t, result, tested ? &test : NULL);
    result->json = t->json.text ? t->json.text : "";
    if (t->no_files)
        return BELAY_OK;
    BELAY_TRY(belay_append_sync(&t->metrics));
    return belay_file_write(t->log, t->paths.result, t->json.text, t->json.length);
}

belay_status belay_trainer_save(belay_trainer *t, const char *path)
{
    const float *arenas[1 + BELAY_MAX_MOMENTS];
    char digest[33];
    BELAY_TRY(belay_trainer_drain(t));
    BELAY_TRY(belay_engine_snapshot(t->engine, arenas));
    belay_status status = belay_trainer_write_weights(t, path, arenas[0], digest);
    belay_status unmapped = belay_engine_unmap(t->engine);
    return status == BELAY_OK ? unmapped : status;
}
