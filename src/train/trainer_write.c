// Weights files and checkpoints as jobs: made by the context's thread, done by any.
//
// The order of a best: its file (immutable, named by step), then the names that point to it. Of a
// checkpoint: the log durable, the checkpoint, then what nobody refers to any more is deleted. A
// crash between any two leaves a checkpoint whose best and log are there.
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "train/trainer_saver.h"

static void add_meta(struct save_job *job, const char *key, const char *value)
{
    job->meta[job->num_meta++] = (struct belay_st_meta_item){ key, value };
}

static const char *text_of(const struct belay_str *s)
{
    return s->text ? s->text : "";
}

static belay_status begin_job(struct belay_trainer *t, const char *path, size_t num_items,
                              struct save_job *job)
{
    memset(job, 0, sizeof(*job));
    job->path = belay_strdup(path);
    job->items = belay_alloc_array(num_items + 1, sizeof(*job->items));
    if (!job->path || !job->items)
        return belay_fail_nomem(t->log, num_items * sizeof(*job->items));
    add_meta(job, "format", "pt");
    add_meta(job, "belay.model", text_of(&t->model_text));
    return BELAY_OK;
}

static belay_status end_job(struct belay_trainer *t, const struct save_job *job)
{
    for (size_t i = 0; i < sizeof(job->texts) / sizeof(job->texts[0]); i++)
        if (job->texts[i].failed)
            return belay_fail_nomem(t->log, job->texts[i].length);
    return BELAY_OK;
}

static void add_metric_names(struct belay_trainer *t, struct belay_str *s)
{
    for (int i = 0; i < t->recipe->num_metrics; i++)
        belay_str_addf(s, "%s%s", i ? "," : "", t->recipe->metric_names[i]);
}

belay_status belay_job_weights(struct belay_trainer *t, const struct train_state *s,
                               enum belay_snap_kind kind, int arena, const char *path,
                               struct save_job *job)
{
    size_t count;
    const struct belay_engine_param *params = belay_engine_params(t->engine, &count);
    BELAY_TRY(begin_job(t, path, count, job));
    for (size_t i = 0; i < count; i++)
        job->items[i] = (struct belay_st_item){
            params[i].name, BELAY_F32, params[i].shape,
            belay_engine_snap_param(t->engine, kind, arena, i) };
    job->num_items = job->first_owned = count;
    add_metric_names(t, &job->texts[0]);
    belay_str_add(&job->texts[1], s->check);
    belay_str_addf(&job->texts[2], "%llu", (unsigned long long) s->step);
    BELAY_TRY(end_job(t, job));
    add_meta(job, "belay.loss", t->recipe->loss->name);
    add_meta(job, "belay.loss_options", t->loss_json);
    if (t->heads_text.text)
        add_meta(job, "belay.heads", t->heads_text.text);
    add_meta(job, "belay.metric_names", text_of(&job->texts[0]));
    add_meta(job, "belay.metrics", text_of(&job->texts[1]));
    add_meta(job, "belay.preprocess", t->preprocess_json);
    add_meta(job, "belay.step", text_of(&job->texts[2]));
    return BELAY_OK;
}

char *belay_moment_name(const struct belay_trainer *t, int state, const char *param)
{
    struct belay_str s = { 0 };
    belay_str_addf(&s, "%s%s.%s", state + 1 == belay_engine_shown(t->engine) ? "" : "optim.",
                   belay_engine_state_name(t->engine, state), param);
    if (s.failed)
        belay_str_free(&s);
    return s.text;
}

static belay_status add_items(struct belay_trainer *t, struct save_job *job)
{
    size_t count;
    (void) belay_engine_params(t->engine, &count);
    job->first_owned = count;
    for (int s = 0; s <= belay_engine_num_states(t->engine); s++) {
        for (size_t i = 0; i < count; i++) {
            const struct belay_engine_param *p = belay_engine_place(t->engine, s, i);
            if (!p)
                continue;
            const char *name = s ? belay_moment_name(t, s - 1, p->name) : p->name;
            if (!name)
                return belay_fail_nomem(t->log, 1);
            job->items[job->num_items++] = (struct belay_st_item){
                name, BELAY_F32, p->shape,
                belay_engine_snap_param(t->engine, BELAY_SNAP_ALL, s, i) };
        }
    }
    return BELAY_OK;
}

belay_status belay_job_checkpoint(struct belay_trainer *t, const struct train_state *s,
                                  const char *path, struct save_job *job)
{
    size_t count;
    (void) belay_engine_params(t->engine, &count);
    BELAY_TRY(begin_job(t, path, count * (size_t) (1 + belay_engine_num_states(t->engine)), job));
    BELAY_TRY(add_items(t, job));
    belay_state_to_json(s, t, &job->texts[0]);
    BELAY_TRY(end_job(t, job));
    add_meta(job, "belay.state", text_of(&job->texts[0]));
    job->look_at = count;
    job->metrics = t->metrics;
    job->sync_metrics = true;
    return BELAY_OK;
}

void belay_job_finish(struct save_job *job)
{
    for (size_t i = job->first_owned; job->items && i < job->num_items; i++)
        belay_free((char *) job->items[i].name);
    for (size_t i = 0; i < job->num_remove; i++)
        belay_free(job->remove[i]);
    for (int i = 0; i < job->num_publish; i++)
        belay_free(job->publish[i]);
    for (size_t i = 0; i < sizeof(job->texts) / sizeof(job->texts[0]); i++)
        belay_str_free(&job->texts[i]);
    belay_free(job->remove);
    belay_free(job->items);
    belay_free(job->path);
    memset(job, 0, sizeof(*job));
}

// ---- on any thread ----

// By the bits and without a way out, so that a compiler takes several numbers at once: the time is
// taken from the training, where the device is the processor.
static bool finite(const float *data, size_t count)
{
    uint32_t bad = 0, bits;
    for (size_t i = 0; i < count; i++) {
        memcpy(&bits, &data[i], sizeof(bits));
        bad |= (bits & 0x7F800000u) == 0x7F800000u;
    }
    return !bad;
}

static bool all_finite(const struct save_job *job)
{
    for (size_t i = 0; i < job->look_at; i++)
        if (!finite(job->items[i].data, (size_t) belay_shape_count(&job->items[i].shape)))
            return false;
    return true;
}

// The new file stands whatever comes of these.
static void remove_old(struct save_job *job)
{
    for (size_t i = 0; i < job->num_remove; i++) {
        if (belay_file_remove(&job->log, job->remove[i]) == BELAY_OK)
            continue;
        snprintf(job->remove_error, sizeof(job->remove_error), "%.255s", job->log.last);
    }
}

static belay_status do_job(struct save_job *job)
{
    if (job->sync_metrics) {
        job->metrics.log = &job->log;
        BELAY_TRY(belay_append_sync(&job->metrics));
    }
    BELAY_TRY(belay_st_write(&job->log, job->path, job->items, job->num_items, job->meta,
                             (size_t) job->num_meta, true, job->digest));
    for (int i = 0; i < job->num_publish; i++)
        BELAY_TRY(belay_file_publish(&job->log, job->path, job->publish[i]));
    return BELAY_OK;
}

void belay_job_run(void *user)
{
    struct save_job *job = user;
    job->not_finite = !all_finite(job);
    // What is gone to NaN is not saved over what is finite.
    if (job->not_finite)
        return;
    double before = belay_clock_now();
    job->status = do_job(job);
    job->seconds = belay_clock_now() - before;
    if (job->status == BELAY_OK)
        remove_old(job);
}
