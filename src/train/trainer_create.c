// The life of a trainer: made, resumed, destroyed.
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/env.h"
#include "base/hash.h"
#include "train/tensorboard.h"
#include "train/trainer_internal.h"

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

// Names what this training builds: by recipe and device.
static void name_start(const struct belay_trainer *t, struct belay_digest *out)
{
    struct belay_digest recipe;
    char text[sizeof(t->ctx->device->identity) + sizeof(recipe.hex)];
    belay_digest_of(t->recipe->text, strlen(t->recipe->text), &recipe);
    snprintf(text, sizeof(text), "%s%s", recipe.hex, t->ctx->device->identity);
    belay_digest_of(text, strlen(text), out);
}

// While the data come: the programs that the same recipe needed before.
static belay_status open_early(struct belay_trainer *t)
{
    struct belay_digest name;
    BELAY_TRY(open_device(t));
    name_start(t, &name);
    belay_device_recall(t->ctx->device, name.hex);
    return BELAY_OK;
}

static void remember_start(const struct belay_trainer *t)
{
    struct belay_digest name;
    name_start(t, &name);
    belay_device_remember(t->ctx->device, name.hex);
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
// The reason is derived again from the state, so that a larger limit lets the run go on.
static void find_reason(struct belay_trainer *t)
{
    t->reason = belay_trainer_verdict(t);
    if (t->reason == BELAY_STOP_NONE && t->max_steps && t->s.step >= t->max_steps)
        t->reason = BELAY_STOP_STEPS;
    if (t->reason == BELAY_STOP_NONE && t->epoch_steps && t->s.step >= t->epoch_steps)
        t->reason = BELAY_STOP_EPOCHS;
}

static belay_status open_run(struct belay_trainer *t, bool resume_only)
{
    bool resume = false, found = false;
    BELAY_TRY(belay_trainer_open_dir(t, resume_only, &resume));
    BELAY_TRY(belay_trainer_open_saver(t));
    if (resume) {
        BELAY_TRY(belay_trainer_compare(t));
        BELAY_TRY(belay_trainer_restore(t, &found));
    }
    if (resume_only && !found)
        return belay_fail(t->log, BELAY_ERR_IO,
                          "%s has no checkpoint to go on from: it ended before the first one. "
                          "`belay train RECIPE run.dir=%s run.if_exists=resume` begins it anew",
                          t->paths.dir, t->paths.dir);
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
    BELAY_TRY(belay_file_remove(t->log, t->paths.stop));
    // Not its result any more, if it goes on.
    if (found && t->reason == BELAY_STOP_NONE)
        BELAY_TRY(belay_file_remove(t->log, t->paths.result));
    belay_trainer_tell_history(t, found);
    t->saved_step = found ? t->s.step : UINT64_MAX;
    return BELAY_OK;
}

// checkpoint.on_save with a NULL behind it.
static belay_status make_command(struct belay_trainer *t)
{
    size_t count = t->recipe->num_on_save;
    if (!count)
        return BELAY_OK;
    t->on_save = belay_alloc_array(count + 1, sizeof(*t->on_save));
    if (!t->on_save)
        return belay_fail_nomem(t->log, count * sizeof(*t->on_save));
    memcpy(t->on_save, t->recipe->on_save, count * sizeof(*t->on_save));
    return BELAY_OK;
}

static belay_status create(belay_ctx *ctx, const belay_recipe *recipe,
                           const belay_trainer_params *p, bool resume_only, belay_trainer **out)
{
    belay_status status = BELAY_OK;
    struct belay_data_job data;
    *out = NULL;
    struct belay_trainer *t = belay_alloc(sizeof(*t));
    if (!t)
        return belay_fail_nomem(&ctx->log, sizeof(*t));
    t->ctx = ctx;
    t->log = &ctx->log;
    t->lock = -1;
    t->overfit = p->overfit_batch;
    t->at = p->at;
    t->reset_monitor = p->reset_monitor;
    t->time_limit = p->seconds;
    t->born = belay_clock_now();
    t->no_files = p->no_files || t->overfit;
    t->order_epoch = UINT64_MAX;
    t->last_train_loss = t->last_val_loss = t->last_monitor = NAN;
    belay_monitor_init(&t->s.monitor);
    for (int i = 0; i < BELAY_MAX_MONITORS - 1; i++)
        belay_monitor_init(&t->s.watches[i]);
    for (int i = 0; i < BELAY_MAX_BEST_OF; i++)
        t->s.best_of[i].value = NAN;
    BELAY_TRY_DONE(own_recipe(t, recipe));
    t->maximize = t->recipe->stop.maximize && !t->overfit;
    t->recipe->stop.maximize = t->maximize;
    BELAY_TRY_DONE(make_command(t));
    belay_data_job_start(&data, t, p);
    BELAY_TRY_DONE(belay_data_job_end(&data, open_early(t)));
    BELAY_TRY_DONE(belay_trainer_setup(t, p));
    remember_start(t);
    if (!t->no_files)
        BELAY_TRY_DONE(open_run(t, resume_only));
    t->first_step = t->s.step;
    t->at = t->reset_monitor = NULL;
    belay_trainer_warn_schedule(t);
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
    if (params && params->refit) {
        status = belay_refit(ctx, run_dir, overrides, num, out);
        goto done;
    }
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
    belay_trainer_close_saver(t);
    belay_engine_destroy(&t->engine);
    belay_append_close(&t->metrics);
    belay_append_close(&t->timing);
    belay_board_close(&t->board);
    belay_lock_drop(&t->lock);
    belay_run_paths_finish(&t->paths);
    belay_datasets_finish(&t->data);
    belay_recipe_destroy(&t->recipe);
    belay_str_free(&t->model_text);
    belay_str_free(&t->line);
    belay_str_free(&t->unwritten);
    belay_str_free(&t->changes);
    belay_str_free(&t->saved);
    belay_free(t->on_save);
    belay_str_free(&t->sentence);
    belay_str_free(&t->json);
    belay_str_free(&t->plan);
    belay_free(t->resolved);
    belay_free(t->preprocess_json);
    belay_free(t->loss_json);
    belay_str_free(&t->heads_text);
    belay_free(t->loss_weights);
    belay_strata_finish(&t->strata);
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
