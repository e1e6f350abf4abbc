// SIGKILL at random moments of a run that saves every few steps: a resume always finds a valid state,
// and the end is that of a run that nobody killed, byte for byte. BELAY_TEST_CRASHES says how many
// (default 8; 200 on demand).
#include "runs.h"

#include "base/clock.h"

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

// Trains in a child that is killed after `seconds`; negative: not. Exit code, or -signal.
static int run(const char *dir, double seconds)
{
    int64_t calls;
    fflush(NULL);
    pid_t pid = fork();
    if (pid == 0)
        _exit(runs_train(recipe_text, dir, &whole, &calls));
    return runs_wait_or_kill(pid, seconds);
}

// Each run is killed again and again until one comes through; moments are spread over its length.
START_TEST(kills_at_random_moments_cost_nothing)
{
    char want[300], dir[300], what[32];
    int wanted = runs_kills(8), kills = 0;
    path_of(want, sizeof(want), "whole");
    path_of(dir, sizeof(dir), "killed");
    ck_assert_int_eq(run(want, -1), 0); // builds kernels
    remove_run(want);
    double before = belay_clock_now();
    ck_assert_int_eq(run(want, -1), 0);
    double length = belay_clock_now() - before;
    for (int number = 0; kills < wanted; number++) {
        remove_run(dir);
        int code = -SIGKILL;
        for (int tries = 0; code == -SIGKILL && tries < 4; tries++) {
            code = run(dir, 1.1 * length * runs_random());
            ck_assert_msg(code == 0 || code == -SIGKILL, "run %d: exit %d", number, code);
            kills += code == -SIGKILL;
        }
        ck_assert_int_eq(run(dir, -1), 0);
        snprintf(what, sizeof(what), "run %d", number);
        check_same(dir, want, what);
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
    return runs_main("crash", suite_crash);
}
