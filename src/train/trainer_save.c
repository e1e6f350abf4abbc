// Checkpoints, bests and last: what is written, in which order, and how it comes back.
//
// The order of a save: best file (immutable, named by step) → best.safetensors points to it →
// log synced → checkpoint that names best and log length → what nobody refers to is deleted. A
// crash between any two leaves a checkpoint whose best and log are there.
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "train/trainer_internal.h"

static bool all_finite(const float *data, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (!isfinite(data[i]))
            return false;
    return true;
}

// ---- weights files ----

static void add_metric_names(struct belay_trainer *t, struct belay_str *s)
{
    for (int i = 0; i < t->recipe->num_metrics; i++)
        belay_str_addf(s, "%s%s", i ? "," : "", t->recipe->metrics[i]->name);
}

belay_status belay_trainer_write_weights(struct belay_trainer *t, const char *path,
                                         const float *arena, char digest[33])
{
    size_t count;
    char step[32];
    struct belay_str names = { 0 };
    const struct belay_engine_param *params = belay_engine_params(t->engine, &count);
    struct belay_st_item *items = belay_alloc_array(count + 1, sizeof(*items));
    belay_status status = BELAY_OK;
    add_metric_names(t, &names);
    if (!items || names.failed) {
        status = belay_fail_nomem(t->log, count * sizeof(*items));
        goto done;
    }
    for (size_t i = 0; i < count; i++)
        items[i] = (struct belay_st_item){ params[i].name, BELAY_F32, params[i].shape,
                                           arena + params[i].offset };
    snprintf(step, sizeof(step), "%llu", (unsigned long long) t->s.step);
    const struct belay_st_meta_item meta[] = {
        { "format", "pt" },
        { "belay.loss", t->recipe->loss->name },
        { "belay.metric_names", names.text ? names.text : "" },
        { "belay.metrics", t->s.check },
        { "belay.model", t->model_text.text ? t->model_text.text : "" },
        { "belay.preprocess", t->preprocess_json },
        { "belay.step", step },
    };
    status = belay_st_write(t->log, path, items, count, meta, sizeof(meta) / sizeof(meta[0]), true,
                            digest);
done:
    belay_free(items);
    belay_str_free(&names);
    return status;
}

static belay_status write_snapshot(struct belay_trainer *t, const char *path, char digest[33])
{
    const float *arenas[1 + BELAY_MAX_MOMENTS];
    BELAY_TRY(belay_engine_snapshot(t->engine, arenas));
    belay_status status = belay_trainer_write_weights(t, path, arenas[0], digest);
    belay_status unmapped = belay_engine_unmap(t->engine);
    return status == BELAY_OK ? unmapped : status;
}

static belay_status keep_best_in_memory(struct belay_trainer *t)
{
    const float *arenas[1 + BELAY_MAX_MOMENTS];
    size_t count = belay_engine_arena_count(t->engine);
    if (!t->best_weights)
        t->best_weights = belay_alloc_array(count, sizeof(float));
    if (!t->best_weights)
        return belay_fail_nomem(t->log, count * sizeof(float));
    BELAY_TRY(belay_engine_snapshot(t->engine, arenas));
    memcpy(t->best_weights, arenas[0], count * sizeof(float));
    return belay_engine_unmap(t->engine);
}

belay_status belay_trainer_save_best(struct belay_trainer *t)
{
    if (t->no_files)
        return keep_best_in_memory(t);
    char *path = belay_checkpoint_path(&t->paths, "best", t->s.step);
    if (!path)
        return belay_fail_nomem(t->log, 1);
    belay_status status = write_snapshot(t, path, t->s.best_digest);
    if (status == BELAY_OK)
        status = belay_file_publish(t->log, path, t->paths.best);
    belay_free(path);
    return status;
}

belay_status belay_trainer_save_last(struct belay_trainer *t)
{
    char digest[33];
    return t->no_files ? BELAY_OK : write_snapshot(t, t->paths.last, digest);
}

// ---- checkpoints ----

static char *moment_name(struct belay_trainer *t, int state, const char *param)
{
    struct belay_str s = { 0 };
    belay_str_addf(&s, "optim.%s.%s", belay_engine_state_name(t->engine, state), param);
    return s.text;
}

static belay_status checkpoint_items(struct belay_trainer *t, const float *const *arenas,
                                     struct belay_st_item **out, size_t *num)
{
    size_t count, at = 0;
    int states = belay_engine_num_states(t->engine);
    const struct belay_engine_param *params = belay_engine_params(t->engine, &count);
    size_t total = count * (size_t) (1 + states);
    struct belay_st_item *items = belay_alloc_array(total + 1, sizeof(*items));
    if (!items)
        return belay_fail_nomem(t->log, total * sizeof(*items));
    *out = items;
    for (int s = 0; s <= states; s++) {
        for (size_t i = 0; i < count; i++, at++) {
            const struct belay_engine_param *p = &params[i];
            const char *name = s ? moment_name(t, s - 1, p->name) : p->name;
            if (!name)
                return belay_fail_nomem(t->log, 1);
            items[at] = (struct belay_st_item){ name, BELAY_F32, p->shape, arenas[s] + p->offset };
            *num = at + 1;
        }
    }
    return BELAY_OK;
}

static void free_items(struct belay_trainer *t, struct belay_st_item *items, size_t num)
{
    size_t count;
    (void) belay_engine_params(t->engine, &count);
    for (size_t i = count; items && i < num; i++)
        belay_free((char *) items[i].name);
    belay_free(items);
}

static belay_status write_checkpoint(struct belay_trainer *t, const char *path,
                                     const float *const *arenas)
{
    struct belay_st_item *items = NULL;
    struct belay_str state = { 0 };
    size_t num = 0;
    belay_status status = checkpoint_items(t, arenas, &items, &num);
    belay_state_to_json(&t->s, t, &state);
    if (status == BELAY_OK && state.failed)
        status = belay_fail_nomem(t->log, state.length);
    if (status == BELAY_OK) {
        const struct belay_st_meta_item meta[] = {
            { "format", "pt" },
            { "belay.model", t->model_text.text ? t->model_text.text : "" },
            { "belay.state", state.text },
        };
        status = belay_st_write(t->log, path, items, num, meta, 3, true, NULL);
    }
    free_items(t, items, num);
    belay_str_free(&state);
    return status;
}

// Remembers which best the checkpoints that stay refer to.
static void remember_kept(struct belay_trainer *t)
{
    struct train_state *s = &t->s;
    int max = t->recipe->keep_last < 1 ? 1 : t->recipe->keep_last;
    max = max > MAX_KEPT ? MAX_KEPT : max;
    int num = s->num_kept < max ? s->num_kept : max - 1;
    memmove(s->kept + 1, s->kept, (size_t) num * sizeof(*s->kept));
    double best = s->num_bests ? (double) s->bests[0].step : NAN;
    s->kept[0] = (struct best){ s->step, best };
    s->num_kept = num + 1;
}

static belay_status drop_old(struct belay_trainer *t)
{
    uint64_t bests[MAX_BESTS + MAX_KEPT];
    size_t num = 0;
    // Files of later steps are damaged, or of a future that is made anew: counted among the newest
    // they would cost the one that the run goes on from.
    BELAY_TRY(belay_checkpoint_forget_after(t->log, &t->paths, t->s.step));
    for (int i = 0; i < t->s.num_bests; i++)
        bests[num++] = t->s.bests[i].step;
    for (int i = 0; i < t->s.num_kept; i++)
        if (!isnan(t->s.kept[i].value))
            bests[num++] = (uint64_t) t->s.kept[i].value;
    return belay_checkpoint_retain(t->log, &t->paths, t->recipe->keep_last, bests, num);
}

// What is gone to NaN is not saved over what is finite.
static belay_status save_mapped(struct belay_trainer *t, const float *const *arenas)
{
    size_t count = belay_engine_arena_count(t->engine);
    if (!all_finite(arenas[0], count)) {
        belay_say(t->log, BELAY_LOG_WARN,
                  "step %llu: weights are not finite, the last finite checkpoint is kept",
                  (unsigned long long) t->s.step);
        return BELAY_OK;
    }
    char *path = belay_checkpoint_path(&t->paths, "step", t->s.step);
    if (!path)
        return belay_fail_nomem(t->log, 1);
    struct train_state before = t->s;
    remember_kept(t);
    belay_status status = belay_append_sync(&t->metrics);
    if (status == BELAY_OK)
        status = write_checkpoint(t, path, arenas);
    if (status != BELAY_OK)
        t->s = before;
    belay_free(path);
    return status == BELAY_OK ? drop_old(t) : status;
}

belay_status belay_trainer_save_checkpoint(struct belay_trainer *t)
{
    const float *arenas[1 + BELAY_MAX_MOMENTS];
    if (t->no_files)
        return BELAY_OK;
    BELAY_TRY(belay_trainer_drain(t));
    BELAY_TRY(belay_engine_snapshot(t->engine, arenas));
    belay_status status = save_mapped(t, arenas);
    belay_status unmapped = belay_engine_unmap(t->engine);
    return status == BELAY_OK ? unmapped : status;
}

// ---- back ----

belay_status belay_trainer_load_tensor(struct belay_trainer *t, const struct belay_st *st,
                                       const char *name, const struct belay_engine_param *p,
                                       float *arena)
{
    char a[BELAY_SHAPE_TEXT], b[BELAY_SHAPE_TEXT];
    const struct belay_st_entry *entry = belay_st_find(st, name);
    if (!entry)
        return belay_fail(t->log, BELAY_ERR_MISMATCH,
                          "the checkpoint has no tensor '%s' %s: it is of another model", name,
                          belay_shape_text(&p->shape, a));
    if (!belay_shape_equal(&entry->shape, &p->shape))
        return belay_fail(t->log, BELAY_ERR_MISMATCH,
                          "tensor '%s' is %s in the checkpoint and %s in the model", name,
                          belay_shape_text(&entry->shape, a), belay_shape_text(&p->shape, b));
    struct belay_tensor tensor = { 0 };
    BELAY_TRY(belay_st_load(t->log, entry, &tensor, BELAY_F32));
    memcpy(arena + p->offset, tensor.data, p->count * sizeof(float));
    belay_tensor_finish(&tensor);
    return BELAY_OK;
}

static belay_status load_arena(struct belay_trainer *t, const struct belay_st *st, int state)
{
    size_t count, size = belay_engine_arena_count(t->engine);
    const struct belay_engine_param *params = belay_engine_params(t->engine, &count);
    belay_status status = BELAY_OK;
    float *arena = belay_alloc_array(size, sizeof(*arena));
    if (!arena)
        return belay_fail_nomem(t->log, size * sizeof(*arena));
    for (size_t i = 0; i < count && status == BELAY_OK; i++) {
        char *name = state ? moment_name(t, state - 1, params[i].name) : NULL;
        if (state && !name)
            status = belay_fail_nomem(t->log, 1);
        else
            status = belay_trainer_load_tensor(t, st, state ? name : params[i].name, &params[i],
                                               arena);
        belay_free(name);
    }
    if (status == BELAY_OK)
        status = belay_engine_set_arena(t->engine, state, arena);
    belay_free(arena);
    return status;
}

static belay_status load_all(struct belay_trainer *t, const struct belay_st *st)
{
    const char *model = belay_st_meta(st, "belay.model"), *state = belay_st_meta(st, "belay.state");
    for (int s = 0; s <= belay_engine_num_states(t->engine); s++)
        BELAY_TRY(load_arena(t, st, s));
    if (!state)
        return belay_fail(t->log, BELAY_ERR_MISMATCH, "this is no checkpoint of a run: it has "
                                                      "weights but no state");
    if (model && t->model_text.text && strcmp(model, t->model_text.text) != 0)
        return belay_fail(t->log, BELAY_ERR_MISMATCH,
                          "the model changed since the checkpoint: '%s' was '%s'",
                          t->model_text.text, model);
    return belay_state_from_json(t, state);
}

// best.safetensors is made what the checkpoint refers to; bests that came after it are dropped
// (the run makes them again).
static belay_status restore_best(struct belay_trainer *t)
{
    if (t->s.num_bests == 0)
        return belay_file_remove(t->log, t->paths.best);
    char *path = belay_checkpoint_path(&t->paths, "best", t->s.bests[0].step);
    struct belay_st st = { 0 };
    if (!path)
        return belay_fail_nomem(t->log, 1);
    belay_status status = belay_st_read(t->log, path, &st);
    const char *digest = status == BELAY_OK ? belay_st_meta(&st, "belay.digest") : NULL;
    if (status == BELAY_OK && (!digest || strcmp(digest, t->s.best_digest) != 0))
        status = belay_fail(t->log, BELAY_ERR_DAMAGED,
                            "%s has digest %s, the checkpoint refers to %s", path,
                            digest ? digest : "none", t->s.best_digest);
    if (status == BELAY_OK)
        status = belay_file_publish(t->log, path, t->paths.best);
    belay_st_finish(&st);
    belay_free(path);
    return status == BELAY_OK ? drop_old(t) : status;
}

belay_status belay_trainer_restore(struct belay_trainer *t, bool *found)
{
    struct belay_st st = { 0 };
    uint64_t step;
    BELAY_TRY(belay_checkpoint_newest(t->log, &t->paths, &st, &step, found));
    if (!*found)
        return BELAY_OK;
    belay_status status = load_all(t, &st);
    belay_st_finish(&st);
    if (status != BELAY_OK)
        return belay_fail_in(t->log, status, "resume from step %llu", (unsigned long long) step);
    return restore_best(t);
}

belay_status belay_trainer_load_best(struct belay_trainer *t)
{
    if (t->s.num_bests == 0)
        return BELAY_OK;
    if (t->no_files)
        return t->best_weights ? belay_engine_set_arena(t->engine, 0, t->best_weights) : BELAY_OK;
    struct belay_st st = { 0 };
    belay_status status = belay_st_read(t->log, t->paths.best, &st);
    if (status == BELAY_OK)
        status = load_arena(t, &st, 0);
    belay_st_finish(&st);
    return status;
}
