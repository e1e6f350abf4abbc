// A graph as a program on two devices (the host, and the default one), for tests of training nodes.
#ifndef BELAY_TESTS_RIG_H
#define BELAY_TESTS_RIG_H

#include <string.h>

#include "base/rng.h"
#include "device/program.h"
#include "harness.h"

static struct belay_log logger = { .fn = harness_print };
static struct belay_device *devices[2];

static inline void open_devices(void)
{
    ck_log_ok(&logger, belay_device_open(&logger, "host", 0, &devices[0]));
    ck_log_ok(&logger, belay_device_open(&logger, NULL, 0, &devices[1]));
}

static inline void close_devices(void)
{
    belay_device_close(&devices[0]);
    belay_device_close(&devices[1]);
}

struct rig { // a graph as a program
    struct belay_graph *graph;
    struct belay_plan *plan;
    struct belay_program *program;
};

static inline void rig_begin(struct rig *r)
{
    memset(r, 0, sizeof(*r));
    ck_log_ok(&logger, belay_graph_new(&logger, true, &r->graph));
}

// Plan and program; then memory may be bound, before it is made ready.
static inline void rig_create(struct rig *r, struct belay_device *dev)
{
    ck_log_ok(&logger, belay_graph_check(r->graph));
    ck_log_ok(&logger, belay_graph_optimize(r->graph));
    const struct belay_plan_params params = { .align = dev->align };
    ck_log_ok(&logger, belay_plan_create(&logger, r->graph, &params, &r->plan));
    const struct belay_program_params program = { .device = dev, .plan = r->plan };
    ck_log_ok(&logger, belay_program_create(&program, &r->program));
}

static inline void rig_ready(struct rig *r, struct belay_device *dev)
{
    if (!r->program)
        rig_create(r, dev);
    ck_log_ok(&logger, belay_program_ready(r->program));
}

static inline void rig_set(struct rig *r, belay_value *v, const void *data)
{
    ck_log_ok(&logger, belay_program_set(r->program, v, data, 0));
}

static inline void rig_get(struct rig *r, belay_value *v, void *data)
{
    ck_log_ok(&logger, belay_program_get(r->program, v, data, 0));
}

static inline void rig_run(struct rig *r, int64_t rows)
{
    ck_log_ok(&logger, belay_program_run(r->program, rows));
}

static inline void rig_end(struct rig *r)
{
    belay_program_destroy(&r->program);
    belay_plan_destroy(&r->plan);
    belay_graph_destroy(&r->graph);
}

static inline belay_value *state(struct rig *r, const char *name, belay_dtype dtype, int64_t count)
{
    return belay_state(r->graph, name, dtype, 1, &count);
}

static inline void fill(float *x, size_t count, uint64_t stream, float scale)
{
    struct belay_rng rng;
    belay_rng_init(&rng, 7, stream);
    for (size_t i = 0; i < count; i++)
        x[i] = scale * (float) belay_rng_normal(&rng);
}

#endif
