// A sweep: every trial on every fold, each result durable before the next begins.
//
// Three parts of the data in every fold: the fold itself is the trainer's test part and gives the
// score; what is left is split into training and validation, and the monitor sees that validation
// alone.
#include <belay/sweep.h>

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/file.h"
#include "device/context.h"
#include "train/recipe_inner.h"
#include "train/sweep_inner.h"
#include "train/trainer_internal.h"

#define MAX_OVERRIDES (BELAY_MAX_SWEEP_KEYS + 4)

// ---- the recipe of one fold ----

struct overrides {
    struct belay_str text[MAX_OVERRIDES];
    const char *all[MAX_OVERRIDES];
    size_t num;
};

static void free_overrides(struct overrides *o)
{
    for (size_t i = 0; i < MAX_OVERRIDES; i++)
        belay_str_free(&o->text[i]);
}

static struct belay_str *add_override(struct overrides *o)
{
    return &o->text[o->num++];
}

static belay_status make_overrides(struct belay_sweep *w, size_t trial, size_t part, bool split,
                                   struct overrides *o)
{
    const struct belay_sweep_space *s = &w->space;
    for (size_t k = 0; k < s->num_keys; k++) {
        struct belay_str *one = add_override(o);
        belay_str_addf(one, "%s=", s->keys[k].key);
        belay_sweep_space_value(s, trial, k, one);
    }
    if (split && s->folds) {
        belay_str_addf(add_override(o), "split.folds=%zu", s->folds);
        belay_str_addf(add_override(o), "split.fold=%zu", part);
    } else if (split) {
        belay_str_addf(add_override(o), "split.test=%.17g", s->hold_out);
        belay_str_addf(add_override(o), "split.test_seed=%zu", part);
    }
    for (size_t i = 0; i < o->num; i++) {
        if (o->text[i].failed)
            return belay_fail_nomem(w->log, 64);
        o->all[i] = o->text[i].text;
    }
    return BELAY_OK;
}

static belay_status make_recipe(struct belay_sweep *w, size_t trial, size_t part, bool split,
                                belay_recipe **out)
{
    struct overrides o = { 0 };
    belay_status status = make_overrides(w, trial, part, split, &o);
    if (status == BELAY_OK)
        status = belay_recipe_parse(w->ctx, w->recipe->text, w->recipe->name, o.all, o.num, out);
    free_overrides(&o);
    return status == BELAY_OK ? status : belay_fail_in(w->log, status, "sweep: trial %zu", trial);
}

// A wrong value is found before hours are spent on others.
static belay_status check_recipes(struct belay_sweep *w)
{
    for (size_t i = 0; i < w->space.trials; i++) {
        belay_recipe *r = NULL;
        BELAY_TRY(make_recipe(w, i, 0, true, &r));
        belay_recipe_destroy(&r);
    }
    return BELAY_OK;
}

// ---- one fold ----

static double score_of(const struct belay_sweep *w, const belay_trainer *t,
                       const struct check_values *test)
{
    if (strcmp(w->space.score, "loss") == 0)
        return test->loss;
    for (int i = 0; i < t->recipe->num_metrics; i++)
        if (strcmp(t->recipe->metric_names[i], w->space.score) == 0)
            return test->metrics[i];
    return NAN;
}

static belay_status train_fold(struct belay_sweep *w, belay_trainer *t)
{
    belay_progress p;
    do {
        BELAY_TRY(belay_trainer_step(t, &p));
        if (!belay_sweep_tell(w, BELAY_SWEEP_STEP, NULL, NULL))
            return belay_fail(w->log, BELAY_ERR_CANCELLED,
                              "sweep: stopped on request; the same command goes on with it");
    } while (p.reason == BELAY_STOP_NONE);
    return BELAY_OK;
}

static belay_status measure_fold(struct belay_sweep *w, belay_trainer *t,
                                 struct belay_sweep_fold *f)
{
    struct check_values test;
    belay_result r;
    BELAY_TRY(belay_trainer_finish(t, &r));
    BELAY_TRY(belay_trainer_measure(t, BELAY_PART_TEST, &test));
    f->done = true;
    f->score = t->s.num_bests || !t->recipe->restore_best ? score_of(w, t, &test) : NAN;
    f->steps = r.step;
    f->epochs = belay_trainer_epoch(t);
    f->best_step = r.best_step;
    f->best = r.best;
    f->reason = r.reason;
    return BELAY_OK;
}

static belay_status run_fold(struct belay_sweep *w, size_t trial, size_t part,
                             struct belay_sweep_fold *f)
{
    belay_recipe *recipe = NULL;
    belay_trainer *t = NULL;
    belay_status status;
    double start = belay_clock_now();
    BELAY_TRY_DONE(make_recipe(w, trial, part, true, &recipe));
    const belay_trainer_params params = { .recipe = recipe, .no_files = true };
    BELAY_TRY_DONE(belay_trainer_create(w->ctx, &params, &t));
    BELAY_TRY_DONE(train_fold(w, t));
    BELAY_TRY_DONE(measure_fold(w, t, f));
    f->seconds = belay_clock_now() - start;
done:
    belay_trainer_destroy(&t);
    belay_recipe_destroy(&recipe);
    return status;
}

// ---- all ----

static belay_status run_all(struct belay_sweep *w)
{
    for (w->trial = 0; w->trial < w->space.trials; w->trial++) {
        for (w->part = 0; w->part < w->parts; w->part++) {
            struct belay_sweep_fold *f = &w->folds[w->trial * w->parts + w->part];
            bool old = f->done;
            if (!old) {
                BELAY_TRY(run_fold(w, w->trial, w->part, f));
                BELAY_TRY(belay_sweep_log_fold(w, f));
            }
            BELAY_TRY(belay_sweep_tell_fold(w, f, old));
        }
    }
    return BELAY_OK;
}

// The recipe with the values that won, without the sweep.
static belay_status write_best(struct belay_sweep *w, size_t trial)
{
    const char *const no_sweep[] = { "sweep={}" };
    belay_recipe *best = NULL, *plain = NULL;
    char *path = belay_path_join(w->space.dir, "best.yaml");
    belay_status status =
        path ? make_recipe(w, trial, 0, false, &best) : belay_fail_nomem(w->log, 1);
    if (status == BELAY_OK)
        status = belay_recipe_parse(w->ctx, best->text, best->name, no_sweep, 1, &plain);
    if (status == BELAY_OK)
        status = belay_file_write(w->log, path, plain->text, strlen(plain->text));
    belay_recipe_destroy(&plain);
    belay_recipe_destroy(&best);
    belay_free(path);
    return status;
}

bool belay_sweep_tell(struct belay_sweep *w, belay_sweep_kind kind, const char *line,
                      const char *json)
{
    const belay_sweep_event e = { kind, w->trial, w->space.trials, w->part, w->parts, w->old, line,
                                  json };
    return !w->fn || w->fn(w->user, &e);
}

belay_status belay_sweep(belay_ctx *ctx, const belay_recipe *recipe, belay_sweep_fn fn, void *user)
{
    struct belay_sweep w = { .ctx = ctx, .log = &ctx->log, .fn = fn, .user = user, .lock = -1 };
    size_t best = 0;
    belay_status status;
    if (!recipe)
        return belay_fail(&ctx->log, BELAY_ERR_ARG, "sweep: no recipe");
    BELAY_TRY_DONE(belay_recipe_parse(ctx, recipe->text, recipe->name, NULL, 0, &w.recipe));
    // First as it was given: messages name its lines, not those of the resolved text.
    BELAY_TRY_DONE(belay_sweep_space_read((belay_recipe *) recipe, &w.space));
    BELAY_TRY_DONE(belay_sweep_space_read(w.recipe, &w.space));
    w.parts = belay_sweep_space_parts(&w.space);
    w.folds = belay_alloc_array(w.space.trials * w.parts, sizeof(*w.folds));
    if (!w.folds) {
        status = belay_fail_nomem(w.log, w.space.trials * w.parts * sizeof(*w.folds));
        goto done;
    }
    BELAY_TRY_DONE(check_recipes(&w));
    BELAY_TRY_DONE(belay_sweep_open(&w));
    BELAY_TRY_DONE(run_all(&w));
    BELAY_TRY_DONE(belay_sweep_results(&w, &best));
    status = write_best(&w, best);
done:
    belay_sweep_close(&w);
    belay_free(w.folds);
    belay_recipe_destroy(&w.recipe);
    return status;
}
