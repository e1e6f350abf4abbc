// The trainer through the public API: stopping, restoring, refusing, and what a step costs.
#include "harness.h"

#include <belay/belay.h>
#include <math.h>
#include <pthread.h>
#include <string.h>

#include "base/file.h"
#include "base/mem.h"
#include "base/rng.h"
#include "device/context.h"
#include "format/safetensors.h"
#include "train/trainer_internal.h"

#define ROWS 150
#define FEATURES 10

static belay_ctx *ctx;
static float xs[ROWS * FEATURES], ys[ROWS];
static int32_t labels[ROWS];
static char folder[256];

static const char base_recipe[] = "model: {input: [10], layers: [{linear: 5}, relu, {linear: 1}]}\n"
                                  "split: {validation: 0.2}\n"
                                  "loss: mse\n"
                                  "optimizer: {name: sgd, lr: 0.05}\n"
                                  "train: {batch: 32, epochs: 200, seed: 1}\n"
                                  "stop: {monitor: val.loss, patience: 10}\n";

static void make_data(void)
{
    struct belay_rng rng;
    belay_rng_init(&rng, 1, 2);
    for (int i = 0; i < ROWS * FEATURES; i++)
        xs[i] = (float) belay_rng_normal(&rng);
    for (int i = 0; i < ROWS; i++) {
        ys[i] = xs[i * FEATURES] - 0.5f * xs[i * FEATURES + 1];
        labels[i] = ys[i] > 0.4f ? 2 : ys[i] > -0.4f ? 1 : 0;
    }
}

static belay_data regression(void)
{
    return (belay_data){ .x = xs, .rows = ROWS, .features = FEATURES, .y = ys, .targets = 1 };
}

static belay_recipe *parse(const char *text, const char *const *overrides, size_t num)
{
    belay_recipe *r;
    ck_ok(ctx, belay_recipe_parse(ctx, text, "recipe", overrides, num, &r));
    return r;
}

static belay_trainer *make(const char *const *overrides, size_t num, bool files)
{
    belay_data data = regression();
    belay_recipe *r = parse(base_recipe, overrides, num);
    belay_trainer_params p = { .recipe = r, .train = &data, .no_files = !files };
    belay_trainer *t;
    ck_ok(ctx, belay_trainer_create(ctx, &p, &t));
    belay_recipe_destroy(&r);
    return t;
}

// ---- the course of a run ----

START_TEST(patience_stops_and_the_best_weights_come_back)
{
    static const char *const set[] = { "optimizer.lr=0.3", "stop.patience=4" };
    belay_trainer *t = make(set, 2, false);
    belay_progress p;
    belay_result r;
    double best = INFINITY;
    uint64_t best_step = 0, misses = 0;
    do {
        ck_ok(ctx, belay_trainer_step(t, &p));
        if (!p.checked)
            continue;
        ck_assert(p.improved == (p.val_loss < best));
        misses = p.improved ? 0 : misses + 1;
        if (p.improved) {
            best = p.val_loss;
            best_step = p.step;
        }
        ck_assert_ptr_nonnull(p.line);
    } while (p.reason == BELAY_STOP_NONE);
    ck_assert_int_eq(p.reason, BELAY_STOP_PATIENCE);
    ck_assert_uint_eq(misses, 4);
    ck_ok(ctx, belay_trainer_finish(t, &r));
    ck_assert_double_eq(r.best, best);
    ck_assert_uint_eq(r.best_step, best_step);
    ck_assert_ptr_nonnull(strstr(r.sentence, "did not improve"));
    ck_assert_ptr_nonnull(strstr(r.json, "\"reason\":\"patience\""));
    belay_trainer_destroy(&t);
}
END_TEST

// With a rate this high the loss goes up and down: the second best is no best on the way.
START_TEST(the_weights_of_the_best_checks_are_kept)
{
    char run_dir[400], path[600];
    const char *set[] = { run_dir, "optimizer={name: sgd, lr: 0.2, momentum: 0.9}", "stop.patience=off", "train.epochs=12",
                          "checkpoint.keep_best=3" };
    belay_progress p;
    belay_result r;
    double value[12], best = INFINITY;
    bool was_best[12];
    uint64_t step[12];
    int num = 0, between = 0;
    snprintf(run_dir, sizeof(run_dir), "run.dir=%s/three", folder);
    belay_trainer *t = make(set, 5, true);
    do {
        ck_ok(ctx, belay_trainer_step(t, &p));
        if (!p.checked)
            continue;
        value[num] = p.val_loss;
        was_best[num] = p.val_loss < best;
        best = was_best[num] ? p.val_loss : best;
        step[num++] = p.step;
    } while (p.reason == BELAY_STOP_NONE && num < 12);
    ck_ok(ctx, belay_trainer_finish(t, &r));
    belay_trainer_destroy(&t);
    for (int i = 0; i < num; i++) {
        int better = 0;
        for (int k = 0; k < num; k++)
            better += value[k] < value[i];
        snprintf(path, sizeof(path), "%s/three/checkpoints/best-%08d.safetensors", folder,
                 (int) step[i]);
        if (better < 3)
            ck_assert_msg(belay_file_exists(path), "%s, number %d of all", path, better + 1);
        between += better < 3 && !was_best[i];
    }
    ck_assert_int_gt(between, 0);
}
END_TEST

START_TEST(the_loss_falls_and_training_repeats_itself_bit_for_bit)
{
    double first = 0, last[2];
    static const char *const set[] = { "train.epochs=20", "stop.patience=off" };
    for (int run = 0; run < 2; run++) {
        belay_trainer *t = make(set, 2, false);
        belay_progress p;
        bool seen = false;
        do {
            ck_ok(ctx, belay_trainer_step(t, &p));
            if (p.checked && !seen)
                first = p.train_loss;
            seen |= p.checked;
        } while (p.reason == BELAY_STOP_NONE);
        ck_assert_int_eq(p.reason, BELAY_STOP_EPOCHS);
        last[run] = p.val_loss;
        belay_trainer_destroy(&t);
    }
    ck_assert_double_lt(last[0], first / 4);
    ck_assert(memcmp(&last[0], &last[1], sizeof(last[0])) == 0);
}
END_TEST

START_TEST(a_step_builds_and_allocates_nothing_and_launches_the_same)
{
    static const char *const set[] = { "stop.patience=off", "check.every=1000 steps" };
    belay_trainer *t = make(set, 2, false);
    belay_progress p;
    for (int i = 0; i < 8; i++) // two epochs: full and partial batches
        ck_ok(ctx, belay_trainer_step(t, &p));
    struct belay_device *dev = ctx->device;
    int64_t allocs = belay_alloc_count();
    struct belay_counters before = dev->counters;
    ck_ok(ctx, belay_trainer_step(t, &p));
    uint64_t each = dev->counters.launches - before.launches;
    ck_assert_uint_gt(each, 5);
    for (int i = 0; i < 19; i++)
        ck_ok(ctx, belay_trainer_step(t, &p));
    ck_assert_uint_eq(dev->counters.launches - before.launches, 20 * each);
    ck_assert_uint_eq(dev->counters.builds, before.builds);
    ck_assert_uint_eq(dev->counters.allocs, before.allocs);
    ck_assert_uint_eq(dev->counters.alloc_bytes, before.alloc_bytes);
    ck_assert_uint_eq(dev->counters.reads, before.reads);
    // The step table and the optimizer's numbers; an epoch's order every fourth step.
    ck_assert_uint_eq(dev->counters.writes - before.writes, 2 * 20 + 5);
    ck_assert_int_eq(belay_alloc_count(), allocs);
    belay_trainer_destroy(&t);
}
END_TEST

START_TEST(a_loss_gone_to_nan_ends_the_run_and_is_never_best)
{
    static const char *const set[] = { "optimizer.lr=1e18", "check.every=3 steps" };
    belay_trainer *t = make(set, 2, false);
    belay_progress p;
    belay_result r;
    do {
        ck_ok(ctx, belay_trainer_step(t, &p));
    } while (p.reason == BELAY_STOP_NONE);
    ck_assert_int_eq(p.reason, BELAY_STOP_NAN);
    ck_ok(ctx, belay_trainer_finish(t, &r));
    ck_assert(!isinf(r.best));
    belay_trainer_destroy(&t);
}
END_TEST

START_TEST(limits_end_a_run_at_the_step_they_name)
{
    static const char *const steps[] = { "train.steps=7 steps" };
    belay_trainer *t = make(steps, 1, false);
    belay_progress p;
    do {
        ck_ok(ctx, belay_trainer_step(t, &p));
    } while (p.reason == BELAY_STOP_NONE);
    ck_assert_int_eq(p.reason, BELAY_STOP_STEPS);
    ck_assert_uint_eq(p.step, 7);
    ck_assert(p.checked); // a run that ends is measured
    ck_ok(ctx, belay_trainer_step(t, &p));
    ck_assert_uint_eq(p.step, 7);
    belay_trainer_destroy(&t);
}
END_TEST

static void *cancel_soon(void *trainer)
{
    belay_trainer_cancel(trainer);
    return NULL;
}

START_TEST(another_thread_may_cancel)
{
    static const char *const set[] = { "train.epochs=100000", "stop.patience=off" };
    belay_trainer *t = make(set, 2, false);
    belay_progress p;
    pthread_t thread;
    ck_ok(ctx, belay_trainer_step(t, &p));
    ck_assert_int_eq(pthread_create(&thread, NULL, cancel_soon, t), 0);
    ck_ok(ctx, belay_trainer_run(t, NULL, NULL));
    pthread_join(thread, NULL);
    ck_ok(ctx, belay_trainer_step(t, &p));
    ck_assert_int_eq(p.reason, BELAY_STOP_CANCELLED);
    belay_trainer_destroy(&t);
}
END_TEST

// ---- models ----

static belay_value *two_branches(void *user, belay_graph *g, belay_value *x)
{
    const int64_t w[2] = { 4, FEATURES }, out[2] = { 3, 8 }, b[1] = { 3 };
    (*(int *) user)++;
    belay_value *left = belay_tanh(g, belay_linear(g, x, belay_param(g, "shared.weight", 2, w),
                                                   NULL));
    belay_value *right = belay_relu(g, belay_linear(g, belay_neg(g, x),
                                                    belay_param(g, "shared.weight", 2, w), NULL));
    belay_value *both[2] = { left, right };
    return belay_linear(g, belay_concat(g, 2, both, 1), belay_param(g, "head.weight", 2, out),
                        belay_param(g, "head.bias", 1, b));
}

START_TEST(a_program_builds_its_own_graph)
{
    static const char text[] = "loss: cross_entropy\nmetrics: [accuracy]\nsplit: {validation: 0.2}\n"
                               "optimizer: {name: adam, lr: 0.02}\ntrain: {batch: 16, epochs: 30}\n"
                               "stop: {monitor: val.accuracy, patience: 30}\n";
    belay_recipe *r = parse(text, NULL, 0);
    int calls = 0;
    belay_data data = { .x = xs, .rows = ROWS, .features = FEATURES, .labels = labels };
    belay_trainer_params p = { .recipe = r, .train = &data, .test = &data, .build = two_branches,
                               .build_user = &calls, .no_files = true };
    belay_trainer *t;
    belay_result result;
    ck_ok(ctx, belay_trainer_create(ctx, &p, &t));
    ck_assert_int_eq(calls, 2);
    ck_ok(ctx, belay_trainer_run(t, NULL, NULL));
    ck_ok(ctx, belay_trainer_finish(t, &result));
    ck_assert_double_gt(result.test_accuracy, 0.8);
    belay_trainer_destroy(&t);
    belay_recipe_destroy(&r);
}
END_TEST

START_TEST(a_saved_model_predicts_what_the_trainer_measured)
{
    char path[300];
    static const char *const set[] = { "train.epochs=10" };
    belay_trainer *t = make(set, 1, false);
    belay_model *m;
    belay_result r;
    float out[ROWS];
    double before = 0, after = 0;
    snprintf(path, sizeof(path), "%s/model.safetensors", folder);
    ck_ok(ctx, belay_trainer_run(t, NULL, NULL));
    ck_ok(ctx, belay_trainer_finish(t, &r));
    ck_ok(ctx, belay_trainer_save(t, path));
    ck_ok(ctx, belay_model_load(ctx, path, 64, &m));
    ck_assert_uint_eq(belay_model_input_count(m), FEATURES);
    ck_assert_uint_eq(belay_model_output_count(m), 1);
    ck_ok(ctx, belay_model_predict(m, xs, ROWS, out));
    for (int i = 0; i < ROWS; i++) {
        before += ys[i] * ys[i] / ROWS;
        after += (out[i] - ys[i]) * (out[i] - ys[i]) / ROWS;
    }
    ck_assert_double_lt(after, before / 5);
    belay_model_destroy(&m);
    belay_trainer_destroy(&t);
}
END_TEST

START_TEST(frozen_parameters_do_not_move_and_groups_have_their_own_rate)
{
    char path[2][300];
    static const char text[] =
        "model: {input: [10], layers: [{linear: 5, name: body}, relu, {linear: 1, name: head}]}\n"
        "split: {validation: 0.2}\nloss: mse\n"
        "optimizer: {name: sgd, lr: 0.05, groups: [{match: 'body.*', frozen: true}]}\n"
        "train: {batch: 32, epochs: 3}\n";
    belay_recipe *r = parse(text, NULL, 0);
    belay_data data = regression();
    belay_trainer_params p = { .recipe = r, .train = &data, .no_files = true };
    belay_trainer *t;
    struct belay_st st[2] = { 0 };
    struct belay_log log = { .fn = harness_print };
    ck_ok(ctx, belay_trainer_create(ctx, &p, &t));
    for (int i = 0; i < 2; i++) {
        snprintf(path[i], sizeof(path[i]), "%s/frozen-%d.safetensors", folder, i);
        ck_ok(ctx, belay_trainer_save(t, path[i]));
        ck_ok(ctx, belay_trainer_run(t, NULL, NULL));
        ck_log_ok(&log, belay_st_read(&log, path[i], &st[i]));
    }
    for (size_t i = 0; i < st[0].count; i++) {
        const struct belay_st_entry *a = &st[0].entries[i], *b = belay_st_find(&st[1], a->name);
        bool same = memcmp(a->data, b->data, a->size) == 0;
        ck_assert_msg(same == (strncmp(a->name, "body.", 5) == 0), "%s", a->name);
    }
    belay_st_finish(&st[0]);
    belay_st_finish(&st[1]);
    belay_trainer_destroy(&t);
    belay_recipe_destroy(&r);
}
END_TEST

START_TEST(a_run_starts_from_the_weights_of_a_file)
{
    char path[300], init[320];
    static const char *const set[] = { "train.epochs=5" };
    belay_trainer *t = make(set, 1, false);
    belay_progress p;
    snprintf(path, sizeof(path), "%s/init.safetensors", folder);
    snprintf(init, sizeof(init), "init=%s", path);
    ck_ok(ctx, belay_trainer_run(t, NULL, NULL));
    ck_ok(ctx, belay_trainer_step(t, &p));
    double trained = p.val_loss;
    ck_ok(ctx, belay_trainer_save(t, path));
    belay_trainer_destroy(&t);
    const char *from[] = { init, "optimizer.lr=1e-9", "train.epochs=1" };
    t = make(from, 3, false);
    ck_ok(ctx, belay_trainer_run(t, NULL, NULL));
    ck_ok(ctx, belay_trainer_step(t, &p));
    ck_assert_double_eq_tol(p.val_loss, trained, 1e-6);
    belay_trainer_destroy(&t);
    // Another model is refused by the first tensor that differs.
    const char *other[] = { init, "model.layers=[{linear: 6}, relu, {linear: 1}]" };
    belay_data data = regression();
    belay_recipe *r = parse(base_recipe, other, 2);
    belay_trainer_params params = { .recipe = r, .train = &data, .no_files = true };
    ck_assert_int_eq(belay_trainer_create(ctx, &params, &t), BELAY_ERR_MISMATCH);
    ck_assert_ptr_nonnull(strstr(belay_ctx_error(ctx), "'0.weight' is [5, 10]"));
    belay_recipe_destroy(&r);
}
END_TEST

START_TEST(one_batch_can_be_learnt_by_heart)
{
    static const char *const set[] = { "optimizer.lr=0.1" };
    belay_data data = regression();
    belay_recipe *r = parse(base_recipe, set, 1);
    belay_trainer_params p = { .recipe = r, .train = &data, .overfit_batch = true };
    belay_trainer *t;
    belay_progress progress;
    ck_ok(ctx, belay_trainer_create(ctx, &p, &t));
    do {
        ck_ok(ctx, belay_trainer_step(t, &progress));
    } while (progress.reason == BELAY_STOP_NONE);
    ck_assert_double_lt(progress.train_loss, 0.05);
    belay_trainer_destroy(&t);
    belay_recipe_destroy(&r);
}
END_TEST

// ---- run folders ----

START_TEST(a_run_folder_is_not_written_over_and_not_shared)
{
    char dir[300];
    snprintf(dir, sizeof(dir), "run.dir=%s/run", folder);
    const char *set[] = { dir, "train.epochs=2", "run.if_exists=fail" };
    belay_trainer *t = make(set, 3, true), *second = NULL;
    belay_result result;
    belay_data data = regression();
    ck_ok(ctx, belay_trainer_run(t, NULL, NULL));
    ck_ok(ctx, belay_trainer_finish(t, &result));
    belay_recipe *r = parse(base_recipe, set, 3);
    belay_trainer_params p = { .recipe = r, .train = &data };
    ck_assert_int_eq(belay_trainer_create(ctx, &p, &second), BELAY_ERR_EXISTS);
    ck_assert_ptr_null(second);
    belay_recipe_destroy(&r);
    // The first trainer still holds the lock.
    set[2] = "run.if_exists=resume";
    p.recipe = r = parse(base_recipe, set, 3);
    ck_assert_int_eq(belay_trainer_create(ctx, &p, &second), BELAY_ERR_EXISTS);
    belay_trainer_destroy(&t);
    ck_ok(ctx, belay_trainer_create(ctx, &p, &second));
    belay_progress progress;
    ck_ok(ctx, belay_trainer_step(second, &progress));
    ck_assert_int_eq(progress.reason, BELAY_STOP_EPOCHS);
    belay_trainer_destroy(&second);
    belay_recipe_destroy(&r);
    // "number" takes the next free name.
    set[2] = "run.if_exists=number";
    t = make(set, 3, true);
    ck_ok(ctx, belay_trainer_run(t, NULL, NULL));
    ck_ok(ctx, belay_trainer_finish(t, &result));
    ck_assert_ptr_nonnull(strstr(result.run_dir, "run-2"));
    belay_trainer_destroy(&t);
}
END_TEST

START_TEST(a_larger_limit_lets_a_finished_run_go_on)
{
    char dir[300];
    snprintf(dir, sizeof(dir), "%s/longer", folder);
    char set_dir[320];
    snprintf(set_dir, sizeof(set_dir), "run.dir=%s", dir);
    // "number" is for new runs: resume means the one that is named.
    const char *set[] = { set_dir, "train.epochs=2", "run.if_exists=number" };
    belay_trainer *t = make(set, 3, true);
    belay_progress p;
    belay_result r;
    ck_ok(ctx, belay_trainer_run(t, NULL, NULL));
    ck_ok(ctx, belay_trainer_finish(t, &r));
    belay_trainer_destroy(&t);
    belay_data data = regression();
    belay_trainer_params params = { .train = &data };
    static const char *const more[] = { "train.epochs=4" };
    ck_ok(ctx, belay_trainer_resume(ctx, dir, more, 1, &params, &t));
    do {
        ck_ok(ctx, belay_trainer_step(t, &p));
    } while (p.reason == BELAY_STOP_NONE);
    ck_assert_uint_eq(p.step, 4 * p.steps_per_epoch);
    belay_trainer_destroy(&t);
}
END_TEST

START_TEST(a_damaged_checkpoint_is_passed_over_and_all_damaged_is_an_error)
{
    char set_dir[320], dir[300], path[512], **names, *data;
    size_t count, size;
    struct belay_log log = { 0 };
    snprintf(dir, sizeof(dir), "%s/damaged", folder);
    snprintf(set_dir, sizeof(set_dir), "run.dir=%s", dir);
    const char *set[] = { set_dir, "train.epochs=3" };
    belay_trainer *t = make(set, 2, true);
    belay_data rows = regression();
    belay_trainer_params params = { .train = &rows };
    ck_ok(ctx, belay_trainer_run(t, NULL, NULL));
    belay_trainer_destroy(&t);
    snprintf(path, sizeof(path), "%s/checkpoints", dir);
    ck_log_ok(&log, belay_dir_list(&log, path, &names, &count));
    int damaged = 0;
    for (size_t i = count; i-- > 0;) { // newest first
        if (strncmp(names[i], "step-", 5) != 0)
            continue;
        snprintf(path, sizeof(path), "%s/checkpoints/%s", dir, names[i]);
        ck_log_ok(&log, belay_file_read(&log, path, 0, &data, &size));
        data[size - 5] ^= 1;
        ck_log_ok(&log, belay_file_write(&log, path, data, size));
        belay_free(data);
        damaged++;
        belay_status status = belay_trainer_resume(ctx, dir, NULL, 0, &params, &t);
        ck_assert_int_eq(status, damaged == 2 ? BELAY_ERR_DAMAGED : BELAY_OK);
        belay_trainer_destroy(&t);
    }
    ck_assert_int_eq(damaged, 2); // checkpoint.keep_last
    belay_names_free(names, count);
}
END_TEST

// ---- refusals ----

static void refused(const char *text, belay_status want, const char *part)
{
    belay_data data = regression();
    belay_recipe *r = parse(text, NULL, 0);
    belay_trainer_params p = { .recipe = r, .train = &data, .no_files = true };
    belay_trainer *t;
    ck_assert_int_eq(belay_trainer_create(ctx, &p, &t), want);
    ck_assert_msg(strstr(belay_ctx_error(ctx), part) != NULL, "'%s' is not in: %s", part,
                  belay_ctx_error(ctx));
    ck_assert_ptr_null(t);
    belay_recipe_destroy(&r);
}

START_TEST(what_does_not_fit_is_refused_by_name)
{
    refused("model: {input: [10], layers: [{linear: 2}]}\nloss: mse\n", BELAY_ERR_SHAPE,
            "want [batch, 1]");
    refused("model: {input: [10], layers: [{linear: 3}]}\nloss: cross_entropy\n",
            BELAY_ERR_RECIPE, "needs classes");
    refused("model: {input: [10], layers: [{linear: 1}]}\nloss: mse\nsplit: {validation: 0}\n",
            BELAY_ERR_RECIPE, "no validation data");
}
END_TEST

// Trains with these settings; the weights, owned.
static float *weights_after(const char *batch, const char *accumulate, const char *ema,
                            double *loss, size_t *count)
{
    const char *overrides[] = { "train.steps=9", "check.every=3 steps", "train.epochs=off", "stop.patience=off", batch,
                                accumulate, ema, "optimizer.clip_norm=0.5" };
    belay_trainer *t = make(overrides, sizeof(overrides) / sizeof(overrides[0]), false);
    belay_progress p;
    do
        ck_ok(ctx, belay_trainer_step(t, &p));
    while (p.reason == BELAY_STOP_NONE);
    *loss = p.train_loss;
    *count = belay_engine_arena_count(t->engine);
    float *out = belay_alloc_array(2 * *count, sizeof(*out));
    ck_assert_ptr_nonnull(out);
    ck_ok(ctx, belay_engine_get_arena(t->engine, 0, out));
    ck_ok(ctx, belay_engine_get_arena(t->engine, belay_engine_shown(t->engine), out + *count));
    belay_trainer_destroy(&t);
    return out;
}

START_TEST(batches_summed_up_are_one_large_batch)
{
    size_t count;
    double a_loss, b_loss, moved = 0;
    float *a = weights_after("train.batch=32", "train.accumulate=1", "train.ema=0.9", &a_loss,
                             &count);
    float *b = weights_after("train.batch=16", "train.accumulate=2", "train.ema=0.9", &b_loss,
                             &count);
    for (size_t i = 0; i < 2 * count; i++)
        ck_assert_float_eq_tol(a[i], b[i], 1e-5f);
    for (size_t i = 0; i < count; i++)
        moved += fabs((double) (a[i] - a[count + i]));
    ck_assert_double_gt(moved, 0.01); // the mean is not the weights
    ck_assert_double_eq_tol(a_loss, b_loss, 1e-5);
    belay_free(a);
    belay_free(b);
}
END_TEST

START_TEST(a_schedule_moves_the_momentum)
{
    size_t count;
    double loss, moved = 0;
    float *still = weights_after("train.batch=16", "optimizer={name: sgd, momentum: 0.5}",
                                 "schedule={name: one_cycle, over: 9 steps}", &loss, &count);
    float *same = weights_after("train.batch=16", "optimizer={name: sgd, momentum: 0.9}",
                                "schedule={name: one_cycle, over: 9 steps, cycle_momentum: true, "
                                "base_momentum: 0.5, max_momentum: 0.5}", &loss, &count);
    float *cycled = weights_after("train.batch=16", "optimizer={name: sgd, momentum: 0.5}",
                                  "schedule={name: one_cycle, over: 9 steps, cycle_momentum: true}",
                                  &loss, &count);
    ck_assert_mem_eq(still, same, count * sizeof(*still));
    for (size_t i = 0; i < count; i++)
        moved += fabs((double) (still[i] - cycled[i]));
    ck_assert_double_gt(moved, 1e-4);
    belay_free(still);
    belay_free(same);
    belay_free(cycled);
}
END_TEST

static Suite *suite_trainer(void)
{
    Suite *s = suite_create("trainer");
    TCase *tc = tcase_create("trainer");
    tcase_set_timeout(tc, 300);
    tcase_add_test(tc, patience_stops_and_the_best_weights_come_back);
    tcase_add_test(tc, the_weights_of_the_best_checks_are_kept);
    tcase_add_test(tc, the_loss_falls_and_training_repeats_itself_bit_for_bit);
    tcase_add_test(tc, a_step_builds_and_allocates_nothing_and_launches_the_same);
    tcase_add_test(tc, a_loss_gone_to_nan_ends_the_run_and_is_never_best);
    tcase_add_test(tc, limits_end_a_run_at_the_step_they_name);
    tcase_add_test(tc, another_thread_may_cancel);
    tcase_add_test(tc, a_program_builds_its_own_graph);
    tcase_add_test(tc, a_saved_model_predicts_what_the_trainer_measured);
    tcase_add_test(tc, frozen_parameters_do_not_move_and_groups_have_their_own_rate);
    tcase_add_test(tc, a_run_starts_from_the_weights_of_a_file);
    tcase_add_test(tc, one_batch_can_be_learnt_by_heart);
    tcase_add_test(tc, a_run_folder_is_not_written_over_and_not_shared);
    tcase_add_test(tc, a_larger_limit_lets_a_finished_run_go_on);
    tcase_add_test(tc, a_damaged_checkpoint_is_passed_over_and_all_damaged_is_an_error);
    tcase_add_test(tc, what_does_not_fit_is_refused_by_name);
    tcase_add_test(tc, batches_summed_up_are_one_large_batch);
    tcase_add_test(tc, a_schedule_moves_the_momentum);
    suite_add_tcase(s, tc);
    return s;
}

int main(void)
{
    char command[300];
    snprintf(folder, sizeof(folder), "/tmp/belay-trainer-XXXXXX");
    if (!mkdtemp(folder) || belay_ctx_create(NULL, &ctx) != BELAY_OK)
        return EXIT_FAILURE;
    make_data();
    int result = harness_main(suite_trainer, NULL);
    belay_ctx_destroy(&ctx);
    snprintf(command, sizeof(command), "rm -rf '%s'", folder);
    if (system(command) != 0)
        return EXIT_FAILURE;
    return result;
}
