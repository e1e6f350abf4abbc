// The doctor: whole on a good device, failing by name on a spoilt one, training against the host.
#include <belay/belay.h>
#include <string.h>

#include "base/str.h"
#include "device/context.h"
#include "device/opencl/cl.h"
#include "harness.h"
#include "scratch.h"
#include "train/doctor.h"

static belay_ctx *ctx;
static struct belay_str report;

static void keep(void *user, belay_doctor_verdict verdict, const char *section, const char *name,
                 const char *text)
{
    static const char *const marks[] = { "fact", "ok", "FAIL", "skip" };
    (void) user;
    belay_str_addf(&report, "%s %s %s: %s\n", marks[verdict], section, name, text);
    if (verdict != BELAY_DOCTOR_PASSED)
        printf("%s %s %s: %s\n", marks[verdict], section, name, text);
}

static void begin(void)
{
    ck_assert_int_eq(belay_ctx_create(NULL, &ctx), BELAY_OK);
    ck_ok(ctx, belay_ctx_open(ctx));
}

static void end(void)
{
    belay_ctx_destroy(&ctx);
    belay_str_free(&report);
}

static bool says(const char *text)
{
    return report.text && strstr(report.text, text);
}

START_TEST(a_hundred_steps_of_training_agree_with_the_host)
{
    struct belay_checks c = { .fn = keep };
    belay_doctor_train(ctx, 100, &c);
    if (ctx->device->ops->describe) // which families of kernels it was
        ctx->device->ops->describe(ctx->device, &c);
    ck_assert_uint_eq(c.counts.failed, 0);
    ck_assert_uint_eq(c.counts.passed, 1);
}
END_TEST

START_TEST(a_good_device_passes)
{
    belay_doctor_counts counts = { 0 };
    if (getenv("BELAY_TEST_QUICK")) {
        harness_skip("test_ops and test_opencl check the same, the whole doctor is slow here");
        return;
    }
    ck_ok(ctx, belay_doctor(ctx, true, keep, NULL, &counts));
    ck_assert_uint_eq(counts.failed, 0);
    ck_assert_uint_gt(counts.passed, 60);
    ck_assert(says("ok memory maps and snapshots"));
    ck_assert(says("ok operators softmax"));
    ck_assert(says("ok training small network"));
    ck_assert(says("fact belay version"));
}
END_TEST

// The library's file with a fault put before it.
static void spoil(const char *folder, const char *file, const char *fault)
{
    struct belay_str text = { 0 };
    char name[64];
    belay_str_add(&text, fault);
    ck_ok(ctx, belay_cl_source(belay_cl_of(ctx->device), file, &text));
    snprintf(name, sizeof(name), "%s.cl", file);
    char *path = belay_path_join(folder, name);
    ck_ok(ctx, belay_file_write(&ctx->log, path, text.text, text.length));
    belay_free(path);
    belay_str_free(&text);
}

START_TEST(what_is_wrong_on_a_device_is_named)
{
    belay_doctor_counts counts = { 0 };
    if (strncmp(belay_ctx_device(ctx), "opencl", 6) != 0 || getenv("BELAY_TEST_QUICK")) {
        harness_skip("the host has no kernels to spoil; with OpenCL it takes long");
        return;
    }
    const char *folder = scratch_dir("doctor");
    spoil(folder, "softmax", "#define exp(x) ((x) + 1)\n");
    spoil(folder, "gemm_plain", "#define fma(x, y, z) ((x) * (y))\n");
    setenv("BELAY_CL_DIR", folder, 1);
    belay_status status = belay_doctor(ctx, true, keep, NULL, &counts);
    unsetenv("BELAY_CL_DIR");
    scratch_remove(folder);
    ck_ok(ctx, status);
    ck_assert(says("FAIL operators softmax: softmax, class"));
    ck_assert(says("FAIL products plain nn: self test of products by 'plain'"));
    ck_assert(says("ok operators relu"));
    ck_assert(says("ok memory copies"));
    ck_assert_uint_ge(counts.failed, 5);
}
END_TEST

static Suite *suite_doctor(void)
{
    Suite *s = suite_create("doctor");
    TCase *c = tcase_create("training"); // tools/test runs it alone for each provider of products
    tcase_set_timeout(c, 0);
    tcase_add_checked_fixture(c, begin, end);
    tcase_add_test(c, a_hundred_steps_of_training_agree_with_the_host);
    suite_add_tcase(s, c);
    c = tcase_create("doctor");
    tcase_set_timeout(c, 0);
    tcase_add_checked_fixture(c, begin, end);
    tcase_add_test(c, a_good_device_passes);
    tcase_add_test(c, what_is_wrong_on_a_device_is_named);
    suite_add_tcase(s, c);
    return s;
}

int main(void)
{
    return harness_main(suite_doctor, NULL);
}
