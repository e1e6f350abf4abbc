#include "train/replay_log.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "base/mem.h"
#include "base/str.h"
#include "format/csv.h"
#include "format/json.h"

static const char *const metric_names[] = { "val.loss", "val_loss",     "valid_loss",
                                            "val/loss", "val/box_loss", NULL };
static const char *const train_names[] = { "train.loss", "loss",           "train_loss_epoch",
                                           "train_loss", "train/box_loss", NULL };
static const char *const step_names[] = { "step", NULL };
static const char *const rate_names[] = {
    "lr", "learning_rate", "lr/pg0", "lr-Adam", "lr-SGD", NULL
};
static const char *const epoch_names[] = { "epoch", NULL };

static bool read_number(const char *text, double *out)
{
    if (belay_parse_double(text, out))
        return true;
    bool minus = *text == '-';
    const char *word = text + minus;
    if (strcmp(word, "nan") == 0 || strcmp(word, "NaN") == 0)
        *out = NAN;
    else if (strcmp(word, "inf") == 0 || strcmp(word, "Infinity") == 0)
        *out = minus ? -INFINITY : INFINITY;
    else
        return false;
    return true;
}

static belay_status add_row(struct belay_log *log, struct belay_replay_log *r,
                            const struct belay_replay_row *row)
{
    if (!belay_grow((void **) &r->rows, r->count, &r->capacity, sizeof(*r->rows)))
        return belay_fail_nomem(log, sizeof(*r->rows));
    r->rows[r->count++] = *row;
    r->checks += row->has_value;
    return BELAY_OK;
}

// "val.loss": a member of a member. A null is a value that was not finite.
static bool json_value(const struct belay_json *root, const char *name, double *out)
{
    char group[64];
    const char *dot = strchr(name, '.');
    const struct belay_json *value = belay_json_get(root, name);
    if (!value && dot && (size_t) (dot - name) < sizeof(group)) {
        snprintf(group, sizeof(group), "%.*s", (int) (dot - name), name);
        const struct belay_json *inner = belay_json_get(root, group);
        if (inner && inner->kind == BELAY_JSON_OBJECT)
            value = belay_json_get(inner, dot + 1);
    }
    if (!value)
        return false;
    if (value->kind == BELAY_JSON_STRING)
        return read_number(value->string, out);
    bool number = value->kind == BELAY_JSON_INT || value->kind == BELAY_JSON_NUMBER;
    *out = number ? value->number : NAN;
    return number || value->kind == BELAY_JSON_NULL;
}

static belay_status add_line(struct belay_log *log, struct belay_replay_log *r,
                             const struct belay_json *root)
{
    struct belay_replay_row row = { .step = NAN, .epoch = NAN, .rate = NAN };
    if (root->kind != BELAY_JSON_OBJECT)
        return BELAY_OK;
    row.has_value = json_value(root, r->metric, &row.value);
    row.has_train = json_value(root, train_names[0], &row.train);
    json_value(root, "step", &row.step);
    json_value(root, "epoch", &row.epoch);
    json_value(root, "lr", &row.rate);
    return add_row(log, r, &row);
}

static belay_status read_lines(struct belay_log *log, const char *path, char *text, size_t size,
                               struct belay_replay_log *r)
{
    char *end = text + size;
    for (char *line = text, *next; line < end; line = next) {
        struct belay_json_doc doc;
        char *stop = memchr(line, '\n', (size_t) (end - line));
        // A line without its end is one that is being written.
        if (!stop)
            break;
        next = stop + 1;
        if (stop == line)
            continue;
        BELAY_TRY(belay_json_parse(log, path, line, (size_t) (stop - line), &doc));
        belay_status status = add_line(log, r, doc.root);
        belay_json_finish(&doc);
        BELAY_TRY(status);
    }
    return BELAY_OK;
}

// Ultralytics pads its cells with spaces.
static const char *trimmed(const char *text, char out[64])
{
    size_t start = strspn(text, " \t"), length = strlen(text + start);
    while (length > 0 && (text[start + length - 1] == ' ' || text[start + length - 1] == '\t'))
        length--;
    snprintf(out, 64, "%.*s", (int) (length < 63 ? length : 63), text + start);
    return out;
}

// The column with the first of the names that is there, or -1.
static int find_column(const struct belay_csv *csv, const char *const *names)
{
    char name[64];
    for (; *names; names++)
        for (size_t i = 0; i < csv->columns; i++)
            if (strcmp(trimmed(csv->names[i], name), *names) == 0)
                return (int) i;
    return -1;
}

// False: the cell is empty, or there is no such column.
static belay_status read_cell(struct belay_log *log, const char *path, const struct belay_csv *csv,
                              size_t row, int column, double *out, bool *has)
{
    char text[64];
    *has = false;
    if (column < 0)
        return BELAY_OK;
    const char *cell = trimmed(csv->cells[row * csv->columns + (size_t) column], text);
    if (!*cell || strcmp(cell, "NA") == 0)
        return BELAY_OK;
    if (!read_number(cell, out))
        return belay_fail(log, BELAY_ERR_DATA, "%s:%zu: %s: '%s' is no number", path,
                          csv->lines[row], csv->names[column], cell);
    *has = true;
    return BELAY_OK;
}

static belay_status add_csv(struct belay_log *log, const char *path, const struct belay_csv *csv,
                            struct belay_replay_log *r)
{
    const char *const wanted[] = { r->metric, NULL };
    int metric = find_column(csv, r->metric[0] ? wanted : metric_names);
    int train = find_column(csv, train_names), step = find_column(csv, step_names);
    int epoch = find_column(csv, epoch_names), rate = find_column(csv, rate_names);
    if (metric < 0)
        return belay_fail(log, BELAY_ERR_DATA, "%s: no column '%s'; say which to watch", path,
                          r->metric[0] ? r->metric : metric_names[1]);
    trimmed(csv->names[metric], r->metric);
    for (size_t i = 0; i < csv->rows; i++) {
        struct belay_replay_row row = { .step = NAN, .epoch = NAN, .rate = NAN };
        bool has;
        BELAY_TRY(read_cell(log, path, csv, i, metric, &row.value, &row.has_value));
        BELAY_TRY(read_cell(log, path, csv, i, train, &row.train, &row.has_train));
        BELAY_TRY(read_cell(log, path, csv, i, step, &row.step, &has));
        BELAY_TRY(read_cell(log, path, csv, i, epoch, &row.epoch, &has));
        BELAY_TRY(read_cell(log, path, csv, i, rate, &row.rate, &has));
        BELAY_TRY(add_row(log, r, &row));
    }
    return BELAY_OK;
}

static belay_status read_csv(struct belay_log *log, const char *path, char *text, size_t size,
                             struct belay_replay_log *r)
{
    struct belay_csv csv = { 0 };
    BELAY_TRY(belay_csv_parse(log, path, text, size, BELAY_CSV_HEADER_YES, ',', &csv));
    belay_status status = add_csv(log, path, &csv, r);
    belay_csv_finish(&csv);
    return status;
}

static bool ends_with(const char *text, const char *ending)
{
    size_t length = strlen(text), tail = strlen(ending);
    return length >= tail && strcmp(text + length - tail, ending) == 0;
}

belay_status belay_replay_log_parse(struct belay_log *log, const char *path, char *text,
                                    size_t size, bool json, const char *metric,
                                    struct belay_replay_log *out)
{
    struct belay_replay_log r = { 0 };
    if (metric && strlen(metric) >= sizeof(r.metric)) {
        belay_free(text);
        return belay_fail(log, BELAY_ERR_ARG, "the metric's name is longer than %zu bytes",
                          sizeof(r.metric) - 1);
    }
    snprintf(r.metric, sizeof(r.metric), "%s", metric ? metric : json ? metric_names[0] : "");
    belay_status status = json ? read_lines(log, path, text, size, &r)
                               : read_csv(log, path, text, size, &r);
    if (json)
        belay_free(text);
    if (status == BELAY_OK && r.checks == 0)
        status = belay_fail(log, BELAY_ERR_DATA, "%s: no line has a value of '%s'", path, r.metric);
    if (status != BELAY_OK)
        belay_replay_log_finish(&r);
    else
        *out = r;
    return status;
}

belay_status belay_replay_log_read(struct belay_log *log, const char *path, const char *metric,
                                   struct belay_replay_log *out)
{
    char *text;
    size_t size;
    BELAY_TRY(belay_file_read(log, path, 0, &text, &size));
    return belay_replay_log_parse(log, path, text, size, ends_with(path, ".jsonl"), metric, out);
}

void belay_replay_log_finish(struct belay_replay_log *r)
{
    belay_free(r->rows);
    *r = (struct belay_replay_log){ 0 };
}
