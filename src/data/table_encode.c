// Rows of a table to inputs and targets, by what a preprocessing knows.
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "data/table.h"

static int compare_key(const void *key, const void *item)
{
    return strcmp(key, *(char *const *) item);
}

static size_t find_value(const struct belay_column *c, const char *cell)
{
    char **found = bsearch(cell, c->values, c->num_values, sizeof(*c->values), compare_key);
    return found ? (size_t) (found - c->values) : c->num_values;
}

static belay_status number_of(struct belay_log *log, const struct belay_table *t, size_t row,
                              size_t column, double *out)
{
    const char *cell = belay_table_cell(t, row, column);
    if (!belay_parse_double(cell, out))
        return belay_table_fail(log, t, row, column, "is not a number", cell);
    if (!isfinite(*out))
        return belay_table_fail(log, t, row, column, "is not finite", cell);
    return BELAY_OK;
}

// One cell to its inputs; *out moves behind them.
static belay_status encode_cell(struct belay_log *log, const struct belay_table *t, size_t row,
                                size_t column, const struct belay_column *c, float **out)
{
    const char *cell = belay_table_cell(t, row, column);
    bool missing = belay_cell_missing(cell);
    if (c->kind == BELAY_COLUMN_CATEGORY) {
        size_t value = missing ? c->num_values : find_value(c, cell);
        if (value < c->num_values)
            (*out)[value] = 1;
        *out += c->num_values;
        return BELAY_OK;
    }
    double v = c->fill;
    if (!missing)
        BELAY_TRY(number_of(log, t, row, column, &v));
    *(*out)++ = (float) ((v - c->mean) / c->std);
    return BELAY_OK;
}

static belay_status encode_rows(struct belay_log *log, const struct belay_table *t,
                                const struct belay_preprocess *p, const int32_t *pick,
                                struct belay_dataset *d)
{
    size_t size;
    if (!belay_mul_size(d->rows, d->features, &size) || !belay_mul_size(size, sizeof(float), &size))
        return belay_fail_nomem(log, SIZE_MAX);
    float *out = d->x = belay_alloc_aligned(size);
    if (!out)
        return belay_fail_nomem(log, size);
    for (size_t i = 0; i < d->rows; i++) {
        size_t row = (size_t) t->rows[pick ? (size_t) pick[i] : i];
        for (size_t c = 0; c < p->num_columns; c++)
            BELAY_TRY(encode_cell(log, t, row, t->features[c], &p->columns[c], &out));
    }
    return BELAY_OK;
}

static belay_status copy_targets(struct belay_log *log, const struct belay_table *t,
                                 const int32_t *pick, const int32_t *labels, const float *y,
                                 struct belay_dataset *d)
{
    int32_t largest = -1;
    size_t count = t->num_targets ? t->num_targets : 1;
    d->targets = count;
    if (labels)
        d->labels = belay_alloc_array(d->rows, sizeof(*labels));
    else
        d->y = belay_alloc_array(d->rows * count, sizeof(*y));
    if (!d->labels && !d->y)
        return belay_fail_nomem(log, d->rows * sizeof(*y));
    for (size_t i = 0; i < d->rows; i++) {
        size_t at = pick ? (size_t) pick[i] : i;
        if (d->y)
            memcpy(d->y + i * count, y + at * count, count * sizeof(*y));
        else
            d->labels[i] = labels[at];
        if (d->labels && d->labels[i] > largest) {
            largest = d->labels[i];
            d->max_label_row = (size_t) t->rows[at];
        }
    }
    return BELAY_OK;
}

static belay_status read_weights(struct belay_log *log, const struct belay_table *t,
                                 const int32_t *pick, struct belay_dataset *d)
{
    if (t->weight == BELAY_NO_COLUMN)
        return BELAY_OK;
    d->weights = belay_alloc_array(d->rows, sizeof(*d->weights));
    if (!d->weights)
        return belay_fail_nomem(log, d->rows * sizeof(*d->weights));
    for (size_t i = 0; i < d->rows; i++) {
        size_t row = (size_t) t->rows[pick ? (size_t) pick[i] : i];
        double value;
        BELAY_TRY(number_of(log, t, row, t->weight, &value));
        d->weights[i] = (float) value;
        if (!(value >= 0) || !isfinite(d->weights[i]))
            return belay_table_fail(log, t, row, t->weight, "is no weight: want at least 0",
                                    belay_table_cell(t, row, t->weight));
    }
    return BELAY_OK;
}

// Rows that were dropped would shift the numbers of those behind them, so they get their own.
static belay_status number_rows(struct belay_log *log, const struct belay_table *t,
                                const int32_t *pick, struct belay_dataset *d)
{
    if (t->num_rows == t->csv.rows)
        return BELAY_OK;
    d->ids = belay_alloc_array(d->rows, sizeof(*d->ids));
    if (!d->ids)
        return belay_fail_nomem(log, d->rows * sizeof(*d->ids));
    for (size_t i = 0; i < d->rows; i++) {
        struct belay_str s = { 0 };
        belay_str_addf(&s, "%d", t->rows[pick ? (size_t) pick[i] : i]);
        if (s.failed)
            return belay_fail_nomem(log, 16);
        d->ids[i] = s.text;
    }
    return BELAY_OK;
}

belay_status belay_table_encode(struct belay_log *log, const struct belay_table *t,
                                const struct belay_preprocess *p, const int32_t *pick, size_t num,
                                const int32_t *labels, const float *y, struct belay_dataset *out)
{
    struct belay_dataset d = { .rows = num, .features = p->input_count, .dtype = BELAY_F32,
                               .x_scale = 1, .classes = p->num_classes };
    belay_status status;
    d.file = belay_strdup(t->file);
    if (!d.file) {
        status = belay_fail_nomem(log, strlen(t->file));
        goto done;
    }
    BELAY_TRY_DONE(encode_rows(log, t, p, pick, &d));
    if (labels || y)
        BELAY_TRY_DONE(copy_targets(log, t, pick, labels, y, &d));
    BELAY_TRY_DONE(read_weights(log, t, pick, &d));
    BELAY_TRY_DONE(number_rows(log, t, pick, &d));
    *out = d;
    d = (struct belay_dataset){ 0 };
done:
    belay_dataset_finish(&d);
    return status;
}

// ---- Targets ----

static size_t find_text(const struct belay_preprocess *p, const char *text, size_t hint)
{
    if (hint < p->num_classes && strcmp(p->classes[hint], text) == 0)
        return hint;
    for (size_t i = 0; i < p->num_classes; i++)
        if (strcmp(p->classes[i], text) == 0)
            return i;
    return p->num_classes;
}

static belay_status unknown_class(struct belay_log *log, const struct belay_table *t, size_t row,
                                  const struct belay_preprocess *p)
{
    struct belay_str what = { 0 };
    belay_str_addf(&what, "is none of the %zu classes (", p->num_classes);
    for (size_t i = 0; i < p->num_classes && i < 20; i++)
        belay_str_addf(&what, "%s%s", i ? ", " : "", p->classes[i]);
    belay_str_add(&what, p->num_classes > 20 ? ", …)" : ")");
    belay_status status = belay_table_fail(log, t, row, t->target, what.text ? what.text : "",
                                           belay_table_cell(t, row, t->target));
    belay_str_free(&what);
    return status;
}

static belay_status label_of(struct belay_log *log, const struct belay_table *t, size_t row,
                             const struct belay_preprocess *p, size_t hint, int32_t *out)
{
    const char *cell = belay_table_cell(t, row, t->target);
    size_t found = find_text(p, cell, hint);
    if (found == p->num_classes) { // "1.0" for "1"
        char *text = belay_class_text(cell);
        if (!text)
            return belay_fail_nomem(log, strlen(cell));
        found = find_text(p, text, hint);
        belay_free(text);
    }
    if (found == p->num_classes)
        return unknown_class(log, t, row, p);
    *out = (int32_t) found;
    return BELAY_OK;
}

static belay_status column_targets(struct belay_log *log, const struct belay_table *t,
                                   const struct belay_preprocess *p, int32_t **labels, float **y)
{
    int32_t *l = NULL;
    float *v = NULL;
    double number;
    belay_status status = BELAY_OK;
    if (p->classes)
        l = belay_alloc_array(t->num_rows, sizeof(*l));
    else
        v = belay_alloc_array(t->num_rows, sizeof(*v));
    if (!l && !v)
        return belay_fail_nomem(log, t->num_rows * sizeof(*v));
    for (size_t i = 0; i < t->num_rows; i++) {
        size_t row = (size_t) t->rows[i];
        if (l) {
            BELAY_TRY_DONE(label_of(log, t, row, p, i ? (size_t) l[i - 1] : 0, &l[i]));
            continue;
        }
        BELAY_TRY_DONE(number_of(log, t, row, t->target, &number));
        v[i] = (float) number;
    }
    *labels = l;
    *y = v;
    l = NULL;
    v = NULL;
done:
    belay_free(l);
    belay_free(v);
    return status;
}

// One column of targets into its place in the rows of `y`.
static belay_status head_targets(struct belay_log *log, const struct belay_table *t, size_t at,
                                 const struct belay_head_part *h, float *y)
{
    struct belay_table one = *t; // both borrow
    struct belay_preprocess p = { .classes = h->classes, .num_classes = h->num_classes };
    int32_t *labels = NULL;
    float *values = NULL;
    one.target = t->targets[at];
    BELAY_TRY(column_targets(log, &one, &p, &labels, &values));
    for (size_t i = 0; i < t->num_rows; i++)
        y[i * t->num_targets + at] = labels ? (float) labels[i] : values[i];
    belay_free(labels);
    belay_free(values);
    return BELAY_OK;
}

belay_status belay_table_targets(struct belay_log *log, const struct belay_table *t,
                                 const struct belay_preprocess *p, int32_t **labels, float **y)
{
    size_t count;
    belay_status status = BELAY_OK;
    if (!p->num_heads)
        return column_targets(log, t, p, labels, y);
    float *all = belay_mul_size(t->num_rows, t->num_targets, &count)
                     ? belay_alloc_array(count, sizeof(*all))
                     : NULL;
    if (!all)
        return belay_fail_nomem(log, t->num_rows * sizeof(*all));
    for (size_t i = 0; i < p->num_heads && status == BELAY_OK; i++)
        for (size_t k = 0; k < p->heads[i].count && status == BELAY_OK; k++)
            status = head_targets(log, t, p->heads[i].first + k, &p->heads[i], all);
    if (status != BELAY_OK) {
        belay_free(all);
        return status;
    }
    *y = all;
    return BELAY_OK;
}
