#include <stdlib.h>
#include <string.h>

#include "bench.h"

// Training steps as `belay train` makes them, and whole epochs.

#define TINY_ROWS 4000
#define EPOCHS 6 // timed, after one that warms up

const char bench_tiny[] =
    "model: {input: [10], layers: [{linear: 5}, relu, {linear: 1}]}\n"
    "split: {validation: 0.1}\nloss: mse\noptimizer: {name: sgd, lr: 0.01}\n"
    "train: {batch: 32, epochs: off}\nstop: {patience: off}\n";

const char bench_mlp[] =
    "model: {input: [784], layers: [{linear: 256}, relu, {linear: 128}, relu, {linear: 10}]}\n"
    "data: {format: idx, root: /usr/share/datasets/fashion-mnist,\n"
    "  train: [train-images-idx3-ubyte.gz, train-labels-idx1-ubyte.gz]}\n"
    "split: {validation: 0.1}\noptimizer: {name: adam, lr: 0.001}\n"
    "train: {batch: 64, epochs: off}\nstop: {patience: off}\n";

struct run {
    struct bench *b;
    belay_recipe *recipe;
    belay_trainer *trainer;
    belay_progress p;
};

static belay_status one_step(void *user)
{
    struct run *run = user;
    return belay_trainer_step(run->trainer, &run->p);
}

static belay_status one_epoch(struct run *run)
{
    belay_status status;
    do
        status = one_step(run);
    while (status == BELAY_OK && run->p.step % run->p.steps_per_epoch != 0);
    return status == BELAY_OK ? belay_ctx_wait(run->b->ctx) : status;
}

static belay_status open_tiny(struct run *run, const belay_trainer_params *params)
{
    static float x[TINY_ROWS * 10], y[TINY_ROWS];
    for (int i = 0; i < TINY_ROWS * 10; i++)
        x[i] = (float) rand() / (float) RAND_MAX;
    for (int i = 0; i < TINY_ROWS; i++)
        y[i] = x[i * 10] - x[i * 10 + 1];
    belay_data data = { .x = x, .rows = TINY_ROWS, .features = 10, .y = y, .targets = 1 };
    belay_trainer_params with = *params;
    with.train = &data;
    return belay_trainer_create(run->b->ctx, &with, &run->trainer);
}

// Up to the end of the first step.
static belay_status open_run(struct run *run, const struct workload *w)
{
    struct bench *b = run->b;
    belay_status status = belay_recipe_parse(b->ctx, w->recipe, w->name, NULL, 0, &run->recipe);
    belay_trainer_params params = { .recipe = run->recipe, .no_files = true };
    b->rows = w->recipe == bench_tiny ? 32 : 64;
    if (status == BELAY_OK)
        status = w->recipe == bench_tiny ? open_tiny(run, &params)
                                         : belay_trainer_create(b->ctx, &params, &run->trainer);
    if (status == BELAY_OK)
        status = one_step(run);
    if (status == BELAY_OK)
        status = belay_ctx_wait(b->ctx);
    b->first_step = clock_seconds() - b->started;
    return status;
}

static void close_run(struct run *run)
{
    belay_trainer_destroy(&run->trainer);
    belay_recipe_destroy(&run->recipe);
}

static belay_status time_epoch(struct run *run, double *seconds)
{
    double from = clock_seconds();
    belay_status status = one_epoch(run);
    *seconds = clock_seconds() - from;
    return status;
}

belay_status bench_training(struct bench *b, const struct workload *w)
{
    struct run run = { .b = b };
    belay_status status = open_run(&run, w);
    // The first epoch warms up the smaller last batch and the check.
    if (status == BELAY_OK)
        status = one_epoch(&run);
    if (status == BELAY_OK)
        status = time_epoch(&run, &b->epoch);
    if (status == BELAY_OK)
        status = bench_blocks(b, w->steps, one_step, &run);
    if (status == BELAY_OK)
        bench_print(b);
    // From the start of an epoch, so that no check comes between.
    if (status == BELAY_OK && b->cli->per_op && run.p.step % run.p.steps_per_epoch != 0)
        status = one_epoch(&run);
    if (status == BELAY_OK)
        status = bench_ops(b, 60, one_step, &run);
    close_run(&run);
    return status;
}

// The start alone: what a run takes to the end of its first step.
belay_status bench_start(struct bench *b, const struct workload *w)
{
    struct run run = { .b = b };
    belay_status status = open_run(&run, w);
    if (status == BELAY_OK)
        bench_print(b);
    close_run(&run);
    return status;
}

static int compare(const void *a, const void *b)
{
    double x = *(const double *) a, y = *(const double *) b;
    return (x > y) - (x < y);
}

belay_status bench_epochs(struct bench *b, const struct workload *w)
{
    struct run run = { .b = b };
    double seconds[EPOCHS];
    belay_status status = open_run(&run, w);
    if (status == BELAY_OK)
        status = one_epoch(&run);
    for (int i = 0; i < EPOCHS && status == BELAY_OK; i++)
        status = time_epoch(&run, &seconds[i]);
    if (status == BELAY_OK) {
        qsort(seconds, EPOCHS, sizeof(seconds[0]), compare);
        b->epoch = seconds[EPOCHS / 2];
        for (int i = 0; i < BLOCKS; i++)
            b->block_ms[i] = b->epoch * 1e3 / (double) run.p.steps_per_epoch;
        b->block_ms[0] = seconds[0] * 1e3 / (double) run.p.steps_per_epoch;
        bench_print(b);
    }
    close_run(&run);
    return status;
}
