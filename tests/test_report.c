// Reports: what they read, what they write, and that nothing of a log gets onto the page unescaped.
#include "harness.h"

#include <belay/belay.h>
#include <math.h>
#include <string.h>
#include <zlib.h>

#include "base/file.h"
#include "base/mem.h"
#include "base/str.h"
#include "device/context.h"
#include "format/json.h"
#include "format/png.h"
#include "report/report.h"
#include "scratch.h"

static belay_ctx *ctx;
static const char *folder;

static const char *in_folder(const char *run, const char *name)
{
    static char path[512];
    snprintf(path, sizeof(path), "%s/%s%s%s", folder, run, name ? "/" : "", name ? name : "");
    return path;
}

static void put(const char *run, const char *name, const char *text)
{
    ck_log_ok(&ctx->log, belay_dir_create(&ctx->log, in_folder(run, NULL)));
    ck_log_ok(&ctx->log, belay_file_write(&ctx->log, in_folder(run, name), text, strlen(text)));
}

static const char lines[] =
    "{\"step\":10,\"epoch\":1,\"lr\":0.1,\"train\":{\"loss\":2},\"val\":{\"loss\":1.5},\"improved\":true}\n"
    "{\"step\":20,\"epoch\":2,\"lr\":0.1,\"train\":{\"loss\":1},\"val\":{\"loss\":0.5},\"improved\":true}\n"
    "{\"step\":30,\"epoch\":3,\"lr\":0.1,\"train\":{\"loss\":0.5},\"val\":{\"loss\":null}}\n"
    "{\"step\":40,\"epoch\":4,\"lr\":0.1,\"train\":{\"loss\":0.25},\"val\":{\"loss\":0.75}}\n"
    "{\"step\":50,\"epo"; // being written
static const char times[] = "{\"step\":10,\"seconds\":5}\n{\"step\":20,\"seconds\":9}\n"
                            "{\"step\":30,\"seconds\":11}\n{\"step\":40,\"seconds\":79}\n";
static const char recipe[] = "optimizer: {name: sgd, lr: 0.1}\nstop: {monitor: val.loss, mode: auto}\n"
                             "metrics: [accuracy, f1]\nrun: {dir: a}\n";
static const char result[] = "{\"reason\":\"patience\",\"sentence\":\"Stopped <b>here</b> & there.\","
                             "\"test\":{\"loss\":0.5,\"accuracy\":0.75},\"device\":\"host\"}";

static void make_run(const char *run)
{
    put(run, "metrics.jsonl", lines);
    put(run, "timing.jsonl", times);
    put(run, "resolved.yaml", recipe);
    put(run, "result.json", result);
}

// ---- reading ----

START_TEST(a_run_is_read_with_its_best_its_time_and_its_settings)
{
    struct belay_run run;
    make_run("a");
    ck_log_ok(&ctx->log, belay_run_read(&ctx->log, in_folder("a", NULL), &run));
    const struct belay_series *val = belay_run_series(&run, "val.loss");
    ck_assert_ptr_nonnull(val);
    ck_assert_uint_eq(val->count, 4);
    ck_assert(isnan(val->value[2]) && val->step[3] == 40);
    ck_assert(run.has_nan);
    ck_assert_double_eq(run.best, 0.5);
    ck_assert_double_eq(run.best_step, 20);
    ck_assert_double_eq(run.step, 40);
    ck_assert_double_eq(run.seconds, 79); // two processes
    ck_assert_str_eq(belay_run_setting(&run, "optimizer.lr"), "0.1");
    ck_assert_str_eq(belay_run_setting(&run, "metrics"), "[accuracy, f1]");
    ck_assert_ptr_null(belay_run_series(&run, "improved"));
    belay_run_finish(&run);
}
END_TEST

START_TEST(a_damaged_line_and_a_missing_log_are_named)
{
    struct belay_run run;
    put("bad", "metrics.jsonl", "{\"step\":1}\n{oops}\n");
    ck_status_is(&ctx->log, belay_run_read(&ctx->log, in_folder("bad", NULL), &run),
                 BELAY_ERR_DAMAGED);
    ck_assert_ptr_nonnull(strstr(ctx->log.last, "metrics.jsonl"));
    ck_status_is(&ctx->log, belay_run_read(&ctx->log, "/nowhere/at/all", &run), BELAY_ERR_IO);
    ck_assert_ptr_nonnull(strstr(ctx->log.last, "/nowhere/at/all"));
}
END_TEST

START_TEST(settings_that_differ_are_found)
{
    struct belay_run runs[2];
    const char *names[4];
    make_run("a");
    make_run("b");
    put("b", "resolved.yaml", "optimizer: {name: sgd, lr: 0.2}\nstop: {monitor: val.loss}\n"
                              "metrics: [accuracy, f1]\nrun: {dir: b}\n");
    ck_log_ok(&ctx->log, belay_run_read(&ctx->log, in_folder("a", NULL), &runs[0]));
    ck_log_ok(&ctx->log, belay_run_read(&ctx->log, in_folder("b", NULL), &runs[1]));
    ck_assert_uint_eq(belay_runs_differ(runs, 2, names, 4), 2); // lr; mode is not in b
    ck_assert_str_eq(names[0], "optimizer.lr");
    ck_assert_str_eq(names[1], "stop.mode");
    belay_run_finish(&runs[0]);
    belay_run_finish(&runs[1]);
}
END_TEST

// ---- writing ----

static bool collect(void *user, const char *text, size_t size)
{
    belay_str_add_bytes(user, text, size);
    return true;
}

static struct belay_str report(const char *kind, const char *const *runs, size_t num, bool no_eval)
{
    struct belay_str text = { 0 };
    const belay_report_params p = { .kind = kind, .runs = runs, .num_runs = num, .fn = collect,
                                    .user = &text, .no_eval = no_eval };
    ck_ok(ctx, belay_report_write(ctx, &p));
    ck_assert(!text.failed && text.text);
    return text;
}

START_TEST(the_table_and_the_json_say_the_same)
{
    char path[512];
    struct belay_json_doc doc;
    make_run("a");
    snprintf(path, sizeof(path), "%s", in_folder("a", NULL));
    const char *runs[] = { path };
    struct belay_str table = report("table", runs, 1, true), json = report("json", runs, 1, true);
    ck_assert_ptr_nonnull(strstr(table.text, "patience"));
    ck_assert_ptr_nonnull(strstr(table.text, "0:01:19"));
    ck_assert_ptr_nonnull(strstr(table.text, "0.75"));
    ck_log_ok(&ctx->log, belay_json_parse(&ctx->log, "json", json.text, json.length, &doc));
    const struct belay_json *run = belay_json_get(doc.root, "runs")->first;
    ck_assert_double_eq(belay_json_number_or(run, "best", 0), 0.5);
    ck_assert_double_eq(belay_json_number_or(run, "seconds", 0), 79);
    belay_json_finish(&doc);
    belay_str_free(&table);
    belay_str_free(&json);
    // Too wide for a narrow terminal: one below the other.
    const belay_report_params p = { .kind = "table", .runs = runs, .num_runs = 1, .fn = collect,
                                    .user = &table, .width = 40 };
    ck_ok(ctx, belay_report_write(ctx, &p));
    ck_assert_ptr_nonnull(strstr(table.text, "\n  ended by"));
    ck_assert_ptr_nonnull(strstr(table.text, "  0:01:19\n"));
    belay_str_free(&table);
}
END_TEST

START_TEST(the_table_shows_settings_that_say_something_and_counts_the_rest)
{
    char a[512], b[512];
    make_run("a");
    make_run("b");
    put("b", "resolved.yaml",
        "optimizer: {name: adam, lr: 0.1, beta1: 0.8}\ntrain: {a: 1, b: 2, c: 3, d: 4, e: 5, f: 6, "
        "g: 7, h: 8, i: 9, j: 10, k: 11, l: 12, m: 13}\nstop: {monitor: val.loss, mode: auto}\n"
        "metrics: [accuracy, f1]\n");
    snprintf(a, sizeof(a), "%s", in_folder("a", NULL));
    snprintf(b, sizeof(b), "%s", in_folder("b", NULL));
    struct belay_str table = report("table", (const char *[]){ a, b }, 2, true);
    ck_assert_ptr_nonnull(strstr(table.text, "optimizer.name"));
    ck_assert_ptr_null(strstr(table.text, "optimizer.beta1")); // sgd has none
    ck_assert_ptr_nonnull(strstr(table.text, "train.k"));
    ck_assert_ptr_null(strstr(table.text, "train.l"));
    ck_assert_ptr_nonnull(strstr(table.text, "\n2 more settings differ: --json lists them\n"));
    belay_str_free(&table);
}
END_TEST

START_TEST(the_page_escapes_everything_and_asks_for_nothing)
{
    char path[512];
    make_run("<script>alert(1)<");
    put("<script>alert(1)<", "resolved.yaml", "stop: {monitor: val.loss}\nname: \"</pre><img>\"\n");
    snprintf(path, sizeof(path), "%s", in_folder("<script>alert(1)<", NULL));
    const char *runs[] = { path };
    struct belay_str page = report("html", runs, 1, true);
    ck_assert_ptr_null(strstr(page.text, "<script"));
    ck_assert_ptr_null(strstr(page.text, "<img>"));
    ck_assert_ptr_null(strstr(page.text, "http"));
    ck_assert_ptr_null(strstr(page.text, "nan"));
    ck_assert_ptr_nonnull(strstr(page.text, "Stopped &lt;b&gt;here&lt;/b&gt; &amp; there."));
    ck_assert_ptr_nonnull(strstr(page.text, "best 0.5 at step 20"));
    ck_assert_ptr_nonnull(strstr(page.text, "stopped (patience)"));
    // The line breaks at the null: two parts.
    ck_assert_ptr_nonnull(strstr(page.text, "class=\"line c0\""));
    belay_str_free(&page);
}
END_TEST

START_TEST(unknown_kinds_and_numbers_of_runs_are_refused)
{
    const char *runs[] = { "x" };
    belay_report_params p = { .kind = "pdf", .runs = runs, .num_runs = 1 };
    ck_status_is(&ctx->log, belay_report_write(ctx, &p), BELAY_ERR_ARG);
    ck_assert_ptr_nonnull(strstr(ctx->log.last, "'pdf': html, table or json"));
    p = (belay_report_params){ .kind = "table", .runs = runs };
    ck_status_is(&ctx->log, belay_report_write(ctx, &p), BELAY_ERR_ARG);
}
END_TEST

// ---- the evaluation ----

static void train(const char *dir)
{
    char set_dir[600];
    snprintf(set_dir, sizeof(set_dir), "run.dir=%s", dir);
    const char *overrides[] = { set_dir };
    static const char text[] =
        "model: {input: [2], layers: [{linear: 8}, relu, {linear: 3}]}\n"
        "data: {format: spirals, count: 300, classes: 3}\nsplit: {validation: 0.2}\n"
        "loss: cross_entropy\noptimizer: {name: adam, lr: 0.01}\ntrain: {epochs: 2, batch: 32}\n";
    belay_recipe *r;
    belay_trainer *t;
    belay_result end;
    ck_ok(ctx, belay_recipe_parse(ctx, text, "recipe", overrides, 1, &r));
    const belay_trainer_params p = { .recipe = r };
    ck_ok(ctx, belay_trainer_create(ctx, &p, &t));
    ck_ok(ctx, belay_trainer_run(t, NULL, NULL));
    ck_ok(ctx, belay_trainer_finish(t, &end));
    belay_trainer_destroy(&t);
    belay_recipe_destroy(&r);
}

START_TEST(the_best_model_is_measured_on_its_test_data)
{
    char dir[512], best[512];
    snprintf(dir, sizeof(dir), "%s", in_folder("trained", NULL));
    train(dir);
    const char *runs[] = { dir };
    struct belay_str page = report("html", runs, 1, false);
    ck_assert_ptr_nonnull(strstr(page.text, "Confusion matrix"));
    ck_assert_ptr_nonnull(strstr(page.text, "Worst examples"));
    ck_assert_ptr_nonnull(strstr(page.text, "taken for"));
    belay_str_free(&page);
    // Without its model the page says so and is made all the same.
    snprintf(best, sizeof(best), "%s", in_folder("trained", "best.safetensors"));
    ck_log_ok(&ctx->log, belay_file_remove(&ctx->log, best));
    page = report("html", runs, 1, false);
    ck_assert_ptr_nonnull(strstr(page.text, "It could not be measured"));
    ck_assert_ptr_nonnull(strstr(page.text, "Curves"));
    ck_assert_ptr_nonnull(strstr(page.text, "Device and time"));
    belay_str_free(&page);
}
END_TEST

// A table of 60 rows whose last column follows from none of the others.
static void write_table(const char *path)
{
    struct belay_str s = { 0 };
    belay_str_add(&s, "size,<colour>,kind\n");
    for (int i = 0; i < 60; i++)
        belay_str_addf(&s, "%d,%s,%s\n", i * 37 % 60, i % 2 ? "red" : "blue", i * 11 % 7 < 3 ? "a" : "b");
    ck_log_ok(&ctx->log, belay_file_write(&ctx->log, path, s.text, s.length));
    belay_str_free(&s);
}

START_TEST(without_test_data_it_takes_validation_rows_and_shows_the_columns_of_a_table)
{
    char text[1200], dir[512], table[512];
    belay_recipe *r;
    belay_trainer *t;
    belay_result end;
    snprintf(dir, sizeof(dir), "%s", in_folder("tabular", NULL));
    snprintf(table, sizeof(table), "%s", in_folder("table.csv", NULL));
    write_table(table);
    snprintf(text, sizeof(text), "model: {layers: [{linear: 2}]}\ndata: {train: '%s'}\n"
             "split: {validation: 0.5}\ntrain: {epochs: 1}\nrun: {dir: '%s'}\n", table, dir);
    ck_ok(ctx, belay_recipe_parse(ctx, text, "recipe", NULL, 0, &r));
    const belay_trainer_params p = { .recipe = r };
    ck_ok(ctx, belay_trainer_create(ctx, &p, &t));
    ck_ok(ctx, belay_trainer_run(t, NULL, NULL));
    ck_ok(ctx, belay_trainer_finish(t, &end));
    belay_trainer_destroy(&t);
    belay_recipe_destroy(&r);
    const char *runs[] = { dir };
    struct belay_str page = report("html", runs, 1, false);
    ck_assert_ptr_nonnull(strstr(page.text, "these are the validation rows"));
    ck_assert_ptr_nonnull(strstr(page.text, "&lt;colour&gt;</th>"));
    ck_assert(strstr(page.text, "<td>red</td>") || strstr(page.text, "<td>blue</td>"));
    belay_str_free(&page);
}
END_TEST

// ---- pictures ----

START_TEST(base64_is_rfc_4648s)
{
    static const char *const want[] = { "", "Zg==", "Zm8=", "Zm9v", "Zm9vYg==", "Zm9vYmE=",
                                        "Zm9vYmFy" };
    for (size_t i = 1; i < 7; i++) {
        struct belay_str s = { 0 };
        belay_base64((const uint8_t *) "foobar", i, &s);
        ck_assert_str_eq(s.text, want[i]);
        belay_str_free(&s);
    }
}
END_TEST

static size_t from_base64(const char *text, uint8_t *out)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    size_t size = 0;
    uint32_t v = 0;
    for (size_t i = 0; text[i] && text[i] != '='; i++) {
        v = v << 6 | (uint32_t) (strchr(digits, text[i]) - digits);
        if (i % 4)
            out[size++] = (uint8_t) (v >> (6 - i % 4 * 2));
    }
    return size;
}

START_TEST(a_picture_comes_back_out_of_its_png)
{
    uint8_t pixels[5 * 3 * 3], png[512], rows[64];
    struct belay_str s = { 0 };
    for (int channels = 1; channels <= 3; channels += 2) {
        uLongf size = sizeof(rows);
        for (size_t i = 0; i < sizeof(pixels); i++)
            pixels[i] = (uint8_t) (i * 17);
        belay_str_clear(&s);
        ck_log_ok(&ctx->log, belay_png_base64(&ctx->log, pixels, 5, 3, channels, &s));
        size_t all = from_base64(s.text, png);
        ck_assert(all > 57 && memcmp(png, "\x89PNG\r\n\x1a\n", 8) == 0);
        ck_assert_uint_eq(png[19], 5);
        ck_assert_uint_eq(png[23], 3);
        uint32_t packed = (uint32_t) png[35] << 8 | png[36];
        ck_assert_int_eq(uncompress(rows, &size, png + 41, packed), Z_OK);
        size_t row = 5 * (size_t) channels;
        ck_assert_uint_eq(size, (row + 1) * 3);
        for (size_t y = 0; y < 3; y++)
            ck_assert_mem_eq(rows + y * (row + 1) + 1, pixels + y * row, row);
    }
    belay_str_free(&s);
    ck_status_is(&ctx->log, belay_png_base64(&ctx->log, pixels, 0, 3, 1, &s), BELAY_ERR_ARG);
}
END_TEST

static Suite *suite_report(void)
{
    const TTest *const tests[] = {
        a_run_is_read_with_its_best_its_time_and_its_settings,
        a_damaged_line_and_a_missing_log_are_named,
        settings_that_differ_are_found,
        the_table_and_the_json_say_the_same,
        the_table_shows_settings_that_say_something_and_counts_the_rest,
        the_page_escapes_everything_and_asks_for_nothing,
        unknown_kinds_and_numbers_of_runs_are_refused,
        the_best_model_is_measured_on_its_test_data,
        without_test_data_it_takes_validation_rows_and_shows_the_columns_of_a_table,
        base64_is_rfc_4648s,
        a_picture_comes_back_out_of_its_png,
    };
    return harness_suite("report", tests, sizeof(tests) / sizeof(tests[0]));
}

int main(void)
{
    folder = scratch_dir("report");
    if (belay_ctx_create(NULL, &ctx) != BELAY_OK)
        return EXIT_FAILURE;
    int code = harness_main(suite_report, NULL);
    belay_ctx_destroy(&ctx);
    scratch_remove(folder);
    return code;
}
