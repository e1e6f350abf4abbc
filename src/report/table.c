// Runs side by side for a terminal, and the same as JSON.
#include <math.h>
#include <string.h>

#include "report/report.h"

#define MAX_DIFFERENT 6
#define MAX_COLUMNS (9 + MAX_DIFFERENT)

// A table whose columns are as wide as their widest cell.
struct cells {
    struct belay_str text; // cells with a NUL after each
    size_t columns, count;
    size_t width[MAX_COLUMNS];
};

static size_t display_width(const char *text)
{
    size_t width = 0;
    for (; *text; text++)
        width += ((unsigned char) *text & 0xC0) != 0x80; // UTF-8: not the following bytes
    return width;
}

static void end_cell(struct cells *c, size_t start)
{
    if (c->text.failed)
        return;
    belay_str_add_bytes(&c->text, "", 1);
    size_t column = c->count++ % c->columns, width = c->text.failed ? 0
                                                         : display_width(c->text.text + start);
    if (c->width[column] < width)
        c->width[column] = width;
}

static void put_text(struct cells *c, const char *text)
{
    size_t start = c->text.length;
    // Control bytes of a folder's name must not reach the terminal.
    for (; *text; text++)
        belay_str_add_bytes(&c->text, (unsigned char) *text < 0x20 ? "?" : text, 1);
    end_cell(c, start);
}

static void put_number(struct cells *c, double value)
{
    size_t start = c->text.length;
    belay_report_number(&c->text, value);
    end_cell(c, start);
}

static void print_cells(const struct cells *c, struct belay_str *out)
{
    const char *cell = c->text.text;
    for (size_t i = 0; i < c->count; i++) {
        size_t column = i % c->columns, pad = c->width[column] - display_width(cell);
        bool left = column == 0 || column == 1 || column == 2;
        if (!left)
            belay_str_addf(out, "%*s", (int) pad, "");
        belay_str_add(out, cell);
        if (column + 1 == c->columns)
            belay_str_add(out, "\n");
        else
            belay_str_addf(out, "%*s", (int) (left ? pad + 2 : 2), "");
        cell += strlen(cell) + 1;
    }
}

static void put_row(struct cells *c, const struct belay_run *run, const char *const *keys,
                    size_t num_keys)
{
    const char *reason = belay_report_result(run, "reason");
    size_t start;
    put_text(c, belay_report_name(run));
    put_text(c, reason ? reason : "not ended");
    put_text(c, run->monitor);
    put_number(c, run->best);
    put_number(c, run->best_step);
    put_number(c, run->step);
    start = c->text.length;
    belay_report_seconds(&c->text, run->seconds);
    end_cell(c, start);
    put_number(c, belay_report_test(run, "loss"));
    put_number(c, belay_report_test(run, "accuracy"));
    for (size_t i = 0; i < num_keys; i++) {
        const char *text = belay_run_setting(run, keys[i]);
        put_text(c, text ? text : "-");
    }
}

static belay_status write_table(struct belay_ctx *ctx, const belay_report_params *params,
                                const struct belay_run *runs, size_t num, struct belay_str *out)
{
    static const char *const names[] = { "run",  "ended by", "monitor",   "best",         "at step",
                                         "steps", "time",     "test loss", "test accuracy" };
    const char *keys[MAX_DIFFERENT];
    size_t num_keys = num > 1 ? belay_runs_differ(runs, num, keys, MAX_DIFFERENT) : 0;
    struct cells c = { .columns = 9 + num_keys };
    (void) ctx;
    (void) params;
    for (size_t i = 0; i < 9; i++)
        put_text(&c, names[i]);
    for (size_t i = 0; i < num_keys; i++)
        put_text(&c, keys[i]);
    for (size_t r = 0; r < num; r++)
        put_row(&c, &runs[r], keys, num_keys);
    if (!c.text.failed)
        print_cells(&c, out);
    out->failed |= c.text.failed;
    belay_str_free(&c.text);
    return BELAY_OK;
}

const struct belay_report belay_report_table = { "table", write_table };

// ---- JSON ----

static void json_number(struct belay_str *s, const char *key, double value)
{
    belay_str_addf(s, ", \"%s\": ", key);
    if (isfinite(value))
        belay_str_add_double(s, value);
    else
        belay_str_add(s, "null");
}

static void json_text(struct belay_str *s, const char *key, const char *value)
{
    belay_str_addf(s, ", \"%s\": ", key);
    if (value)
        belay_str_add_json(s, value);
    else
        belay_str_add(s, "null");
}

static void json_run(struct belay_str *s, const struct belay_run *run, const char *const *keys,
                     size_t num_keys)
{
    belay_str_add(s, "{\"run\": ");
    belay_str_add_json(s, run->dir);
    json_text(s, "reason", belay_report_result(run, "reason"));
    json_text(s, "monitor", run->monitor);
    json_number(s, "best", run->best);
    json_number(s, "best_step", run->best_step);
    json_number(s, "step", run->step);
    json_number(s, "seconds", run->seconds);
    json_number(s, "test_loss", belay_report_test(run, "loss"));
    json_number(s, "test_accuracy", belay_report_test(run, "accuracy"));
    belay_str_add(s, ", \"settings\": {");
    for (size_t i = 0; i < num_keys; i++) {
        const char *text = belay_run_setting(run, keys[i]);
        belay_str_add(s, i ? ", " : "");
        belay_str_add_json(s, keys[i]);
        belay_str_add(s, ": ");
        if (text)
            belay_str_add_json(s, text);
        else
            belay_str_add(s, "null");
    }
    belay_str_add(s, "}}");
}

static belay_status write_json(struct belay_ctx *ctx, const belay_report_params *params,
                               const struct belay_run *runs, size_t num, struct belay_str *s)
{
    const char *keys[64];
    size_t num_keys = num > 1 ? belay_runs_differ(runs, num, keys, 64) : 0;
    (void) ctx;
    (void) params;
    belay_str_add(s, "{\"runs\": [");
    for (size_t r = 0; r < num; r++) {
        belay_str_add(s, r ? ", " : "");
        json_run(s, &runs[r], keys, num_keys);
    }
    belay_str_add(s, "]}\n");
    return BELAY_OK;
}

const struct belay_report belay_report_json = { "json", write_json };
