// Runs side by side for a terminal, and the same as JSON.
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "report/report.h"

#define MAX_DIFFERENT 12
#define MAX_TESTS 5
#define FIXED 7 // columns of every table
#define MAX_COLUMNS (FIXED + MAX_TESTS + MAX_DIFFERENT)
#define LONGEST 32 // of a setting; longer ones (layers) end in three points

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

static void put_setting(struct cells *c, const char *text)
{
    char part[LONGEST + 1];
    size_t length = strlen(text);
    if (length > LONGEST) {
        length = LONGEST - 3;
        while (length > 0 && ((unsigned char) text[length] & 0xC0) == 0x80)
            length--;
        snprintf(part, sizeof(part), "%.*s...", (int) length, text);
        text = part;
    }
    put_text(c, text);
}

static size_t table_width(const struct cells *c)
{
    size_t width = 0;
    for (size_t i = 0; i < c->columns; i++)
        width += c->width[i] + (i ? 2 : 0);
    return width;
}

// Each run below the other: what a column is called, and its value.
static void print_list(const struct cells *c, struct belay_str *out)
{
    const char *names[MAX_COLUMNS], *cell = c->text.text;
    size_t width = 0;
    for (size_t i = 0; i < c->columns; i++, cell += strlen(cell) + 1) {
        names[i] = cell;
        width = display_width(cell) > width ? display_width(cell) : width;
    }
    for (size_t i = c->columns; i < c->count; i++, cell += strlen(cell) + 1) {
        size_t column = i % c->columns;
        if (column == 0)
            belay_str_addf(out, "%s%s\n", i > c->columns ? "\n" : "", cell);
        else if (strcmp(cell, "-") != 0)
            belay_str_addf(out, "  %s%*s  %s\n", names[column],
                           (int) (width - display_width(names[column])), "", cell);
    }
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

static void put_row(struct cells *c, const struct belay_run *run, const char *const *tests,
                    size_t num_tests, const char *const *keys, size_t num_keys)
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
    for (size_t i = 0; i < num_tests; i++)
        put_number(c, belay_report_test(run, tests[i]));
    for (size_t i = 0; i < num_keys; i++) {
        const char *text = belay_run_setting(run, keys[i]);
        put_setting(c, text ? text : "-");
    }
}

static void put_test_name(struct cells *c, const char *name)
{
    size_t start = c->text.length;
    belay_str_addf(&c->text, "test %s", name);
    end_cell(c, start);
}

// An option that one run's optimizer, schedule … has and another's has not: the names, which differ
// as well, say enough.
static bool follows_name(const struct belay_run *runs, size_t num, const char *key,
                         const char *const *keys, size_t num_keys)
{
    const char *dot = strrchr(key, '.');
    size_t length = dot ? (size_t) (dot - key) + 1 : 0, lack = 0;
    for (size_t i = 0; i < num; i++)
        lack += !belay_run_setting(&runs[i], key);
    for (size_t i = 0; i < num_keys && lack && length; i++)
        if (strncmp(keys[i], key, length) == 0 && strcmp(keys[i] + length, "name") == 0)
            return strcmp(keys[i], key) != 0;
    return false;
}

// The settings that are worth a column; *left: how many more there are.
static size_t different(const struct belay_run *runs, size_t num, const char **keys, size_t *left)
{
    const char *all[64];
    size_t count = num > 1 ? belay_runs_differ(runs, num, all, 64) : 0, kept = 0;
    *left = 0;
    for (size_t i = 0; i < count; i++) {
        if (follows_name(runs, num, all[i], all, count))
            continue;
        if (kept < MAX_DIFFERENT)
            keys[kept++] = all[i];
        else
            (*left)++;
    }
    return kept;
}

static belay_status write_table(struct belay_ctx *ctx, const belay_report_params *params,
                                const struct belay_run *runs, size_t num, struct belay_str *out)
{
    static const char *const names[FIXED] = { "run", "ended by", "monitor", "best", "at step",
                                              "steps", "time" };
    const char *keys[MAX_DIFFERENT], *tests[MAX_TESTS];
    size_t num_tests = belay_report_test_names(runs, num, tests, MAX_TESTS);
    size_t left, num_keys = different(runs, num, keys, &left);
    struct cells c = { .columns = FIXED + num_tests + num_keys };
    (void) ctx;
    for (size_t i = 0; i < FIXED; i++)
        put_text(&c, names[i]);
    for (size_t i = 0; i < num_tests; i++)
        put_test_name(&c, tests[i]);
    for (size_t i = 0; i < num_keys; i++)
        put_text(&c, keys[i]);
    for (size_t r = 0; r < num; r++)
        put_row(&c, &runs[r], tests, num_tests, keys, num_keys);
    if (!c.text.failed && params->width > 0 && table_width(&c) > params->width)
        print_list(&c, out);
    else if (!c.text.failed)
        print_cells(&c, out);
    if (left)
        belay_str_addf(out, "%zu more settings differ: --json lists them\n", left);
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

static void json_tests(struct belay_str *s, const struct belay_run *run)
{
    const char *tests[16];
    size_t count = belay_report_test_names(run, 1, tests, 16);
    belay_str_add(s, ", \"test\": {");
    for (size_t i = 0; i < count; i++) {
        belay_str_add(s, i ? ", " : "");
        belay_str_add_json(s, tests[i]);
        belay_str_add(s, ": ");
        if (isfinite(belay_report_test(run, tests[i])))
            belay_str_add_double(s, belay_report_test(run, tests[i]));
        else
            belay_str_add(s, "null");
    }
    belay_str_add(s, "}");
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
    json_tests(s, run);
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
