// Device memory of a training: refused before it is asked for, in several pieces, and steady.
#define _POSIX_C_SOURCE 200809L
#include "harness.h"

#include <belay/belay.h>
#include <math.h>
#include <string.h>
#include <unistd.h>

#include "device/context.h"

#define ROWS 512
#define FEATURES 16

static float x[ROWS * FEATURES], y[ROWS];

static belay_ctx *open_on(const char *device, uint64_t limit)
{
    const belay_ctx_params params = { .device = device, .memory_limit = limit };
    belay_ctx *ctx;
    ck_assert_int_eq(belay_ctx_create(&params, &ctx), BELAY_OK);
    return ctx;
}

static belay_ctx *open_ctx(uint64_t limit)
{
    return open_on(NULL, limit);
}

static belay_status make_trainer(belay_ctx *ctx, int batch, belay_trainer **t)
{
    char text[512];
    belay_recipe *recipe;
    const belay_data data = { .x = x, .rows = ROWS, .features = FEATURES, .y = y, .targets = 1 };
    snprintf(text, sizeof(text),
             "model: {input: [16], layers: [{linear: 64}, relu, {linear: 64}, relu, {linear: 1}]}\n"
             "split: {validation: 0.1}\nloss: mse\noptimizer: {name: adam, lr: 0.001}\n"
             "train: {batch: %d, eval_batch: %d, epochs: off}\nstop: {patience: off}\n",
             batch, batch);
    ck_ok(ctx, belay_recipe_parse(ctx, text, "test", NULL, 0, &recipe));
    const belay_trainer_params params = { .recipe = recipe, .train = &data, .no_files = true };
    belay_status status = belay_trainer_create(ctx, &params, t);
    belay_recipe_destroy(&recipe);
    return status;
}

static float loss_after(belay_trainer *t, belay_ctx *ctx, int steps)
{
    belay_progress p = { 0 };
    for (int i = 0; i < steps; i++)
        ck_ok(ctx, belay_trainer_step(t, &p));
    ck_ok(ctx, belay_ctx_wait(ctx));
    return (float) p.train_loss;
}

START_TEST(what_does_not_fit_is_refused_with_the_largest_batch_that_does)
{
    belay_trainer *t = NULL;
    const uint64_t limit = 400 << 10;
    belay_ctx *ctx = open_ctx(limit);
    ck_assert_int_eq(make_trainer(ctx, 256, &t), BELAY_ERR_NOMEM);
    ck_assert_ptr_null(t);
    // Nothing was asked for.
    ck_assert_uint_eq(ctx->device->counters.allocs, 0);
    const char *said = strstr(belay_ctx_error(ctx), "the largest batch that fits is ");
    ck_assert_msg(said != NULL, "%s", belay_ctx_error(ctx));
    ck_assert_ptr_nonnull(strstr(belay_ctx_error(ctx), "400 KiB"));
    int batch = atoi(said + strlen("the largest batch that fits is "));
    ck_assert_int_gt(batch, 1);
    ck_assert_int_lt(batch, 256);
    ck_assert_int_eq(make_trainer(ctx, batch + 1, &t), BELAY_ERR_NOMEM);
    belay_ctx_destroy(&ctx);
    ctx = open_ctx(0);
    ck_ok(ctx, make_trainer(ctx, batch, &t));
    ck_assert(isfinite(loss_after(t, ctx, 60)));
    belay_trainer_destroy(&t);
    belay_ctx_destroy(&ctx);
}
END_TEST

START_TEST(a_model_too_large_for_any_batch_says_so)
{
    belay_trainer *t = NULL;
    belay_ctx *ctx = open_ctx(60 << 10);
    ck_assert_int_eq(make_trainer(ctx, 256, &t), BELAY_ERR_NOMEM);
    ck_assert_ptr_nonnull(strstr(belay_ctx_error(ctx), "not even a batch of 1 fits"));
    belay_ctx_destroy(&ctx);
}
END_TEST

static void weights_after(const char *max_alloc, float *loss, uint64_t *allocs)
{
    belay_trainer *t;
    if (max_alloc)
        setenv("BELAY_MAX_ALLOC", max_alloc, 1);
    // On the host: products on devices want scratch of their own in one piece.
    belay_ctx *ctx = open_on("host", 0);
    ck_ok(ctx, make_trainer(ctx, 200, &t));
    unsetenv("BELAY_MAX_ALLOC");
    *loss = loss_after(t, ctx, 25);
    *allocs = ctx->device->counters.allocs;
    belay_trainer_destroy(&t);
    belay_ctx_destroy(&ctx);
}

START_TEST(a_device_of_small_pieces_trains_to_the_same_bits)
{
    float whole, pieces;
    uint64_t allocs, more;
    weights_after(NULL, &whole, &allocs);
    weights_after("65536", &pieces, &more);
    ck_assert(isfinite(whole));
    ck_assert_mem_eq(&whole, &pieces, sizeof(whole));
    ck_assert_uint_gt(more, allocs);
}
END_TEST

// Pages of the process; 0 where the system does not tell.
static long pages(void)
{
    long size, resident = 0;
    FILE *file = fopen("/proc/self/statm", "r");
    if (file && fscanf(file, "%ld %ld", &size, &resident) != 2)
        resident = 0;
    if (file)
        fclose(file);
    return resident;
}

START_TEST(thousands_of_steps_take_no_more_memory)
{
    if (getenv("BELAY_TEST_SANITIZED")) { // it keeps what is freed
        harness_skip("the sanitizer's memory grows");
        return;
    }
    belay_trainer *t;
    belay_ctx *ctx = open_ctx(0);
    ck_ok(ctx, make_trainer(ctx, 32, &t));
    (void) loss_after(t, ctx, 1500);
    const long before = pages();
    const uint64_t allocs = ctx->device->counters.allocs, builds = ctx->device->counters.builds;
    (void) loss_after(t, ctx, 4000);
    // A leak of 64 bytes a step would be 62 pages; allocators move by a few.
    ck_assert_int_le(pages() - before, 40);
    ck_assert_uint_eq(ctx->device->counters.allocs, allocs);
    ck_assert_uint_eq(ctx->device->counters.builds, builds);
    belay_trainer_destroy(&t);
    belay_ctx_destroy(&ctx);
}
END_TEST

static Suite *suite_memory(void)
{
    Suite *s = suite_create("memory");
    TCase *tc = tcase_create("memory");
    tcase_set_timeout(tc, 120);
    tcase_add_test(tc, what_does_not_fit_is_refused_with_the_largest_batch_that_does);
    tcase_add_test(tc, a_model_too_large_for_any_batch_says_so);
    tcase_add_test(tc, a_device_of_small_pieces_trains_to_the_same_bits);
    tcase_add_test(tc, thousands_of_steps_take_no_more_memory);
    suite_add_tcase(s, tc);
    return s;
}

int main(void)
{
    for (int i = 0; i < ROWS * FEATURES; i++)
        x[i] = (float) ((i * 7919) % 1000) / 1000;
    for (int i = 0; i < ROWS; i++)
        y[i] = x[i * FEATURES] - x[i * FEATURES + 1];
    return harness_main(suite_memory, NULL);
}
