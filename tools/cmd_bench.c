#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "bench.h"

// Times training steps and products on the chosen device. Steps are enqueued as in training; a block
// of them ends with the device idle, and the median over blocks counts.

static int compare(const void *a, const void *b)
{
    double x = *(const double *) a, y = *(const double *) b;
    return (x > y) - (x < y);
}

belay_status bench_blocks(struct bench *b, int steps, belay_status (*step)(void *user), void *user)
{
    belay_status status = BELAY_OK;
    for (int i = 0; i < BLOCKS && status == BELAY_OK; i++) {
        double from = clock_seconds();
        for (int k = 0; k < steps && status == BELAY_OK; k++)
            status = step(user);
        if (status == BELAY_OK)
            status = belay_ctx_wait(b->ctx);
        b->block_ms[i] = (clock_seconds() - from) * 1e3 / steps;
    }
    qsort(b->block_ms, BLOCKS, sizeof(b->block_ms[0]), compare);
    return status;
}

void bench_print(struct bench *b)
{
    struct rusage usage;
    double ms = b->block_ms[BLOCKS / 2];
    getrusage(RUSAGE_SELF, &usage);
    printf("{\"workload\": ");
    json_text(stdout, b->workload);
    printf(", \"device\": ");
    json_text(stdout, belay_ctx_device(b->ctx));
    if (ms > 0) // not of a start alone
        printf(", \"median_ms\": %.5g, \"min_ms\": %.5g", ms, b->block_ms[0]);
    if (b->rows > 0 && ms > 0)
        printf(", \"samples_per_s\": %.0f", b->rows / ms * 1e3);
    if (b->flops > 0)
        printf(", \"gflops\": %.1f", b->flops / ms / 1e6);
    if (b->epoch > 0)
        printf(", \"epoch_s\": %.3f", b->epoch);
    printf(", \"first_step_s\": %.3f, \"peak_rss_mib\": %.0f, \"plan_bytes\": %llu}\n",
           b->first_step, (double) usage.ru_maxrss / 1024,
           (unsigned long long) belay_ctx_memory(b->ctx));
    fflush(stdout);
}

static const struct workload workloads[] = {
    { "tiny", "10-5-1, batch 32, SGD", bench_tiny, 200, bench_training },
    { "mlp", "Fashion-MNIST 784-256-128-10, batch 64, Adam", bench_mlp, 50, bench_training },
    { "mlp-epochs", "whole epochs of mlp with shuffling and validation", bench_mlp, 0,
      bench_epochs },
    { "mlp-start", "the start of mlp to the end of its first step", bench_mlp, 0, bench_start },
    { "mlp-saves", "mlp with a checkpoint every 50 steps: none, async, sync", bench_mlp, 0,
      bench_saves },
    { "gemm", "products of six shapes, three forms", NULL, 0, bench_products },
    { "cnn", "needs conv2d and max_pool2d", NULL, 0, NULL },
    { "resnet18", "needs conv2d, batch_norm and global pooling", NULL, 0, NULL },
    { "resnet50", "needs conv2d, batch_norm, max_pool2d and global pooling", NULL, 0, NULL },
    { "gpt", "needs embedding, layer_norm and attention", NULL, 0, NULL },
    { "lstm", "needs embedding and lstm", NULL, 0, NULL },
};
#define NUM_WORKLOADS (sizeof(workloads) / sizeof(workloads[0]))

static const struct workload *find(const char *name)
{
    for (size_t i = 0; i < NUM_WORKLOADS; i++)
        if (strcmp(workloads[i].name, name) == 0)
            return &workloads[i];
    return NULL;
}

static int bench_one(struct cli *cli, const struct workload *w)
{
    struct bench b = { .cli = cli, .workload = w->name, .started = clock_seconds() };
    if (!w->run)
        return cli_error(cli, EXIT_USAGE, "%s %s: not there yet", w->name, w->help);
    // A context for each, so that the start is measured too.
    belay_status status = cli_open(cli, &b.ctx);
    if (status == BELAY_OK)
        status = w->run(&b, w);
    int code = status == BELAY_OK ? EXIT_DONE : cli_fail(cli, status);
    belay_ctx_destroy(&b.ctx);
    return code;
}

static int unknown(struct cli *cli, const char *name)
{
    const char *names[NUM_WORKLOADS];
    for (size_t i = 0; i < NUM_WORKLOADS; i++)
        names[i] = workloads[i].name;
    const char *near = nearest(name, names, NUM_WORKLOADS);
    if (near)
        return cli_error(cli, EXIT_USAGE, "unknown workload '%s', did you mean '%s'?", name, near);
    return cli_error(cli, EXIT_USAGE, "unknown workload '%s': tiny, mlp, mlp-epochs, mlp-saves, "
                                      "mlp-start, gemm (cnn, resnet18, resnet50, gpt and lstm are not there yet)",
                     name);
}

static int run(struct cli *cli)
{
    static const char *const usual[] = { "tiny", "mlp", "gemm" };
    int code = EXIT_DONE;
    size_t num = cli->num_rest ? cli->num_rest : sizeof(usual) / sizeof(usual[0]);
    for (size_t i = 0; i < num && code == EXIT_DONE; i++) {
        const char *name = cli->num_rest ? cli->rest[i] : usual[i];
        const struct workload *w = find(name);
        if (!w)
            return unknown(cli, name);
        code = bench_one(cli, w);
    }
    return code;
}

static const struct option_row options[] = {
    OPTION_HELP,
    OPTION_JSON,
    OPTION_QUIET,
    OPTION_DEVICE,
    { "per-op", 0, NULL, "where the time goes: each kernel against the device's limits",
      FLAG(per_op) },
    { 0 },
};

const struct command command_bench = {
    .name = "bench",
    .args = "[WORKLOAD...]",
    .summary = "Times training steps and products on a device; one JSON line each",
    .detail = "Workloads: tiny, mlp (Fashion-MNIST, dataset-fashion-mnist), mlp-epochs, mlp-saves (the\n"
              "share of time lost to a checkpoint every 50 steps, in TMPDIR or /tmp), mlp-start (the\n"
              "start alone), gemm. Medians of\n"
              "blocks of steps that each end with the device idle. first_step_s counts from the\n"
              "start of the workload, epoch_s is a whole epoch with validation. With --per-op each\n"
              "kernel is timed too: its time, GF/s, GB/s, and the share of the lower bound in its time\n"
              "(flops over the measured peak or bytes over the measured bandwidth, the larger).\n",
    .options = options,
    .max_rest = 16,
    .run = run,
};
