// What an engine needs of the device's memory, counted before anything is asked for.
#include <string.h>

#include "base/str.h"
#include "train/engine_internal.h"

struct need { // bytes
    uint64_t params, activations, scratch, data, all;
    uint64_t largest; // of what must be one piece
};

// Parameters, gradients, states, a snapshot of all, one more of the weights; the groups of blocks.
static uint64_t count_arenas(const struct belay_engine *e)
{
    const uint64_t arena = (uint64_t) belay_engine_arena_count(e) * sizeof(float);
    if (e->eval_only)
        return arena;
    uint64_t bytes = 4 * arena + e->blocks * sizeof(int32_t);
    for (int i = 1; i <= e->num_states; i++)
        bytes += 2 * (uint64_t) belay_engine_count_of(e, i) * sizeof(float);
    return bytes;
}

// What the engine binds no memory of its own to gets it from the program.
static uint64_t count_unbound(const struct belay_engine *e, const struct belay_side *s)
{
    const belay_value *rows = s->rows, *scores = s->scores;
    uint64_t bytes = belay_plan_value_size(s->plan, rows);
    return bytes + (scores ? belay_plan_value_size(s->plan, scores) : 0);
}

static uint64_t count_small(const struct belay_engine *e)
{
    uint64_t floats = e->eval.log_slots * e->eval.log_width;
    if (e->p.confusion)
        floats += e->num_counts;
    if (e->p.loss_weights)
        floats += e->labels ? e->classes : e->targets;
    if (!e->eval_only)
        floats += 2 * BELAY_LOG_SLOTS * e->train.log_width;
    return floats * sizeof(float) + e->hyper_size + sizeof(e->ring[0].table) +
           count_unbound(e, &e->eval) + (e->eval_only ? 0 : count_unbound(e, &e->train));
}

static uint64_t larger(uint64_t a, uint64_t b)
{
    return a > b ? a : b;
}

static belay_status count_need(const struct belay_engine *e, struct need *out)
{
    const struct belay_plan *const plans[2] = { e->eval.plan, e->train.plan };
    const uint64_t x_row = (uint64_t) e->features * belay_device_dtype_size(e->dev, e->x_dtype);
    const uint64_t y_row = ((uint64_t) e->targets + e->weighted) * 4 + sizeof(int32_t);
    struct need n = { .params = count_arenas(e), .data = e->table_rows * (x_row + y_row) };
    BELAY_TRY(belay_device_plan_memory(e->dev, plans, e->eval_only ? 1 : 2, &n.scratch,
                                       &n.largest));
    n.largest = larger(n.largest, e->table_rows * x_row); // arenas come in slabs
    for (int i = 0; belay_engine_activation_size(e, i) > 0; i++) {
        n.activations += belay_engine_activation_size(e, i);
        n.largest = larger(n.largest, belay_engine_activation_size(e, i));
    }
    n.all = n.params + n.activations + n.scratch + n.data + count_small(e);
    *out = n;
    return BELAY_OK;
}

// What may still be asked for; UINT64_MAX: the device does not say.
static uint64_t room_of(const struct belay_device *dev)
{
    const uint64_t most = dev->memory_limit ? dev->memory_limit : dev->global_memory;
    if (!most)
        return UINT64_MAX;
    return most > dev->allocated ? most - dev->allocated : 0;
}

static bool fits(const struct belay_engine *e, const struct need *n)
{
    return n->all <= room_of(e->dev) && (!e->dev->max_alloc || n->largest <= e->dev->max_alloc);
}

// Plans the same training again with another batch.
static bool fits_with(const struct belay_engine *e, int64_t batch)
{
    struct belay_log quiet = { 0 };
    struct need n;
    bool answer = false;
    struct belay_engine *t = belay_alloc(sizeof(*t));
    if (!t)
        return false;
    t->log = &quiet;
    t->p = e->p;
    t->p.batch = batch;
    t->p.eval_batch = e->p.eval_batch < batch ? e->p.eval_batch : batch;
    t->dev = e->dev;
    t->eval_only = e->eval_only;
    t->num_moments = e->num_moments;
    t->num_states = e->num_states;
    memcpy(t->state_index, e->state_index, sizeof(t->state_index));
    if (belay_engine_place_data(t) == BELAY_OK && belay_engine_build_graphs(t) == BELAY_OK &&
        belay_engine_lay_out(t) == BELAY_OK && belay_engine_finish_graphs(t) == BELAY_OK)
        answer = count_need(t, &n) == BELAY_OK && fits(t, &n);
    belay_engine_destroy(&t);
    return answer;
}

// 0: not even one row.
static int64_t largest_batch(const struct belay_engine *e)
{
    int64_t low = 0, high = e->eval_only ? e->p.eval_batch : e->p.batch;
    if (!e->eval_only && e->p.eval_batch > high && fits_with(e, high))
        return high; // evaluation alone was too large
    while (high - low > 1) {
        const int64_t middle = low + (high - low) / 2;
        if (fits_with(e, middle))
            low = middle;
        else
            high = middle;
    }
    return low;
}

static belay_status refuse(struct belay_engine *e, const struct need *n)
{
    struct belay_str s = { 0 };
    const int64_t batch = largest_batch(e);
    belay_str_addf(&s, "%s: batches of %lld need ", e->dev->select,
                   (long long) (e->eval_only ? e->p.eval_batch : e->p.batch));
    belay_str_add_size(&s, n->all);
    belay_str_add(&s, " (parameters and optimizer ");
    belay_str_add_size(&s, n->params);
    belay_str_add(&s, ", activations ");
    belay_str_add_size(&s, n->activations);
    belay_str_add(&s, ", scratch ");
    belay_str_add_size(&s, n->scratch);
    belay_str_add(&s, ", data ");
    belay_str_add_size(&s, n->data);
    belay_str_add(&s, "), the device has ");
    belay_str_add_size(&s, room_of(e->dev));
    if (e->dev->max_alloc && n->largest > e->dev->max_alloc) {
        belay_str_add(&s, " and gives at most ");
        belay_str_add_size(&s, e->dev->max_alloc);
        belay_str_add(&s, " in one piece, where ");
        belay_str_add_size(&s, n->largest);
        belay_str_add(&s, " are wanted");
    }
    if (batch > 0)
        belay_str_addf(&s, "; the largest batch that fits is %lld (train.batch, train.eval_batch)",
                       (long long) batch);
    else
        belay_str_add(&s, "; not even a batch of 1 fits");
    belay_status status = s.failed ? belay_fail_nomem(e->log, s.length)
                                   : belay_fail(e->log, BELAY_ERR_NOMEM, "%s", s.text);
    belay_str_free(&s);
    return status;
}

belay_status belay_engine_check_memory(struct belay_engine *e)
{
    struct need n;
    BELAY_TRY(count_need(e, &n));
    return fits(e, &n) ? BELAY_OK : refuse(e, &n);
}
