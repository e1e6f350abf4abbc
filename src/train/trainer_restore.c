// Back from files: which checkpoint a run goes on from, and what it is made of.
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "format/json.h"
#include "train/trainer_saver.h"

belay_status belay_trainer_load_tensor(struct belay_trainer *t, const struct belay_st *st,
                                       const char *file, const char *name,
                                       const struct belay_engine_param *p, float *arena)
{
    char a[BELAY_SHAPE_TEXT], b[BELAY_SHAPE_TEXT];
    const struct belay_st_entry *entry = belay_st_find(st, name);
    if (!entry)
        return belay_fail(t->log, BELAY_ERR_MISMATCH,
                          "%s has no tensor '%s' %s: it is of another model", file, name,
                          belay_shape_text(&p->shape, a));
    if (!belay_shape_equal(&entry->shape, &p->shape))
        return belay_fail(t->log, BELAY_ERR_MISMATCH,
                          "tensor '%s' is %s in %s and %s in the model", name,
                          belay_shape_text(&entry->shape, a), file, belay_shape_text(&p->shape, b));
    struct belay_tensor tensor = { 0 };
    BELAY_TRY(belay_st_load(t->log, entry, &tensor, BELAY_F32));
    memcpy(arena + p->offset, tensor.data, p->count * sizeof(float));
    belay_tensor_finish(&tensor);
    return BELAY_OK;
}

static belay_status load_arena(struct belay_trainer *t, const struct belay_st *st, int state)
{
    size_t count, size = belay_engine_count_of(t->engine, state);
    (void) belay_engine_params(t->engine, &count);
    belay_status status = BELAY_OK;
    float *arena = belay_alloc_array(size, sizeof(*arena));
    if (!arena)
        return belay_fail_nomem(t->log, size * sizeof(*arena));
    for (size_t i = 0; i < count && status == BELAY_OK; i++) {
        const struct belay_engine_param *p = belay_engine_place(t->engine, state, i);
        if (!p)
            continue;
        char *name = state ? belay_moment_name(t, state - 1, p->name) : NULL;
        if (state && !name)
            status = belay_fail_nomem(t->log, 1);
        else
            status = belay_trainer_load_tensor(t, st, "the checkpoint", state ? name : p->name, p,
                                               arena);
        belay_free(name);
    }
    if (status == BELAY_OK)
        status = belay_engine_set_arena(t->engine, state, arena);
    belay_free(arena);
    return status;
}

// A run that was begun without a mean of its weights cannot make one up for the steps that are over.
static belay_status check_mean(struct belay_trainer *t, const struct belay_st *st)
{
    size_t count;
    int shown = belay_engine_shown(t->engine);
    const struct belay_engine_param *params = belay_engine_params(t->engine, &count);
    if (!shown || !count)
        return BELAY_OK;
    char *name = belay_moment_name(t, shown - 1, params[0].name);
    if (!name)
        return belay_fail_nomem(t->log, 1);
    bool there = belay_st_find(st, name) || !belay_st_find(st, params[0].name);
    belay_free(name);
    return there ? BELAY_OK
                 : belay_fail(t->log, BELAY_ERR_MISMATCH,
                              "train.ema is on, and the checkpoint has no mean of the weights: go on "
                              "with train.ema=off, or begin a new run with its weights: belay train "
                              "RECIPE --from %s@last", t->paths.dir);
}

static belay_status load_all(struct belay_trainer *t, const struct belay_st *st)
{
    const char *model = belay_st_meta(st, "belay.model"), *state = belay_st_meta(st, "belay.state");
    BELAY_TRY(check_mean(t, st));
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

// ---- which one ----

// The step of the best that the newest whole checkpoint knows.
static belay_status best_step(struct belay_trainer *t, const char *state, uint64_t *step)
{
    struct belay_json_doc doc = { 0 };
    BELAY_TRY(belay_json_parse(t->log, "belay.state", state, strlen(state), &doc));
    const struct belay_json *bests = belay_json_get(doc.root, "bests");
    belay_status status = BELAY_OK;
    if (bests && bests->first)
        *step = belay_json_int_or(bests->first, "step", UINT64_MAX);
    else
        status = belay_fail(t->log, BELAY_ERR_ARG, "%s has no best yet", t->paths.dir);
    belay_json_finish(&doc);
    return status;
}

static bool parse_step(const char *text, uint64_t *step)
{
    int64_t value;
    if (!belay_parse_i64(text, &value) || value < 0)
        return false;
    *step = (uint64_t) value;
    return true;
}

static belay_status no_such_step(struct belay_trainer *t, uint64_t step)
{
    struct belay_str list = { 0 };
    uint64_t *steps = NULL;
    size_t count = 0;
    BELAY_TRY(belay_checkpoint_steps(t->log, &t->paths, "step", &steps, &count));
    for (size_t i = 0; i < count; i++)
        belay_str_addf(&list, "%s%llu", i ? ", " : "", (unsigned long long) steps[i]);
    belay_status status =
        belay_fail(t->log, BELAY_ERR_ARG,
                   "%s has no checkpoint of step %llu; there are: %s. A new run can begin with the "
                   "weights of the best: belay train RECIPE --from %s@best",
                   t->paths.dir, (unsigned long long) step, list.text ? list.text : "none",
                   t->paths.dir);
    belay_str_free(&list);
    belay_free(steps);
    return status;
}

// The newest one, or the one that was asked for; *back: it is older than the newest.
static belay_status find_checkpoint(struct belay_trainer *t, struct belay_st *st, uint64_t *step,
                                    bool *found, bool *back)
{
    uint64_t newest = 0, wanted = 0;
    *back = false;
    BELAY_TRY(belay_checkpoint_newest(t->log, &t->paths, st, &newest, found));
    *step = newest;
    if (!*found || !t->at || strcmp(t->at, "last") == 0)
        return BELAY_OK;
    const char *state = belay_st_meta(st, "belay.state");
    belay_status status = BELAY_OK;
    if (strcmp(t->at, "best") == 0)
        status = best_step(t, state ? state : "{}", &wanted);
    else if (!parse_step(t->at, &wanted))
        status = belay_fail(t->log, BELAY_ERR_ARG, "--at %s: want best, last or a step", t->at);
    if (status == BELAY_OK && wanted == newest)
        return BELAY_OK;
    belay_st_finish(st);
    BELAY_TRY(status);
    char *path = belay_checkpoint_path(&t->paths, "step", wanted);
    bool there = path && belay_file_exists(path);
    belay_free(path);
    if (!there)
        return no_such_step(t, wanted);
    *back = true;
    *step = wanted;
    return belay_checkpoint_read(t->log, &t->paths, wanted, st);
}

// Going back loses nothing: what comes later stays under another name.
static belay_status set_log_aside(struct belay_trainer *t)
{
    struct belay_str to = { 0 };
    char *data = NULL;
    size_t size = 0;
    if (!belay_file_exists(t->paths.metrics))
        return BELAY_OK;
    belay_str_addf(&to, "%s.undone", t->paths.metrics);
    belay_status status = to.failed ? belay_fail_nomem(t->log, 64)
                                    : belay_file_read(t->log, t->paths.metrics, 0, &data, &size);
    if (status == BELAY_OK)
        status = belay_file_write(t->log, to.text, data, size);
    belay_free(data);
    belay_str_free(&to);
    return status;
}

static belay_status set_aside(struct belay_trainer *t, uint64_t step, bool back)
{
    BELAY_TRY(belay_checkpoint_sweep(t->log, &t->paths));
    if (back) {
        belay_say(t->log, BELAY_LOG_INFO,
                  "back at step %llu: what came later stays as *.undone in %s",
                  (unsigned long long) step, t->paths.dir);
        BELAY_TRY(set_log_aside(t));
    }
    // Without going back, later ones are those that were found damaged.
    return belay_checkpoint_set_aside(t->log, &t->paths, step, back ? ".undone" : ".damaged", back);
}

// ---- the monitor anew ----

static belay_status reset_monitor(struct belay_trainer *t)
{
    const char *what = t->reset_monitor;
    if (!what)
        return BELAY_OK;
    if (strcmp(what, "counter") != 0 && strcmp(what, "all") != 0)
        return belay_fail(t->log, BELAY_ERR_ARG, "--reset-monitor=%s: want counter or all", what);
    belay_trainer_reset_monitors(t, strcmp(what, "all") == 0);
    belay_say(t->log, BELAY_LOG_INFO, "the monitor begins anew%s",
              strcmp(what, "all") == 0 ? ", the best too" : ", the best stays");
    return BELAY_OK;
}

belay_status belay_trainer_restore(struct belay_trainer *t, bool *found)
{
    struct belay_st st = { 0 };
    uint64_t step = 0;
    bool back;
    BELAY_TRY(find_checkpoint(t, &st, &step, found, &back));
    if (!*found)
        return BELAY_OK;
    belay_status status = load_all(t, &st);
    belay_st_finish(&st);
    if (status != BELAY_OK)
        return belay_fail_in(t->log, status, "resume from step %llu", (unsigned long long) step);
    // Before best.safetensors is another one.
    BELAY_TRY(set_aside(t, step, back));
    BELAY_TRY(restore_best(t));
    for (int i = 0; i < t->recipe->num_best_of; i++)
        BELAY_TRY(restore_best_of(t, i));
    t->saver->digest_step = t->s.num_bests ? t->s.bests[0].step : UINT64_MAX;
    BELAY_TRY(reset_monitor(t));
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
