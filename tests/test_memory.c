// Device memory of a training: refused before it is asked for, in several pieces, and steady.
#define _POSIX_C_SOURCE 200809L
#include "harness.h"

#include <belay/belay.h>
#include <math.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "device/context.h"
#include "train/engine_internal.h"
#include "train/trainer_internal.h"

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

struct setup {
    const char *layers, *train, *optimizer;
    int batch;
};
#define SMALL "{linear: 96}, relu, {linear: 64}, relu"
#define LARGE "{linear: 256}, relu, {linear: 256}, relu, {linear: 256}, relu, {linear: 256}, relu"

static belay_status make_with(belay_ctx *ctx, const struct setup *s, belay_trainer **t)
{
    char text[512];
    belay_recipe *recipe;
    const belay_data data = { .x = x, .rows = ROWS, .features = FEATURES, .y = y, .targets = 1 };
    snprintf(text, sizeof(text),
             "model: {input: [16], layers: [%s, {linear: 1}]}\n"
             "split: {validation: 0.1}\nloss: mse\nstop: {patience: off}\n"
             "train: {batch: %d, eval_batch: %d, epochs: off%s}\noptimizer: %s\n",
             s->layers, s->batch, s->batch, s->train, s->optimizer);
    ck_ok(ctx, belay_recipe_parse(ctx, text, "test", NULL, 0, &recipe));
    const belay_trainer_params params = { .recipe = recipe, .train = &data, .no_files = true };
    belay_status status = belay_trainer_create(ctx, &params, t);
    belay_recipe_destroy(&recipe);
    return status;
}

static belay_status make_trainer(belay_ctx *ctx, int batch, belay_trainer **t)
{
    return make_with(ctx, &(struct setup){ SMALL, "", "{name: adam, lr: 0.001}", batch }, t);
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
    const uint64_t limit = 600 << 10;
    belay_ctx *ctx = open_ctx(limit);
    ck_assert_int_eq(make_trainer(ctx, 256, &t), BELAY_ERR_NOMEM);
    ck_assert_ptr_null(t);
    // Nothing was asked for.
    ck_assert_uint_eq(ctx->device->counters.allocs, 0);
    const char *said = strstr(belay_ctx_error(ctx), "the largest batch that fits is ");
    ck_assert_msg(said != NULL, "%s", belay_ctx_error(ctx));
    ck_assert_ptr_nonnull(strstr(belay_ctx_error(ctx), "600 KiB"));
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

// The plan counts every byte: with as much a training fits, with one less it is refused.
static void check_border(const struct setup *setup)
{
    belay_trainer *t = NULL;
    belay_ctx *ctx = open_ctx(0);
    ck_ok(ctx, make_with(ctx, setup, &t));
    const uint64_t used = ctx->device->allocated;
    (void) loss_after(t, ctx, 20); // with the smaller batch at the end of an epoch
    ck_assert_uint_eq(ctx->device->allocated, used);
    belay_trainer_destroy(&t);
    ck_assert_uint_eq(ctx->device->allocated, 0);
    belay_ctx_destroy(&ctx);
    ctx = open_ctx(used - 1);
    ck_assert_int_eq(make_with(ctx, setup, &t), BELAY_ERR_NOMEM);
    ck_assert_uint_eq(ctx->device->counters.allocs, 0);
    belay_ctx_destroy(&ctx);
    ctx = open_ctx(used);
    ck_ok(ctx, make_with(ctx, setup, &t));
    (void) loss_after(t, ctx, 20);
    belay_trainer_destroy(&t);
    belay_ctx_destroy(&ctx);
}

START_TEST(what_is_counted_is_what_is_taken)
{
    check_border(&(struct setup){ SMALL, "", "{name: adam, lr: 0.001}", 100 });
    check_border(&(struct setup){ LARGE, ", ema: 0.9, accumulate: 2",
                                  "{name: sgd, lr: 0.01, clip_norm: 1}", 48 });
}
END_TEST

// With as much memory as one likes, but in small pieces.
START_TEST(what_does_not_fit_into_one_piece_is_refused_with_the_largest_batch_that_does)
{
    static const char text[] = "the largest batch that fits is ";
    belay_trainer *t = NULL;
    setenv("BELAY_MAX_ALLOC", "1000000", 1);
    belay_ctx *ctx = open_ctx(0);
    struct setup setup = { "{linear: 1024}, relu", "", "{name: sgd, lr: 0.01}", 460 };
    ck_assert_int_eq(make_with(ctx, &setup, &t), BELAY_ERR_NOMEM);
    ck_assert_uint_eq(ctx->device->counters.allocs, 0);
    const char *said = strstr(belay_ctx_error(ctx), text);
    ck_assert_msg(said != NULL, "%s", belay_ctx_error(ctx));
    setup.batch = atoi(said + strlen(text)) + 1;
    ck_assert_int_eq(make_with(ctx, &setup, &t), BELAY_ERR_NOMEM);
    setup.batch--;
    ck_ok(ctx, make_with(ctx, &setup, &t));
    unsetenv("BELAY_MAX_ALLOC");
    ck_assert(isfinite(loss_after(t, ctx, 20)));
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

struct trained {
    size_t count;
    float *weights, loss;
    size_t slabs;
};

// On a device whose largest buffer is `max_alloc` bytes; NULL: its own.
static void train_with(const char *device, const char *max_alloc, const struct setup *setup,
                       struct trained *out)
{
    belay_trainer *t;
    if (max_alloc)
        setenv("BELAY_MAX_ALLOC", max_alloc, 1);
    belay_ctx *ctx = open_on(device, 0);
    ck_ok(ctx, make_with(ctx, setup, &t));
    unsetenv("BELAY_MAX_ALLOC");
    out->loss = loss_after(t, ctx, 25);
    out->slabs = t->engine->num_slabs;
    out->count = belay_engine_arena_count(t->engine);
    out->weights = belay_alloc_array(out->count, sizeof(float));
    ck_assert_ptr_nonnull(out->weights);
    ck_ok(ctx, belay_engine_get_arena(t->engine, belay_engine_shown(t->engine), out->weights));
    belay_trainer_destroy(&t);
    belay_ctx_destroy(&ctx);
}

static void check_pieces(const char *device, const char *max_alloc, const struct setup *setup)
{
    struct trained whole, pieces;
    train_with(device, NULL, setup, &whole);
    train_with(device, max_alloc, setup, &pieces);
    ck_assert(isfinite(whole.loss));
    ck_assert_uint_eq(whole.slabs, 1);
    ck_assert_uint_gt(pieces.slabs, 1);
    ck_assert_mem_eq(&whole.loss, &pieces.loss, sizeof(whole.loss));
    ck_assert_uint_eq(whole.count, pieces.count);
    ck_assert_mem_eq(whole.weights, pieces.weights, whole.count * sizeof(float));
    belay_free(whole.weights);
    belay_free(pieces.weights);
}

START_TEST(a_device_of_small_pieces_trains_to_the_same_bits)
{
    check_pieces("host", "32768", &(struct setup){ SMALL, "", "{name: adam, lr: 0.001}", 64 });
    check_pieces("host", "32768",
                 &(struct setup){ SMALL, ", ema: 0.9, accumulate: 2",
                                  "{name: sgd, lr: 0.01, clip_norm: 0.1}", 64 });
    // Whose states have places of their own.
    check_pieces("host", "32768", &(struct setup){ SMALL, "", "{name: adafactor, lr: 0.01}", 64 });
    check_pieces("host", "32768", &(struct setup){ SMALL, ", ema: 0.9", "{name: muon}", 64 });
}
END_TEST

// Products want scratch of their own in one piece.
START_TEST(parameters_in_several_pieces_train_to_the_same_bits_on_the_device)
{
    static const char most[] = "655360";
    check_pieces(NULL, most,
                 &(struct setup){ LARGE, "", "{name: adamw, lr: 0.001, clip_norm: 0.1}", 64 });
    check_pieces(NULL, most,
                 &(struct setup){ LARGE, ", ema: 0.9", "{name: rmsprop, lr: 0.001}", 64 });
}
END_TEST

START_TEST(a_parameter_larger_than_a_piece_is_refused_with_its_name)
{
    belay_trainer *t = NULL;
    const struct setup setup = { SMALL, "", "{name: sgd, lr: 0.01}", 8 };
    setenv("BELAY_MAX_ALLOC", "16384", 1);
    belay_ctx *ctx = open_ctx(0);
    ck_assert_int_eq(make_with(ctx, &setup, &t), BELAY_ERR_NOMEM);
    unsetenv("BELAY_MAX_ALLOC");
    ck_assert_msg(strstr(belay_ctx_error(ctx), "'2.weight'") != NULL, "%s", belay_ctx_error(ctx));
    ck_assert_ptr_nonnull(strstr(belay_ctx_error(ctx), "16384"));
    ck_assert_uint_eq(ctx->device->counters.allocs, 0);
    belay_ctx_destroy(&ctx);
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

static long resident_kib(void)
{
    return pages() * (sysconf(_SC_PAGESIZE) / 1024);
}

// On demand: BELAY_TEST_STEPS=100000.
START_TEST(as_many_steps_as_asked_for_take_no_more_memory)
{
    const char *text = getenv("BELAY_TEST_STEPS");
    const long last = text ? atol(text) : 0;
    if (last < 10000) {
        harness_skip("on demand: BELAY_TEST_STEPS=100000");
        return;
    }
    belay_trainer *t;
    belay_ctx *ctx = open_ctx(0);
    long early = 0, now = 0;
    ck_ok(ctx, make_trainer(ctx, 32, &t));
    for (long done = 0, next = 1000; next <= last; done = next, next *= 10) {
        (void) loss_after(t, ctx, (int) (next - done));
        now = resident_kib();
        early = next == 10000 ? now : early;
        printf("%ld steps: %ld KiB resident, %llu bytes on the device\n", next, now,
               (unsigned long long) ctx->device->allocated);
    }
    ck_assert_int_le(now - early, 256); // less than 3 bytes a step
    belay_trainer_destroy(&t);
    belay_ctx_destroy(&ctx);
}
END_TEST

static Suite *suite_memory(void)
{
    Suite *s = suite_create("memory");
    TCase *tc = tcase_create("memory");
    tcase_set_timeout(tc, getenv("BELAY_TEST_STEPS") ? 3600 : 120);
    tcase_add_test(tc, what_does_not_fit_is_refused_with_the_largest_batch_that_does);
    tcase_add_test(tc, what_is_counted_is_what_is_taken);
    tcase_add_test(tc, what_does_not_fit_into_one_piece_is_refused_with_the_largest_batch_that_does);
    tcase_add_test(tc, a_model_too_large_for_any_batch_says_so);
    tcase_add_test(tc, a_device_of_small_pieces_trains_to_the_same_bits);
    tcase_add_test(tc, parameters_in_several_pieces_train_to_the_same_bits_on_the_device);
    tcase_add_test(tc, a_parameter_larger_than_a_piece_is_refused_with_its_name);
    tcase_add_test(tc, thousands_of_steps_take_no_more_memory);
    tcase_add_test(tc, as_many_steps_as_asked_for_take_no_more_memory);
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
