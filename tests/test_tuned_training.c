// A tuning file changes how fast a training is and nothing else: the bytes are the same with any
// file, also when a run goes on under another one.
#include <belay/belay.h>

#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/file.h"
#include "base/mem.h"
#include "device/opencl/gemm.h"
#include "device/tune.h"
#include "device/tuning.h"
#include "harness.h"
#include "scratch.h"

static struct belay_log test_log;

static const char recipe_text[] =
    "model: {input: [2], layers: [{linear: 40}, relu, {linear: 33}, tanh, {linear: 3}]}\n"
    "data: {format: spirals, count: 147, noise: 0.05, classes: 3}\n"
    "split: {validation: 0.2}\n"
    "metrics: [accuracy]\n"
    "optimizer: {name: adamw, lr: 0.02, clip_norm: 1.0}\n"
    "train: {batch: 32, epochs: 5, seed: 3}\n"
    "check: {every: 5 steps}\n"
    "stop: {patience: off}\n"
    "checkpoint: {every: 7 steps}\n"
    "run: {if_exists: resume}\n";
static const int64_t layers[][2] = { { 2, 40 }, { 40, 33 }, { 33, 3 } }; // in, out

static const char *device_spec(void)
{
    const char *named = getenv("BELAY_DEVICE");
    return named && strncmp(named, "opencl", 6) == 0 ? named : "opencl";
}

// ---- files ----

static struct belay_gemm product_of(const int64_t layer[2], int64_t rows, int which)
{
    struct belay_gemm g = { .alpha = 1, .m = rows, .n = layer[1], .k = layer[0], .tb = true };
    if (which == 1)
        g = (struct belay_gemm){ .alpha = 1, .m = rows, .n = layer[0], .k = layer[1] };
    if (which == 2)
        g = (struct belay_gemm){ .alpha = 1, .m = layer[1], .n = layer[0], .k = rows, .ta = true };
    return g;
}

// The first choice after the default, or the last.
static int put_choice(struct belay_device *dev, const struct belay_gemm *g, bool last,
                      struct belay_tuning *t)
{
    struct belay_cl *cl = belay_cl_of(dev);
    struct belay_cl_choices choices = { 0 };
    char name[BELAY_CL_CHOICE_TEXT], kind[BELAY_CL_CHOICE_TEXT];
    ck_log_ok(&test_log, belay_cl_gemm_choices(cl, g, &choices));
    if (choices.count < 2)
        return 0;
    belay_cl_gemm_class(g, name);
    belay_cl_gemm_kind(cl, kind);
    const struct belay_tuned entry = { .device = dev->tune_key,
                                       .kind = kind,
                                       .shape = name,
                                       .choice = choices.name[last ? choices.count - 1 : 1],
                                       .gflops = 1 };
    ck_log_ok(&test_log, belay_tuning_put(&test_log, t, &entry));
    return 1;
}

static void check_taken(const char *path, const struct belay_tuning *t)
{
    struct belay_device *dev = NULL;
    setenv("BELAY_TUNE", path, 1);
    ck_log_ok(&test_log, belay_device_open(&test_log, device_spec(), 0, &dev));
    for (size_t i = 0; i < t->num; i++)
        ck_assert_str_eq(belay_device_tuned(dev, t->list[i].kind, t->list[i].shape),
                         t->list[i].choice);
    belay_device_close(&dev);
}

// Returns how many classes of products have a choice on this device.
static int make_file(const char *path, bool last)
{
    struct belay_device *dev = NULL;
    struct belay_tuning t = { 0 };
    struct belay_str text = { 0 };
    int num = 0;
    setenv("BELAY_TUNE", "0", 1);
    ck_log_ok(&test_log, belay_device_open(&test_log, device_spec(), 0, &dev));
    for (size_t i = 0; i < sizeof(layers) / sizeof(layers[0]); i++)
        for (int64_t rows = 4; rows <= 128; rows *= 2)
            for (int which = 0; which < 3; which++) {
                const struct belay_gemm g = product_of(layers[i], rows, which);
                num += put_choice(dev, &g, last, &t);
            }
    belay_device_close(&dev);
    belay_tuning_write(&t, NULL, &text);
    ck_log_ok(&test_log, belay_file_write(&test_log, path, text.text ? text.text : "",
                                          text.length));
    check_taken(path, &t);
    belay_str_free(&text);
    belay_tuning_finish(&t);
    return num;
}

// ---- runs ----

// `kill_at`: the process dies after that step; 0: it does not.
static void train(const char *tuning, const char *dir, uint64_t cancel_at, uint64_t kill_at)
{
    char run_dir[600];
    const char *overrides[] = { run_dir };
    const belay_ctx_params ctx_params = { .device = device_spec() };
    belay_ctx *ctx = NULL;
    belay_recipe *recipe = NULL;
    belay_trainer *t = NULL;
    belay_progress p;
    belay_result r;
    setenv("BELAY_TUNE", tuning, 1);
    snprintf(run_dir, sizeof(run_dir), "run.dir=%s", dir);
    ck_ok(ctx, belay_ctx_create(&ctx_params, &ctx));
    ck_ok(ctx, belay_recipe_parse(ctx, recipe_text, "recipe", overrides, 1, &recipe));
    ck_ok(ctx, belay_trainer_create(ctx, &(belay_trainer_params){ .recipe = recipe }, &t));
    do {
        ck_ok(ctx, belay_trainer_step(t, &p));
        if (p.step == cancel_at)
            belay_trainer_cancel(t);
        if (kill_at && p.step == kill_at)
            raise(SIGKILL);
    } while (p.reason == BELAY_STOP_NONE);
    ck_ok(ctx, belay_trainer_finish(t, &r));
    belay_trainer_destroy(&t);
    belay_recipe_destroy(&recipe);
    belay_ctx_destroy(&ctx);
}

// In a process of its own, this program anew: OpenCL does not survive a fork.
static void train_killed(const char *tuning, const char *dir, const char *kill_at)
{
    char self[600];
    int status = 0;
    ssize_t length = readlink("/proc/self/exe", self, sizeof(self) - 1);
    ck_assert_int_gt(length, 0);
    self[length] = '\0';
    fflush(NULL);
    pid_t pid = fork();
    ck_assert_int_ge(pid, 0);
    if (pid == 0) {
        execl(self, self, tuning, dir, kill_at, (char *) NULL);
        _exit(127);
    }
    ck_assert_int_eq(waitpid(pid, &status, 0), pid);
    ck_assert(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
}

static void check_same(const char *dir, const char *want_dir)
{
    static const char *const files[] = { "best.safetensors", "last.safetensors", "metrics.jsonl" };
    for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
        char *a = belay_path_join(dir, files[i]), *b = belay_path_join(want_dir, files[i]);
        char *x = NULL, *y = NULL;
        size_t x_size, y_size;
        ck_log_ok(&test_log, belay_file_read(&test_log, a, 0, &x, &x_size));
        ck_log_ok(&test_log, belay_file_read(&test_log, b, 0, &y, &y_size));
        ck_assert_msg(x_size == y_size && memcmp(x, y, x_size) == 0, "%s and %s differ", a, b);
        belay_free(x);
        belay_free(y);
        belay_free(a);
        belay_free(b);
    }
}

START_TEST(a_training_gives_the_same_bytes_with_any_tuning_file)
{
    const char *dir = scratch_dir("tuned");
    char *first = belay_path_join(dir, "first.jsonl"), *second = belay_path_join(dir, "second.jsonl");
    char *plain = belay_path_join(dir, "plain"), *a = belay_path_join(dir, "a");
    char *b = belay_path_join(dir, "b"), *c = belay_path_join(dir, "c");
    char *d = belay_path_join(dir, "d");
    int num = make_file(first, false);
    ck_assert_int_eq(make_file(second, true), num);
    if (num == 0)
        harness_skip("the products of this device have no choices");
    train("0", plain, 0, 0);
    train(first, a, 0, 0);
    check_same(a, plain);
    train(second, b, 0, 0);
    check_same(b, plain);
    // Begun under one file, ended under the other.
    train(first, c, 9, 0);
    train(second, c, 0, 0);
    check_same(c, plain);
    // Killed under one file, ended under the other; and once more the other way.
    train_killed(first, d, "10");
    train_killed(second, d, "17");
    train(first, d, 0, 0);
    check_same(d, plain);
    unsetenv("BELAY_TUNE");
    char command[400];
    snprintf(command, sizeof(command), "rm -rf '%s'", dir);
    ck_assert_int_eq(system(command), 0);
    belay_free(first);
    belay_free(second);
    belay_free(plain);
    belay_free(a);
    belay_free(b);
    belay_free(c);
    belay_free(d);
}
END_TEST

static Suite *suite_tuned_training(void)
{
    const TTest *const tests[] = { a_training_gives_the_same_bytes_with_any_tuning_file };
    return harness_suite("tuned training", tests, 1);
}

// With arguments (a tuning file, a run folder, a step): the run that train_killed starts.
int main(int argc, char **argv)
{
    if (argc == 4) {
        train(argv[1], argv[2], 0, strtoull(argv[3], NULL, 10));
        return EXIT_FAILURE;
    }
    return harness_main(suite_tuned_training, NULL);
}
