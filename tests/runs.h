// Runs in folders of their own that are killed, resumed and compared byte for byte. What trains
// says with an exit code how it ended: it is a process that dies, where Check's macros are not
// allowed.
#ifndef BELAY_TESTS_RUNS_H
#define BELAY_TESTS_RUNS_H

#include "harness.h"

#include <belay/belay.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/file.h"
#include "base/mem.h"

static struct belay_log test_log = { .fn = harness_print };
static char runs_folder[64]; // of this program's runs

struct kill {
    uint64_t step; // die after this step; 0: do not
    int64_t call;  // die in this system call of a file; negative: do not
    uint64_t cancel; // cancel after this step; 0: do not
    const char *extra; // more overrides, one a line
    int error;         // the call fails with this, the process lives; 0: it dies
    bool forever;      // and so do all later calls
    bool moves;        // it must be said that the run goes on, but not bit for bit
};
static const struct kill whole = { .call = -1 };

static bool runs_moved;

static inline void runs_note(void *user, enum belay_log_level level, const char *text)
{
    (void) user;
    runs_moved |= level == BELAY_LOG_WARN && strstr(text, "goes on, but not bit for bit") != NULL;
}

static inline int runs_loop(belay_ctx *ctx, belay_trainer *t, const struct kill *kill)
{
    belay_progress p;
    belay_result r;
    do {
        if (belay_trainer_step(t, &p) != BELAY_OK) {
            fprintf(stderr, "step: %s\n", belay_ctx_error(ctx));
            return 23;
        }
        if (kill->step && p.step == kill->step)
            raise(SIGKILL);
        if (kill->cancel && p.step == kill->cancel)
            belay_trainer_cancel(t);
    } while (p.reason == BELAY_STOP_NONE);
    if (belay_trainer_finish(t, &r) != BELAY_OK) {
        fprintf(stderr, "finish: %s\n", belay_ctx_error(ctx));
        return 24;
    }
    return runs_moved == kill->moves ? 0 : 26;
}

// Trains to the end or to its death. Returns an exit code. *calls: system calls that it made.
static inline int runs_train(const char *text, const char *dir, const struct kill *kill,
                             int64_t *calls)
{
    char run_dir[400], extra[500];
    const char *overrides[5] = { run_dir };
    const belay_ctx_params params = { .log = runs_note };
    size_t num = 1;
    belay_ctx *ctx;
    belay_recipe *recipe;
    belay_trainer *t = NULL;
    snprintf(run_dir, sizeof(run_dir), "run.dir=%s", dir);
    snprintf(extra, sizeof(extra), "%s", kill->extra ? kill->extra : "");
    for (char *line = strtok(extra, "\n"); line && num < 5; line = strtok(NULL, "\n"))
        overrides[num++] = line;
    if (belay_ctx_create(&params, &ctx) != BELAY_OK)
        return 20;
    if (belay_recipe_parse(ctx, text, "recipe", overrides, num, &recipe))
        return 21;
    int64_t before = belay_file_call_count();
    if (kill->call >= 0)
        (kill->forever ? belay_file_fail_from : belay_file_fail_at)(
            kill->call, kill->error ? kill->error : BELAY_FILE_KILL);
    int code = 0;
    if (belay_trainer_create(ctx, &(belay_trainer_params){ .recipe = recipe }, &t) != BELAY_OK) {
        fprintf(stderr, "create: %s\n", belay_ctx_error(ctx));
        return 22;
    }
    code = runs_loop(ctx, t, kill);
    if (code == 0)
        *calls = belay_file_call_count() - before;
    belay_trainer_destroy(&t);
    belay_recipe_destroy(&recipe);
    belay_ctx_destroy(&ctx);
    return code;
}

// Exit code of a child, or -signal.
static inline int runs_wait(pid_t pid)
{
    int status = 0;
    ck_assert_int_eq(waitpid(pid, &status, 0), pid);
    return WIFSIGNALED(status) ? -WTERMSIG(status) : WEXITSTATUS(status);
}

// The same of one that is killed after `seconds`; negative: not.
static inline int runs_wait_or_kill(pid_t pid, double seconds)
{
    const struct timespec pause = { .tv_sec = (time_t) seconds,
                                    .tv_nsec = (long) (1e9 * (seconds - (int) seconds)) };
    ck_assert_int_ge(pid, 0);
    if (seconds >= 0) {
        nanosleep(&pause, NULL);
        kill(pid, SIGKILL);
    }
    return runs_wait(pid);
}

// How many kills a test wants: BELAY_TEST_CRASHES, else `usual`.
static inline int runs_kills(int usual)
{
    const char *text = getenv("BELAY_TEST_CRASHES");
    return text ? atoi(text) : usual;
}

// From 0 to 1. BELAY_TEST_SEED gives other moments.
static inline double runs_random(void)
{
    static uint32_t seed;
    if (!seed)
        seed = getenv("BELAY_TEST_SEED") ? (uint32_t) atoi(getenv("BELAY_TEST_SEED")) : 12345;
    seed = seed * 1664525u + 1013904223u;
    return (seed >> 8) / 16777216.0;
}

static inline void path_of(char *out, size_t size, const char *name)
{
    snprintf(out, size, "%s/%s", runs_folder, name);
}

static inline void remove_run(const char *dir)
{
    char command[400];
    snprintf(command, sizeof(command), "rm -rf '%s'", dir);
    ck_assert_int_eq(system(command), 0);
}

static inline void check_same_file(const char *dir, const char *want_dir, const char *name,
                                   const char *what)
{
    char *a = belay_path_join(dir, name), *b = belay_path_join(want_dir, name), *x, *y;
    size_t x_size, y_size;
    ck_log_ok(&test_log, belay_file_read(&test_log, a, 0, &x, &x_size));
    ck_log_ok(&test_log, belay_file_read(&test_log, b, 0, &y, &y_size));
    ck_assert_msg(x_size == y_size && memcmp(x, y, x_size) == 0, "%s: %s differs", what, name);
    belay_free(x);
    belay_free(y);
    belay_free(a);
    belay_free(b);
}

// What a run leaves: all its bests, the last weights and the log.
static inline void check_same(const char *dir, const char *want_dir, const char *what)
{
    char **names;
    size_t count, compared = 0;
    ck_log_ok(&test_log, belay_dir_list(&test_log, want_dir, &names, &count));
    for (size_t i = 0; i < count; i++) {
        if (!strstr(names[i], ".safetensors") && strcmp(names[i], "metrics.jsonl") != 0)
            continue;
        check_same_file(dir, want_dir, names[i], what);
        compared++;
    }
    belay_names_free(names, count);
    ck_assert_uint_ge(compared, 3);
}

static inline int runs_main(const char *subject, harness_suite_fn suite)
{
    char command[100];
    // In memory where there is such a folder: thousands of syncs.
    snprintf(runs_folder, sizeof(runs_folder), "%s/belay-%s-XXXXXX",
             belay_dir_exists("/dev/shm") ? "/dev/shm" : "/tmp", subject);
    if (!mkdtemp(runs_folder))
        return EXIT_FAILURE;
    int result = harness_main(suite, NULL);
    snprintf(command, sizeof(command), "rm -rf '%s'", runs_folder);
    return system(command) == 0 ? result : EXIT_FAILURE;
}

#endif
