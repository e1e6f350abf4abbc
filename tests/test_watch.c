// What the trainer does with monitors beyond patience: several of them, several bests, rollbacks.
#include "harness.h"

#include <belay/belay.h>
#include <math.h>
#include <string.h>

#include "base/file.h"
#include "base/mem.h"
#include "format/json.h"
#include "format/safetensors.h"
#include "scratch.h"

static belay_ctx *ctx;
static const char *folder;
static char messages[4096];

static const char base_recipe[] =
    "model: {input: [2], layers: [{linear: 12}, relu, {linear: 8}, relu, {linear: 3}]}\n"
    "data: {format: spirals, count: 150, noise: 0.1, classes: 3}\n"
    "split: {validation: 0.2}\n"
    "loss: cross_entropy\n"
    "metrics: [accuracy]\n"
    "optimizer: {name: sgd, lr: 0.2}\n"
    "train: {batch: 32, epochs: 30, seed: 1}\n"
    "check: {every: 2 steps}\n"
    "stop: {patience: off}\n";

static void keep(void *user, enum belay_log_level level, const char *message)
{
    (void) user;
    size_t used = strlen(messages);
    snprintf(messages + used, sizeof(messages) - used, "%d %s\n", (int) level, message);
}

static belay_trainer *make(const char *const *set, size_t num, const char *dir)
{
    char run_dir[400];
    const char *all[8];
    belay_recipe *r;
    belay_trainer *t;
    for (size_t i = 0; i < num; i++)
        all[i] = set[i];
    snprintf(run_dir, sizeof(run_dir), "run.dir=%s/%s", folder, dir ? dir : "");
    if (dir)
        all[num++] = run_dir;
    messages[0] = '\0';
    ck_ok(ctx, belay_recipe_parse(ctx, base_recipe, "recipe", all, num, &r));
    belay_trainer_params p = { .recipe = r, .no_files = !dir };
    ck_ok(ctx, belay_trainer_create(ctx, &p, &t));
    belay_recipe_destroy(&r);
    return t;
}

START_TEST(a_bad_stop_section_is_refused_with_its_place)
{
    const char *const bad[][2] = {
        { "stop.rule=gll:2", "stop.rule: unknown rule 'gll', did you mean 'gl'" },
        { "stop.smooth=sma", "stop.smooth: got 'sma'" },
        { "stop.join=most", "stop.join: got 'most'" },
        { "stop.join=3", "3 must want to stop, there are 1 monitors" },
        { "stop.also=[{patients: 3}]",
          "unknown key 'stop.also.patients', did you mean 'patience'" },
        { "stop.also=[{patience: x}]", "stop.patience: got 'x'" },
        { "stop.also=[{monitor: val.f1}]", "'f1' is not among the metrics" },
        { "stop.also=[3]", "want maps" },
        { "checkpoint.best=[val.f1]", "'f1' is not among the metrics" },
        { "checkpoint.best={a: 1}", "want a list" },
        { "stop.monitor=loss", "got 'loss', want train.loss" },
    };
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        belay_recipe *r;
        ck_assert_int_eq(belay_recipe_parse(ctx, base_recipe, "recipe", &bad[i][0], 1, &r),
                         BELAY_ERR_RECIPE);
        ck_assert_msg(strstr(belay_ctx_error(ctx), bad[i][1]) != NULL, "%s: %s", bad[i][0],
                      belay_ctx_error(ctx));
    }
}
END_TEST

START_TEST(one_of_several_monitors_stops_and_is_named)
{
    static const char *const set[] = { "stop.also=[{monitor: val.accuracy, patience: 2}]" };
    belay_trainer *t = make(set, 1, NULL);
    belay_result r;
    ck_ok(ctx, belay_trainer_run(t, NULL, NULL));
    ck_ok(ctx, belay_trainer_finish(t, &r));
    ck_assert_int_eq(r.reason, BELAY_STOP_PATIENCE);
    ck_assert_msg(strstr(r.sentence, "val.accuracy did not improve on 0.") != NULL, "%s",
                  r.sentence);
    ck_assert_msg(strstr(r.sentence, "Best: val.loss") != NULL, "%s", r.sentence);
    belay_trainer_destroy(&t);
}
END_TEST

START_TEST(all_must_agree_when_told)
{
    static const char *const set[] = { "stop.also=[{monitor: val.accuracy, patience: 2}]",
                                       "stop.join=all", "train.epochs=6" };
    belay_trainer *t = make(set, 3, NULL); // the first has no patience: never
    belay_result r;
    ck_ok(ctx, belay_trainer_run(t, NULL, NULL));
    ck_ok(ctx, belay_trainer_finish(t, &r));
    ck_assert_int_eq(r.reason, BELAY_STOP_EPOCHS);
    belay_trainer_destroy(&t);
}
END_TEST

START_TEST(a_criterion_stops_with_its_value_and_a_way_on)
{
    static const char *const set[] = { "stop.rule=gl:1", "optimizer.lr=3" };
    belay_trainer *t = make(set, 2, "gl");
    belay_result r;
    ck_ok(ctx, belay_trainer_run(t, NULL, NULL));
    ck_ok(ctx, belay_trainer_finish(t, &r));
    ck_assert_int_eq(r.reason, BELAY_STOP_CRITERION);
    ck_assert_msg(strstr(r.sentence, "% from its best") && strstr(r.sentence, "(gl 1)"), "%s",
                  r.sentence);
    ck_assert_msg(strstr(r.sentence, "stop.rule=patience") != NULL, "%s", r.sentence);
    belay_trainer_destroy(&t);
}
END_TEST

// The best value of a metric in metrics.jsonl, and its step.
static double best_in_log(const char *path, const char *metric, uint64_t *step)
{
    struct belay_log log = { 0 };
    char *text;
    size_t size;
    double best = -1;
    ck_log_ok(&log, belay_file_read(&log, path, 0, &text, &size));
    for (char *line = strtok(text, "\n"); line; line = strtok(NULL, "\n")) {
        struct belay_json_doc doc = { 0 };
        ck_log_ok(&log, belay_json_parse(&log, "line", line, strlen(line), &doc));
        double value = belay_json_number_or(belay_json_get(doc.root, "val"), metric, NAN);
        if (value > best) {
            best = value;
            *step = belay_json_int_or(doc.root, "step", 0);
        }
        belay_json_finish(&doc);
    }
    belay_free(text);
    return best;
}

START_TEST(the_best_of_another_metric_is_kept_beside_the_best)
{
    static const char *const set[] = { "checkpoint.best=[val.loss, val.accuracy]",
                                       "checkpoint.every=5steps" };
    char path[400], number[32];
    uint64_t step = 0;
    struct belay_log log = { 0 };
    struct belay_st st = { 0 };
    belay_trainer *t = make(set, 2, "bests");
    belay_result r;
    ck_ok(ctx, belay_trainer_run(t, NULL, NULL));
    ck_ok(ctx, belay_trainer_finish(t, &r));
    snprintf(path, sizeof(path), "%s/bests/metrics.jsonl", folder);
    best_in_log(path, "accuracy", &step);
    ck_assert_uint_ne(step, r.best_step); // else this test shows nothing
    snprintf(path, sizeof(path), "%s/bests/best-val.accuracy.safetensors", folder);
    ck_log_ok(&log, belay_st_read(&log, path, &st));
    snprintf(number, sizeof(number), "%llu", (unsigned long long) step);
    ck_assert_str_eq(belay_st_meta(&st, "belay.step"), number);
    belay_st_finish(&st);
    ck_assert_msg(strstr(r.json, "\"bests\":{\"val.accuracy\":{\"step\":") != NULL, "%s", r.json);
    snprintf(path, sizeof(path), "%s/bests/best-val.loss.safetensors", folder);
    ck_assert(!belay_file_exists(path)); // that is best.safetensors
    belay_trainer_destroy(&t);
}
END_TEST

// At step 20 the rate grows beyond what floats hold in a product.
static const char explode[] = "schedule={name: multistep, gamma: 1e38, at1: 20 steps}";

START_TEST(a_run_that_explodes_goes_back_to_its_best_with_a_smaller_rate)
{
    static const char *const set[] = { explode, "stop.nan=rollback", "stop.rollbacks=5",
                                       "stop.rollback_lr=1e-38", "train.epochs=20" };
    for (int files = 0; files < 2; files++) {
        belay_trainer *t = make(set, 5, files ? "rollback" : NULL);
        belay_progress p;
        belay_result r;
        double worst = 0;
        do {
            ck_ok(ctx, belay_trainer_step(t, &p));
            if (p.step > 60 && isfinite(p.monitor))
                worst = fmax(worst, p.monitor);
        } while (p.reason == BELAY_STOP_NONE);
        ck_ok(ctx, belay_trainer_finish(t, &r));
        ck_assert_int_eq(r.reason, BELAY_STOP_EPOCHS);
        ck_assert(!files || strstr(r.sentence, "train.epochs=40"));
        ck_assert(isfinite(p.train_loss) && isfinite(r.best));
        ck_assert_double_lt(worst, 2); // it trains on from the best
        ck_assert_msg(strstr(messages, "back to the weights of step 20") != NULL, "%s", messages);
        ck_assert_msg(strstr(messages, "rollback 1 of 5") != NULL, "%s", messages);
        belay_trainer_destroy(&t);
    }
}
END_TEST

START_TEST(rollbacks_have_an_end)
{
    static const char *const set[] = { explode, "stop.nan=rollback", "stop.rollbacks=2",
                                       "stop.rollback_lr=1" };
    belay_trainer *t = make(set, 4, NULL);
    belay_result r;
    ck_ok(ctx, belay_trainer_run(t, NULL, NULL));
    ck_ok(ctx, belay_trainer_finish(t, &r));
    ck_assert_int_eq(r.reason, BELAY_STOP_NAN);
    ck_assert(strstr(messages, "rollback 2 of 2") && !strstr(messages, "rollback 3"));
    belay_trainer_destroy(&t);
}
END_TEST

START_TEST(patience_that_may_come_before_the_end_of_the_schedule_is_warned_of)
{
    static const struct {
        const char *set[3];
        bool warned;
    } cases[] = {
        { { "schedule=cosine", "stop.patience=5", "train.epochs=10" }, true },
        { { "schedule={name: multistep, at1: 30 steps}", "stop.patience=5", "device=\"\"" }, true },
        { { "schedule=cosine", "stop.patience=30", "train.epochs=10" }, false },
        { { "schedule=cosine", "stop={patience: 5, not_before: 10 epochs}", "train.epochs=10" },
          false },
        { { "schedule=constant", "stop.patience=5", "train.epochs=10" }, false },
        { { "schedule=cosine", "stop.patience=off", "train.epochs=10" }, false },
        { { "schedule=cosine", "stop={rule: gl:2}", "train.epochs=10" }, false },
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        belay_trainer *t = make(cases[i].set, 3, NULL);
        bool warned = strstr(messages, "may stop the run before it") != NULL;
        ck_assert_msg(warned == cases[i].warned, "%s %s: %s", cases[i].set[0], cases[i].set[1],
                      messages);
        belay_trainer_destroy(&t);
    }
}
END_TEST

START_TEST(a_decision_of_the_clock_is_recorded)
{
    static const char *const set[] = { "stop.patience=0.000001seconds", "optimizer.lr=0" };
    char path[400], *text;
    size_t size;
    struct belay_log log = { 0 };
    belay_trainer *t = make(set, 2, "clock");
    belay_result r;
    ck_ok(ctx, belay_trainer_run(t, NULL, NULL));
    ck_ok(ctx, belay_trainer_finish(t, &r));
    ck_assert_int_eq(r.reason, BELAY_STOP_PATIENCE);
    ck_assert(strstr(r.json, "\"by_clock\":true"));
    snprintf(path, sizeof(path), "%s/clock/timing.jsonl", folder);
    ck_log_ok(&log, belay_file_read(&log, path, 0, &text, &size));
    ck_assert_msg(strstr(text, "\"decided\":\"patience\"") != NULL, "%s", text);
    belay_free(text);
    belay_trainer_destroy(&t);
}
END_TEST

static void open_context(void)
{
    const belay_ctx_params params = { .log = keep };
    belay_status status = belay_ctx_create(&params, &ctx);
    ck_assert_int_eq(status, BELAY_OK);
    folder = scratch_dir("watch");
}

static void close_context(void)
{
    char command[400];
    snprintf(command, sizeof(command), "rm -rf '%s'", folder);
    ck_assert_int_eq(system(command), 0);
    belay_ctx_destroy(&ctx);
}

static Suite *suite_watch(void)
{
    Suite *s = suite_create("watch");
    TCase *t = tcase_create("watch");
    tcase_add_unchecked_fixture(t, open_context, close_context);
    tcase_add_test(t, a_bad_stop_section_is_refused_with_its_place);
    tcase_add_test(t, one_of_several_monitors_stops_and_is_named);
    tcase_add_test(t, all_must_agree_when_told);
    tcase_add_test(t, a_criterion_stops_with_its_value_and_a_way_on);
    tcase_add_test(t, the_best_of_another_metric_is_kept_beside_the_best);
    tcase_add_test(t, a_run_that_explodes_goes_back_to_its_best_with_a_smaller_rate);
    tcase_add_test(t, rollbacks_have_an_end);
    tcase_add_test(t, patience_that_may_come_before_the_end_of_the_schedule_is_warned_of);
    tcase_add_test(t, a_decision_of_the_clock_is_recorded);
    suite_add_tcase(s, t);
    return s;
}

int main(void)
{
    return harness_main(suite_watch, NULL);
}
