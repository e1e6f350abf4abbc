// The driver reports an error in the middle of a run: the error is said, nothing that was computed
// after it is saved, and the run goes on from the last checkpoint to the same bytes.
#include <string.h>

#include "harness.h"
#include "scratch.h"

#include <belay/belay.h>

#include "device/context.h"

static const char recipe_text[] =
    "model: {input: [2], layers: [{linear: 6}, tanh, {dropout: 0.1}, {linear: 2}]}\n"
    "data: {format: spirals, count: 40, classes: 2}\n"
    "split: {validation: 0.25}\n"
    "optimizer: {name: adam, lr: 0.02}\n"
    "train: {batch: 10, epochs: 3, seed: 1}\n"
    "stop: {patience: off}\n"
    "checkpoint: {every: 2 steps, keep_last: 1000, keep_best: 1000}\n"
    "run: {if_exists: resume}\n";

static const char *dir;
static char whole_dir[300], broken_dir[300];

// Runs in `run_dir` to the end or to a failure; from the opened trainer on, the n-th call to the
// device fails (negative: none does). *failed: it was reached.
static belay_status train(const char *run_dir, int64_t n, bool *reached, char message[1024])
{
    char set_dir[400];
    const char *const overrides[] = { set_dir };
    belay_ctx *ctx = NULL;
    belay_recipe *recipe = NULL;
    belay_trainer *trainer = NULL;
    belay_result result;
    belay_status status;

    snprintf(set_dir, sizeof(set_dir), "run.dir=%s", run_dir);
    ck_assert_int_eq(belay_ctx_create(NULL, &ctx), BELAY_OK);
    ck_ok(ctx, belay_recipe_parse(ctx, recipe_text, "error.yaml", overrides, 1, &recipe));
    belay_trainer_params params = { .recipe = recipe };
    ck_ok(ctx, belay_trainer_create(ctx, &params, &trainer));
    if (n >= 0)
        belay_device_fail_at(ctx->device, n);
    BELAY_TRY_DONE(belay_trainer_run(trainer, NULL, NULL));
    BELAY_TRY_DONE(belay_trainer_finish(trainer, &result));
done:
    *reached = ctx->device->failed != BELAY_OK;
    snprintf(message, 1024, "%s", belay_ctx_error(ctx));
    belay_device_fail_at(ctx->device, -1);
    belay_trainer_destroy(&trainer);
    belay_recipe_destroy(&recipe);
    belay_ctx_destroy(&ctx);
    return status;
}

static bool same_file(const char *a, const char *b)
{
    char *x = NULL, *y = NULL;
    size_t nx, ny;
    bool same = belay_file_read(NULL, a, 0, &x, &nx) == BELAY_OK &&
                belay_file_read(NULL, b, 0, &y, &ny) == BELAY_OK && nx == ny &&
                memcmp(x, y, nx) == 0;
    belay_free(x);
    belay_free(y);
    return same;
}

static void same_in_both(const char *name, int64_t n)
{
    char a[700], b[700];
    snprintf(a, sizeof(a), "%s/%s", broken_dir, name);
    snprintf(b, sizeof(b), "%s/%s", whole_dir, name);
    ck_assert_msg(same_file(a, b), "error at call %lld: %s is not that of the whole run",
                  (long long) n, name);
}

// Each checkpoint and best that is there is the one that the whole run wrote at that step.
static int saved_files_are_right(int64_t n)
{
    char folder[400], name[320];
    char **names = NULL;
    size_t count = 0;

    snprintf(folder, sizeof(folder), "%s/checkpoints", broken_dir);
    if (!belay_dir_exists(folder))
        return 0;
    ck_assert_int_eq(belay_dir_list(NULL, folder, &names, &count), BELAY_OK);
    for (size_t i = 0; i < count; i++) {
        snprintf(name, sizeof(name), "checkpoints/%s", names[i]);
        same_in_both(name, n);
    }
    belay_names_free(names, count);
    return (int) count;
}

static bool on_host(void)
{
    const char *device = getenv("BELAY_DEVICE");
    return device && strcmp(device, "host") == 0;
}

START_TEST(an_error_at_any_call_saves_nothing_wrong_and_the_run_goes_on)
{
    // Opening an OpenCL device takes a while: a sample there, every call on the host.
    int step = on_host() ? 1 : 13, tries = 0, saved = 0;
    char message[1024];
    bool reached;

    ck_assert_int_eq(train(whole_dir, -1, &reached, message), BELAY_OK);
    ck_assert(!reached);
    if (getenv("BELAY_TEST_QUICK"))
        step *= 5;
    for (int64_t n = 0;; n += step, tries++) {
        scratch_remove(broken_dir);
        belay_status status = train(broken_dir, n, &reached, message);
        if (!reached) {
            ck_assert_int_eq(status, BELAY_OK);
            break;
        }
        ck_assert_msg(status == BELAY_ERR_DEVICE, "error at call %lld: the run ended with %s (%s)",
                      (long long) n, belay_status_name(status), message);
        ck_assert_msg(message[0] != '\0', "error at call %lld: no message", (long long) n);
        saved += saved_files_are_right(n);
        status = train(broken_dir, -1, &reached, message);
        ck_assert_msg(status == BELAY_OK, "after an error at call %lld it does not go on: %s (%s)",
                      (long long) n, belay_status_name(status), message);
        same_in_both("best.safetensors", n);
        same_in_both("last.safetensors", n);
        same_in_both("metrics.jsonl", n);
    }
    ck_assert_int_gt(tries, 3);
    ck_assert_int_gt(saved, 3);
    printf("%d tries, %d files compared\n", tries, saved);
}
END_TEST

static void make_folders(void)
{
    dir = scratch_dir("device-error");
    snprintf(whole_dir, sizeof(whole_dir), "%s/whole", dir);
    snprintf(broken_dir, sizeof(broken_dir), "%s/broken", dir);
}

static void drop_folders(void)
{
    scratch_remove(dir);
}

static Suite *suite_device_error(void)
{
    Suite *s = suite_create("device error");
    TCase *c = tcase_create("injected");

    tcase_add_unchecked_fixture(c, make_folders, drop_folders);
    tcase_add_test(c, an_error_at_any_call_saves_nothing_wrong_and_the_run_goes_on);
    suite_add_tcase(s, c);
    return s;
}

int main(void)
{
    return harness_main(suite_device_error, NULL);
}
