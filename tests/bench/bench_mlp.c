// Times training steps of the workloads `tiny` and `mlp`, by the public API alone.
//   bench_mlp tiny|mlp [STEPS]
// Prints one JSON line: milliseconds a step (median over blocks of 50 steps, each ending with the
// device idle), seconds of a whole epoch with validation, seconds from start to the first finished
// step, peak memory.
#include <belay/belay.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "base/clock.h"
#include "device/context.h"

#define BLOCK 50
#define MAX_BLOCKS 400

static const char tiny[] = "model: {input: [10], layers: [{linear: 5}, relu, {linear: 1}]}\n"
                           "split: {validation: 0.1}\nloss: mse\noptimizer: {name: sgd, lr: 0.01}\n"
                           "train: {batch: 32, epochs: 1000000}\n"
                           "check: {every: 1000000 steps}\nstop: {patience: off}\n";

static const char mlp[] =
    "model: {input: [784], layers: [{linear: 256}, relu, {linear: 128}, relu, {linear: 10}]}\n"
    "data: {format: idx, root: /usr/share/datasets/fashion-mnist,\n"
    "  train: [train-images-idx3-ubyte.gz, train-labels-idx1-ubyte.gz]}\n"
    "split: {validation: 0.1}\noptimizer: {name: adam, lr: 0.001}\n"
    "train: {batch: 64, epochs: 1000000}\nstop: {patience: off}\n";

static double started;

static void check(belay_ctx *ctx, belay_status status)
{
    if (status == BELAY_OK)
        return;
    fprintf(stderr, "%s: %s\n", belay_status_name(status), belay_ctx_error(ctx));
    exit(1);
}

static int compare(const void *a, const void *b)
{
    double x = *(const double *) a, y = *(const double *) b;
    return (x > y) - (x < y);
}

static void step(belay_ctx *ctx, belay_trainer *t, belay_progress *p, bool idle)
{
    check(ctx, belay_trainer_step(t, p));
    if (idle)
        check(ctx, belay_device_finish(ctx->device));
}

static belay_trainer *make(belay_ctx *ctx, const char *text)
{
    static float x[4000 * 10], y[4000];
    belay_recipe *recipe;
    belay_trainer *t;
    for (int i = 0; i < 4000 * 10; i++)
        x[i] = (float) rand() / (float) RAND_MAX;
    for (int i = 0; i < 4000; i++)
        y[i] = x[i * 10] - x[i * 10 + 1];
    belay_data data = { .x = x, .rows = 4000, .features = 10, .y = y, .targets = 1 };
    check(ctx, belay_recipe_parse(ctx, text, "bench", NULL, 0, &recipe));
    belay_trainer_params params = { .recipe = recipe, .train = text == tiny ? &data : NULL,
                                    .no_files = true };
    check(ctx, belay_trainer_create(ctx, &params, &t));
    belay_recipe_destroy(&recipe);
    return t;
}

int main(int argc, char **argv)
{
    static double blocks[MAX_BLOCKS];
    belay_ctx *ctx;
    belay_progress p;
    struct rusage usage;
    started = belay_clock_now();
    const char *text = argc > 1 && strcmp(argv[1], "mlp") == 0 ? mlp : tiny;
    int num = (argc > 2 ? atoi(argv[2]) : 2000) / BLOCK;
    num = num < 1 ? 1 : num > MAX_BLOCKS ? MAX_BLOCKS : num;
    check(NULL, belay_ctx_create(NULL, &ctx));
    belay_trainer *t = make(ctx, text);
    step(ctx, t, &p, true);
    double first = belay_clock_now() - started;
    do // to the end of an epoch: partial batch and check are warm then
        step(ctx, t, &p, false);
    while (p.step % p.steps_per_epoch != 0);
    step(ctx, t, &p, true);
    double epoch = belay_clock_now();
    do
        step(ctx, t, &p, false);
    while (p.step % p.steps_per_epoch != 0);
    check(ctx, belay_device_finish(ctx->device));
    epoch = belay_clock_now() - epoch;
    for (int b = 0; b < num; b++) {
        double from = belay_clock_now();
        for (int i = 0; i < BLOCK; i++)
            step(ctx, t, &p, i + 1 == BLOCK);
        blocks[b] = (belay_clock_now() - from) * 1e3 / BLOCK;
    }
    qsort(blocks, (size_t) num, sizeof(*blocks), compare);
    getrusage(RUSAGE_SELF, &usage);
    printf("{\"workload\":\"%s\",\"device\":\"%s\",\"median_ms\":%.4f,\"min_ms\":%.4f,"
           "\"epoch_s\":%.3f,\"first_step_s\":%.3f,\"peak_rss_mib\":%.0f}\n",
           text == mlp ? "mlp" : "tiny", belay_ctx_device(ctx), blocks[num / 2], blocks[0], epoch,
           first, (double) usage.ru_maxrss / 1024);
    belay_trainer_destroy(&t);
    belay_ctx_destroy(&ctx);
    return 0;
}
