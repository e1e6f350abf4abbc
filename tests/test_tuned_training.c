// A tuning file changes how fast a training is and nothing else: the bytes are the same with any
// file, also when a run goes on under another one.
#include "runs.h"

#include "base/clock.h"
#include "device/opencl/gemm.h"
#include "device/tune.h"
#include "device/tuning.h"

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

static int train(const char *tuning, const char *dir, struct kill kill)
{
    int64_t calls;
    setenv("BELAY_DEVICE", device_spec(), 1);
    setenv("BELAY_TUNE", tuning, 1);
    return runs_train(recipe_text, dir, &kill, &calls);
}

// In a process of its own, this program anew: OpenCL does not survive a fork. It is killed after a step
// ("0": it is not), or after `seconds`, if they are not negative.
static int train_apart(const char *tuning, const char *dir, const char *kill_at, double seconds)
{
    char self[600];
    ssize_t length = readlink("/proc/self/exe", self, sizeof(self) - 1);
    ck_assert_int_gt(length, 0);
    self[length] = '\0';
    fflush(NULL);
    pid_t pid = fork();
    if (pid == 0) {
        execl(self, self, tuning, dir, kill_at, (char *) NULL);
        _exit(127);
    }
    return runs_wait_or_kill(pid, seconds);
}

START_TEST(a_training_gives_the_same_bytes_with_any_tuning_file)
{
    char first[300], second[300], plain[300], a[300], b[300], c[300], d[300];
    path_of(first, sizeof(first), "first.jsonl");
    path_of(second, sizeof(second), "second.jsonl");
    path_of(plain, sizeof(plain), "plain");
    path_of(a, sizeof(a), "a");
    path_of(b, sizeof(b), "b");
    path_of(c, sizeof(c), "c");
    path_of(d, sizeof(d), "d");
    int num = make_file(first, false);
    ck_assert_int_eq(make_file(second, true), num);
    if (num == 0)
        harness_skip("the products of this device have no choices");
    ck_assert_int_eq(train("0", plain, whole), 0);
    ck_assert_int_eq(train(first, a, whole), 0);
    check_same(a, plain, "run a");
    ck_assert_int_eq(train(second, b, whole), 0);
    check_same(b, plain, "run b");
    // Begun under one file, ended under the other.
    ck_assert_int_eq(train(first, c, (struct kill){ .call = -1, .cancel = 9 }), 0);
    ck_assert_int_eq(train(second, c, whole), 0);
    check_same(c, plain, "run c");
    // Killed under one file, ended under the other; and once more the other way.
    ck_assert_int_eq(train_apart(first, d, "10", -1), -SIGKILL);
    ck_assert_int_eq(train_apart(second, d, "17", -1), -SIGKILL);
    ck_assert_int_eq(train(first, d, whole), 0);
    check_same(d, plain, "run d");
    unsetenv("BELAY_TUNE");
}
END_TEST

// As test_crash.c, each time under the other tuning file.
START_TEST(kills_at_random_moments_and_other_tuning_files_cost_nothing)
{
    char files[2][300], plain[300], dir[300];
    int wanted = runs_kills(2), kills = 0, turn = 0;
    path_of(files[0], sizeof(files[0]), "first.jsonl");
    path_of(files[1], sizeof(files[1]), "second.jsonl");
    path_of(plain, sizeof(plain), "plain");
    path_of(dir, sizeof(dir), "killed");
    ck_assert_int_eq(train_apart(files[1], dir, "0", -1), 0); // its kernels are built
    remove_run(dir);
    double before = belay_clock_now();
    ck_assert_int_eq(train_apart(files[0], dir, "0", -1), 0);
    double length = belay_clock_now() - before;
    while (kills < wanted) {
        int code = -SIGKILL;
        remove_run(dir);
        for (int tries = 0; code == -SIGKILL && tries < 4; tries++) {
            code = train_apart(files[turn++ % 2], dir, "0", 1.1 * length * runs_random());
            ck_assert_msg(code == 0 || code == -SIGKILL, "kill %d: exit %d", kills, code);
            kills += code == -SIGKILL;
        }
        ck_assert_int_eq(train_apart(files[turn++ % 2], dir, "0", -1), 0);
        check_same(dir, plain, "killed under one file, ended under the other");
    }
    printf("%d kills, a whole run takes %.3f s\n", kills, length);
}
END_TEST

static Suite *suite_tuned_training(void)
{
    Suite *s = suite_create("tuned training");
    TCase *tc = tcase_create("tuned training");
    tcase_set_timeout(tc, 3600);
    tcase_add_test(tc, a_training_gives_the_same_bytes_with_any_tuning_file);
    tcase_add_test(tc, kills_at_random_moments_and_other_tuning_files_cost_nothing);
    suite_add_tcase(s, tc);
    return s;
}

// With arguments (a tuning file, a run folder, a step): the run that train_apart starts.
int main(int argc, char **argv)
{
    if (argc == 4)
        return train(argv[1], argv[2],
                     (struct kill){ .call = -1, .step = strtoull(argv[3], NULL, 10) });
    return runs_main("tuned", suite_tuned_training);
}
