// Trains a 10-5-1 network on data it makes itself, saves it, loads it and predicts.
#include <belay/belay.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

enum { ROWS = 2000, FEATURES = 10 };

static const char recipe_text[] =
    "model: {input: [10], layers: [{linear: 5}, relu, {linear: 1}]}\n"
    "split: {validation: 0.2}\n"
    "loss: mse\n"
    "optimizer: {name: sgd, lr: 0.05}\n"
    "train: {batch: 50, epochs: 500}\n"
    "stop: {patience: 10, min_delta: 0.0001}\n";

static void check(belay_ctx *ctx, belay_status status)
{
    if (status == BELAY_OK)
        return;
    fprintf(stderr, "%s: %s\n", belay_status_name(status), belay_ctx_error(ctx));
    exit(1);
}

int main(void)
{
    static float x[ROWS * FEATURES], y[ROWS], prediction[3];
    belay_ctx *ctx = NULL;
    belay_recipe *recipe = NULL;
    belay_trainer *trainer = NULL;
    belay_model *model = NULL;
    belay_result result;

    for (int i = 0; i < ROWS * FEATURES; i++)
        x[i] = 2.0f * (float) rand() / (float) RAND_MAX - 1.0f;
    for (int i = 0; i < ROWS; i++)
        y[i] = fmaxf(0, x[i * FEATURES]) - 0.5f * x[i * FEATURES + 1];

    check(ctx, belay_ctx_create(NULL, &ctx)); // BELAY_DEVICE chooses the device
    check(ctx, belay_recipe_parse(ctx, recipe_text, "tiny", NULL, 0, &recipe));
    belay_data data = { .x = x, .rows = ROWS, .features = FEATURES, .y = y, .targets = 1 };
    belay_trainer_params params = { .recipe = recipe, .train = &data, .no_files = true };
    check(ctx, belay_trainer_create(ctx, &params, &trainer));
    check(ctx, belay_trainer_run(trainer, NULL, NULL)); // until 10 checks brought nothing better
    check(ctx, belay_trainer_finish(trainer, &result));
    printf("%s\n", result.sentence);
    check(ctx, belay_trainer_save(trainer, "tiny.safetensors"));
    check(ctx, belay_model_load(ctx, "tiny.safetensors", 0, &model));
    check(ctx, belay_model_predict(model, x, 3, prediction));
    for (int i = 0; i < 3; i++)
        printf("row %d: wanted %.3f, predicted %.3f\n", i, y[i], prediction[i]);
    belay_model_destroy(&model);
    belay_trainer_destroy(&trainer);
    belay_recipe_destroy(&recipe);
    belay_ctx_destroy(&ctx);
}
