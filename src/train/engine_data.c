// Data on the device: one table for all parts, or a window of one batch that rows stream through.
#include <string.h>

#include "base/env.h"
#include "tensor/dtype.h"
#include "train/engine_internal.h"

static const struct belay_dataset *part_of(const struct belay_engine *e, int part)
{
    const struct belay_dataset *d = e->p.parts[part];
    return d && d->rows > 0 ? d : NULL;
}

static belay_status check_part(struct belay_engine *e, const struct belay_dataset *d,
                               const struct belay_dataset *first)
{
    if (d->features != first->features || d->targets != first->targets ||
        d->classes != first->classes || d->dtype != first->dtype ||
        !d->labels != !first->labels)
        return belay_fail(e->log, BELAY_ERR_DATA,
                          "data: parts differ: %zu features, %zu targets, %zu classes beside "
                          "%zu, %zu, %zu",
                          first->features, first->targets, first->classes, d->features,
                          d->targets, d->classes);
    if (e->p.loss->classes && !d->labels)
        return belay_fail(e->log, BELAY_ERR_RECIPE, "loss %s needs classes, the data have numbers",
                          e->p.loss->name);
    if (!e->p.loss->classes && !d->y)
        return belay_fail(e->log, BELAY_ERR_RECIPE, "loss %s needs numbers, the data have classes",
                          e->p.loss->name);
    return BELAY_OK;
}

// 0 / 0 is no loss.
static belay_status check_weights(struct belay_engine *e, const struct belay_dataset *d)
{
    double sum = 0;
    for (size_t i = 0; d->weights && i < d->rows; i++)
        sum += (double) d->weights[i];
    if (!d->weights || sum > 0)
        return BELAY_OK;
    return belay_fail(e->log, BELAY_ERR_DATA, "%s: the weights of all %zu rows are 0",
                      d->file ? d->file : "data", d->rows);
}

static size_t row_bytes(const struct belay_engine *e)
{
    return e->features * belay_dtype_size(e->x_dtype) +
           (e->targets + e->weighted) * sizeof(float);
}

// Resident when the table takes at most a quarter of the memory and fits one buffer.
static bool must_stream(const struct belay_engine *e, size_t rows)
{
    const struct belay_device *dev = e->dev;
    const char *forced = belay_env("BELAY_STREAM");
    uint64_t bytes = (uint64_t) rows * row_bytes(e);
    if (e->p.stream || (forced && strcmp(forced, "1") == 0))
        return true;
    uint64_t limit = dev->memory_limit ? dev->memory_limit : dev->global_memory;
    return (dev->max_alloc && bytes > dev->max_alloc) || (limit && bytes > limit / 4);
}

belay_status belay_engine_place_data(struct belay_engine *e)
{
    const struct belay_dataset *first = NULL;
    size_t at = 0;
    for (int i = 0; i < BELAY_NUM_PARTS; i++) {
        const struct belay_dataset *d = part_of(e, i);
        if (!d)
            continue;
        first = first ? first : d;
        BELAY_TRY(check_part(e, d, first));
        BELAY_TRY(check_weights(e, d));
        e->weighted = e->weighted || d->weights;
        e->rows[i] = d->rows;
        if (i == BELAY_PART_TRAIN && e->p.train_rows && e->p.train_rows < d->rows)
            e->rows[i] = e->p.train_rows;
        e->first[i] = at;
        at += e->rows[i];
    }
    if (!first)
        return belay_fail(e->log, BELAY_ERR_DATA, "data: there are no rows");
    e->features = first->features;
    e->targets = first->labels ? 1 : first->targets;
    e->classes = first->classes;
    e->num_counts = e->classes * e->classes;
    e->num_regression = e->targets * BELAY_REGRESSION;
    for (size_t i = 0; i < e->p.num_heads; i++) {
        const struct belay_engine_head *h = &e->p.heads[i];
        e->num_regression = i ? e->num_regression : 0;
        if (h->first + h->targets > e->targets)
            return belay_fail(e->log, BELAY_ERR_DATA, "head %s: the data have %zu targets, it wants "
                              "those from %zu to %zu", h->name, e->targets, h->first,
                              h->first + h->targets - 1);
        if (h->classes)
            e->num_counts += h->classes * h->classes;
        else
            e->num_regression += h->targets * BELAY_REGRESSION;
    }
    e->labels = first->labels != NULL;
    e->x_dtype = first->dtype;
    e->x_scale = first->x_scale;
    e->x_shift = first->x_shift;
    e->stream = must_stream(e, at);
    int64_t window = e->p.batch > e->p.eval_batch ? e->p.batch : e->p.eval_batch;
    e->table_rows = e->stream ? (size_t) window : at;
    return BELAY_OK;
}

static const void *target_rows(const struct belay_engine *e, const struct belay_dataset *d)
{
    return e->labels ? (const void *) d->labels : (const void *) d->y;
}

// Where the device works in the host's memory, and the training part's has room for the others behind
// it, that memory is the table.
static bool can_share(const struct belay_engine *e)
{
    const struct belay_dataset *train = part_of(e, BELAY_PART_TRAIN);
    return !e->stream && train && e->first[BELAY_PART_TRAIN] == 0 &&
           e->rows[BELAY_PART_TRAIN] == train->rows && belay_device_shares_memory(e->dev) &&
           e->table_rows * e->features * belay_dtype_size(e->x_dtype) <= train->x_room;
}

static belay_status share_features(struct belay_engine *e)
{
    const size_t x_row = e->features * belay_dtype_size(e->x_dtype);
    char *table = e->p.parts[BELAY_PART_TRAIN]->x;
    for (int i = 0; i < BELAY_NUM_PARTS; i++)
        if (i != BELAY_PART_TRAIN && part_of(e, i))
            memcpy(table + e->first[i] * x_row, part_of(e, i)->x, e->rows[i] * x_row);
    e->shared = true;
    return belay_buf_wrap(e->dev, table, e->table_rows * x_row, &e->data_x);
}

// Parts without weights beside others that have them count 1.
static belay_status upload_weights(struct belay_engine *e, int part, const struct belay_dataset *d)
{
    size_t size = e->rows[part] * sizeof(float), at = e->first[part] * sizeof(float);
    if (!e->weighted)
        return BELAY_OK;
    if (d->weights)
        return belay_buf_write(e->dev, &e->data_w, at, d->weights, size, true);
    float *ones = belay_alloc(size);
    if (!ones)
        return belay_fail_nomem(e->log, size);
    for (size_t i = 0; i < e->rows[part]; i++)
        ones[i] = 1;
    belay_status status = belay_buf_write(e->dev, &e->data_w, at, ones, size, true);
    belay_free(ones);
    return status;
}

// Waited for, since the host copy goes right after it. rusticl 22.3 was seen to train on other rows
// when the writes were not waited for one by one but all together by clFinish.
static belay_status upload_parts(struct belay_engine *e)
{
    size_t x_row = e->features * belay_dtype_size(e->x_dtype), y_row = e->targets * 4;
    for (int i = 0; i < BELAY_NUM_PARTS; i++) {
        const struct belay_dataset *d = part_of(e, i);
        if (!d)
            continue;
        if (!e->shared)
            BELAY_TRY(belay_buf_write(e->dev, &e->data_x, e->first[i] * x_row, d->x,
                                      e->rows[i] * x_row, true));
        BELAY_TRY(belay_buf_write(e->dev, &e->data_y, e->first[i] * y_row, target_rows(e, d),
                                  e->rows[i] * y_row, true));
        BELAY_TRY(upload_weights(e, i, d));
    }
    return belay_device_flush(e->dev);
}

static belay_status make_ring(struct belay_engine *e)
{
    size_t x_size = e->table_rows * e->features * belay_dtype_size(e->x_dtype);
    size_t y_size = e->table_rows * e->targets * 4;
    size_t train = e->rows[BELAY_PART_TRAIN];
    for (int i = 0; i < RING && e->stream; i++) {
        e->ring[i].x = belay_alloc(x_size);
        e->ring[i].y = belay_alloc(y_size);
        if (e->weighted)
            e->ring[i].w = belay_alloc_array(e->table_rows, sizeof(float));
        if (!e->ring[i].x || !e->ring[i].y || (e->weighted && !e->ring[i].w))
            return belay_fail_nomem(e->log, x_size);
    }
    // An epoch's order is written without waiting when copies for the whole ring are cheap.
    for (int i = 0; i < RING && !e->stream && train <= 65536 && !e->eval_only; i++) {
        e->ring[i].order = belay_alloc_array(train + 1, sizeof(int32_t));
        if (!e->ring[i].order)
            return belay_fail_nomem(e->log, train * sizeof(int32_t));
    }
    if (e->stream && train) {
        e->host_order = belay_alloc_array(train, sizeof(int32_t));
        if (!e->host_order)
            return belay_fail_nomem(e->log, train * sizeof(int32_t));
        for (size_t i = 0; i < train; i++)
            e->host_order[i] = (int32_t) i;
    }
    return BELAY_OK;
}

belay_status belay_engine_upload_data(struct belay_engine *e)
{
    size_t rows = e->table_rows;
    if (rows > INT32_MAX)
        return belay_fail(e->log, BELAY_ERR_UNSUPPORTED, "data: %zu rows are more than 2^31", rows);
    e->identity = belay_alloc_array(rows, sizeof(*e->identity));
    if (!e->identity)
        return belay_fail_nomem(e->log, rows * sizeof(*e->identity));
    for (size_t i = 0; i < rows; i++)
        e->identity[i] = (int32_t) i;
    const unsigned flags = e->stream ? 0 : BELAY_BUF_FILLED;
    if (can_share(e))
        BELAY_TRY(share_features(e));
    else
        BELAY_TRY(belay_buf_create(e->dev, rows * e->features * belay_dtype_size(e->x_dtype), flags,
                                   &e->data_x));
    BELAY_TRY(belay_buf_create(e->dev, rows * e->targets * 4, flags, &e->data_y));
    if (e->weighted)
        BELAY_TRY(belay_buf_create(e->dev, rows * sizeof(float), flags, &e->data_w));
    BELAY_TRY(belay_buf_create(e->dev, rows * sizeof(int32_t), 0, &e->order));
    BELAY_TRY(belay_buf_write(e->dev, &e->order, 0, e->identity, rows * sizeof(int32_t), true));
    if (!e->stream)
        BELAY_TRY(upload_parts(e));
    return make_ring(e);
}

// Which part holds position `first` of the virtual table, and the row in it.
static const struct belay_dataset *find_part(const struct belay_engine *e, size_t first, int *part)
{
    for (int i = 0; i < BELAY_NUM_PARTS; i++) {
        if (part_of(e, i) && first >= e->first[i] && first < e->first[i] + e->rows[i]) {
            *part = i;
            return e->p.parts[i];
        }
    }
    return NULL;
}

belay_status belay_engine_stream_rows(struct belay_engine *e, struct belay_ring_slot *slot,
                                      size_t first, size_t rows)
{
    int part = 0;
    const struct belay_dataset *d = find_part(e, first, &part);
    size_t x_row = e->features * belay_dtype_size(e->x_dtype), y_row = e->targets * 4;
    for (size_t r = 0; r < rows; r++) {
        size_t row = first - e->first[part] + r;
        if (part == BELAY_PART_TRAIN && e->host_order)
            row = (size_t) e->host_order[row];
        memcpy((char *) slot->x + r * x_row, (const char *) d->x + row * x_row, x_row);
        memcpy((char *) slot->y + r * y_row, (const char *) target_rows(e, d) + row * y_row, y_row);
        if (e->weighted)
            slot->w[r] = d->weights ? d->weights[row] : 1;
    }
    if (e->weighted)
        BELAY_TRY(belay_buf_write(e->dev, &e->data_w, 0, slot->w, rows * sizeof(float), false));
    BELAY_TRY(belay_buf_write(e->dev, &e->data_x, 0, slot->x, rows * x_row, false));
    return belay_buf_write(e->dev, &e->data_y, 0, slot->y, rows * y_row, false);
}
