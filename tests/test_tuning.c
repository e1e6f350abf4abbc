// The tuning file, the device's limits, and the times of kernels.
#include <belay/measure.h>
#include <belay/session.h>

#include <string.h>

#include "base/file.h"
#include "base/mem.h"
#include "device/tune.h"
#include "device/tuning.h"
#include "harness.h"
#include "scratch.h"

static struct belay_log test_log;
static int warnings;
static char last_warning[1024];

static void count_warnings(void *user, enum belay_log_level level, const char *message)
{
    (void) user;
    if (level != BELAY_LOG_WARN || strstr(message, "chosen from"))
        return;
    warnings++;
    snprintf(last_warning, sizeof(last_warning), "%s", message);
}

// ---- the file ----

static const struct belay_tuned limits_entry = {
    .device = "Card \"A\"; 1.2", .kind = "limits", .shape = "", .choice = "", .gflops = 100,
    .limits = { 1e11, { 5e10, 4e10, 2e10 }, { 262144, 4194304, 100663296 }, 2.5e-6, 4e-5, 8 } };
static const struct belay_tuned product_entry = { .device = "Card B", .kind = "product",
                                                  .shape = "nt 64 256 1024", .choice = "6x2",
                                                  .gflops = 61.53 };

static void write_two(struct belay_str *out, const char *device)
{
    struct belay_tuning t = { 0 };
    ck_log_ok(&test_log, belay_tuning_put(&test_log, &t, &limits_entry));
    ck_log_ok(&test_log, belay_tuning_put(&test_log, &t, &product_entry));
    belay_tuning_write(&t, device, out);
    belay_tuning_finish(&t);
}

START_TEST(what_is_written_is_read_back)
{
    struct belay_str text = { 0 };
    struct belay_tuning t = { 0 };
    write_two(&text, NULL);
    ck_log_ok(&test_log, belay_tuning_read(&test_log, "f", text.text, text.length, &t));
    ck_assert_uint_eq(t.num, 2);
    const struct belay_tuned *e = belay_tuning_find(&t, limits_entry.device, "limits", "");
    ck_assert_ptr_nonnull(e);
    ck_assert_double_eq_tol(e->limits.flops, 1e11, 1);
    ck_assert_double_eq_tol(e->limits.bandwidth[2], 2e10, 1);
    ck_assert_double_eq_tol(e->limits.working[2], 100663296, 1);
    ck_assert_double_eq_tol(e->limits.launch, 2.5e-6, 1e-12);
    ck_assert_uint_eq(e->limits.float_width, 8);
    e = belay_tuning_find(&t, "Card B", "product", "nt 64 256 1024");
    ck_assert_ptr_nonnull(e);
    ck_assert_str_eq(e->choice, "6x2");
    ck_assert_double_eq_tol(e->gflops, 61.53, 1e-9);
    belay_tuning_finish(&t);
    belay_str_free(&text);
}
END_TEST

START_TEST(lines_of_one_device_can_be_written_alone)
{
    struct belay_str text = { 0 };
    write_two(&text, "Card B");
    ck_assert_str_eq(text.text, "{\"v\":1,\"device\":\"Card B\",\"kind\":\"product\",\"shape\":"
                                "\"nt 64 256 1024\",\"choice\":\"6x2\",\"gflops\":61.53}\n");
    belay_str_free(&text);
}
END_TEST

START_TEST(files_are_merged_by_putting_one_behind_the_other)
{
    static const char text[] =
        "{\"v\":1,\"device\":\"d\",\"kind\":\"product\",\"shape\":\"s\",\"choice\":\"a\",\"gflops\":1}\n"
        "\n"
        "{\"v\":1,\"device\":\"d\",\"kind\":\"product\",\"shape\":\"r\",\"choice\":\"c\",\"gflops\":1}\n"
        "{\"v\":1,\"device\":\"d\",\"kind\":\"product\",\"shape\":\"s\",\"choice\":\"b\",\"gflops\":2}";
    struct belay_tuning t = { 0 };
    ck_log_ok(&test_log, belay_tuning_read(&test_log, "f", text, sizeof(text) - 1, &t));
    ck_assert_uint_eq(t.num, 2);
    ck_assert_str_eq(belay_tuning_find(&t, "d", "product", "s")->choice, "b");
    ck_assert_ptr_null(belay_tuning_find(&t, "d", "limits", ""));
    belay_tuning_finish(&t);
}
END_TEST

#define GOOD "{\"v\":1,\"device\":\"d\",\"kind\":\"product\",\"shape\":\"s\",\"choice\":\"a\",\"gflops\":1}"

START_TEST(a_damaged_line_is_named_and_nothing_is_taken)
{
    static const char *const lines[][2] = {
        { "{\"v\":1,", "line 2: no JSON" },
        { "[1]", "line 2: no object" },
        { "{\"v\":2}", "another version" },
        { "{\"v\":\"1\"}", "positive number for v" },
        { "{\"v\":1,\"kind\":\"product\"}", "for device" },
        { "{\"v\":1,\"device\":\"d\",\"kind\":\"product\",\"shape\":\"s\",\"choice\":\"a\"}",
          "no key gflops" },
        { "{\"v\":1,\"device\":\"d\",\"kind\":\"product\",\"shape\":\"s\",\"choice\":7,\"gflops\":1}",
          "for choice" },
        { "{\"v\":1,\"device\":\"d\",\"kind\":\"product\",\"shape\":\"s\",\"choice\":\"a\","
          "\"gflops\":-1}",
          "positive number for gflops" },
        { "{\"v\":1,\"device\":\"d\",\"kind\":\"product\",\"shape\":\"s\",\"choice\":\"a\","
          "\"gflops\":1,\"more\":1}",
          "unknown key more" },
        { "{\"v\":1,\"device\":\"d\",\"kind\":\"limits\",\"gflops\":1,\"gbs\":[1,2],\"mib\":[1,2,3],"
          "\"launch_us\":1,\"sync_us\":1,\"width\":8}",
          "want 3 numbers for gbs" },
        { "{\"v\":1,\"device\":\"d\",\"kind\":\"limits\",\"gflops\":1,\"gbs\":[1,2,3],"
          "\"mib\":[1,2,3],\"launch_us\":1,\"sync_us\":1,\"width\":800}",
          "at most 64 for width" },
    };
    for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
        struct belay_tuning t = { 0 };
        struct belay_str text = { 0 };
        belay_str_addf(&text, "%s\n%s\n%s\n", GOOD, lines[i][0], GOOD);
        ck_status_is(&test_log, belay_tuning_read(&test_log, "f", text.text, text.length, &t),
                     BELAY_ERR_DAMAGED);
        ck_assert_msg(strstr(test_log.last, lines[i][1]) && strstr(test_log.last, "f: line 2"),
                      "'%s' does not say '%s'", test_log.last, lines[i][1]);
        ck_assert_uint_eq(t.num, 0);
        belay_tuning_finish(&t);
        belay_str_free(&text);
    }
}
END_TEST

// ---- the user's file ----

static belay_ctx *open_ctx(const char *device)
{
    belay_ctx *ctx = NULL;
    const belay_ctx_params params = { .device = device, .log = count_warnings };
    ck_ok(ctx, belay_ctx_create(&params, &ctx));
    return ctx;
}

static char *tune_file(const char *dir)
{
    char *path = belay_path_join(dir, "tune.jsonl");
    setenv("BELAY_TUNE", path, 1);
    return path;
}

static void put_file(const char *path, const char *text)
{
    ck_log_ok(&test_log, belay_file_write(&test_log, path, text, strlen(text)));
}

START_TEST(a_damaged_file_is_warned_of_once_and_left_out)
{
    const char *dir = scratch_dir("tuning");
    char *path = tune_file(dir);
    struct belay_device *dev = NULL;
    struct belay_log log = { .fn = count_warnings };
    put_file(path, GOOD "\n{\"v\":1\n");
    ck_log_ok(&log, belay_device_open(&log, "host", 0, &dev));
    strcpy(dev->tune_key, "d");
    warnings = 0;
    ck_assert_ptr_null(belay_device_tuned(dev, "product", "s"));
    ck_assert_ptr_null(belay_device_tuned(dev, "product", "s"));
    ck_assert_int_eq(warnings, 1);
    ck_assert_msg(strstr(last_warning, "line 2: no JSON") && strstr(last_warning, path), "%s",
                  last_warning);
    belay_device_forget_tuning(dev);
    put_file(path, GOOD);
    ck_assert_str_eq(belay_device_tuned(dev, "product", "s"), "a");
    ck_assert_int_eq(warnings, 1);
    belay_device_forget_tuning(dev);
    setenv("BELAY_TUNE", "0", 1);
    ck_assert_ptr_null(belay_device_tuned(dev, "product", "s"));
    belay_device_close(&dev);
    unsetenv("BELAY_TUNE");
    belay_free(path);
    scratch_remove(dir);
}
END_TEST

static const char *opencl_device(void)
{
    const char *named = getenv("BELAY_DEVICE");
    return named && strncmp(named, "opencl", 6) == 0 ? NULL : "opencl";
}

START_TEST(limits_are_measured_once_kept_exported_and_imported)
{
    const char *dir = scratch_dir("tuning");
    char *path = tune_file(dir), *other = belay_path_join(dir, "other.jsonl");
    belay_device_limits first = { 0 }, again = { 0 };
    belay_ctx *ctx = open_ctx(opencl_device());
    put_file(path, GOOD "\n");
    ck_ok(ctx, belay_tune(ctx, &(belay_tune_params){ .limits_only = true, .limits = &first,
                                                     .export_to = other }));
    ck_assert_double_gt(first.flops, 1e6);
    ck_assert_double_gt(first.launch, 0);
    for (int i = 0; i < BELAY_BANDWIDTHS; i++)
        ck_assert_double_gt(first.bandwidth[i], 1e6);
    belay_ctx_destroy(&ctx);
    // Another context finds them; the line of the other device is still there.
    char *text = NULL;
    size_t size;
    ck_log_ok(&test_log, belay_file_read(&test_log, path, 0, &text, &size));
    ck_assert_ptr_nonnull(strstr(text, GOOD));
    belay_free(text);
    // With the exported file alone.
    put_file(path, "");
    ctx = open_ctx(opencl_device());
    ck_ok(ctx, belay_tune(ctx, &(belay_tune_params){ .limits_only = true, .limits = &again,
                                                     .import_from = other }));
    ck_assert_double_eq_tol(again.flops / first.flops, 1, 1e-3);
    ck_assert_double_eq_tol(again.sync / first.sync, 1, 1e-3);
    belay_ctx_destroy(&ctx);
    unsetenv("BELAY_TUNE");
    belay_free(path);
    belay_free(other);
    scratch_remove(dir);
}
END_TEST

START_TEST(the_reference_has_no_limits)
{
    belay_device_limits limits;
    belay_ctx *ctx = open_ctx("host");
    setenv("BELAY_TUNE", "0", 1);
    belay_status status =
        belay_tune(ctx, &(belay_tune_params){ .limits_only = true, .limits = &limits });
    ck_assert_int_eq(status, BELAY_ERR_UNSUPPORTED);
    ck_assert_ptr_nonnull(strstr(belay_ctx_error(ctx), "no limits to measure"));
    unsetenv("BELAY_TUNE");
    belay_ctx_destroy(&ctx);
}
END_TEST

// ---- times of kernels ----

static void check_times(belay_ctx *ctx)
{
    const int64_t x_dim[] = { 33, 40 }, w_dim[] = { 17, 40 };
    const belay_op_time *ops = NULL;
    size_t count = 0;
    belay_graph *graph = NULL;
    belay_session *s = NULL;
    double flops = 0;
    ck_ok(ctx, belay_graph_create(ctx, false, &graph));
    belay_value *x = belay_input(graph, "x", BELAY_F32, 2, x_dim, true);
    belay_value *w = belay_param(graph, "w", 2, w_dim);
    belay_value *y = belay_relu(graph, belay_linear(graph, x, w, NULL));
    ck_ok(ctx, belay_session_create(ctx, graph, 1, &y, &s));
    ck_ok(ctx, belay_session_run(s, 33));
    ck_ok(ctx, belay_measure_ops(ctx, false, &ops, &count));
    ck_assert_uint_eq(count, 0); // it was not on
    ck_ok(ctx, belay_measure_ops(ctx, true, NULL, NULL));
    for (int i = 0; i < 3; i++)
        ck_ok(ctx, belay_session_run(s, 33));
    ck_ok(ctx, belay_measure_ops(ctx, false, &ops, &count));
    ck_ok(ctx, belay_session_run(s, 33));
    ck_assert_uint_gt(count, 0);
    for (size_t i = 0; i < count; i++) {
        ck_assert_uint_eq(ops[i].runs, 3);
        ck_assert_int_eq(ops[i].program, 0);
        ck_assert_int_eq(ops[i].index, (int) i);
        ck_assert_double_gt(ops[i].seconds, 0);
        ck_assert_double_gt(ops[i].bytes, 0);
        flops += ops[i].flops;
    }
    ck_assert_ptr_nonnull(strstr(ops[0].name, "matmul"));
    ck_assert_str_eq(ops[0].shape, "[33, 17]");
    ck_assert_double_ge(flops, 2.0 * 33 * 17 * 40 + 33 * 17);
    belay_session_destroy(&s);
    belay_graph_destroy(&graph);
}

START_TEST(kernels_are_timed_while_it_is_wanted)
{
    belay_ctx *ctx = open_ctx(NULL);
    check_times(ctx);
    belay_ctx_destroy(&ctx);
    ctx = open_ctx("host");
    check_times(ctx);
    belay_ctx_destroy(&ctx);
}
END_TEST

static Suite *suite_tuning(void)
{
    const TTest *const tests[] = {
        what_is_written_is_read_back,
        lines_of_one_device_can_be_written_alone,
        files_are_merged_by_putting_one_behind_the_other,
        a_damaged_line_is_named_and_nothing_is_taken,
        a_damaged_file_is_warned_of_once_and_left_out,
        limits_are_measured_once_kept_exported_and_imported,
        the_reference_has_no_limits,
        kernels_are_timed_while_it_is_wanted,
    };
    return harness_suite("tuning", tests, sizeof(tests) / sizeof(tests[0]));
}

int main(void)
{
    return harness_main(suite_tuning, NULL);
}
