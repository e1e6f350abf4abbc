// Memory runs short: every allocation of opening, training, saving, resuming and predicting fails
// once in turn. Each try ends in BELAY_ERR_NOMEM with nothing returned, or in BELAY_OK; nothing
// crashes, and under the leak checker nothing is lost.
#include <string.h>

#include "harness.h"
#include "scratch.h"

#include <belay/belay.h>

#include "base/mem.h"

enum { ROWS = 12, FEATURES = 3 };

static const char recipe_text[] =
    "model: {input: [3], layers: [{linear: 4}, relu, {dropout: 0.2}, {linear: 2}]}\n"
    "split: {validation: 0.25}\n"
    "optimizer: {name: adam, lr: 0.01}\n"
    "schedule: {name: plateau, patience: 1}\n"
    "train: {batch: 4, epochs: 2}\n"
    "checkpoint: {every: 1 epoch}\n";

static float x[ROWS * FEATURES];
static int32_t labels[ROWS];
static const char *dir;
static char last_message[1024];
static char set_dir[320], run_dir[300], model_path[300], heads_path[300];

static void make_data(void)
{
    for (int i = 0; i < ROWS * FEATURES; i++)
        x[i] = (float) ((i * 7) % 11) / 11 - 0.5f;
    for (int i = 0; i < ROWS; i++)
        labels[i] = i % 2;
    dir = scratch_dir("alloc");
    snprintf(run_dir, sizeof(run_dir), "%s/run", dir);
    snprintf(set_dir, sizeof(set_dir), "run.dir=%s", run_dir);
    snprintf(heads_path, sizeof(heads_path), "%s/heads.safetensors", dir);
    snprintf(model_path, sizeof(model_path), "%s/model.safetensors", dir);
}

static void drop_data(void)
{
    scratch_remove(dir);
}

static belay_status train(belay_ctx *ctx, bool files)
{
    const char *const overrides[] = { set_dir, "run.if_exists=resume" };
    const belay_data data = { .x = x, .rows = ROWS, .features = FEATURES, .labels = labels };
    belay_recipe *recipe = NULL;
    belay_trainer *trainer = NULL;
    belay_result result;
    belay_status status;

    BELAY_TRY_DONE(belay_recipe_parse(ctx, recipe_text, "alloc.yaml", overrides, 2, &recipe));
    belay_trainer_params params = { .recipe = recipe, .train = &data, .no_files = !files };
    BELAY_TRY_DONE(belay_trainer_create(ctx, &params, &trainer));
    BELAY_TRY_DONE(belay_trainer_run(trainer, NULL, NULL));
    BELAY_TRY_DONE(belay_trainer_finish(trainer, &result));
    BELAY_TRY_DONE(belay_trainer_save(trainer, model_path));
done:
    // An output is set only on success.
    if (status != BELAY_OK && !recipe)
        ck_assert_ptr_null(trainer);
    belay_trainer_destroy(&trainer);
    belay_recipe_destroy(&recipe);
    return status;
}

static belay_status train_in_memory(belay_ctx *ctx)
{
    return train(ctx, false);
}

static belay_status train_to_files(belay_ctx *ctx)
{
    return train(ctx, true);
}

static belay_status predict(belay_ctx *ctx)
{
    belay_model *model = NULL;
    float out[ROWS * 2];
    belay_status status;

    BELAY_TRY_DONE(belay_model_load(ctx, model_path, 4, &model));
    BELAY_TRY_DONE(belay_model_predict(model, x, ROWS, out));
    BELAY_TRY_DONE(belay_model_save(model, model_path));
done:
    belay_model_destroy(&model);
    return status;
}

// Two inputs and two heads of a table, trained, measured and saved.
static belay_status train_heads(belay_ctx *ctx)
{
    static const char text[] =
        "model: {inputs: {a: [age, sex], b: ['lab_*']}, layers: [{block: [{linear: 2}], from: a, as: p}, "
        "{linear: 2, from: b, as: q}, {add: , from: [p, q], as: t}, {linear: 3, from: t, name: kind}, "
        "{linear: 1, from: t, name: days}]}\n"
        "heads: {kind: {loss: cross_entropy, metrics: [f1, log_loss]}, days: {loss: mse, weight: 0.1}}\n"
        "data: {train: tests/data/two-heads-test.csv}\nsplit: {validation: 0.3}\n"
        "train: {batch: 16, epochs: 1}\n";
    static const char *const files[] = { "tests/data/two-heads-test.csv" };
    belay_recipe *recipe = NULL;
    belay_trainer *trainer = NULL;
    belay_model *model = NULL;
    belay_result result;
    belay_scores scores;
    belay_status status;

    BELAY_TRY_DONE(belay_recipe_parse(ctx, text, "alloc.yaml", NULL, 0, &recipe));
    belay_trainer_params params = { .recipe = recipe, .no_files = true };
    BELAY_TRY_DONE(belay_trainer_create(ctx, &params, &trainer));
    BELAY_TRY_DONE(belay_trainer_run(trainer, NULL, NULL));
    BELAY_TRY_DONE(belay_trainer_finish(trainer, &result));
    BELAY_TRY_DONE(belay_trainer_save(trainer, heads_path));
    BELAY_TRY_DONE(belay_model_load(ctx, heads_path, 4, &model));
    BELAY_TRY_DONE(belay_model_evaluate(model, NULL, files, 1, &scores));
done:
    belay_model_destroy(&model);
    belay_trainer_destroy(&trainer);
    belay_recipe_destroy(&recipe);
    return status;
}

static void host_copy(const belay_own_call *call, const double *const *in, double *y)
{
    memcpy(y, in[0], (size_t) call->y.dim[0] * sizeof(*y));
}

static void no_step(const double *options, uint64_t step, double h[BELAY_OWN_HYPER])
{
}

static void no_update(const double *h, int num_states, double g, double *p, double *s)
{
}

static belay_value *build_loss(belay_graph *g, belay_value *output, belay_value *target,
                               const double *options)
{
    return belay_mse_loss(g, output, target);
}

// What is registered stays, so the last try alone adds all of it.
static belay_status register_own(belay_ctx *ctx)
{
    const belay_own_op op = { .version = BELAY_OWN_VERSION, .name = "alloc_op", .num_x = 1,
                              .settings = { { "a", 1, "one" } }, .host = host_copy,
                              .source = "kernel void alloc_op(global float *y) {}" };
    const belay_own_loss loss = { .version = BELAY_OWN_VERSION, .name = "alloc_loss",
                                  .options = { { "b", 1, "one" } }, .build = build_loss };
    const belay_own_optimizer optimizer = { .version = BELAY_OWN_VERSION, .name = "alloc_step",
                                            .options = { { "lr", 1, "rate" } }, .hyper = no_step,
                                            .update = no_update, .source = "" };
    BELAY_TRY(belay_register_op(ctx, &op));
    BELAY_TRY(belay_register_loss(ctx, &loss));
    return belay_register_optimizer(ctx, &optimizer);
}

static belay_status build_graph(belay_ctx *ctx)
{
    belay_graph *g = NULL;
    belay_status status;

    BELAY_TRY_DONE(belay_graph_create(ctx, true, &g));
    belay_value *v = belay_input(g, "x", BELAY_F32, 2, (int64_t[]){ 5, 3 }, true);
    belay_value *w = belay_param(g, "w", 2, (int64_t[]){ 4, 3 });
    v = belay_softmax(g, belay_linear(g, v, w, NULL), -1);
    belay_mean(g, belay_concat(g, 2, (belay_value *[]){ v, v }, 1), 0, NULL, false);
    status = belay_graph_check(g);
done:
    belay_graph_destroy(&g);
    return status;
}

static belay_status list_devices(belay_ctx *ctx)
{
    belay_device_info *list = NULL;
    size_t count;
    belay_status status = belay_device_list(ctx, &list, &count);
    belay_device_list_free(&list);
    return status;
}

static belay_status whole(belay_status (*what)(belay_ctx *ctx))
{
    belay_ctx *ctx = NULL;
    belay_status status = belay_ctx_create(&(belay_ctx_params){ .device = "host" }, &ctx);

    if (status == BELAY_OK)
        status = what(ctx);
    else
        ck_assert_ptr_null(ctx);
    if (status != BELAY_OK && ctx)
        snprintf(last_message, sizeof(last_message), "%s", belay_ctx_error(ctx));
    if (status != BELAY_OK && ctx)
        ck_assert_msg(last_message[0] != '\0', "%s without a message", belay_status_name(status));
    belay_ctx_destroy(&ctx);
    return status;
}

// Fails allocation 0, 1, 2, … until none is left to fail. `before` prepares each try.
static void fail_each(belay_status (*what)(belay_ctx *ctx), void (*before)(void), bool forever)
{
    int step = getenv("BELAY_TEST_QUICK") ? 5 : 1, tries = 0, wrong = 0;
    int64_t used;

    for (int64_t n = 0;; n += step, tries++) {
        if (before)
            before();
        int64_t start = belay_alloc_count();
        belay_alloc_fail_at(n, forever);
        belay_status status = whole(what);
        belay_alloc_fail_at(-1, false);
        used = belay_alloc_count() - start;
        if (used <= n) {
            ck_assert_msg(status == BELAY_OK, "with memory enough: %s", belay_status_name(status));
            break;
        }
        if (status == BELAY_ERR_NOMEM || (status == BELAY_OK && !forever))
            continue;
        printf("allocation %lld failed, and it ended with %s: %s\n", (long long) n,
               belay_status_name(status), last_message);
        wrong++;
    }
    ck_assert_msg(wrong == 0, "%d of %d tries ended with another status", wrong, tries);
    ck_assert_int_gt(tries, 1);
    printf("%d tries up to %lld allocations\n", tries, (long long) used);
}

static void fresh_run(void)
{
    scratch_remove(run_dir);
}

// A run folder with one checkpoint less than its recipe asks for.
static void old_run(void)
{
    char path[400];
    fresh_run();
    ck_assert_int_eq(whole(train_to_files), BELAY_OK);
    snprintf(path, sizeof(path), "%s/result.json", run_dir);
    remove(path);
    snprintf(path, sizeof(path), "%s/checkpoints/step-00000006.safetensors", run_dir);
    ck_assert_msg(remove(path) == 0, "no %s", path);
}

START_TEST(a_training_in_memory)
{
    fail_each(train_in_memory, NULL, false);
}
END_TEST

START_TEST(a_training_in_memory_with_no_memory_from_then_on)
{
    fail_each(train_in_memory, NULL, true);
}
END_TEST

START_TEST(a_training_that_saves)
{
    fail_each(train_to_files, fresh_run, false);
}
END_TEST

START_TEST(going_on_with_a_run)
{
    fail_each(train_to_files, old_run, false);
}
END_TEST

START_TEST(loading_and_predicting)
{
    ck_assert_int_eq(whole(train_in_memory), BELAY_OK);
    fail_each(predict, NULL, false);
}
END_TEST

START_TEST(a_training_with_heads)
{
    fail_each(train_heads, NULL, false);
}
END_TEST

START_TEST(registering)
{
    fail_each(register_own, NULL, true);
}
END_TEST

START_TEST(building_a_graph)
{
    fail_each(build_graph, NULL, false);
}
END_TEST

// Listing asks the drivers, which allocate for themselves.
START_TEST(listing_devices)
{
    belay_alloc_fail_at(0, true);
    belay_status status = whole(list_devices);
    belay_alloc_fail_at(-1, false);
    ck_assert_int_eq(status, BELAY_ERR_NOMEM);
}
END_TEST

static Suite *suite_alloc(void)
{
    Suite *s = suite_create("alloc");
    TCase *c = tcase_create("each allocation fails once");

    tcase_add_unchecked_fixture(c, make_data, drop_data);
    tcase_add_test(c, building_a_graph);
    tcase_add_test(c, registering);
    tcase_add_test(c, a_training_with_heads);
    tcase_add_test(c, a_training_in_memory);
    tcase_add_test(c, a_training_in_memory_with_no_memory_from_then_on);
    tcase_add_test(c, loading_and_predicting);
    tcase_add_test(c, a_training_that_saves);
    tcase_add_test(c, going_on_with_a_run);
    tcase_add_test(c, listing_devices);
    suite_add_tcase(s, c);
    return s;
}

int main(void)
{
    return harness_main(suite_alloc, NULL);
}
