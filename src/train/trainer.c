// The trainer: steps, and the checks and checkpoints that are due after them.
#include <math.h>
#include <string.h>

#include "base/clock.h"
#include "base/rng.h"
#include "train/trainer_saver.h"

double belay_trainer_epoch(const struct belay_trainer *t)
{
    return (double) t->s.step / (double) t->steps_per_epoch;
}

double belay_trainer_seconds(const struct belay_trainer *t)
{
    return t->started > 0 ? belay_clock_now() - t->started : 0;
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
    size_t batch = belay_trainer_step_rows(t);
    size_t rows = t->overfit ? (size_t) r->batch : t->data.train.rows;
    s->step = t->s.step;
    s->first = (size_t) (t->s.step % t->steps_per_epoch) * batch;
    s->rows = rows - s->first < batch ? rows - s->first : batch;
    for (int i = t->num_groups - 1; i >= 0; i--) {
        double options[BELAY_MAX_OPTIONS], h[BELAY_HYPER] = { 0 };
        memcpy(options, t->group_options[i], sizeof(options));
        double base = options[t->lr_option] * belay_trainer_lr_scale(t);
        options[t->lr_option] = belay_schedule_rate(r->schedule, t->schedule_options,
                                                    &t->s.schedule, base, t->warmup_steps,
                                                    t->s.step);
        r->optimizer->hyper(options, t->s.step + 1 - t->s.optimizer_start, h);
        for (int k = 0; k < BELAY_HYPER; k++)
            s->hyper[i * BELAY_HYPER + k] = (float) h[k];
        if (i == t->num_groups - 1)
            t->last_lr = options[t->lr_option];
    }
    belay_trainer_tell_rate(t);
}

// A loss that is not finite stops the run between checks too, at fixed steps.
#define LOOK_EVERY 256

static belay_status look_at_losses(struct belay_trainer *t)
{
    if (t->s.step % LOOK_EVERY != 0)
        return BELAY_OK;
    BELAY_TRY(belay_trainer_drain(t));
    if (isfinite(t->s.loss_sum))
        return BELAY_OK;
    if (belay_trainer_may_roll_back(t))
        return belay_trainer_rollback(t);
    if (t->recipe->stop.nan == BELAY_NAN_STOP || t->recipe->stop.nan == BELAY_NAN_ROLLBACK)
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

// Every so many steps, or so much time after the last save.
static bool is_due(const struct belay_trainer *t, const struct belay_length *every)
{
    if (every->value <= 0)
        return false;
    if (every->unit == BELAY_UNIT_SECONDS)
        return belay_trainer_seconds(t) - t->saved_at >= every->value;
    return t->s.step % belay_length_steps(every, t->steps_per_epoch) == 0;
}

static bool must_save(const struct belay_trainer *t)
{
    const struct belay_recipe *r = t->recipe;
    if (t->reason == BELAY_STOP_CANCELLED)
        return r->save_signal;
    if (t->reason != BELAY_STOP_NONE && r->save_end)
        return true;
    return (t->improved && r->save_improved) || is_due(t, &r->checkpoint_every) ||
           is_due(t, &r->save_also_every);
}

static belay_status save_if_due(struct belay_trainer *t)
{
    if (t->reason == BELAY_STOP_NAN || t->saved_step == t->s.step || !must_save(t))
        return BELAY_OK;
    BELAY_TRY(belay_trainer_save_checkpoint(t));
    t->saved_step = t->s.step;
    t->saved_at = belay_trainer_seconds(t);
    return BELAY_OK;
}

// An error that is not the device's leaves weights that are whole: the last step is worth a try.
static void save_after_error(struct belay_trainer *t)
{
    if (!t->recipe->save_error || t->no_files || t->broken || t->ctx->device->failed != BELAY_OK ||
        t->saved_step == t->s.step || t->saver->failures || t->reason == BELAY_STOP_NAN)
        return;
    t->broken = true;
    struct belay_log first = *t->log;
    if (belay_trainer_save_checkpoint(t) == BELAY_OK && belay_trainer_wait_saves(t) == BELAY_OK)
        t->saved_step = t->s.step;
    memcpy(t->log->last, first.last, sizeof(first.last));
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
    BELAY_TRY(belay_trainer_poll_saves(t));
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
    if (status != BELAY_OK)
        save_after_error(t);
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
    *r = (belay_result){ .reason = t->reason,
                         .reason_name = belay_stop_reason_name(t->reason), .step = p.step, .epoch = p.epoch,
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
    BELAY_TRY(belay_trainer_finish_saves(t));
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
    BELAY_TRY(belay_trainer_drain(t));
    return belay_trainer_write_weights(t, path);
}
