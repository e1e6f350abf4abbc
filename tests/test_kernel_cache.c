// Built programs on disk: private, found again, never trusted blindly, shared by processes, capped.
// Drivers that keep programs themselves have none of it: the tests that need files are skipped there.
#include "harness.h"

#include <belay/belay.h>
#include <string.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/file.h"
#include "base/mem.h"
#include "device/opencl/cl.h"
#include "scratch.h"

static struct belay_log test_log;
static const char *folder;
static char kernels[512];
static bool driver_keeps_its_own;

// Some work in a context of its own: (x + 1) * x of eight numbers. 0: it came out right.
static int work(const char *cache)
{
    const belay_ctx_params params = { .cache_dir = cache };
    belay_ctx *ctx;
    belay_graph *g = NULL;
    belay_session *s = NULL;
    float in[8], out[8] = { 0 };
    int bad = 1;
    if (belay_ctx_create(&params, &ctx) != BELAY_OK ||
        belay_graph_create(ctx, false, &g) != BELAY_OK)
        return 1;
    belay_value *x = belay_input(g, "x", BELAY_F32, 2, (const int64_t[]){ 8, 1 }, true);
    belay_value *y = belay_mul(g, belay_add(g, x, belay_scalar(g, 1)), x);
    for (int i = 0; i < 8; i++)
        in[i] = (float) i;
    if (belay_session_create(ctx, g, 1, &y, &s) == BELAY_OK &&
        belay_session_set(s, x, in, 8) == BELAY_OK && belay_session_run(s, 8) == BELAY_OK &&
        belay_session_get(s, y, out, 8, NULL) == BELAY_OK) {
        bad = 0;
        for (int i = 0; i < 8; i++)
            bad |= out[i] != (float) (i * (i + 1));
    }
    belay_session_destroy(&s);
    belay_graph_destroy(&g);
    belay_ctx_destroy(&ctx);
    return bad;
}

static size_t list(char ***names)
{
    size_t count = 0;
    *names = NULL;
    if (belay_dir_exists(kernels))
        ck_log_ok(&test_log, belay_dir_list(&test_log, kernels, names, &count));
    return count;
}

static size_t count_files(void)
{
    char **names;
    size_t count = list(&names);
    if (names)
        belay_names_free(names, count);
    return count;
}

static bool skipped(void)
{
    if (driver_keeps_its_own)
        harness_skip("this driver keeps its programs itself");
    return driver_keeps_its_own;
}

START_TEST(programs_are_kept_in_a_folder_of_the_users_own)
{
    struct stat st;
    if (skipped())
        return;
    ck_assert_uint_gt(count_files(), 0);
    ck_assert_int_eq(stat(kernels, &st), 0);
    ck_assert_uint_eq(st.st_mode & 0777, 0700);
    size_t before = count_files();
    ck_assert_int_eq(work(folder), 0);
    ck_assert_uint_eq(count_files(), before);
}
END_TEST

static void put(const char *path, const char *data, size_t size)
{
    ck_log_ok(&test_log, belay_file_write(&test_log, path, data, size));
}

// Damages every file in the same way; all must be whole again after some work.
static void damage_all(int how)
{
    char **names;
    size_t count = list(&names);
    for (size_t i = 0; i < count; i++) {
        char *path = belay_path_join(kernels, names[i]), *data, *now;
        size_t size, now_size;
        ck_log_ok(&test_log, belay_file_read(&test_log, path, 0, &data, &size));
        size_t cut[] = { 0, 10, size / 2, size - 1, size, size, size };
        size_t flip[] = { 0, 0, 0, 0, 3, 20, size - 1 };
        char *copy = belay_alloc(size);
        memcpy(copy, data, size);
        if (how >= 4)
            copy[flip[how]] ^= 0x20;
        put(path, copy, cut[how]);
        ck_assert_int_eq(work(folder), 0);
        ck_log_ok(&test_log, belay_file_read(&test_log, path, 0, &now, &now_size));
        // Built anew; a driver's binaries need not be the same bytes, but the file is whole.
        ck_assert_uint_gt(now_size, 60);
        ck_assert_mem_eq(now, data, 16);
        belay_free(now);
        belay_free(copy);
        belay_free(data);
        belay_free(path);
        if (i == 0)
            break; // one file tells
    }
    if (names)
        belay_names_free(names, count);
}

START_TEST(damage_is_noticed_and_built_over)
{
    if (skipped())
        return;
    for (int how = 0; how < 7; how++)
        damage_all(how);
}
END_TEST

START_TEST(processes_share_the_folder)
{
    char command[4096], self[1024];
    ssize_t length = readlink("/proc/self/exe", self, sizeof(self) - 1);
    if (skipped())
        return;
    ck_assert_int_gt((int) length, 0);
    self[length] = '\0';
    scratch_empty(kernels);
    snprintf(command, sizeof(command),
             "'%s' --child '%s' & a=$!; '%s' --child '%s' & b=$!; wait $a && wait $b", self, folder,
             self, folder);
    int status = system(command);
    ck_assert(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    ck_assert_uint_gt(count_files(), 0);
    ck_assert_int_eq(work(folder), 0);
}
END_TEST

START_TEST(the_cache_can_be_switched_off)
{
    char other[600], inside[700];
    snprintf(other, sizeof(other), "%s/off", folder);
    snprintf(inside, sizeof(inside), "%s/kernels", other);
    setenv("BELAY_KERNEL_CACHE", "0", 1);
    ck_assert_int_eq(work(other), 0);
    unsetenv("BELAY_KERNEL_CACHE");
    ck_assert(!belay_dir_exists(inside));
}
END_TEST

START_TEST(a_folder_that_cannot_be_written_costs_nothing_but_time)
{
    ck_assert_int_eq(work("/proc/nowhere"), 0);
}
END_TEST

START_TEST(what_was_used_longest_ago_goes_first)
{
    static const char *const names[] = { "a", "b", "c", "d" };
    char dir[600], path[700], **left;
    size_t count;
    snprintf(dir, sizeof(dir), "%s/trim", folder);
    ck_log_ok(&test_log, belay_dir_create(&test_log, dir));
    for (int i = 0; i < 4; i++) {
        const struct timespec when[2] = { { 1000 + i, 0 }, { 1000 + i, 0 } };
        snprintf(path, sizeof(path), "%s/%s", dir, names[i]);
        put(path, "0123456789", 10);
        ck_assert_int_eq(utimensat(AT_FDCWD, path, when, 0), 0);
    }
    snprintf(path, sizeof(path), "%s/a", dir);
    belay_file_touch(path);
    ck_log_ok(&test_log, belay_dir_trim(&test_log, dir, 3, 1000)); // one too many: b
    ck_log_ok(&test_log, belay_dir_trim(&test_log, dir, 10, 25)); // too large: c
    ck_log_ok(&test_log, belay_dir_list(&test_log, dir, &left, &count));
    ck_assert_uint_eq(count, 2);
    ck_assert_str_eq(left[0], "a");
    ck_assert_str_eq(left[1], "d");
    belay_names_free(left, count);
}
END_TEST

static struct belay_cl *open_cl(struct belay_device **dev)
{
    ck_log_ok(&test_log, belay_device_open(&test_log, NULL, 0, dev));
    (*dev)->cache_dir = folder;
    return (*dev)->ops->recall ? belay_cl_of(*dev) : NULL;
}

// Programs that were built by the time a known text was asked for, and after; SIZE_MAX: no such backend.
static size_t builds_with(bool recall, bool remember, uint64_t *before)
{
    static const char text[] = "kernel void seven(global float *x)\n{\n    x[0] = 7;\n}\n";
    struct belay_device *dev;
    cl_program program;
    cl_kernel kernel;
    struct belay_cl *cl = open_cl(&dev);
    size_t builds = SIZE_MAX;
    if (cl) {
        if (recall)
            belay_device_recall(dev, "cafe");
        *before = dev->counters.builds;
        ck_log_ok(&test_log, belay_cl_program_text(cl, "a test", text, NULL, &program));
        ck_log_ok(&test_log, belay_cl_kernel(cl, program, "seven", &kernel));
        clReleaseKernel(kernel);
        builds = dev->counters.builds;
        if (remember)
            belay_device_remember(dev, "cafe");
    }
    belay_device_close(&dev);
    return builds;
}

static void damage_starts(void)
{
    char dir[600], **names;
    size_t count, size;
    snprintf(dir, sizeof(dir), "%s/starts", folder);
    ck_log_ok(&test_log, belay_dir_list(&test_log, dir, &names, &count));
    ck_assert_uint_eq(count, 1);
    char *path = belay_path_join(dir, names[0]), *data;
    ck_log_ok(&test_log, belay_file_read(&test_log, path, 0, &data, &size));
    data[size - 5] ^= 1;
    put(path, data, size);
    belay_free(data);
    belay_free(path);
    belay_names_free(names, count);
}

START_TEST(what_a_process_used_is_there_before_the_next_one_asks)
{
    uint64_t before;
    if (builds_with(false, true, &before) == SIZE_MAX) {
        harness_skip("not OpenCL");
        return;
    }
    ck_assert_uint_eq(builds_with(true, true, &before), before);
    if (!driver_keeps_its_own) // else all is loaded, not built
        return;
    ck_assert_uint_eq(before, 1);
    damage_starts();
    ck_assert_uint_eq(builds_with(true, false, &before), 1);
    ck_assert_uint_eq(before, 0);
}
END_TEST

static Suite *suite_kernel_cache(void)
{
    const TTest *const tests[] = {
        programs_are_kept_in_a_folder_of_the_users_own,
        damage_is_noticed_and_built_over,
        processes_share_the_folder,
        the_cache_can_be_switched_off,
        a_folder_that_cannot_be_written_costs_nothing_but_time,
        what_was_used_longest_ago_goes_first,
        what_a_process_used_is_there_before_the_next_one_asks,
    };
    return harness_suite("kernel cache", tests, sizeof(tests) / sizeof(tests[0]));
}

int main(int argc, char **argv)
{
    if (argc == 3 && strcmp(argv[1], "--child") == 0)
        return work(argv[2]);
    folder = scratch_dir("kernel-cache");
    snprintf(kernels, sizeof(kernels), "%s/kernels", folder);
    if (work(folder))
        return EXIT_FAILURE;
    driver_keeps_its_own = !belay_dir_exists(kernels);
    int code = harness_main(suite_kernel_cache, NULL);
    scratch_remove(folder);
    return code;
}
