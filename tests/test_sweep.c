// Sweeps and refits: what is tried, on which rows, what a crash costs.
//
// Every sweep is a child process of its own, since some die; the device is opened there.
#include "harness.h"

#include <belay/belay.h>
#include <math.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/file.h"
#include "data/data.h"
#include "device/context.h"
#include "format/json.h"
#include "scratch.h"
#include "train/sweep_space.h"
#include "train/trainer_internal.h"

static const char *folder;
static struct belay_log quiet;

static const char base_recipe[] =
    "model: {input: [2], layers: [{linear: 8}, relu, {linear: 3}]}\n"
    "data: {format: spirals, count: 90, noise: 0.1, classes: 3}\n"
    "split: {validation: 0.25}\n"
    "loss: cross_entropy\n"
    "metrics: [accuracy]\n"
    "optimizer: {name: adam, lr: 0.05}\n"
    "schedule: {name: plateau, factor: 0.5, patience: 1, warmup: 4 steps}\n"
    "train: {batch: 16, epochs: 12, seed: 1}\n";

static belay_ctx *open_ctx(void)
{
    belay_ctx *ctx;
    ck_assert_int_eq(belay_ctx_create(NULL, &ctx), BELAY_OK);
    return ctx;
}

// ---- what is tried ----

static belay_status read_space(belay_ctx *ctx, const char *sweep, belay_recipe **r,
                               struct belay_sweep_space *s)
{
    char set[512];
    const char *const all[1] = { set };
    snprintf(set, sizeof(set), "sweep=%s", sweep);
    ck_ok(ctx, belay_recipe_parse(ctx, base_recipe, "recipe", all, 1, r));
    return belay_sweep_space_read(*r, s);
}

static void check_values(const struct belay_sweep_space *s, size_t trial, const char *want)
{
    struct belay_str text = { 0 };
    for (size_t k = 0; k < s->num_keys; k++) {
        belay_str_add(&text, k ? " " : "");
        belay_sweep_space_value(s, trial, k, &text);
    }
    ck_assert_str_eq(text.text, want);
    belay_str_free(&text);
}

START_TEST(a_grid_has_every_combination)
{
    belay_ctx *ctx = open_ctx();
    belay_recipe *r;
    struct belay_sweep_space s;
    ck_ok(ctx, read_space(ctx, "{stop.patience: {choices: [3, 5 epochs]}, optimizer.lr: {range: "
                               "[0.001, 0.1], log: true, points: 3}, folds: 3}", &r, &s));
    ck_assert_uint_eq(s.trials, 6);
    ck_assert_uint_eq(belay_sweep_space_parts(&s), 3);
    check_values(&s, 0, "3 0.001");
    check_values(&s, 1, "3 0.01");
    check_values(&s, 2, "3 0.1");
    check_values(&s, 5, "\"5 epochs\" 0.1");
    belay_recipe_destroy(&r);
    belay_ctx_destroy(&ctx);
}
END_TEST

START_TEST(a_random_search_is_a_function_of_its_seed_and_stays_inside)
{
    belay_ctx *ctx = open_ctx();
    belay_recipe *r, *other;
    struct belay_sweep_space s, again;
    const char *one =
        "{optimizer.lr: {range: [0.001, 0.1], log: true}, method: random, trials: 200, seed: 4}";
    const char *more =
        "{train.batch: {range: [8, 64], int: true}, optimizer.lr: {range: [0.001, 0.1], "
        "log: true}, method: random, trials: 200, seed: 4}";
    ck_ok(ctx, read_space(ctx, one, &r, &s));
    ck_ok(ctx, read_space(ctx, more, &other, &again));
    int small = 0;
    for (size_t i = 0; i < 200; i++) {
        struct belay_str a = { 0 }, b = { 0 }, c = { 0 };
        double value, batch;
        belay_sweep_space_value(&s, i, 0, &a);
        belay_sweep_space_value(&again, i, 1, &b);
        belay_sweep_space_value(&again, i, 0, &c);
        ck_assert_str_eq(a.text, b.text); // another key beside it changes nothing
        ck_assert(belay_parse_double(a.text, &value) && value >= 0.001 && value <= 0.1);
        ck_assert(belay_parse_double(c.text, &batch) && batch >= 8 && batch <= 64 &&
                  batch == floor(batch));
        small += value < 0.01;
        belay_str_free(&a);
        belay_str_free(&b);
        belay_str_free(&c);
    }
    ck_assert_int_gt(small, 80); // half of them on a logarithmic scale
    ck_assert_int_lt(small, 120);
    belay_recipe_destroy(&r);
    belay_recipe_destroy(&other);
    belay_ctx_destroy(&ctx);
}
END_TEST

START_TEST(a_bad_sweep_is_refused_with_a_reason)
{
    const char *const bad[][2] = {
        { "{}", "there is no sweep: section" },
        { "{folds: 3}", "no key is varied" },
        { "{train.batch: 3}", "want {choices" },
        { "{train.batch: {choices: []}}", "want a list of values" },
        { "{train.batch: {range: [3]}}", "want [low, high]" },
        { "{train.batch: {range: [5, 3], points: 2}}", "want [low, high]" },
        { "{train.batch: {range: [0, 3], points: 2, log: true}}", "above 0" },
        { "{train.batch: {range: [1, 3]}}", "needs points" },
        { "{train.batch: {range: [1, 3], choices: [3]}}", "either choices or range" },
        { "{train.batch: {choise: [3]}}", "'choise'" },
        { "{train.batch: {choices: [3]}, method: random}", "needs trials" },
        { "{train.batch: {choices: [3]}, trials: 3}", "is for method random" },
        { "{train.batch: {choices: [3]}, method: best}", "want grid or random" },
        { "{train.batch: {choices: [3]}, folds: 1}", "from 2" },
        { "{train.batch: {choices: [3]}, folds: 3, repeats: 2}", "either folds, or repeats" },
        { "{train.batch: {choices: [3]}, hold_out: 1}", "between 0 and 1" },
        { "{train.batch: {choices: [3]}, score: f1}", "'f1' is not among the metrics" },
    };
    belay_ctx *ctx = open_ctx();
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        belay_recipe *r;
        struct belay_sweep_space s;
        ck_assert_int_eq(read_space(ctx, bad[i][0], &r, &s), BELAY_ERR_RECIPE);
        ck_assert_msg(strstr(belay_ctx_error(ctx), bad[i][1]) != NULL, "%s: %s", bad[i][0],
                      belay_ctx_error(ctx));
        belay_recipe_destroy(&r);
    }
    belay_ctx_destroy(&ctx);
}
END_TEST

START_TEST(the_rows_that_score_are_neither_trained_on_nor_watched)
{
    enum { ROWS = 60 };
    float x[ROWS];
    int32_t labels[ROWS];
    int scored[ROWS] = { 0 };
    for (int i = 0; i < ROWS; i++) {
        x[i] = (float) i;
        labels[i] = i % 2;
    }
    const struct belay_memory_data m = { .x = x, .labels = labels, .rows = ROWS, .features = 1,
                                         .targets = 1, .classes = 2 };
    for (size_t f = 0; f < 3; f++) {
        const struct belay_dataset_params p = { .validation = 0.25, .stratify = true, .folds = 3,
                                                .fold = f };
        struct belay_datasets d;
        int seen[ROWS] = { 0 };
        ck_log_ok(&quiet, belay_datasets_from_memory(&quiet, &p, &m, NULL, NULL, &d));
        const struct belay_dataset *parts[3] = { &d.train, &d.validation, &d.test };
        ck_assert_uint_eq(d.train.rows, 30);
        ck_assert_uint_eq(d.validation.rows, 10);
        ck_assert_uint_eq(d.test.rows, 20);
        for (int part = 0; part < 3; part++) {
            for (size_t i = 0; i < parts[part]->rows; i++) {
                int row = (int) ((const float *) parts[part]->x)[i];
                ck_assert_int_eq(seen[row]++, 0);
                ck_assert_int_eq(parts[part]->labels[i], row % 2);
                scored[row] += part == 2;
            }
        }
        belay_datasets_finish(&d);
    }
    for (int i = 0; i < ROWS; i++)
        ck_assert_int_eq(scored[i], 1);
}
END_TEST

// ---- sweeps ----

struct job {
    const char *dir;
    const char *extra;    // one more override
    int die_after, stop_after; // so many folds; 0: never
    int folds, old, results;
};

static bool on_event(void *user, const belay_sweep_event *e)
{
    struct job *job = user;
    if (e->kind == BELAY_SWEEP_FOLD) {
        job->folds += !e->old;
        job->old += e->old;
        if (job->die_after && job->folds == job->die_after)
            raise(SIGKILL);
    }
    job->results += e->kind == BELAY_SWEEP_RESULT;
    return !job->stop_after || job->folds < job->stop_after;
}

// In the child. Returns the status, or 99 when the counts are not what they should be.
static int sweep(struct job *job)
{
    char set[700];
    const char *const all[2] = { set, job->extra };
    belay_ctx *ctx;
    belay_recipe *r;
    snprintf(set, sizeof(set),
             "sweep={stop.patience: {choices: [1, 3]}, optimizer.lr: {choices: [0.05, "
             "0.01]}, folds: 3, score: accuracy, dir: %s}",
             job->dir);
    if (belay_ctx_create(NULL, &ctx) != BELAY_OK)
        return 98;
    belay_status status =
        belay_recipe_parse(ctx, base_recipe, "recipe", all, job->extra ? 2 : 1, &r);
    if (status == BELAY_OK)
        status = belay_sweep(ctx, r, on_event, job);
    if (status != BELAY_OK && status != BELAY_ERR_CANCELLED)
        fprintf(stderr, "  %s\n", belay_ctx_error(ctx));
    belay_recipe_destroy(&r);
    belay_ctx_destroy(&ctx);
    return status == BELAY_OK && (job->folds + job->old != 12 || job->results != 5) ? 99
                                                                                    : (int) status;
}

static int run(struct job job, int *old)
{
    int fds[2], status = 0, count = -1;
    ck_assert_int_eq(pipe(fds), 0);
    fflush(NULL);
    pid_t pid = fork();
    ck_assert_int_ge(pid, 0);
    if (pid == 0) {
        int code = sweep(&job);
        _exit(write(fds[1], &job.old, sizeof(job.old)) == sizeof(job.old) ? code : 97);
    }
    close(fds[1]);
    ck_assert_int_eq(waitpid(pid, &status, 0), pid);
    if (read(fds[0], &count, sizeof(count)) == sizeof(count) && old)
        *old = count;
    close(fds[0]);
    return WIFSIGNALED(status) ? -WTERMSIG(status) : WEXITSTATUS(status);
}

static void dir_of(char out[300], const char *name)
{
    snprintf(out, 300, "%s/%s", folder, name);
}

static char *read_file(const char *dir, const char *name, size_t *size)
{
    char path[400], *text;
    snprintf(path, sizeof(path), "%s/%s", dir, name);
    ck_log_ok(&quiet, belay_file_read(&quiet, path, 0, &text, size));
    return text;
}

// results.jsonl without its seconds
static void results_of(const char *dir, char *out, size_t room)
{
    size_t size;
    char *text = read_file(dir, "results.jsonl", &size);
    out[0] = '\0';
    for (char *line = strtok(text, "\n"); line; line = strtok(NULL, "\n")) {
        char *from = strstr(line, "\"seconds\":"), *to = strstr(line, ",\"front\"");
        ck_assert(from && to);
        size_t used = strlen(out);
        snprintf(out + used, room - used, "%.*s%s\n", (int) (from - line), line, to);
    }
    belay_free(text);
}

static char whole[8192];

static const char *whole_results(char dir[300])
{
    dir_of(dir, "whole");
    if (!whole[0]) {
        ck_assert_int_eq(run((struct job){ .dir = dir }, NULL), BELAY_OK);
        results_of(dir, whole, sizeof(whole));
    }
    return whole;
}

START_TEST(a_sweep_ranks_its_trials_and_writes_the_best_recipe)
{
    char dir[300];
    size_t size;
    double before = INFINITY, lr = NAN;
    int lines = 0;
    whole_results(dir);
    char *text = read_file(dir, "results.jsonl", &size);
    belay_ctx *ctx = open_ctx();
    for (char *line = strtok(text, "\n"); line; line = strtok(NULL, "\n"), lines++) {
        struct belay_json_doc doc = { 0 };
        ck_log_ok(&quiet, belay_json_parse(&quiet, "line", line, strlen(line), &doc));
        double score = belay_json_number_or(doc.root, "score", NAN);
        ck_assert(score <= before && score > 0.2 && score <= 1);
        ck_assert_double_gt(belay_json_number_or(doc.root, "steps", NAN), 0);
        if (lines == 0)
            lr = belay_json_number_or(belay_json_get(doc.root, "values"), "optimizer.lr", NAN);
        before = score;
        belay_json_finish(&doc);
    }
    ck_assert_int_eq(lines, 4);
    belay_free(text);
    text = read_file(dir, "best.yaml", &size);
    belay_recipe *best;
    ck_ok(ctx, belay_recipe_parse(ctx, text, "best.yaml", NULL, 0, &best));
    ck_assert_double_eq(best->optimizer_options[0], lr);
    ck_assert(!best->sweep->first && best->data.folds == 0);
    belay_recipe_destroy(&best);
    belay_free(text);
    belay_ctx_destroy(&ctx);
}
END_TEST

START_TEST(a_sweep_that_was_killed_goes_on_and_ends_the_same)
{
    static const int dies[] = { 1, 5, 12 };
    char dir[300], got[8192];
    const char *want = whole_results(dir);
    dir_of(dir, "killed");
    for (size_t i = 0; i < sizeof(dies) / sizeof(dies[0]); i++) {
        char path[400];
        int old = -1;
        scratch_empty(dir);
        ck_assert_int_eq(run((struct job){ .dir = dir, .die_after = dies[i] }, NULL), -SIGKILL);
        // And a line that was being written.
        snprintf(path, sizeof(path), "%s/trials.jsonl", dir);
        FILE *file = fopen(path, "a");
        ck_assert(file && fputs("{\"trial\":3,\"fo", file) >= 0 && fclose(file) == 0);
        ck_assert_int_eq(run((struct job){ .dir = dir }, &old), BELAY_OK);
        ck_assert_int_eq(old, dies[i]);
        results_of(dir, got, sizeof(got));
        ck_assert_str_eq(got, want);
    }
}
END_TEST

START_TEST(a_sweep_may_be_stopped_and_another_one_is_kept_out_of_its_folder)
{
    char dir[300], path[400];
    int old = -1;
    dir_of(dir, "stopped");
    ck_assert_int_eq(run((struct job){ .dir = dir, .stop_after = 2 }, NULL), BELAY_ERR_CANCELLED);
    ck_assert_int_eq(run((struct job){ .dir = dir, .extra = "train.epochs=3" }, NULL),
                     BELAY_ERR_EXISTS);
    ck_assert_int_eq(run((struct job){ .dir = dir, .stop_after = 1 }, &old), BELAY_ERR_CANCELLED);
    ck_assert_int_eq(old, 2);
    snprintf(path, sizeof(path), "%s/trials.jsonl", dir);
    FILE *file = fopen(path, "a");
    ck_assert(file && fputs("{\"trial\":77,\"fold\":0}\n", file) >= 0 && fclose(file) == 0);
    ck_assert_int_eq(run((struct job){ .dir = dir }, NULL), BELAY_ERR_DAMAGED);
}
END_TEST

START_TEST(a_value_that_no_recipe_takes_is_found_before_any_training)
{
    belay_ctx *ctx = open_ctx();
    belay_recipe *r;
    char set[400];
    const char *const all[1] = { set };
    struct job job = { 0 };
    snprintf(set, sizeof(set), "sweep={stop.patience: {choices: [3, many]}, dir: %s/never}",
             folder);
    ck_ok(ctx, belay_recipe_parse(ctx, base_recipe, "recipe", all, 1, &r));
    ck_assert_int_eq(belay_sweep(ctx, r, on_event, &job), BELAY_ERR_RECIPE);
    ck_assert_msg(strstr(belay_ctx_error(ctx), "trial 1") && strstr(belay_ctx_error(ctx), "'many'"),
                  "%s", belay_ctx_error(ctx));
    ck_assert_int_eq(job.folds, 0);
    belay_recipe_destroy(&r);
    belay_ctx_destroy(&ctx);
}
END_TEST

// ---- once more on all rows ----

// In the child: trains, refits, and checks what the refit is.
static int refit(const char *dir, const char *schedule, const char *refits_to)
{
    char set[400];
    const char *const all[2] = { set, schedule };
    belay_ctx *ctx = open_ctx();
    belay_recipe *r = NULL;
    belay_trainer *t = NULL;
    belay_result first, again;
    const belay_trainer_params again_params = { .refit = true };
    snprintf(set, sizeof(set), "run.dir=%s", dir);
    ck_ok(ctx, belay_recipe_parse(ctx, base_recipe, "recipe", all, 2, &r));
    belay_trainer_params p = { .recipe = r };
    ck_ok(ctx, belay_trainer_create(ctx, &p, &t));
    ck_ok(ctx, belay_trainer_run(t, NULL, NULL));
    ck_ok(ctx, belay_trainer_finish(t, &first));
    const struct belay_schedule_parts parts = t->schedule_parts;
    size_t rows = t->data.train.rows + t->data.validation.rows;
    belay_trainer_destroy(&t);
    ck_ok(ctx, belay_trainer_resume(ctx, dir, NULL, 0, &again_params, &t));
    ck_assert_uint_eq(t->data.train.rows, rows);
    ck_assert_uint_eq(t->data.validation.rows, 0);
    ck_assert_str_eq(t->recipe->schedule->name, refits_to);
    ck_assert_int_eq(t->schedule_parts.num, parts.num);
    for (int i = 0; i < parts.num; i++) { // as long as they were
        const struct belay_schedule_part *part = &t->schedule_parts.part[i];
        ck_assert_double_eq(part->start, parts.part[i].start);
        ck_assert_mem_eq(part->options, parts.part[i].options, sizeof(part->options));
    }
    ck_ok(ctx, belay_trainer_run(t, NULL, NULL));
    ck_ok(ctx, belay_trainer_finish(t, &again));
    ck_assert_int_eq(again.reason, BELAY_STOP_STEPS);
    ck_assert_str_eq(again.reason_name, "steps");
    ck_assert_uint_eq(again.step, first.best_step);
    ck_assert(strstr(again.run_dir, "-refit") && isfinite(again.test_loss));
    belay_trainer_destroy(&t);
    ck_assert_int_eq(belay_trainer_resume(ctx, dir, NULL, 0, &again_params, &t), BELAY_ERR_EXISTS);
    ck_assert_int_eq(belay_trainer_resume(ctx, "/nowhere", NULL, 0, &again_params, &t),
                     BELAY_ERR_IO);
    belay_recipe_destroy(&r);
    belay_ctx_destroy(&ctx);
    return 0;
}

START_TEST(a_refit_trains_on_all_rows_for_the_best_number_of_steps)
{
    char dir[300];
    dir_of(dir, "run");
    ck_assert_int_eq(refit(dir,
                           "schedule={name: plateau, factor: 0.5, patience: 1, warmup: 4 steps}",
                           "multistep"),
                     0);
    dir_of(dir, "run-parts");
    ck_assert_int_eq(refit(dir,
                           "schedule={name: sequential, parts: [linear, cosine], at: [5 steps], "
                           "warmup: 2 steps}",
                           "sequential"),
                     0);
}
END_TEST

static Suite *suite_sweep(void)
{
    Suite *s = suite_create("sweep");
    TCase *t = tcase_create("sweep");
    tcase_set_timeout(t, 300);
    tcase_add_test(t, a_sweep_ranks_its_trials_and_writes_the_best_recipe);
    tcase_add_test(t, a_sweep_that_was_killed_goes_on_and_ends_the_same);
    tcase_add_test(t, a_sweep_may_be_stopped_and_another_one_is_kept_out_of_its_folder);
    tcase_add_test(t, a_grid_has_every_combination);
    tcase_add_test(t, a_random_search_is_a_function_of_its_seed_and_stays_inside);
    tcase_add_test(t, a_bad_sweep_is_refused_with_a_reason);
    tcase_add_test(t, the_rows_that_score_are_neither_trained_on_nor_watched);
    tcase_add_test(t, a_value_that_no_recipe_takes_is_found_before_any_training);
    tcase_add_test(t, a_refit_trains_on_all_rows_for_the_best_number_of_steps);
    suite_add_tcase(s, t);
    return s;
}

int main(void)
{
    char command[400];
    folder = scratch_dir("sweep");
    int result = harness_main(suite_sweep, NULL);
    snprintf(command, sizeof(command), "rm -rf '%s'", folder);
    return system(command) == 0 ? result : EXIT_FAILURE;
}
