#include "format/csv.h"

#include <string.h>

#include "base/file.h"
#include "base/str.h"

#define MAX_COLUMNS 1000000

// Cells are unquoted in place: the text only shrinks. `lines` and `cells` grow by rows.
struct reader {
    struct belay_log *log;
    const char *name;
    char delimiter;
    char *at, *end;
    size_t line; // of the next character
    struct belay_csv *csv;
    size_t cell_count, cell_capacity, line_capacity;
};

static belay_status fail_line(struct reader *r, size_t line, const char *text)
{
    return belay_fail(r->log, BELAY_ERR_DATA, "%s:%zu: %s", r->name, line, text);
}

static bool at_row_end(const struct reader *r)
{
    return r->at == r->end || *r->at == '\n' || (*r->at == '\r' && r->at[1] == '\n');
}

// Behind the opening quote; doubled quotes become one.
static belay_status read_quoted(struct reader *r, char **cell)
{
    size_t line = r->line;
    char *to = r->at;

    *cell = to;
    for (;; r->at++) {
        if (r->at == r->end)
            return fail_line(r, line, "the quote that opens here is never closed");
        if (*r->at == '"') {
            r->at++;
            if (r->at == r->end || *r->at != '"')
                break;
        }
        r->line += *r->at == '\n';
        *to++ = *r->at;
    }
    if (!at_row_end(r) && *r->at != r->delimiter)
        return fail_line(r, r->line, "something follows a closing quote");
    *to = '\0'; // at most where the closing quote stood
    return BELAY_OK;
}

static belay_status read_plain(struct reader *r, char **cell)
{
    *cell = r->at;
    while (!at_row_end(r) && *r->at != r->delimiter) {
        if (*r->at == '"')
            return fail_line(r, r->line, "a quote inside a cell that does not begin with one");
        r->at++;
    }
    return BELAY_OK;
}

static belay_status add_cell(struct reader *r, const char *cell)
{
    void *items = r->csv->cells;

    if (!belay_grow(&items, r->cell_count, &r->cell_capacity, sizeof(*r->csv->cells)))
        return belay_fail_nomem(r->log, r->cell_capacity * 2 * sizeof(*r->csv->cells));
    r->csv->cells = items;
    r->csv->cells[r->cell_count++] = cell;
    return BELAY_OK;
}

static belay_status add_line(struct reader *r, size_t line)
{
    void *items = r->csv->lines;

    if (!belay_grow(&items, r->csv->rows, &r->line_capacity, sizeof(*r->csv->lines)))
        return belay_fail_nomem(r->log, r->line_capacity * 2 * sizeof(*r->csv->lines));
    r->csv->lines = items;
    r->csv->lines[r->csv->rows++] = line;
    return BELAY_OK;
}

static void end_row(struct reader *r)
{
    char *end = r->at;

    if (r->at < r->end && *r->at == '\r')
        r->at++;
    if (r->at < r->end) {
        r->at++;
        r->line++;
    }
    *end = '\0'; // the text has one byte behind its end
}

static belay_status read_row(struct reader *r)
{
    size_t line = r->line, columns = 0;
    char *cell;

    for (;;) {
        bool quoted = r->at < r->end && *r->at == '"';
        r->at += quoted;
        BELAY_TRY(quoted ? read_quoted(r, &cell) : read_plain(r, &cell));
        if (++columns > MAX_COLUMNS)
            return fail_line(r, line, "too many columns");
        BELAY_TRY(add_cell(r, cell));
        if (at_row_end(r))
            break;
        *r->at++ = '\0'; // the delimiter
    }
    end_row(r);
    if (r->csv->rows == 0)
        r->csv->columns = columns;
    if (columns != r->csv->columns)
        return belay_fail(r->log, BELAY_ERR_DATA, "%s:%zu: this row has %zu cells, the first %zu",
                          r->name, line, columns, r->csv->columns);
    return add_line(r, line);
}

static belay_status read_rows(struct reader *r)
{
    if (!r->delimiter || strchr("\"\r\n", r->delimiter))
        return belay_fail(r->log, BELAY_ERR_ARG, "%s: this delimiter cannot be used", r->name);
    if (memchr(r->at, 0, (size_t) (r->end - r->at)))
        return belay_fail(r->log, BELAY_ERR_DATA, "%s: holds a NUL byte, so it is not CSV",
                          r->name);
    if (r->end - r->at >= 3 && memcmp(r->at, "\xEF\xBB\xBF", 3) == 0)
        r->at += 3;
    while (r->at < r->end) {
        // A line with nothing in it is no row, but for files of one column it could be a cell:
        // those write "" there.
        if (at_row_end(r))
            end_row(r);
        else
            BELAY_TRY(read_row(r));
    }
    if (r->csv->rows == 0)
        return belay_fail(r->log, BELAY_ERR_DATA, "%s: holds no rows", r->name);
    return BELAY_OK;
}

static bool any_number(const struct belay_csv *csv, size_t row)
{
    double value;
    for (size_t i = 0; i < csv->columns; i++)
        if (belay_parse_double(csv->cells[row * csv->columns + i], &value))
            return true;
    return false;
}

static bool has_header(const struct belay_csv *csv, enum belay_csv_header header)
{
    if (header != BELAY_CSV_HEADER_AUTO)
        return header == BELAY_CSV_HEADER_YES;
    return csv->rows > 1 && !any_number(csv, 0) && any_number(csv, 1);
}

static belay_status number_columns(struct reader *r)
{
    struct belay_csv *csv = r->csv;
    struct belay_str text = { 0 };
    belay_status status = BELAY_OK;

    for (size_t i = 0; i < csv->columns && status == BELAY_OK; i++) {
        belay_str_clear(&text);
        belay_str_addf(&text, "%zu", i);
        csv->names[i] = text.failed ? NULL : belay_arena_strdup(&csv->arena, text.text);
        if (!csv->names[i])
            status = belay_fail_nomem(r->log, 8);
    }
    belay_str_free(&text);
    return status;
}

// The first row becomes the names, the others move up.
static belay_status name_columns(struct reader *r, enum belay_csv_header header)
{
    struct belay_csv *csv = r->csv;

    csv->names = belay_arena_array(&csv->arena, csv->columns, sizeof(*csv->names));
    if (!csv->names)
        return belay_fail_nomem(r->log, csv->columns * sizeof(*csv->names));
    csv->header = has_header(csv, header);
    if (!csv->header)
        return number_columns(r);
    memcpy(csv->names, csv->cells, csv->columns * sizeof(*csv->names));
    csv->rows--;
    memmove(csv->cells, csv->cells + csv->columns, csv->rows * csv->columns * sizeof(*csv->cells));
    memmove(csv->lines, csv->lines + 1, csv->rows * sizeof(*csv->lines));
    return BELAY_OK;
}

belay_status belay_csv_parse(struct belay_log *log, const char *name, char *text, size_t size,
                             enum belay_csv_header header, char delimiter, struct belay_csv *out)
{
    struct reader r = { .log = log, .name = name, .delimiter = delimiter, .line = 1, .csv = out };
    char *grown = belay_realloc_array(text, size + 1, 1);
    belay_status status;

    *out = (struct belay_csv){ .text = grown ? grown : text };
    if (!grown) {
        status = belay_fail_nomem(log, size + 1);
    } else {
        grown[size] = '\0';
        r.at = grown;
        r.end = grown + size;
        status = read_rows(&r);
    }
    if (status == BELAY_OK)
        status = name_columns(&r, header);
    if (status != BELAY_OK)
        belay_csv_finish(out);
    return status;
}

belay_status belay_csv_read(struct belay_log *log, const char *path, enum belay_csv_header header,
                            char delimiter, struct belay_csv *out)
{
    char *text;
    size_t size;

    *out = (struct belay_csv){ 0 };
    BELAY_TRY(belay_file_read(log, path, 0, &text, &size));
    return belay_csv_parse(log, path, text, size, header, delimiter, out);
}

void belay_csv_finish(struct belay_csv *csv)
{
    belay_arena_free(&csv->arena);
    belay_free(csv->text);
    belay_free(csv->cells);
    belay_free(csv->lines);
    *csv = (struct belay_csv){ 0 };
}
