// Running: training steps without waiting, evaluation passes, reading what they logged.
#include <string.h>

#include "train/engine_internal.h"

belay_status belay_engine_next_slot(struct belay_engine *e, struct belay_ring_slot **out)
{
    struct belay_ring_slot *slot = &e->ring[e->turn % RING];
    // No more than IN_FLIGHT steps ahead: wait for the one that many turns ago.
    struct belay_ring_slot *old = &e->ring[(e->turn + RING - IN_FLIGHT) % RING];
    if (old->used) {
        BELAY_TRY(belay_device_wait(e->dev, old->token));
        old->used = false;
    }
    if (slot->used) {
        BELAY_TRY(belay_device_wait(e->dev, slot->token));
        slot->used = false;
    }
    e->turn++;
    *out = slot;
    return BELAY_OK;
}

static belay_status end_slot(struct belay_engine *e, struct belay_ring_slot *slot)
{
    BELAY_TRY(belay_device_mark(e->dev, &slot->token));
    slot->used = true;
    return belay_device_flush(e->dev);
}

belay_status belay_engine_order(struct belay_engine *e, const int32_t *order, size_t rows)
{
    struct belay_ring_slot *slot;
    size_t size = rows * sizeof(*order);
    if (e->stream) {
        memcpy(e->host_order, order, size);
        return BELAY_OK;
    }
    BELAY_TRY(belay_engine_next_slot(e, &slot));
    if (!slot->order)
        return belay_buf_write(e->dev, &e->order, 0, order, size, true);
    memcpy(slot->order, order, size);
    BELAY_TRY(belay_buf_write(e->dev, &e->order, 0, slot->order, size, false));
    return end_slot(e, slot);
}

// Writes the step table (and streams the rows) for one batch.
static belay_status begin_batch(struct belay_engine *e, struct belay_ring_slot *slot,
                                uint64_t step, size_t first, size_t rows, uint64_t log_slot)
{
    slot->table[0] = (int32_t) (uint32_t) step;
    slot->table[1] = (int32_t) (uint32_t) (step >> 32);
    slot->table[2] = e->stream ? 0 : (int32_t) first;
    slot->table[3] = (int32_t) log_slot;
    if (e->stream)
        BELAY_TRY(belay_engine_stream_rows(e, slot, first, rows));
    return belay_buf_write(e->dev, &e->step_table, 0, slot->table, sizeof(slot->table), false);
}

void belay_engine_decode_log(struct belay_loss_log *l, const float *log, size_t width)
{
    size_t first = (size_t) ((l->next_slot + BELAY_LOG_SLOTS - l->unread) % BELAY_LOG_SLOTS);
    for (size_t i = 0; i < l->unread; i++) {
        size_t slot = (first + i) % BELAY_LOG_SLOTS;
        const float *row = log + slot * width;
        l->sum += l->weight[slot] * (double) row[0];
        if (!l->last[slot])
            continue;
        l->loss[l->steps] = (float) l->sum;
        l->norm[l->steps++] = row[1];
        l->sum = 0;
    }
    l->unread = 0;
}

// Takes the losses of batches off the device's log.
static belay_status read_log(struct belay_engine *e)
{
    size_t width = e->train.log_width;
    if (e->losses.unread == 0)
        return BELAY_OK;
    BELAY_TRY(belay_buf_read(e->dev, &e->train_log, 0, e->log_copy,
                             BELAY_LOG_SLOTS * width * sizeof(float)));
    belay_engine_decode_log(&e->losses, e->log_copy, width);
    return BELAY_OK;
}

// The mean of the weights: it forgets the first ones fast, as if it had seen no more steps.
static double ema_share(const struct belay_engine *e, uint64_t step)
{
    double t = (double) step + 1, early = (1 + t) / (10 + t);
    return 1 - (early < e->p.ema ? early : e->p.ema);
}

static belay_status run_batch(struct belay_engine *e, const struct belay_step_scalars *s,
                              uint64_t index, size_t at, size_t rows)
{
    struct belay_ring_slot *slot;
    struct belay_loss_log *l = &e->losses;
    if (l->unread >= BELAY_LOG_SLOTS)
        BELAY_TRY(read_log(e));
    BELAY_TRY(belay_engine_next_slot(e, &slot));
    float *common = slot->hyper + e->common_at / sizeof(float);
    bool last = at + rows == s->rows;
    memcpy(slot->hyper, s->hyper, (size_t) e->p.num_groups * BELAY_HYPER * sizeof(float));
    common[BELAY_COMMON_WEIGHT] = (float) ((double) rows / (double) s->rows);
    common[BELAY_COMMON_EMA] = (float) ema_share(e, s->step);
    common[BELAY_COMMON_LAST] = last;
    l->weight[l->next_slot] = (double) rows / (double) s->rows;
    l->last[l->next_slot] = last;
    BELAY_TRY(begin_batch(e, slot, s->step * (uint64_t) e->p.accumulate + index, s->first + at,
                          rows, l->next_slot));
    BELAY_TRY(belay_buf_write(e->dev, &e->hyper, 0, slot->hyper, e->hyper_size, false));
    BELAY_TRY(belay_program_run(e->train.program, (int64_t) rows));
    l->next_slot = (l->next_slot + 1) % BELAY_LOG_SLOTS;
    l->unread++;
    return end_slot(e, slot);
}

belay_status belay_engine_step(struct belay_engine *e, const struct belay_step_scalars *s)
{
    size_t batch = (size_t) e->p.batch;
    if (e->open_steps >= BELAY_LOG_SLOTS)
        return belay_fail(e->log, BELAY_ERR_ARG, "engine: %d losses are unread", BELAY_LOG_SLOTS);
    uint64_t index = 0;
    for (size_t at = 0; at < s->rows; at += batch, index++)
        BELAY_TRY(run_batch(e, s, index, at, s->rows - at < batch ? s->rows - at : batch));
    e->open_steps++;
    return BELAY_OK;
}

belay_status belay_engine_losses(struct belay_engine *e, float *loss, float *norm, size_t *count)
{
    *count = 0;
    BELAY_TRY(read_log(e));
    belay_loss_log_take(&e->losses, loss, norm, count);
    e->open_steps = 0;
    return BELAY_OK;
}

// ---- evaluation ----

struct pass {
    double loss, weight;
    size_t batch_rows[BELAY_LOG_SLOTS];
    size_t batches; // since the last read
};

static belay_status read_pass(struct belay_engine *e, struct pass *p)
{
    size_t width = e->eval.log_width;
    BELAY_TRY(belay_buf_read(e->dev, &e->eval_log, 0, e->log_copy,
                             p->batches * width * sizeof(float)));
    for (size_t i = 0; i < p->batches; i++) {
        const float *row = e->log_copy + i * width;
        double weight = e->eval.total ? (double) row[width - 1] : (double) p->batch_rows[i];
        p->loss += (double) row[0] * weight;
        p->weight += weight;
        if (e->p.num_heads)
            belay_engine_heads_log(e, row + 1, weight);
        else if (e->p.regression)
            belay_regression_add(e->regression_sum, row + 1, e->targets);
    }
    p->batches = 0;
    return BELAY_OK;
}

// Counts on the device are exact floats up to 2^24: they are taken over before that.
static belay_status take_counts(struct belay_engine *e)
{
    size_t count = e->num_counts;
    if (!e->p.confusion)
        return BELAY_OK;
    BELAY_TRY(belay_buf_read(e->dev, &e->counts, 0, e->counts_copy, count * sizeof(float)));
    for (size_t i = 0; i < count; i++)
        e->counts_sum[i] += e->counts_copy[i];
    return belay_buf_zero(e->dev, &e->counts, 0, count * sizeof(float));
}

// The rows of the training part come in another order than the host's labels.
static bool has_scores(const struct belay_engine *e, enum belay_part part)
{
    return e->p.scores && part != BELAY_PART_TRAIN;
}

static belay_status make_scores(struct belay_engine *e, enum belay_part part)
{
    size_t count;
    if (has_scores(e, part) && e->p.num_heads)
        return belay_engine_heads_begin(e, part);
    if (!has_scores(e, part) || e->rows[part] <= e->scores_room)
        return BELAY_OK;
    belay_free(e->scores);
    e->scores_room = 0;
    e->scores = belay_mul_size(e->rows[part], e->classes, &count)
                    ? belay_alloc_array(count, sizeof(float))
                    : NULL;
    if (!e->scores)
        return belay_fail_nomem(e->log, e->rows[part] * e->classes * sizeof(float));
    e->scores_room = e->rows[part];
    return BELAY_OK;
}

// Waits for the batch.
static belay_status take_scores(struct belay_engine *e, enum belay_part part, size_t at, size_t n)
{
    if (!has_scores(e, part))
        return BELAY_OK;
    if (e->p.num_heads)
        return belay_engine_heads_scores(e, at, n);
    // The output has planned size; only the first rows are meant.
    return belay_buf_read(e->dev, belay_program_buf(e->eval.program, e->eval.scores), 0,
                          e->scores + at * e->classes, n * e->classes * sizeof(float));
}

#define COUNT_LIMIT ((size_t) 1 << 23)
#define WEIGHTED_LIMIT ((size_t) 1 << 14) // sums of weights are not exact

static belay_status run_pass(struct belay_engine *e, enum belay_part part, struct pass *p)
{
    size_t batch = (size_t) e->p.eval_batch, rows = e->rows[part], since = 0;
    for (size_t at = 0; at < rows; at += batch) {
        struct belay_ring_slot *slot;
        size_t n = rows - at < batch ? rows - at : batch;
        BELAY_TRY(belay_engine_next_slot(e, &slot));
        BELAY_TRY(begin_batch(e, slot, 0, e->first[part] + at, n, p->batches));
        BELAY_TRY(belay_program_run(e->eval.program, (int64_t) n));
        BELAY_TRY(end_slot(e, slot));
        BELAY_TRY(take_scores(e, part, at, n));
        p->batch_rows[p->batches++] = n;
        since += n;
        if (p->batches == e->eval.log_slots)
            BELAY_TRY(read_pass(e, p));
        if (since > (e->weighted ? WEIGHTED_LIMIT : COUNT_LIMIT)) {
            BELAY_TRY(take_counts(e));
            since = 0;
        }
    }
    return read_pass(e, p);
}

belay_status belay_engine_evaluate(struct belay_engine *e, enum belay_part part,
                                   struct belay_eval_sums *out)
{
    size_t count = e->num_counts;
    belay_status status = BELAY_OK;
    memset(out, 0, sizeof(*out) * (1 + e->p.num_heads));
    if (e->rows[part] == 0)
        return belay_fail(e->log, BELAY_ERR_ARG, "engine: part %d has no rows", (int) part);
    struct pass *p = belay_alloc(sizeof(*p));
    if (!p)
        return belay_fail_nomem(e->log, sizeof(*p));
    memset(e->counts_sum, 0, count * sizeof(double));
    memset(e->regression_sum, 0, e->num_regression * sizeof(double));
    for (size_t i = 0; i < e->p.num_heads; i++)
        e->head_sums[i].loss = 0;
    if (e->p.confusion)
        BELAY_TRY_DONE(belay_buf_zero(e->dev, &e->counts, 0, count * sizeof(float)));
    BELAY_TRY_DONE(make_scores(e, part));
    BELAY_TRY_DONE(run_pass(e, part, p));
    BELAY_TRY_DONE(take_counts(e));
    out->rows = e->rows[part];
    out->loss = p->loss / p->weight;
    if (e->p.num_heads) {
        belay_engine_heads_end(e, part, p->weight, out + 1);
        goto done;
    }
    out->classes = e->classes;
    out->confusion = e->p.confusion ? e->counts_sum : NULL;
    out->targets = e->targets;
    out->regression = e->p.regression ? e->regression_sum : NULL;
    if (has_scores(e, part))
        out->scores = (struct belay_score_rows){ out->rows, e->classes, e->scores,
                                                 e->p.parts[part]->labels,
                                                 e->p.parts[part]->weights };
done:
    belay_free(p);
    return status;
}
