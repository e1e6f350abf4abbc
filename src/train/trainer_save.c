// When a save is due and what becomes of it. A snapshot is copied on the device, mapped while training
// goes on, and handed to the writer's thread; only the context's thread calls the device. Saves are
// written in the order in which they were taken.
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "train/trainer_saver.h"

belay_status belay_trainer_open_saver(struct belay_trainer *t)
{
    t->saver = belay_alloc(sizeof(*t->saver));
    if (!t->saver)
        return belay_fail_nomem(t->log, sizeof(*t->saver));
    t->saver->digest_step = t->saver->resumed = UINT64_MAX;
    return t->recipe->save_async ? belay_worker_create(t->log, &t->saver->worker) : BELAY_OK;
}

// Saves that were taken are made before the trainer goes, unless the device failed.
void belay_trainer_close_saver(struct belay_trainer *t)
{
    struct belay_saver *v = t->saver;
    if (!v)
        return;
    if (t->engine && t->ctx->device->failed == BELAY_OK)
        belay_trainer_save_unfinished(t);
    if (t->engine && t->ctx->device->failed == BELAY_OK)
        (void) belay_trainer_wait_saves(t);
    belay_worker_destroy(&v->worker);
    belay_job_finish(&v->job);
    belay_keep_finish(v);
    belay_free(v);
    t->saver = NULL;
}

static enum belay_snap_kind kind_of(const struct belay_saver *v, const struct save_slot *slot)
{
    return (enum belay_snap_kind)(slot - v->slots);
}

// ---- jobs ----

static belay_status prepare_best(struct belay_trainer *t, struct save_slot *slot)
{
    struct save_job *job = &t->saver->job;
    char *path = belay_checkpoint_path(&t->paths, "best", slot->s.step);
    belay_status status = path ? BELAY_OK : belay_fail_nomem(t->log, 1);
    if (status == BELAY_OK)
        status = belay_job_weights(t, &slot->s, BELAY_SNAP_WEIGHTS, 0, path, job);
    for (int i = 0; i <= t->recipe->num_best_of && status == BELAY_OK; i++) {
        if (!(slot->publish & (1u << i)))
            continue;
        char *name = i ? belay_trainer_best_of_path(t, i - 1) : belay_strdup(t->paths.best);
        status = name ? BELAY_OK : belay_fail_nomem(t->log, 1);
        if (name)
            job->publish[job->num_publish++] = name;
    }
    belay_free(path);
    return status;
}

// The losses of steps that nobody had read when the snapshot was taken came with it.
static void add_losses(struct belay_trainer *t, struct train_state *s)
{
    size_t count;
    belay_engine_snap_losses(t->engine, t->losses, t->norms, &count);
    for (size_t i = 0; i < count; i++) {
        s->loss_sum += t->losses[i];
        s->last_norm = t->norms[i];
    }
    s->loss_count += count;
}

static belay_status prepare_full(struct belay_trainer *t, struct save_slot *slot)
{
    struct save_job *job = &t->saver->job;
    char *path = belay_checkpoint_path(&t->paths, "step", slot->s.step);
    belay_status status = path ? BELAY_OK : belay_fail_nomem(t->log, 1);
    add_losses(t, &slot->s);
    // That of its best, which was written before.
    memcpy(slot->s.best_digest, t->s.best_digest, sizeof(slot->s.best_digest));
    if (status == BELAY_OK)
        status = belay_job_checkpoint(t, &slot->s, path, job);
    if (status == BELAY_OK)
        status = belay_keep_plan(t, &slot->s, job);
    belay_free(path);
    return status;
}

// ---- what became of one ----

static belay_status empty(struct belay_trainer *t, struct save_slot *slot)
{
    slot->state = SLOT_EMPTY;
    slot->failed = false;
    return belay_engine_snap_drop(t->engine, kind_of(t->saver, slot));
}

// A checkpoint that was taken after a best which could not be written refers to it: it goes too.
static belay_status drop_dependent(struct belay_trainer *t, const struct save_slot *best)
{
    struct save_slot *full = &t->saver->slots[BELAY_SNAP_ALL];
    if (full->state == SLOT_TAKEN && full->turn > best->turn)
        return empty(t, full);
    return BELAY_OK;
}

// A full disk or a bad one does not end a run at once: the old files stand, the next save is
// another try.
static belay_status count_failure(struct belay_trainer *t, const char *what, uint64_t step,
                                  belay_status status)
{
    struct belay_saver *v = t->saver;
    v->failures++;
    if (status != BELAY_ERR_IO)
        return belay_fail(t->log, status, "%s", v->error);
    if (v->failures > t->recipe->save_retries)
        return belay_fail(t->log, status, "saving failed %d times in a row: %s", v->failures,
                          v->error);
    belay_say(t->log, BELAY_LOG_WARN,
              "step %llu: the %s could not be saved (%d of at most %d in a row), training goes on, "
              "the older files stand, the next save tries again: %s",
              (unsigned long long) step, what, v->failures, t->recipe->save_retries, v->error);
    return BELAY_OK;
}

static belay_status failed(struct belay_trainer *t, struct save_slot *slot)
{
    struct belay_saver *v = t->saver;
    bool best = kind_of(v, slot) == BELAY_SNAP_WEIGHTS;
    snprintf(v->error, sizeof(v->error), "%s", v->job.log.last);
    if (best) {
        slot->state = SLOT_TAKEN;
        slot->failed = true;
        BELAY_TRY(drop_dependent(t, slot));
    } else {
        BELAY_TRY(empty(t, slot));
    }
    return count_failure(t, best ? "best" : "checkpoint", slot->s.step, v->job.status);
}

static belay_status written(struct belay_trainer *t, struct save_slot *slot)
{
    struct belay_saver *v = t->saver;
    if (v->job.remove_error[0])
        belay_say(t->log, BELAY_LOG_WARN, "an old file stays: %s", v->job.remove_error);
    if (kind_of(v, slot) == BELAY_SNAP_WEIGHTS) {
        if (slot->publish & 1) {
            memcpy(t->s.best_digest, v->job.digest, sizeof(t->s.best_digest));
            v->digest_step = slot->s.step;
        }
        BELAY_TRY(belay_keep_best(t, slot->s.step));
    } else {
        v->failures = 0;
        belay_str_clear(&t->saved);
        belay_str_add(&t->saved, v->job.path);
        t->tell_saved = !t->saved.failed;
    }
    if (v->job.seconds > t->save_seconds)
        t->save_seconds = v->job.seconds;
    return empty(t, slot);
}

static belay_status collect(struct belay_trainer *t)
{
    struct belay_saver *v = t->saver;
    struct save_slot *slot = v->working;
    bool full = kind_of(v, slot) == BELAY_SNAP_ALL;
    belay_status status;
    v->working = NULL;
    if (full)
        belay_keep_done(t, v->job.status == BELAY_OK && !v->job.not_finite);
    if (v->job.not_finite) {
        belay_say(t->log, BELAY_LOG_WARN,
                  "step %llu: weights are not finite and not saved; what was saved before stays",
                  (unsigned long long) slot->s.step);
        status = empty(t, slot);
    } else {
        status = v->job.status == BELAY_OK ? written(t, slot) : failed(t, slot);
    }
    belay_job_finish(&v->job);
    return status;
}

// ---- on the way ----

// The one that was taken first; a best that failed waits for the next checkpoint.
static struct save_slot *next_slot(struct belay_saver *v)
{
    struct save_slot *next = NULL;
    for (int i = 0; i < BELAY_NUM_SNAPS; i++) {
        struct save_slot *s = &v->slots[i];
        if (s->state == SLOT_TAKEN && !s->failed && (!next || s->turn < next->turn))
            next = s;
    }
    return next;
}

static belay_status start(struct belay_trainer *t, struct save_slot *slot)
{
    struct belay_saver *v = t->saver;
    bool best = kind_of(v, slot) == BELAY_SNAP_WEIGHTS;
    if (!best && slot->s.num_bests && slot->s.bests[0].step != v->digest_step) {
        snprintf(v->error, sizeof(v->error), "the best of step %llu is not saved",
                 (unsigned long long) slot->s.bests[0].step);
        BELAY_TRY(empty(t, slot));
        return count_failure(t, "checkpoint", slot->s.step, BELAY_ERR_IO);
    }
    belay_status status = best ? prepare_best(t, slot) : prepare_full(t, slot);
    if (status != BELAY_OK) {
        belay_job_finish(&v->job);
        return status;
    }
    slot->state = SLOT_WRITING;
    v->working = slot;
    if (v->worker) {
        belay_worker_start(v->worker, belay_job_run, &v->job);
        return BELAY_OK;
    }
    belay_job_run(&v->job);
    return collect(t);
}

// One step of the way; with `wait` one that gets somewhere.
static belay_status advance(struct belay_trainer *t, bool wait)
{
    struct belay_saver *v = t->saver;
    bool ready;
    if (v->working) {
        if (wait)
            belay_worker_wait(v->worker);
        else if (!belay_worker_idle(v->worker))
            return BELAY_OK;
        BELAY_TRY(collect(t));
    }
    struct save_slot *slot = next_slot(v);
    if (!slot)
        return BELAY_OK;
    BELAY_TRY(belay_engine_snap_ready(t->engine, kind_of(v, slot), wait, &ready));
    return ready ? start(t, slot) : BELAY_OK;
}

belay_status belay_trainer_poll_saves(struct belay_trainer *t)
{
    return t->saver ? advance(t, false) : BELAY_OK;
}

belay_status belay_trainer_wait_saves(struct belay_trainer *t)
{
    while (t->saver && (t->saver->working || next_slot(t->saver)))
        BELAY_TRY(advance(t, true));
    return BELAY_OK;
}

// The slot's snapshot of now. One that is still on its way is waited for; a best that failed gives
// way to a better one.
static belay_status take(struct belay_trainer *t, enum belay_snap_kind kind, unsigned publish)
{
    struct belay_saver *v = t->saver;
    struct save_slot *slot = &v->slots[kind];
    while (slot->state != SLOT_EMPTY && !slot->failed)
        BELAY_TRY(advance(t, true));
    // Of one that holds what the new one does not, another try is made first, and it stays.
    if (slot->failed && (slot->publish & ~publish)) {
        slot->failed = false;
        BELAY_TRY(belay_trainer_wait_saves(t));
        if (slot->failed)
            return BELAY_OK;
    }
    if (slot->failed)
        BELAY_TRY(empty(t, slot));
    BELAY_TRY(belay_engine_snap(t->engine, kind));
    slot->s = t->s;
    slot->turn = ++v->turn;
    slot->publish = publish;
    slot->state = SLOT_TAKEN;
    return v->worker ? BELAY_OK : belay_trainer_wait_saves(t);
}

// ---- what the trainer asks for ----

static belay_status keep_best_in_memory(struct belay_trainer *t)
{
    size_t count = belay_engine_arena_count(t->engine);
    if (!t->best_weights)
        t->best_weights = belay_alloc_array(count, sizeof(float));
    if (!t->best_weights)
        return belay_fail_nomem(t->log, count * sizeof(float));
    return belay_engine_get_arena(t->engine, belay_engine_shown(t->engine), t->best_weights);
}

belay_status belay_trainer_save_best(struct belay_trainer *t, unsigned of)
{
    if (t->no_files)
        return of & 1 ? keep_best_in_memory(t) : BELAY_OK;
    return take(t, BELAY_SNAP_WEIGHTS, of);
}

belay_status belay_trainer_save_checkpoint(struct belay_trainer *t)
{
    if (t->no_files)
        return BELAY_OK;
    BELAY_TRY(belay_trainer_write_log(t));
    if (t->unwritten.length) {
        snprintf(t->saver->error, sizeof(t->saver->error), "%s: cannot be written",
                 t->paths.metrics);
        return count_failure(t, "checkpoint", t->s.step, BELAY_ERR_IO);
    }
    t->saver->slots[BELAY_SNAP_WEIGHTS].failed = false; // another try
    return take(t, BELAY_SNAP_ALL, 0);
}

belay_status belay_trainer_finish_saves(struct belay_trainer *t)
{
    struct belay_saver *v = t->saver;
    if (!v)
        return BELAY_OK;
    BELAY_TRY(belay_trainer_wait_saves(t));
    BELAY_TRY(belay_trainer_write_log(t));
    if (!v->failures && !t->unwritten.length)
        return BELAY_OK;
    if (t->reason != BELAY_STOP_NAN) {
        BELAY_TRY(belay_trainer_save_checkpoint(t));
        BELAY_TRY(belay_trainer_wait_saves(t));
    }
    return v->failures || t->unwritten.length ? belay_fail(t->log, BELAY_ERR_IO, "the end of the run is not saved: %s",
                                    v->error)
                       : BELAY_OK;
}

belay_status belay_trainer_write_weights(struct belay_trainer *t, const char *path)
{
    struct save_job job = { 0 };
    bool ready;
    BELAY_TRY(belay_trainer_wait_saves(t));
    BELAY_TRY(belay_engine_snap(t->engine, BELAY_SNAP_ALL));
    BELAY_TRY(belay_engine_snap_ready(t->engine, BELAY_SNAP_ALL, true, &ready));
    belay_status status = belay_job_weights(t, &t->s, BELAY_SNAP_ALL,
                                            belay_engine_shown(t->engine), path, &job);
    if (status == BELAY_OK) {
        belay_job_run(&job);
        status = job.status;
        if (status != BELAY_OK)
            belay_fail(t->log, status, "%s", job.log.last);
    }
    belay_job_finish(&job);
    belay_status unmapped = belay_engine_snap_drop(t->engine, BELAY_SNAP_ALL);
    return status == BELAY_OK ? unmapped : status;
}

belay_status belay_trainer_save_last(struct belay_trainer *t)
{
    return t->no_files ? BELAY_OK : belay_trainer_write_weights(t, t->paths.last);
}
