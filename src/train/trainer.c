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
    if (t->strata.count) {
        belay_strata_draw(&t->strata, t->recipe->seed, epoch, t->order, rows);
    } else {
        for (size_t i = 0; i < rows; i++)
            t->order[i] = (int32_t) i;
        belay_rng_init(&rng, t->recipe->seed, belay_hash_text("order") + epoch);
        belay_rng_shuffle(&rng, t->order, (uint32_t) rows);
    }
    t->order_epoch = epoch;
    return belay_engine_order(t->engine, t->order, rows);
}

// The options of a group in the next step: what the schedule moves is moved.
static void scheduled_options(const struct belay_trainer *t, int group, double *options)
{
    const struct belay_recipe *r = t->recipe;
    const int lr = t->lr_option, m = belay_optimizer_momentum(r->optimizer);
    const double momentum = belay_schedule_momentum(r->schedule, t->schedule_options,
                                                    t->warmup_steps, t->s.step);
    memcpy(options, t->group_options[group], BELAY_MAX_OPTIONS * sizeof(*options));
    options[lr] = belay_schedule_rate(r->schedule, t->schedule_options, &t->schedule_parts,
                                      &t->s.schedule, options[lr] * belay_trainer_lr_scale(t),
                                      t->warmup_steps, t->s.step);
    if (m >= 0 && !isnan(momentum))
        options[m] = momentum;
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
        scheduled_options(t, i, options);
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
    else if (t->recipe->time.value > 0 &&
             t->spent_before + belay_trainer_seconds(t) >= t->recipe->time.value)
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
    return t->no_files ? BELAY_OK : belay_trainer_log_time(t, BELAY_STOP_NONE);
}

static bool check_is_due(const struct belay_trainer *t)
{
    const struct belay_length *every = &t->recipe->check_every;
    if (every->unit == BELAY_UNIT_SECONDS)
        return belay_trainer_seconds(t) - t->checked_at >= every->value;
    return t->s.step % t->check_every == 0;
}

// One that was made at this step is not made twice.
static belay_status check(struct belay_trainer *t)
{
    double before = belay_trainer_seconds(t);
    if (t->s.monitor.last_step == t->s.step)
        return BELAY_OK;
    BELAY_TRY(belay_trainer_check(t));
    t->checked_at = belay_trainer_seconds(t);
    if (t->checked_at - before > t->check_seconds)
        t->check_seconds = t->checked_at - before;
    return BELAY_OK;
}

static belay_status after_step(struct belay_trainer *t)
{
    bool due = check_is_due(t);
    BELAY_TRY(look_at_losses(t));
    look_at_limits(t);
    // A run that ends is measured at its end.
    if (t->reason == BELAY_STOP_NAN)
        return BELAY_OK;
    if (due || t->reason != BELAY_STOP_NONE) {
        belay_stop_reason limit = t->reason;
        BELAY_TRY(check(t));
        t->reason = t->reason == BELAY_STOP_NONE ? limit : t->reason;
    }
    return save_if_due(t);
}

// ---- asked to end ----

#define ASK_EVERY 0.2 // seconds between two looks at the run's `stop` file
#define MARGIN 0.2    // seconds

// `belay stop` makes the file.
static bool is_asked_to_stop(struct belay_trainer *t)
{
    double now = belay_trainer_seconds(t);
    if (t->no_files || now - t->asked_at < ASK_EVERY)
        return false;
    t->asked_at = now;
    if (!belay_file_polled(t->paths.stop))
        return false;
    (void) belay_file_remove(t->log, t->paths.stop);
    return true;
}

// In time: what is still to be done is as long as its longest example was.
static bool is_out_of_time(struct belay_trainer *t)
{
    double need = MARGIN + t->check_seconds + 3 * t->save_seconds;
    t->out_of_time = t->time_limit > 0 && belay_clock_now() - t->born + need >= t->time_limit;
    return t->out_of_time;
}

// Weights from elsewhere may be the best that there will be: they are measured before the first step.
static bool begins_with_check(const struct belay_trainer *t)
{
    return t->recipe->init && t->s.step == 0 && t->has_validation &&
           t->s.monitor.last_step == UINT64_MAX && strcmp(t->recipe->monitor, "train.loss") != 0;
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
    if (atomic_load(&t->cancelled) || is_asked_to_stop(t) || is_out_of_time(t)) {
        t->reason = BELAY_STOP_CANCELLED;
        return save_if_due(t);
    }
    t->whole = false;
    if (begins_with_check(t)) {
        BELAY_TRY(check(t));
        BELAY_TRY(save_if_due(t));
    } else {
        BELAY_TRY(upload_order(t));
        fill_scalars(t, &scalars);
        BELAY_TRY(belay_engine_step(t->engine, &scalars));
        t->s.step++;
        BELAY_TRY(after_step(t));
    }
    t->whole = true;
    return BELAY_OK;
}

// What was taken back with an error in between, or by a program that ends early, is whole up to the
// last step: it is worth a checkpoint.
void belay_trainer_save_unfinished(struct belay_trainer *t)
{
    if (t->no_files || !t->whole || t->finished || !t->recipe->save_error ||
        t->reason != BELAY_STOP_NONE || t->saved_step == t->s.step || t->saver->failures)
        return;
    (void) belay_trainer_save_checkpoint(t);
}

belay_status belay_trainer_step(belay_trainer *t, belay_progress *progress)
{
    belay_status status = t->ctx->device->failed;
    if (status != BELAY_OK)
        return belay_fail(t->log, status, "the device failed earlier: nothing after it is saved");
    status = one_step(t);
    if (progress) {
        belay_trainer_fill_progress(t, progress);
        progress->saved = t->tell_saved ? t->saved.text : NULL;
        progress->on_save = t->on_save;
        t->tell_saved = false;
    }
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
        if (strcmp(t->recipe->metric_names[i], "accuracy") == 0)
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
    t->finished = true;
    result->saved = t->tell_saved ? t->saved.text : NULL;
    result->on_save = t->on_save;
    t->tell_saved = false;
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
