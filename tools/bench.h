// What the files of `belay bench` share.
#ifndef BELAY_TOOLS_BENCH_H
#define BELAY_TOOLS_BENCH_H

#include "cli.h"

#define BLOCKS 41

struct bench {
    struct cli *cli;
    belay_ctx *ctx;
    double started;
    const char *workload;
    double block_ms[BLOCKS];  // of a step
    double first_step, epoch; // seconds; epoch 0: not measured
    double rows, flops;       // of one step; 0: not said
};

struct workload {
    const char *name, *help;
    const char *recipe; // NULL: not a training
    int steps;          // of a block
    belay_status (*run)(struct bench *b, const struct workload *w);
};

extern const char bench_tiny[], bench_mlp[]; // recipes
belay_status bench_training(struct bench *b, const struct workload *w);
belay_status bench_start(struct bench *b, const struct workload *w);
belay_status bench_epochs(struct bench *b, const struct workload *w);
belay_status bench_saves(struct bench *b, const struct workload *w);
belay_status bench_products(struct bench *b, const struct workload *w);

// Runs `steps` of them block after block, each until the device is idle, and sorts the times.
belay_status bench_blocks(struct bench *b, int steps, belay_status (*step)(void *user),
                          void *user);
void bench_print(struct bench *b);
// --per-op: the same steps with each kernel timed, and the table of it; nothing without the option.
belay_status bench_ops(struct bench *b, int steps, belay_status (*step)(void *user), void *user);

#endif
