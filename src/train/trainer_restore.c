// Back from files: which checkpoint a run goes on from, and what it is made of.
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "train/trainer_saver.h"

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
        char *name = state ? belay_moment_name(t, state - 1, params[i].name) : NULL;
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
    return status;
}

// The same for checkpoint.best. One that could not be written (a full disk) is none.
static belay_status restore_best_of(struct belay_trainer *t, int i)
{
    struct best *best = &t->s.best_of[i];
    bool some = !isnan(best->value);
    char *to = belay_trainer_best_of_path(t, i);
    char *from = some ? belay_checkpoint_path(&t->paths, "best", best->step) : NULL;
    belay_status status = to && (from || !some) ? BELAY_OK : belay_fail_nomem(t->log, 1);
    if (some && status == BELAY_OK && !belay_file_exists(from)) {
        belay_say(t->log, BELAY_LOG_WARN, "%s is not there: the best %s is looked for anew", from,
                  t->recipe->best_of[i].metric);
        best->value = NAN;
        some = false;
    }
    if (status == BELAY_OK)
        status = some ? belay_file_publish(t->log, from, to) : belay_file_remove(t->log, to);
    belay_free(from);
    belay_free(to);
    return status;
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
    BELAY_TRY(restore_best(t));
    for (int i = 0; i < t->recipe->num_best_of; i++)
        BELAY_TRY(restore_best_of(t, i));
    t->saver->digest_step = t->s.num_bests ? t->s.bests[0].step : UINT64_MAX;
    // Files of later steps are damaged, or of a future that is made anew.
    BELAY_TRY(belay_checkpoint_forget_after(t->log, &t->paths, step));
    return belay_keep_scan(t, step);
}

belay_status belay_trainer_load_best(struct belay_trainer *t)
{
    if (t->s.num_bests == 0)
        return BELAY_OK;
    BELAY_TRY(belay_trainer_wait_saves(t));
    if (t->no_files)
        return t->best_weights ? belay_engine_set_arena(t->engine, 0, t->best_weights) : BELAY_OK;
    struct belay_st st = { 0 };
    belay_status status = belay_st_read(t->log, t->paths.best, &st);
    if (status == BELAY_OK)
        status = load_arena(t, &st, 0);
    belay_st_finish(&st);
    return status;
}
