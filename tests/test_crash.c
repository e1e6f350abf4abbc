// SIGKILL at random moments of a run that saves every few steps: a resume always finds a valid state,
// and the end is that of a run that nobody killed, byte for byte. BELAY_TEST_CRASHES says how many
// (default 8; 200 on demand).
#include "harness.h"

#include <belay/belay.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/mem.h"

static struct belay_log test_log = { .fn = harness_print };
static char folder[256];

static const char recipe_text[] =
    "model: {input: [2], layers: [{linear: 12}, relu, {dropout: 0.3}, {linear: 3}]}\n"
    "data: {format: spirals, count: 147, noise: 0.05, classes: 3}\n"
    "split: {validation: 0.2}\n"
    "optimizer: {name: adamw, lr: 0.02}\n"
    "train: {batch: 16, epochs: 12, seed: 3}\n"
    "check: {every: 5 steps}\n"
    "stop: {patience: off}\n"
    "checkpoint: {every: 3 steps, keep_last: 2, keep_best: 2, keep_every: 30 steps}\n"
    "run: {if_exists: resume}\n";

static int train(const char *dir)
{
    char run_dir[400];
    const char *const overrides[1] = { run_dir };
    belay_ctx *ctx;
    belay_recipe *recipe;
    belay_trainer *t = NULL;
    belay_result r;
    snprintf(run_dir, sizeof(run_dir), "run.dir=%s", dir);
    if (belay_ctx_create(&(belay_ctx_params){ .log = NULL }, &ctx) != BELAY_OK ||
        belay_recipe_parse(ctx, recipe_text, "recipe", overrides, 1, &recipe) != BELAY_OK)
        return 20;
    if (belay_trainer_create(ctx, &(belay_trainer_params){ .recipe = recipe }, &t) != BELAY_OK ||
        belay_trainer_run(t, NULL, NULL) != BELAY_OK || belay_trainer_finish(t, &r) != BELAY_OK) {
        fprintf(stderr, "%s\n", belay_ctx_error(ctx));
        return 21;
    }
    belay_trainer_destroy(&t);
    belay_recipe_destroy(&recipe);
    belay_ctx_destroy(&ctx);
    return 0;
}

// Trains in a child that is killed after `seconds`; negative: not. Exit code, or -signal.
static int run(const char *dir, double seconds)
{
    int status = 0;
    fflush(NULL);
    pid_t pid = fork();
    ck_assert_int_ge(pid, 0);
    if (pid == 0)
        _exit(train(dir));
    if (seconds >= 0) {
        nanosleep(&(struct timespec){ .tv_sec = (time_t) seconds,
                                      .tv_nsec = (long) (1e9 * (seconds - (int) seconds)) },
                  NULL);
        kill(pid, SIGKILL);
    }
    ck_assert_int_eq(waitpid(pid, &status, 0), pid);
    return WIFSIGNALED(status) ? -WTERMSIG(status) : WEXITSTATUS(status);
}

static void check_same(const char *dir, const char *want_dir, int number)
{
    static const char *const files[] = { "best.safetensors", "last.safetensors", "metrics.jsonl" };
    for (size_t i = 0; i < 3; i++) {
        char a[400], b[400], *x, *y;
        size_t x_size, y_size;
        snprintf(a, sizeof(a), "%s/%s", dir, files[i]);
        snprintf(b, sizeof(b), "%s/%s", want_dir, files[i]);
        ck_log_ok(&test_log, belay_file_read(&test_log, a, 0, &x, &x_size));
        ck_log_ok(&test_log, belay_file_read(&test_log, b, 0, &y, &y_size));
        ck_assert_msg(x_size == y_size && memcmp(x, y, x_size) == 0, "run %d: %s differs", number,
                      files[i]);
        belay_free(x);
        belay_free(y);
    }
}

static void remove_run(const char *dir)
{
    char command[400];
    snprintf(command, sizeof(command), "rm -rf '%s'", dir);
    ck_assert_int_eq(system(command), 0);
}

// Each run is killed again and again until one comes through; moments are spread over its length.
START_TEST(kills_at_random_moments_cost_nothing)
{
    char want[300], dir[300];
    const char *text = getenv("BELAY_TEST_CRASHES");
    int wanted = text ? atoi(text) : 8, kills = 0;
    uint32_t seed = 12345;
    snprintf(want, sizeof(want), "%s/whole", folder);
    snprintf(dir, sizeof(dir), "%s/killed", folder);
    ck_assert_int_eq(run(want, -1), 0); // builds kernels
    remove_run(want);
    double before = belay_clock_now();
    ck_assert_int_eq(run(want, -1), 0);
    double length = belay_clock_now() - before;
    for (int number = 0; kills < wanted; number++) {
        remove_run(dir);
        int code = -SIGKILL;
        for (int tries = 0; code == -SIGKILL && tries < 4; tries++) {
            seed = seed * 1664525u + 1013904223u;
            code = run(dir, 1.1 * length * (seed >> 8) / 16777216.0);
            ck_assert_msg(code == 0 || code == -SIGKILL, "run %d: exit %d", number, code);
            kills += code == -SIGKILL;
        }
        ck_assert_int_eq(run(dir, -1), 0);
        check_same(dir, want, number);
    }
    printf("%d kills, a whole run takes %.3f s\n", kills, length);
}
END_TEST

static Suite *suite_crash(void)
{
    Suite *s = suite_create("crash");
    TCase *tc = tcase_create("crash");
    tcase_set_timeout(tc, 3600);
    tcase_add_test(tc, kills_at_random_moments_cost_nothing);
    suite_add_tcase(s, tc);
    return s;
}

int main(void)
{
    char command[300];
    // In memory where there is such a folder: thousands of syncs.
    snprintf(folder, sizeof(folder), "%s/belay-crash-XXXXXX",
             belay_dir_exists("/dev/shm") ? "/dev/shm" : "/tmp");
    if (!mkdtemp(folder))
        return EXIT_FAILURE;
    int result = harness_main(suite_crash, NULL);
    snprintf(command, sizeof(command), "rm -rf '%s'", folder);
    return system(command) == 0 ? result : EXIT_FAILURE;
}
