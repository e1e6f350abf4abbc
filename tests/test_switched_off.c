// What is wrong on a driver is switched off there: a kernel file with a fault stands for the driver.
#include <math.h>
#include <string.h>

#include "base/str.h"
#include "device/opencl/gemm.h"
#include "harness.h"
#include "scratch.h"

static char warnings[1 << 17]; // a compiler's log may be in it
static const char *folder;

static void keep(void *user, enum belay_log_level level, const char *message)
{
    (void) user;
    if (level == BELAY_LOG_WARN && strlen(warnings) + strlen(message) + 2 < sizeof(warnings)) {
        strcat(warnings, message);
        strcat(warnings, "\n");
    }
}

static struct belay_log log_here = { .fn = keep };

static struct belay_device *open_device(const char *profile)
{
    const char *named = getenv("BELAY_DEVICE");
    struct belay_device *dev = NULL;
    setenv("BELAY_PROFILE", profile, 1);
    ck_log_ok(&log_here, belay_device_open(&log_here,
                                           named && strncmp(named, "opencl", 6) == 0 ? named
                                                                                     : "opencl",
                                           0, &dev));
    return dev;
}

// The library's file with a fault put before it.
static void spoil(struct belay_device *dev, const char *file, const char *fault)
{
    struct belay_str text = { 0 };
    char name[64];
    belay_str_add(&text, fault);
    unsetenv("BELAY_CL_DIR");
    ck_log_ok(&log_here, belay_cl_source(belay_cl_of(dev), file, &text));
    snprintf(name, sizeof(name), "%s.cl", file);
    char *path = belay_path_join(folder, name);
    ck_log_ok(&log_here, belay_file_write(&log_here, path, text.text, text.length));
    belay_free(path);
    belay_str_free(&text);
    setenv("BELAY_CL_DIR", folder, 1);
}

// [2 x 3 x 2] times [3 x 2], or without the batch; gives the provider's name.
static const char *multiply(struct belay_device *dev, bool batched, belay_status want)
{
    static const float a[] = { 1, 2, 3, 4, 5, 6, -1, 0, 1, 2, 0, -2 };
    static const float b[] = { 1, -1, 0.5f, 2, 3, 0 };
    struct belay_cl_gemm_call call = { { .m = 2, .n = 2, .k = 3, .alpha = 1 }, 0, 0, 0 };
    struct belay_cl_gemm_slot slot = { 0 };
    struct belay_buf mem[3] = { { 0 } };
    float c[8];
    for (int i = 0; i < 3; i++)
        ck_log_ok(&log_here, belay_buf_create(dev, 64, 0, &mem[i]));
    ck_log_ok(&log_here, belay_buf_write(dev, &mem[0], 0, a, sizeof(a), true));
    ck_log_ok(&log_here, belay_buf_write(dev, &mem[1], 0, b, sizeof(b), true));
    call.a = belay_cl_mem(&mem[0]);
    call.b = belay_cl_mem(&mem[1]);
    call.c = belay_cl_mem(&mem[2]);
    if (batched) {
        call.g.batch_rank = 1;
        call.g.batch_dim[0] = 2;
        call.g.a_stride[0] = 6;
    }
    ck_status_is(&log_here, belay_cl_gemm_bind(belay_cl_of(dev), &slot, &call), want);
    const char *name = belay_cl_gemm_name(&slot);
    if (want == BELAY_OK) {
        ck_log_ok(&log_here, belay_cl_gemm_run(belay_cl_of(dev), &slot));
        ck_log_ok(&log_here, belay_buf_read(dev, &mem[2], 0, c, sizeof(c)));
        for (int i = 0; i < (batched ? 8 : 4); i++) {
            float sum = 0;
            for (int p = 0; p < 3; p++)
                sum += a[i / 2 * 3 + p] * b[p * 2 + i % 2];
            ck_assert_float_eq_tol(c[i], sum, 1e-5F);
        }
    }
    belay_cl_gemm_drop(belay_cl_of(dev), &slot);
    for (int i = 0; i < 3; i++)
        belay_buf_destroy(dev, &mem[i]);
    return name;
}

static void begin(void)
{
    warnings[0] = '\0';
    folder = scratch_dir("switched-off");
}

static void end(void)
{
    unsetenv("BELAY_CL_DIR");
    unsetenv("BELAY_PROFILE");
    unsetenv("BELAY_GEMM");
    scratch_remove(folder);
}

#define NO_SUM "#define fma(x, y, z) ((x) * (y))\n"

START_TEST(a_wrong_provider_is_switched_off_with_a_warning_and_others_take_over)
{
    struct belay_device *dev = open_device("cpu");
    spoil(dev, "gemm_cpu", NO_SUM);
    ck_assert_str_eq(multiply(dev, false, BELAY_OK), "plain");
    ck_assert_msg(strstr(warnings, "'cpu'") && strstr(warnings, "switched off"), "%s", warnings);
    warnings[0] = '\0';
    ck_assert_str_eq(multiply(dev, false, BELAY_OK), "plain");
    ck_assert_str_eq(warnings, "");
    ck_assert_int_eq(dev->failed, BELAY_OK);
    belay_device_close(&dev);
}
END_TEST

START_TEST(a_provider_that_does_not_build_is_switched_off_too)
{
    struct belay_device *dev = open_device("cpu");
    spoil(dev, "gemm_cpu", "no kernel\n");
    ck_assert_str_eq(multiply(dev, false, BELAY_OK), "plain");
    ck_assert_msg(strstr(warnings, "do not build"), "%s", warnings);
    belay_device_close(&dev);
}
END_TEST

START_TEST(wrong_tiles_are_switched_off_on_gpus)
{
    struct belay_device *dev = open_device("gpu");
    spoil(dev, "gemm_tiled", NO_SUM);
    ck_assert_str_eq(multiply(dev, true, BELAY_OK), "plain");
    ck_assert_msg(strstr(warnings, "tiles of 32 x 32 are switched off"), "%s", warnings);
    ck_assert_msg(strstr(warnings, "products by 'tiled' are not to be trusted"), "%s", warnings);
    ck_assert_int_eq(dev->failed, BELAY_OK);
    belay_device_close(&dev);
}
END_TEST

START_TEST(one_wrong_tile_leaves_the_others)
{
    struct belay_device *dev = open_device("gpu");
    struct belay_cl_gemm_slot slot = { 0 };
    struct belay_cl_gemm_call call = { { .m = 9, .n = 80, .k = 3, .alpha = 1 }, 0, 0, 0 };
    setenv("BELAY_GEMM", "tiled", 1);
    spoil(dev, "gemm_tiled", "#if TM == 16\n" NO_SUM "#endif\n");
    ck_log_ok(&log_here, belay_cl_gemm_bind(belay_cl_of(dev), &slot, &call));
    ck_assert_str_eq(belay_cl_gemm_name(&slot), "tiled");
    ck_assert_msg(strstr(warnings, "tiles of 16 x 64 are switched off"), "%s", warnings);
    ck_assert_msg(!strstr(warnings, "not to be trusted"), "%s", warnings);
    belay_cl_gemm_drop(belay_cl_of(dev), &slot);
    belay_device_close(&dev);
}
END_TEST

START_TEST(a_forced_provider_that_is_wrong_is_an_error)
{
    struct belay_device *dev = open_device("cpu");
    setenv("BELAY_GEMM", "cpu", 1);
    spoil(dev, "gemm_cpu", NO_SUM);
    multiply(dev, false, BELAY_ERR_DEVICE);
    ck_assert_msg(strstr(log_here.last, "self test of products by 'cpu'"), "%s", log_here.last);
    belay_device_close(&dev);
}
END_TEST

static Suite *suite_switched_off(void)
{
    Suite *s = suite_create("switched off");
    TCase *c = tcase_create("products");
    tcase_set_timeout(c, 0);
    tcase_add_checked_fixture(c, begin, end);
    tcase_add_test(c, a_wrong_provider_is_switched_off_with_a_warning_and_others_take_over);
    tcase_add_test(c, a_provider_that_does_not_build_is_switched_off_too);
    tcase_add_test(c, wrong_tiles_are_switched_off_on_gpus);
    tcase_add_test(c, one_wrong_tile_leaves_the_others);
    tcase_add_test(c, a_forced_provider_that_is_wrong_is_an_error);
    suite_add_tcase(s, c);
    return s;
}

int main(void)
{
    return harness_main(suite_switched_off, NULL);
}
