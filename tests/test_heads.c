// Recipes with several inputs, branches, heads and weighted losses; the numbers are PyTorch's
// (tests/two_heads.py).
#include <math.h>
#include <string.h>

#include <belay/belay.h>

#include "base/str.h"
#include "device/context.h"
#include "harness.h"
#include "scratch.h"

static belay_ctx *ctx;
static const char *dir;

static void setup(void)
{
    ck_assert_int_eq(belay_ctx_create(NULL, &ctx), BELAY_OK);
    dir = scratch_dir("heads");
}

static void teardown(void)
{
    belay_ctx_destroy(&ctx);
    scratch_remove(dir);
}

static const char branches[] =
    "model:\n"
    "  inputs: {person: [age, bmi, sex], lab: ['lab_*']}\n"
    "  layers:\n"
    "    - {block: [{linear: 6}, tanh], from: person, name: person_net, as: a}\n"
    "    - {block: [{linear: 6}, tanh], from: lab, name: lab_net, as: b}\n"
    "    - {mul: , from: [a, b], as: both}\n"
    "    - {add: , from: [a, b], as: either}\n"
    "    - {concat: , from: [a, b, both, either]}\n"
    "    - {linear: 8, name: trunk}\n"
    "    - {relu: , as: t}\n"
    "    - {linear: 3, from: t, name: kind}\n"
    "    - {linear: 1, from: t, name: days}\n";
static const char heads[] =
    "heads:\n"
    "  kind: {loss: cross_entropy, metrics: [accuracy, log_loss]}\n"
    "  days: {loss: huber, weight: 0.5, metrics: [mae, r2]}\n";
static const char golden_training[] =
    "data: {train: tests/data/two-heads.csv, test: tests/data/two-heads-test.csv, standardize: no,\n"
    "       shuffle: false}\n"
    "split: {validation: 0}\n"
    "optimizer: {name: sgd, lr: 0.1, momentum: 0.9}\n"
    "train: {batch: 32, epochs: 6}\n"
    "stop: {monitor: train.loss, restore_best: false}\n"
    "init: tests/data/two-heads-init.safetensors\n";
static const char short_training[] =
    "data: {train: tests/data/two-heads.csv, test: tests/data/two-heads-test.csv}\n"
    "split: {validation: 0.3}\n"
    "optimizer: {name: adam, lr: 0.02}\n"
    "train: {batch: 32, epochs: 4}\n"
    "stop: {monitor: val.kind.accuracy, patience: 20}\n"
    "checkpoint: {best: [val.kind.loss, val.days.mae]}\n";

static belay_status parse(const char *model, const char *head_map, const char *rest, const char *more,
                          belay_recipe **out)
{
    char text[4096];
    snprintf(text, sizeof(text), "%s%s%s%s\n", model, head_map, rest, more);
    return belay_recipe_parse(ctx, text, "test", NULL, 0, out);
}

static void train(belay_recipe *r, bool files, belay_trainer **t, belay_result *result)
{
    const belay_trainer_params params = { .recipe = r, .no_files = !files };
    ck_ok(ctx, belay_trainer_create(ctx, &params, t));
    ck_ok(ctx, belay_trainer_run(*t, NULL, NULL));
    ck_ok(ctx, belay_trainer_finish(*t, result));
}

// "NAME": 0.5 in JSON.
static double number_of(const char *json, const char *name)
{
    char key[64];
    snprintf(key, sizeof(key), "\"%s\":", name);
    const char *at = strstr(json, key);
    ck_assert_msg(at != NULL, "no %s in %s", name, json);
    return strtod(at + strlen(key), NULL);
}

static void close_to(const char *name, double got, double want)
{
    ck_assert_msg(fabs(got - want) <= 2e-5 * (1 + fabs(want)), "%s: got %.9g, want %.9g", name, got, want);
}

static void same_weights(const char *got, const char *want)
{
    belay_file *a, *b;
    belay_tensor_info info;
    double x[256], y[256];
    size_t num = 0;
    ck_ok(ctx, belay_file_open(ctx, got, &a));
    ck_ok(ctx, belay_file_open(ctx, want, &b));
    for (; belay_file_tensor(b, num, &info); num++) {
        size_t count = (size_t) info.size / 4, index = 0;
        belay_tensor_info other;
        while (belay_file_tensor(a, index, &other) && strcmp(other.name, info.name) != 0)
            index++;
        ck_assert(belay_file_values(b, num, 0, count, y));
        ck_assert_msg(belay_file_values(a, index, 0, count, x), "%s", info.name);
        for (size_t i = 0; i < count; i++)
            close_to(info.name, x[i], y[i]);
    }
    ck_assert_uint_eq(num, 10);
    belay_file_close(&a);
    belay_file_close(&b);
}

START_TEST(a_net_with_two_inputs_and_two_heads_trains_as_in_pytorch)
{
    static const struct {
        const char *name;
        double want;
    } golden[] = {
        { "loss", 0.710424483 },     { "kind.loss", 0.467584908 }, { "days.loss", 0.48567912 },
        { "kind.accuracy", 0.9 },    { "kind.log_loss", 0.467584908 },
        { "days.mae", 0.881407988 }, { "days.r2", -0.0439791679 },
    };
    belay_recipe *r;
    belay_trainer *t;
    belay_result result;
    char path[512];
    ck_ok(ctx, parse(branches, heads, golden_training, "", &r));
    train(r, false, &t, &result);
    const char *test = strstr(result.json, "\"test\":");
    ck_assert_ptr_nonnull(test);
    for (size_t i = 0; i < sizeof(golden) / sizeof(golden[0]); i++)
        close_to(golden[i].name, number_of(test, golden[i].name), golden[i].want);
    snprintf(path, sizeof(path), "%s/trained.safetensors", dir);
    ck_ok(ctx, belay_trainer_save(t, path));
    same_weights(path, "tests/data/two-heads-trained.safetensors");
    belay_trainer_destroy(&t);
    belay_recipe_destroy(&r);
}
END_TEST

static bool first_row(void *user, const char *id, const float *output, size_t count)
{
    memcpy(user, output, 4 * sizeof(*output));
    ck_assert_uint_eq(count, 4);
    ck_assert_str_eq(id, "0");
    return false;
}

START_TEST(its_file_predicts_and_is_measured_head_by_head)
{
    static const double row[4] = { 0.004235344938933849, 0.6108338236808777, 0.3849308490753174,
                                   0.24551859498023987 };
    const char *files[] = { "tests/data/two-heads-test.csv" };
    belay_recipe *r;
    belay_trainer *t;
    belay_result result;
    belay_model *model;
    belay_head_info h;
    belay_scores scores;
    char path[512];
    float out[4];
    ck_ok(ctx, parse(branches, heads, golden_training, "", &r));
    train(r, false, &t, &result);
    snprintf(path, sizeof(path), "%s/trained.safetensors", dir);
    ck_ok(ctx, belay_trainer_save(t, path));
    ck_ok(ctx, belay_model_load(ctx, path, 0, &model));
    ck_status_is(&ctx->log, belay_model_predict_files(model, files, 1, first_row, out),
                 BELAY_ERR_CANCELLED);
    for (int i = 0; i < 4; i++)
        close_to("row 0", out[i], row[i]);
    ck_assert(belay_model_head(model, 0, &h) && h.classes && h.first == 0 && h.count == 3);
    ck_assert_str_eq(belay_model_class(model, 1), "low");
    ck_assert(belay_model_head(model, 1, &h) && !h.classes && h.first == 3 && h.count == 1);
    ck_assert_str_eq(h.name, "days");
    ck_assert_ptr_null(belay_model_class(model, 3));
    ck_assert(!belay_model_head(model, 2, &h));
    ck_ok(ctx, belay_model_evaluate(model, NULL, files, 1, &scores));
    const char *test = strstr(result.json, "\"test\":");
    close_to("loss", scores.loss, number_of(test, "loss"));
    for (size_t i = 0; i < scores.count; i++)
        if (strcmp(scores.name[i], "kind.accuracy") == 0 || strcmp(scores.name[i], "days.mae") == 0)
            close_to(scores.name[i], scores.value[i], number_of(test, scores.name[i]));
    ck_assert_uint_ge(scores.count, 10);
    belay_model_destroy(&model);
    belay_trainer_destroy(&t);
    belay_recipe_destroy(&r);
}
END_TEST

// ---- Runs ----

START_TEST(a_run_keeps_a_best_for_each_head_and_resumes_to_the_same_bytes)
{
    char more[600], file[512];
    const char *last[2], *const *override = (const char *const[]){ "train.epochs=4" };
    char *bytes[2];
    size_t size[2];
    for (int k = 0; k < 2; k++) { // at once; then two epochs and two more
        belay_recipe *r;
        belay_trainer *t;
        belay_result result;
        snprintf(more, sizeof(more), "run: {dir: %s/run%d}\n", dir, k);
        ck_ok(ctx, parse(branches, heads, short_training, more, &r));
        if (k == 0) {
            train(r, true, &t, &result);
        } else {
            const belay_trainer_params params = { .recipe = r };
            belay_progress p;
            ck_ok(ctx, belay_trainer_create(ctx, &params, &t));
            for (int i = 0; i < 5; i++)
                ck_ok(ctx, belay_trainer_step(t, &p));
            belay_trainer_cancel(t);
            ck_ok(ctx, belay_trainer_step(t, &p));
            ck_ok(ctx, belay_trainer_finish(t, &result));
            belay_trainer_destroy(&t);
            snprintf(file, sizeof(file), "%s/run1", dir);
            ck_ok(ctx, belay_trainer_resume(ctx, file, override, 1, NULL, &t));
            ck_ok(ctx, belay_trainer_run(t, NULL, NULL));
            ck_ok(ctx, belay_trainer_finish(t, &result));
        }
        belay_trainer_destroy(&t);
        belay_recipe_destroy(&r);
        static const char *const bests[] = { "best.safetensors", "best-val.kind.loss.safetensors",
                                             "best-val.days.mae.safetensors" };
        for (int i = 0; i < 3; i++) {
            snprintf(file, sizeof(file), "%s/run%d/%s", dir, k, bests[i]);
            ck_assert_msg(belay_file_exists(file), "%s", file);
        }
        snprintf(file, sizeof(file), "%s/run%d/last.safetensors", dir, k);
        ck_ok(ctx, belay_file_read(&ctx->log, file, 0, &bytes[k], &size[k]));
        last[k] = bytes[k];
    }
    ck_assert_uint_eq(size[0], size[1]);
    ck_assert(memcmp(last[0], last[1], size[0]) == 0);
    belay_free(bytes[0]);
    belay_free(bytes[1]);
}
END_TEST

static bool keep_text(void *user, const char *text, size_t size)
{
    struct belay_str *s = user;
    belay_str_add_bytes(s, text, size);
    return true;
}

START_TEST(a_report_shows_the_metrics_of_each_head)
{
    char more[600], run[512];
    belay_recipe *r;
    belay_trainer *t;
    belay_result result;
    struct belay_str page = { 0 };
    snprintf(run, sizeof(run), "%s/run", dir);
    snprintf(more, sizeof(more), "run: {dir: %s}\n", run);
    ck_ok(ctx, parse(branches, heads, short_training, more, &r));
    train(r, true, &t, &result);
    belay_trainer_destroy(&t);
    belay_recipe_destroy(&r);
    const char *runs[] = { run };
    const belay_report_params params = { .kind = "html", .runs = runs, .num_runs = 1, .fn = keep_text,
                                         .user = &page };
    ck_ok(ctx, belay_report_write(ctx, &params));
    ck_assert_ptr_nonnull(strstr(page.text, "kind.accuracy"));
    ck_assert_ptr_nonnull(strstr(page.text, "days.mae"));
    belay_str_free(&page);
}
END_TEST

// ---- Arrays ----

enum { ROWS = 60 };
static uint8_t picture[ROWS * 4];
static float side[ROWS * 2], joined[ROWS * 6], place[ROWS * 2], both[ROWS * 3];
static int64_t kinds[ROWS];

static void make_arrays(void)
{
    for (int i = 0; i < ROWS; i++) {
        kinds[i] = i % 3;
        for (int k = 0; k < 4; k++) {
            picture[4 * i + k] = (uint8_t) (80 * (i % 3) + (i * 7 + k * 13) % 50);
            joined[6 * i + k] = (float) picture[4 * i + k] / 255;
        }
        for (int k = 0; k < 2; k++) {
            side[2 * i + k] = joined[6 * i + 4 + k] = (float) ((i * (3 + k)) % 17) / 17 - 0.5f;
            place[2 * i + k] = both[3 * i + 1 + k] = side[2 * i + k] * (float) (k + 1);
        }
        both[3 * i] = (float) kinds[i];
    }
}

static void save_npz(const char *path, int64_t width)
{
    const int64_t p[3] = { ROWS, 2, 2 }, s[2] = { ROWS * 2 / width, width }, k[1] = { ROWS };
    const belay_file_entry entries[] = { { "picture", "U8", 3, p, picture, NULL },
                                         { "side", "F32", 2, s, side, NULL },
                                         { "kinds", "I64", 1, k, kinds, NULL },
                                         { "place", "F32", 2, s, place, NULL } };
    const belay_file_state state = { NULL, entries, 4 };
    const belay_file_params params = { .format = "npz", .plain = true };
    ck_ok(ctx, belay_file_save(ctx, path, &state, 1, &params));
}

static const char arrays[] =
    "model:\n"
    "  inputs: {picture: {shape: [1, 2, 2], width: 4}, more: {array: side, width: 2}}\n"
    "  layers: [{flatten: , from: picture, as: f}, {concat: , from: [f, more]}, {linear: 5}, {tanh: , as: t},\n"
    "           {linear: 3, from: t, as: kind}, {linear: 2, from: t, as: place}]\n"
    "heads:\n"
    "  kind: {target: kinds, loss: cross_entropy}\n"
    "  place: {target: %s, loss: mse, metrics: [rmse]}\n"
    "split: {validation: 0.25}\ntrain: {batch: 16, epochs: 3}\nstop: {monitor: val.place.rmse}\n";

static double train_arrays(const char *targets, const char *data, const belay_data *memory)
{
    char text[2048];
    belay_recipe *r;
    belay_trainer *t;
    belay_result result;
    int length = snprintf(text, sizeof(text), arrays, targets);
    snprintf(text + length, sizeof(text) - (size_t) length, "%s", data);
    ck_ok(ctx, belay_recipe_parse(ctx, text, "test", NULL, 0, &r));
    const belay_trainer_params params = { .recipe = r, .train = memory, .no_files = true };
    ck_ok(ctx, belay_trainer_create(ctx, &params, &t));
    ck_ok(ctx, belay_trainer_run(t, NULL, NULL));
    ck_ok(ctx, belay_trainer_finish(t, &result));
    belay_trainer_destroy(&t);
    belay_recipe_destroy(&r);
    return result.best;
}

START_TEST(arrays_of_a_file_and_rows_from_memory_train_alike)
{
    char data[600], path[512];
    const belay_data memory = { .x = joined, .rows = ROWS, .features = 6, .y = both, .targets = 3 };
    make_arrays();
    snprintf(path, sizeof(path), "%s/a.npz", dir);
    snprintf(data, sizeof(data), "data: {train: %s}\n", path);
    save_npz(path, 2);
    double file = train_arrays("place", data, NULL);
    double rows = train_arrays("[u, v]", "", &memory);
    ck_assert_double_gt(file, 0);
    ck_assert_double_eq(file, rows);
}
END_TEST

START_TEST(arrays_that_do_not_fit_say_which)
{
    char path[512], text[2048];
    belay_recipe *r;
    belay_trainer *t = NULL;
    make_arrays();
    snprintf(path, sizeof(path), "%s/a.npz", dir);
    save_npz(path, 4);
    int length = snprintf(text, sizeof(text), arrays, "place");
    snprintf(text + length, sizeof(text) - (size_t) length, "data: {train: %s}\n", path);
    ck_ok(ctx, belay_recipe_parse(ctx, text, "test", NULL, 0, &r));
    const belay_trainer_params params = { .recipe = r, .no_files = true };
    ck_status_is(&ctx->log, belay_trainer_create(ctx, &params, &t), BELAY_ERR_DATA);
    ck_assert_msg(strstr(belay_ctx_error(ctx), "picture is [60, 2, 2], side is [30, 4]: they have other "
                                               "numbers of rows"), "%s", belay_ctx_error(ctx));
    belay_recipe_destroy(&r);
}
END_TEST

// ---- What is refused ----

static void refused(const char *model, const char *head_map, const char *part)
{
    belay_recipe *r = NULL;
    belay_trainer *t = NULL;
    belay_status status = parse(model, head_map, "data: {train: tests/data/two-heads.csv}\n"
                                "train: {batch: 32}\n", "", &r);
    const belay_trainer_params params = { .recipe = r, .no_files = true };
    if (status == BELAY_OK)
        status = belay_trainer_create(ctx, &params, &t);
    ck_assert_int_ne(status, BELAY_OK);
    ck_assert_msg(strstr(belay_ctx_error(ctx), part), "'%s' does not say '%s'", belay_ctx_error(ctx), part);
    belay_trainer_destroy(&t);
    belay_recipe_destroy(&r);
}

START_TEST(heads_that_do_not_fit_are_refused_with_their_names)
{
    static const char two[] = "heads: {kind: {loss: cross_entropy}, days: {loss: mse}}\n";
    refused(branches, "heads: {kind: {los: mse}, days: {loss: mse}}\n", "did you mean 'loss'?");
    refused(branches, "heads: {kind: {loss: mse, weight: -1}, days: {loss: mse}}\n", "not negative");
    refused(branches, "heads: {kind: {loss: cross_entropy, metrics: [mae]}}\n", "metric 'mae' is for numbers");
    refused(branches, "heads: {kind: {loss: cross_entropy, from: kindd}}\n", "did you mean 'kind'?");
    refused(branches, "heads: {kind: {loss: cross_entropy, target: knd}}\n",
            "no target column 'knd'");
    refused(branches, "heads: {kind: {loss: cross_entropy, from: days}}\n",
            "head kind: 'days' is [32, 1], the data have 3 classes: want [batch, 3]");
    refused(branches, "heads: {kind: {loss: {name: cross_entropy, class_weights: balanced}}}\n",
            "heads.kind.loss.class_weights: the losses of heads take no such weights");
    refused(branches, "loss: mse\nheads: {kind: {loss: cross_entropy}}\n", "loss: the recipe has heads");
    refused(branches, "heads: {kind: {loss: mse}}\n", "is not a number");
    refused("model: {inputs: {a: [age, kind]}, layers: [{linear: 3, from: a, as: kind}]}\n",
            "heads: {kind: {loss: cross_entropy}}\n", "column 'kind' is a target and a column of the input 'a'");
    refused("model: {inputs: {a: [age], b: [bmi]}, layers: [{linear: 3, as: kind}]}\n",
            "heads: {kind: {loss: cross_entropy}}\n", "several inputs: say which one with `from:`");
    refused("model: {inputs: {a: [agee]}, layers: [{linear: 3, from: a, as: kind}]}\n", two,
            "no column 'agee'");
    refused("model: {layers: [{block: [], as: kind}]}\n", two, "block must list layers");
}
END_TEST

static Suite *suite_heads(void)
{
    const TTest *const tests[] = {
        a_net_with_two_inputs_and_two_heads_trains_as_in_pytorch,
        its_file_predicts_and_is_measured_head_by_head,
        a_run_keeps_a_best_for_each_head_and_resumes_to_the_same_bytes,
        a_report_shows_the_metrics_of_each_head,
        arrays_of_a_file_and_rows_from_memory_train_alike,
        arrays_that_do_not_fit_say_which,
        heads_that_do_not_fit_are_refused_with_their_names,
    };
    return harness_suite_with("heads", tests, sizeof(tests) / sizeof(tests[0]), setup, teardown);
}

int main(void)
{
    return harness_main(suite_heads, NULL);
}
