#include "train/guess_table.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/mem.h"
#include "data/table.h"

#define MANY_TEXTS 20 // fewer of them are one-hot whatever they are
#define SURE_ROWS 20  // what counts in fewer rows may do so by chance
#define FEWEST_ROWS 5

// ---- delimiter and header ----

static size_t count_outside_quotes(const char *line, size_t length, char c)
{
    size_t count = 0;
    bool quoted = false;
    for (size_t i = 0; i < length; i++) {
        quoted ^= line[i] == '"';
        count += !quoted && line[i] == c;
    }
    return count;
}

// What stands most often in both of the first two lines; of equals the first, as a comma may be in
// numbers.
static char find_delimiter(const char *text, size_t size)
{
    static const char candidates[] = { ';', '\t', '|', ',' };
    const char *end = memchr(text, '\n', size), *next = end ? end + 1 : text;
    size_t first = end ? (size_t) (end - text) : size, rest = size - (size_t) (next - text),
           most = 0;
    const char *second_end = memchr(next, '\n', rest);
    size_t second = second_end ? (size_t) (second_end - next) : rest;
    char found = ',';
    for (size_t i = 0; i < sizeof(candidates); i++) {
        size_t a = count_outside_quotes(text, first, candidates[i]);
        size_t b = second ? count_outside_quotes(next, second, candidates[i]) : a;
        size_t both = a < b ? a : b;
        if (both > most) {
            most = both;
            found = candidates[i];
        }
    }
    return found;
}

static belay_status delimiter_of(struct belay_log *log, const char *file, char *out)
{
    char *text;
    size_t size;
    BELAY_TRY(belay_file_read(log, file, 0, &text, &size));
    *out = find_delimiter(text, size);
    belay_free(text);
    return BELAY_OK;
}

static bool is_number(const char *cell)
{
    double value;
    return belay_parse_double(cell, &value);
}

// Without a header: is a column's first cell unlike all others of it? A text above numbers, or,
// where there are texts alone, one that never comes again above few that do.
static bool first_is_name(const struct belay_table *t, size_t column, bool *numbers)
{
    const char *first = belay_table_cell(t, 0, column);
    size_t seen = 0, again = 0;
    *numbers = false;
    if (belay_cell_missing(first) || is_number(first))
        return false;
    for (size_t r = 1; r < t->csv.rows; r++) {
        const char *cell = belay_table_cell(t, r, column);
        if (belay_cell_missing(cell))
            continue;
        seen += is_number(cell);
        again += strcmp(cell, first) == 0 || (seen && !is_number(cell));
    }
    *numbers = seen > 0 && again == 0;
    return again == 0;
}

static bool should_have_header(const struct belay_table *t)
{
    bool all = t->csv.rows > SURE_ROWS;
    for (size_t c = 0; c < t->csv.columns; c++) {
        bool numbers, name = first_is_name(t, c, &numbers);
        if (numbers && t->csv.rows > 2)
            return true;
        all &= name;
    }
    return all;
}

static belay_status read_table(struct belay_log *log, const char *file, struct belay_table_guess *g,
                               struct belay_table *t)
{
    BELAY_TRY(delimiter_of(log, file, &g->delimiter));
    BELAY_TRY(belay_table_read(log, file, BELAY_CSV_HEADER_AUTO, g->delimiter, t));
    if (!t->csv.header && should_have_header(t)) {
        belay_table_finish(t);
        g->odd_header = true;
        BELAY_TRY(belay_table_read(log, file, BELAY_CSV_HEADER_YES, g->delimiter, t));
    }
    g->header = t->csv.header;
    if (t->csv.columns < 2)
        return belay_fail(log, BELAY_ERR_DATA,
                          "%s: one column ('%.60s'), want features and a target; "
                          "none of , ; | and tab separates cells",
                          file, t->csv.names[0]);
    if (t->csv.rows < FEWEST_ROWS)
        return belay_fail(log, BELAY_ERR_DATA, "%s: %zu rows%s are too few to train on, want %d at "
                          "least", file, t->csv.rows, t->csv.header ? " below the header" : "",
                          FEWEST_ROWS);
    return BELAY_OK;
}

// ---- columns ----

static char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char) (c - 'A' + 'a') : c;
}

static bool same_name(const char *name, const char *lower_name)
{
    for (; *name && *lower_name; name++, lower_name++)
        if (lower(*name) != *lower_name)
            return false;
    return *name == *lower_name;
}

static bool names_rows(const char *name)
{
    static const char *const names[] = { "id", "index", "row", "no", "nr", "uuid", "guid", "key",
                                         "name", "", "unnamed: 0", "rownum", "rownames" };
    size_t length = strlen(name);
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        if (same_name(name, names[i]))
            return true;
    // "PassengerId", "customer_id", "Individual ID"
    return length > 2 && lower(name[length - 1]) == 'd' && lower(name[length - 2]) == 'i' &&
           (name[length - 2] == 'I' || name[length - 3] == '_' || name[length - 3] == ' ');
}

// 2007-11-11, 11/11/07 12:30
static bool is_date(const char *cell)
{
    int parts = 1, digits = 0;
    for (; *cell && *cell != ' ' && *cell != 'T'; cell++) {
        if (*cell >= '0' && *cell <= '9') {
            digits++;
        } else if ((*cell == '-' || *cell == '/' || *cell == '.') && digits > 0 && digits <= 4) {
            parts++;
            digits = 0;
        } else {
            return false;
        }
    }
    return parts == 3 && digits > 0 && digits <= 4;
}

struct look {
    const char **cells; // that are not missing; then sorted
    size_t count, distinct, numbers, dates;
    bool whole, rising; // integers; each one more than the one before
};

static int compare(const void *a, const void *b)
{
    return strcmp(*(const char *const *) a, *(const char *const *) b);
}

static void look_at(const struct belay_table *t, size_t column, struct look *l)
{
    double value = 0, before = 0;
    const char **cells = l->cells;
    *l = (struct look){ .cells = cells, .whole = true, .rising = true };
    for (size_t r = 0; r < t->csv.rows; r++) {
        const char *cell = belay_table_cell(t, r, column);
        if (belay_cell_missing(cell))
            continue;
        bool number = belay_parse_double(cell, &value);
        l->whole &= number && value == floor(value);
        l->rising &= number && (l->count == 0 || value == before + 1);
        l->numbers += number;
        l->dates += !number && is_date(cell);
        before = value;
        cells[l->count++] = cell;
    }
    qsort(cells, l->count, sizeof(*cells), compare);
    for (size_t i = 0; i < l->count; i++)
        l->distinct += i == 0 || strcmp(cells[i], cells[i - 1]) != 0;
}

// Why a column is no feature, or NULL.
static const char *why_not(const struct look *l, const char *name)
{
    bool many = l->distinct > MANY_TEXTS, words = l->numbers < l->count;
    if (l->distinct == 0)
        return "it is empty";
    if (l->distinct == 1 && l->count > 1)
        return "it is the same in all rows";
    if (words && many && l->dates == l->count)
        return "dates; make numbers of them if they matter";
    if (words && many && l->distinct * 2 > l->count)
        return "nearly each row has a text of its own";
    if (l->whole && l->rising && l->count >= SURE_ROWS)
        return "it counts the rows";
    if (l->distinct * 10 > l->count * 9 && l->count >= SURE_ROWS && (words || l->whole) &&
        names_rows(name))
        return "it names the rows";
    return words && l->distinct > 1000 ? "too many texts to be one-hot" : NULL;
}

// "3,5": numbers for people, texts for the reader.
static belay_status refuse_commas(struct belay_log *log, const struct belay_table *t, size_t column,
                                  const struct look *l)
{
    size_t commas = 0;
    for (size_t i = 0; i < l->count; i++) {
        size_t whole = strspn(l->cells[i], "-0123456789");
        const char *comma = l->cells[i] + whole;
        commas += whole > 0 && *comma == ',' && comma[1 + strspn(comma + 1, "0123456789")] == '\0';
    }
    if (l->count == 0 || l->numbers + commas < l->count || commas == 0)
        return BELAY_OK;
    return belay_fail(log, BELAY_ERR_UNSUPPORTED,
                      "%s: column '%s' has numbers with a decimal comma "
                      "('%.40s'); write them with a point",
                      t->file, t->csv.names[column], l->cells[0]);
}

static belay_status ignore_column(struct belay_log *log, const struct belay_table *t, size_t column,
                                  const char *why, struct belay_table_guess *g)
{
    char *name = belay_strdup(t->csv.names[column]);
    if (!name)
        return belay_fail_nomem(log, strlen(t->csv.names[column]));
    g->ignore[g->num_ignored] = name;
    g->why_ignore[g->num_ignored++] = why;
    return BELAY_OK;
}

// why[column], NULL for features.
static belay_status judge_columns(struct belay_log *log, const struct belay_table *t,
                                  const char **why)
{
    struct look l = { .cells = belay_alloc_array(t->csv.rows, sizeof(*l.cells)) };
    belay_status status = BELAY_OK;
    if (!l.cells)
        return belay_fail_nomem(log, t->csv.rows * sizeof(*l.cells));
    for (size_t c = 0; c < t->csv.columns && status == BELAY_OK; c++) {
        look_at(t, c, &l);
        why[c] = why_not(&l, t->csv.header ? t->csv.names[c] : "-");
        status = refuse_commas(log, t, c, &l);
    }
    belay_free(l.cells);
    return status;
}

// ---- target ----

// Names that say "predict me", the surest first.
static const char *const target_names[] = { "target", "label", "class", "outcome", "species",
                                            "survived", "price", "quality", "y" };

static size_t guess_target(struct belay_table_guess *g, const struct belay_table *t,
                           const char *const *why)
{
    g->why_target = "by its name";
    for (size_t n = 0; n < sizeof(target_names) / sizeof(target_names[0]) && t->csv.header; n++)
        for (size_t i = 0; i < t->csv.columns; i++)
            if (same_name(t->csv.names[i], target_names[n]))
                return i;
    g->why_target = "the last column";
    for (size_t i = t->csv.columns; i-- > 0; g->why_target = "the last column that tells something")
        if (!why[i])
            return i;
    return t->csv.columns - 1;
}

static void count_missing(const struct belay_table *t, const char *const *why,
                          struct belay_table_guess *g)
{
    for (size_t r = 0; r < t->csv.rows; r++) {
        bool missing = false;
        for (size_t c = 0; c < t->csv.columns; c++)
            missing |= c != t->target && !why[c] && belay_cell_missing(belay_table_cell(t, r, c));
        g->missing += missing;
        g->no_target += belay_cell_missing(belay_table_cell(t, r, t->target));
    }
}

static belay_status choose(struct belay_log *log, struct belay_table *t, const char *target,
                           const char **why, struct belay_table_guess *g)
{
    BELAY_TRY(judge_columns(log, t, why));
    if (!target)
        target = t->csv.names[guess_target(g, t, why)];
    else
        g->why_target = "as asked for";
    BELAY_TRY(belay_table_choose(log, t, &(struct belay_dataset_params){ .target = target }));
    g->target = belay_strdup(t->csv.names[t->target]);
    if (!g->target)
        return belay_fail_nomem(log, strlen(target));
    size_t kept = 0;
    for (size_t c = 0; c < t->csv.columns; c++)
        kept += c != t->target && !why[c];
    // Better bad features than none.
    g->nothing = kept == 0;
    for (size_t c = 0; c < t->csv.columns && kept > 0; c++)
        if (c != t->target && why[c])
            BELAY_TRY(ignore_column(log, t, c, why[c], g));
    count_missing(t, why, g);
    return BELAY_OK;
}

belay_status belay_table_guess(struct belay_log *log, const char *file, const char *target,
                               struct belay_table_guess *out)
{
    struct belay_table t = { 0 };
    struct belay_table_guess g = { 0 };
    const char **why = NULL;
    belay_status status;
    BELAY_TRY_DONE(read_table(log, file, &g, &t));
    why = belay_alloc_array(t.csv.columns, sizeof(*why));
    g.ignore = belay_alloc_array(t.csv.columns, sizeof(*g.ignore));
    g.why_ignore = belay_alloc_array(t.csv.columns, sizeof(*g.why_ignore));
    if (!why || !g.ignore || !g.why_ignore) {
        status = belay_fail_nomem(log, t.csv.columns * sizeof(*why));
        goto done;
    }
    BELAY_TRY_DONE(choose(log, &t, target, why, &g));
    *out = g;
    g = (struct belay_table_guess){ 0 };
done:
    belay_table_guess_finish(&g);
    belay_table_finish(&t);
    belay_free(why);
    return status;
}

void belay_table_guess_finish(struct belay_table_guess *g)
{
    for (size_t i = 0; i < g->num_ignored; i++)
        belay_free(g->ignore[i]);
    belay_free(g->ignore);
    belay_free(g->why_ignore);
    belay_free(g->target);
    *g = (struct belay_table_guess){ 0 };
}

// ---- words ----

// A row without a target teaches nothing; the reader can drop only all rows that miss something.
const char *belay_table_guess_missing(const struct belay_table_guess *g)
{
    return g->no_target ? "drop" : g->missing ? "mean" : "error";
}

void belay_table_guess_describe(const struct belay_table_guess *g, struct belay_str *s)
{
    if (g->nothing)
        belay_str_add(s,
                      "# No column looks like a feature (constant, numbering the rows, or a text "
                      "for each): expect little.\n");
    for (size_t i = 0; i < g->num_ignored; i++) {
        belay_str_add(s, "# Ignored: ");
        belay_str_add_json(s, g->ignore[i]);
        belay_str_addf(s, " (%s).\n", g->why_ignore[i]);
    }
    belay_str_add(s, "# Target: ");
    belay_str_add_json(s, g->target ? g->target : "");
    belay_str_addf(s, " (%s; another one: --target NAME).\n", g->why_target);
    if (g->no_target)
        belay_str_addf(s, "# %zu rows have no target, so rows with empty cells are dropped.\n",
                       g->no_target);
    else if (g->missing)
        belay_str_addf(s, "# %zu rows have empty cells: they become the column's mean.\n",
                       g->missing);
}

void belay_table_guess_keys(const struct belay_table_guess *g, struct belay_str *s)
{
    const char *missing = belay_table_guess_missing(g);
    belay_str_add(s, "  target: ");
    belay_str_add_json(s, g->target);
    if (g->num_ignored) {
        belay_str_add(s, "\n  ignore: [");
        for (size_t i = 0; i < g->num_ignored; i++) {
            belay_str_add(s, i ? ", " : "");
            belay_str_add_json(s, g->ignore[i]);
        }
        belay_str_add(s, "]   # columns that are no features");
    }
    if (g->delimiter != ',')
        belay_str_addf(s, "\n  delimiter: %s", g->delimiter == '\t'  ? "tab"
                                               : g->delimiter == ';' ? "';'"
                                                                     : "'|'");
    if (g->odd_header)
        belay_str_add(s, "\n  header: yes");
    belay_str_addf(s, "\n  missing: %s\n",
                   missing[0] == 'm'   ? "mean    # of empty cells; or drop, error"
                   : missing[0] == 'd' ? "drop    # rows with empty cells"
                                       : "error   # an empty cell; or mean, drop");
}
