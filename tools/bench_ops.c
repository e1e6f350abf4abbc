#include <math.h>
#include <string.h>

#include "bench.h"

// --per-op: where a step's time goes, kernel by kernel, against what the device could do at best.

// Bytes a second that a kernel with this many bytes can hope for: the best of any size that was
// measured, but what is larger than the caches can only hope for memory.
static double bandwidth_for(const belay_device_limits *l, double bytes)
{
    const int last = BELAY_BANDWIDTHS - 1;
    double best = l->bandwidth[last];
    for (int i = 0; i < last && bytes < l->working[last]; i++)
        if (l->bandwidth[i] > best && bytes <= 2 * l->working[i])
            best = l->bandwidth[i];
    return best;
}

// Seconds, without the launch.
static double bound_of(const belay_device_limits *l, const belay_op_time *op)
{
    double flops = l->flops > 0 ? op->flops / l->flops : 0;
    double bandwidth = bandwidth_for(l, op->bytes);
    double bytes = bandwidth > 0 ? op->bytes / bandwidth : 0;
    return flops > bytes ? flops : bytes;
}

struct sums {
    double seconds, bound, flops, bytes;
    int kernels;
};

static bool counts(const belay_op_time *op)
{
    return op->runs > 0 && op->bytes > 0; // views launch nothing
}

static struct sums sum_up(const belay_device_limits *l, const belay_op_time *ops, size_t count)
{
    struct sums s = { 0 };
    for (size_t i = 0; i < count; i++) {
        if (!counts(&ops[i]))
            continue;
        s.seconds += ops[i].seconds;
        s.bound += bound_of(l, &ops[i]);
        s.flops += ops[i].flops;
        s.bytes += ops[i].bytes;
        s.kernels++;
    }
    return s;
}

static double share(double part, double whole)
{
    return whole > 0 ? 100 * part / whole : 0;
}

static void print_table(const struct bench *b, const belay_device_limits *l,
                        const belay_op_time *ops, size_t count, const struct sums *s)
{
    printf("%s on %s\n%4s %-44s %-16s %9s %8s %8s %7s %6s\n", b->workload,
           belay_ctx_device(b->ctx), "", "kernel", "shape", "us", "GF/s", "GB/s", "bound", "time");
    for (size_t i = 0; i < count; i++) {
        const belay_op_time *op = &ops[i];
        double us = op->seconds * 1e6;
        if (!counts(op))
            continue;
        printf("%4d %-44.44s %-16.16s %9.1f %8.1f %8.1f %6.0f%% %5.1f%%\n", op->index, op->name,
               op->shape, us, us > 0 ? op->flops / us / 1e3 : 0, us > 0 ? op->bytes / us / 1e3 : 0,
               share(bound_of(l, op), op->seconds), share(op->seconds, s->seconds));
    }
    printf("bound: share of the kernel's lower bound in its time\n");
}

static void print_summary(const struct bench *b, const belay_device_limits *l,
                          const struct sums *s)
{
    double step = b->block_ms[BLOCKS / 2], launches = s->kernels * l->launch;
    printf("device: %.1f GF/s; ", l->flops / 1e9);
    for (int i = 0; i < BELAY_BANDWIDTHS; i++)
        printf("%.1f GB/s at %.2g MiB%s", l->bandwidth[i] / 1e9, l->working[i] / 1048576,
               i + 1 < BELAY_BANDWIDTHS ? ", " : "");
    printf("; launch %.2f us, with wait %.1f us\n", l->launch * 1e6, l->sync * 1e6);
    printf("step: %.4f ms; kernels alone %.4f; lower bounds %.4f + %d launches %.4f = %.4f ms "
           "(%.0f%% of the step)\n\n",
           step, s->seconds * 1e3, s->bound * 1e3, s->kernels, launches * 1e3,
           (s->bound + launches) * 1e3, share((s->bound + launches) * 1e3, step));
}

static void print_json(const struct bench *b, const belay_device_limits *l,
                       const belay_op_time *ops, size_t count, const struct sums *s)
{
    printf("{\"workload\": ");
    json_text(stdout, b->workload);
    printf(", \"device\": ");
    json_text(stdout, belay_ctx_device(b->ctx));
    printf(", \"peak_gflops\": %.5g, \"launch_us\": %.4g, \"sync_us\": %.4g, \"step_ms\": %.5g, "
           "\"kernels_ms\": %.5g, \"bounds_ms\": %.5g, \"launches\": %d, \"ops\": [",
           l->flops / 1e9, l->launch * 1e6, l->sync * 1e6, b->block_ms[BLOCKS / 2],
           s->seconds * 1e3, s->bound * 1e3, s->kernels);
    bool first = true;
    for (size_t i = 0; i < count; i++) {
        if (!counts(&ops[i]))
            continue;
        printf("%s{\"kernel\": ", first ? "" : ", ");
        json_text(stdout, ops[i].name);
        printf(", \"shape\": ");
        json_text(stdout, ops[i].shape);
        printf(", \"us\": %.5g, \"flops\": %.0f, \"bytes\": %.0f, \"bound_us\": %.5g}",
               ops[i].seconds * 1e6, ops[i].flops, ops[i].bytes, bound_of(l, &ops[i]) * 1e6);
        first = false;
    }
    printf("]}\n");
}

belay_status bench_ops(struct bench *b, int steps, belay_status (*step)(void *user), void *user)
{
    belay_device_limits limits = { 0 };
    const belay_tune_params want = { .limits_only = true, .limits = &limits };
    const belay_op_time *ops = NULL;
    size_t count = 0;
    if (!b->cli->per_op)
        return BELAY_OK;
    // The host reference has no limits: its times stand alone.
    belay_status status = belay_tune(b->ctx, &want);
    if (status == BELAY_OK || status == BELAY_ERR_UNSUPPORTED)
        status = belay_measure_ops(b->ctx, true, NULL, NULL);
    for (int i = 0; i < steps && status == BELAY_OK; i++)
        status = step(user);
    if (status != BELAY_OK)
        return status;
    status = belay_measure_ops(b->ctx, false, &ops, &count);
    if (status != BELAY_OK)
        return status;
    struct sums s = sum_up(&limits, ops, count);
    if (b->cli->json) {
        print_json(b, &limits, ops, count, &s);
    } else {
        print_table(b, &limits, ops, count, &s);
        print_summary(b, &limits, &s);
    }
    return BELAY_OK;
}
