#include "data/table.h"

#include <string.h>

#include "base/file.h"
#include "base/str.h"
#include "data/parts.h"

static bool is_space(char c)
{
    return c == ' ' || c == '\t';
}

static belay_status trim_cell(struct belay_log *log, struct belay_arena *arena, const char **cell)
{
    const char *start = *cell;
    while (is_space(*start))
        start++;
    size_t length = strlen(start), kept = length;
    while (kept && is_space(start[kept - 1]))
        kept--;
    *cell = start;
    if (kept == length)
        return BELAY_OK;
    char *copy = belay_arena_alloc(arena, kept + 1);
    if (!copy)
        return belay_fail_nomem(log, kept + 1);
    memcpy(copy, start, kept);
    *cell = copy;
    return BELAY_OK;
}

static belay_status trim(struct belay_log *log, struct belay_csv *csv)
{
    for (size_t i = 0; i < csv->rows * csv->columns; i++)
        BELAY_TRY(trim_cell(log, &csv->arena, &csv->cells[i]));
    for (size_t i = 0; i < csv->columns; i++)
        BELAY_TRY(trim_cell(log, &csv->arena, &csv->names[i]));
    return BELAY_OK;
}

static belay_status check_names(struct belay_log *log, const struct belay_table *t)
{
    for (size_t i = 0; i < t->csv.columns; i++)
        for (size_t j = 0; j < i; j++)
            if (strcmp(t->csv.names[i], t->csv.names[j]) == 0)
                return belay_fail(log, BELAY_ERR_DATA, "%s: columns %zu and %zu are both '%s'",
                                  t->file, j, i, t->csv.names[i]);
    return BELAY_OK;
}

static char choose_delimiter(const char *file, char delimiter)
{
    size_t length = strlen(file);
    if (delimiter && delimiter != ',')
        return delimiter;
    return length > 4 && strcmp(file + length - 4, ".tsv") == 0 ? '\t' : ',';
}

belay_status belay_table_read(struct belay_log *log, const char *file, enum belay_csv_header header,
                              char delimiter, struct belay_table *t)
{
    char *text;
    size_t size;
    t->file = file;
    t->target = t->weight = BELAY_NO_COLUMN;
    BELAY_TRY(belay_file_read(log, file, 0, &text, &size));
    if (size > 2 && memcmp(text, "\x1f\x8b", 2) == 0) {
        belay_free(text);
        return belay_fail(log, BELAY_ERR_UNSUPPORTED,
                          "%s: it is gzipped; this version reads plain csv: gunzip it", file);
    }
    belay_digest_of(text, size, &t->digest);
    BELAY_TRY(belay_csv_parse(log, file, text, size, header, choose_delimiter(file, delimiter),
                              &t->csv));
    BELAY_TRY(trim(log, &t->csv));
    if (t->csv.rows == 0)
        return belay_fail(log, BELAY_ERR_DATA, "%s: there are no rows", file);
    if (t->csv.rows > INT32_MAX)
        return belay_fail(log, BELAY_ERR_UNSUPPORTED, "%s: %zu rows are too many", file,
                          t->csv.rows);
    return check_names(log, t);
}

void belay_table_finish(struct belay_table *t)
{
    belay_csv_finish(&t->csv);
    belay_free(t->features);
    belay_free(t->targets);
    belay_free(t->rows);
    *t = (struct belay_table){ 0 };
}

const char *belay_table_cell(const struct belay_table *t, size_t row, size_t column)
{
    return t->csv.cells[row * t->csv.columns + column];
}

bool belay_cell_missing(const char *cell)
{
    static const char *const words[] = { "", "NA", "NaN", "nan", "NAN", "N/A", "n/a", "NULL", "null", "?" };
    if (*cell && *cell != 'N' && *cell != 'n' && *cell != '?')
        return false;
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
        if (strcmp(cell, words[i]) == 0)
            return true;
    return false;
}

belay_status belay_table_fail(struct belay_log *log, const struct belay_table *t, size_t row,
                              size_t column, const char *what, const char *cell)
{
    return belay_fail(log, BELAY_ERR_DATA, "%s:%zu: column '%s': '%.60s' %s", t->file,
                      t->csv.lines[row], t->csv.names[column], cell, what);
}

// ---- Which column is what ----

static size_t find_column(const struct belay_table *t, const char *name)
{
    for (size_t i = 0; i < t->csv.columns; i++)
        if (strcmp(t->csv.names[i], name) == 0)
            return i;
    return BELAY_NO_COLUMN;
}

static belay_status no_column(struct belay_log *log, const struct belay_table *t, const char *what,
                              const char *name)
{
    struct belay_str names = { 0 };
    const char *near = belay_suggest(name, t->csv.names, t->csv.columns);
    for (size_t i = 0; i < t->csv.columns && names.length < 300; i++)
        belay_str_addf(&names, "%s%s", i ? ", " : "", t->csv.names[i]);
    belay_status status = belay_fail(log, BELAY_ERR_DATA,
                                     "%s: no %s '%s'%s%s%s; the %zu columns are %s%s", t->file,
                                     what, name, near ? " (did you mean '" : "", near ? near : "",
                                     near ? "'?)" : "", t->csv.columns,
                                     names.text ? names.text : "",
                                     names.length < 300 ? "" : ", …");
    belay_str_free(&names);
    return status;
}

// By name, else by index; negative ones count from the end.
static size_t column_of(const struct belay_table *t, const char *name)
{
    int64_t index, columns = (int64_t) t->csv.columns;
    size_t column = find_column(t, name);
    if (column != BELAY_NO_COLUMN || !belay_parse_i64(name, &index))
        return column;
    index += index < 0 ? columns : 0;
    return index >= 0 && index < columns ? (size_t) index : BELAY_NO_COLUMN;
}

static void drop_feature(struct belay_table *t, size_t column)
{
    size_t kept = 0;
    for (size_t i = 0; i < t->num_features; i++)
        if (t->features[i] != column)
            t->features[kept++] = t->features[i];
    t->num_features = kept;
}

static belay_status choose_weight(struct belay_log *log, struct belay_table *t, const char *name)
{
    if (!name)
        return BELAY_OK;
    t->weight = column_of(t, name);
    if (t->weight == BELAY_NO_COLUMN)
        return no_column(log, t, "column of weights", name);
    if (t->weight == t->target)
        return belay_fail(log, BELAY_ERR_DATA, "%s: column '%s' is the target, and data.weight names it "
                          "too", t->file, t->csv.names[t->weight]);
    drop_feature(t, t->weight);
    return BELAY_OK;
}

// Takes the columns that are to be ignored out of the features.
static belay_status leave_out(struct belay_log *log, struct belay_table *t,
                              const char *const *ignore, size_t num_ignore)
{
    for (size_t k = 0; k < num_ignore; k++) {
        size_t column = column_of(t, ignore[k]);
        if (column == BELAY_NO_COLUMN)
            return no_column(log, t, "column to ignore", ignore[k]);
        if (column == t->target)
            return belay_fail(log, BELAY_ERR_DATA, "%s: column '%s' is the target, and data.ignore "
                              "names it too", t->file, t->csv.names[column]);
        drop_feature(t, column);
    }
    if (t->num_features == 0)
        return belay_fail(log, BELAY_ERR_DATA, "%s: data.%s leaves no features", t->file,
                          num_ignore ? "ignore" : "weight");
    return BELAY_OK;
}

belay_status belay_table_choose(struct belay_log *log, struct belay_table *t,
                                const struct belay_dataset_params *params)
{
    const char *target = params->target;
    t->target = target ? column_of(t, target) : t->csv.columns - 1;
    if (t->target == BELAY_NO_COLUMN)
        return no_column(log, t, "target column", target);
    if (t->csv.columns < 2)
        return belay_fail(log, BELAY_ERR_DATA, "%s: one column, want features and a target",
                          t->file);
    t->features = belay_alloc_array(t->csv.columns, sizeof(*t->features));
    if (!t->features)
        return belay_fail_nomem(log, t->csv.columns * sizeof(*t->features));
    for (size_t i = 0; i < t->csv.columns; i++)
        if (i != t->target)
            t->features[t->num_features++] = i;
    BELAY_TRY(choose_weight(log, t, params->weight));
    return leave_out(log, t, params->ignore, params->num_ignore);
}

// ---- Several inputs and heads ----

static belay_status choose_heads(struct belay_log *log, struct belay_table *t,
                                 const struct belay_dataset_params *params)
{
    size_t count = 0;
    for (size_t i = 0; i < params->num_heads; i++)
        count += params->heads[i].num_targets;
    t->targets = belay_alloc_array(count, sizeof(*t->targets));
    if (!t->targets)
        return belay_fail_nomem(log, count * sizeof(*t->targets));
    for (size_t i = 0; i < params->num_heads; i++) {
        const struct belay_target_group *h = &params->heads[i];
        for (size_t k = 0; k < h->num_targets; k++) {
            size_t column = find_column(t, h->targets[k]);
            if (column == BELAY_NO_COLUMN)
                return no_column(log, t, "target column", h->targets[k]);
            t->targets[t->num_targets++] = column;
        }
    }
    t->target = t->targets[0];
    return BELAY_OK;
}

// Or the weight: what is no feature.
static bool is_target(const struct belay_table *t, size_t column)
{
    bool target = (t->num_targets == 0 && column == t->target) || column == t->weight;
    for (size_t i = 0; i < t->num_targets; i++)
        target = target || t->targets[i] == column;
    return target;
}

static belay_status add_feature(struct belay_log *log, struct belay_table *t, const char *input,
                                size_t column)
{
    if (!is_target(t, column)) {
        t->features[t->num_features++] = column;
        return BELAY_OK;
    }
    return belay_fail(log, BELAY_ERR_RECIPE, "%s: column '%s' is a %s and a column of the input '%s'",
                      t->file, t->csv.names[column], column == t->weight ? "weight" : "target", input);
}

// A pattern takes all columns that fit it and are no targets.
static belay_status choose_input(struct belay_log *log, struct belay_table *t,
                                 const struct belay_input_group *input)
{
    for (size_t i = 0; i < input->num_columns; i++) {
        const char *name = input->columns[i];
        size_t column = find_column(t, name), before = t->num_features;
        if (column != BELAY_NO_COLUMN) {
            BELAY_TRY(add_feature(log, t, input->name, column));
            continue;
        }
        for (size_t c = 0; c < t->csv.columns; c++)
            if (strpbrk(name, "*?") && belay_glob(name, t->csv.names[c]) && !is_target(t, c))
                t->features[t->num_features++] = c;
        if (t->num_features == before)
            return no_column(log, t, "column", name);
    }
    return BELAY_OK;
}

belay_status belay_table_choose_parts(struct belay_log *log, struct belay_table *t,
                                      const struct belay_dataset_params *params, size_t *widths)
{
    size_t most = t->csv.columns, listed = 0;
    for (size_t i = 0; i < params->num_inputs; i++)
        listed += params->inputs[i].num_columns;
    if (params->num_heads)
        BELAY_TRY(choose_heads(log, t, params));
    else
        BELAY_TRY(belay_table_choose(log, t, &(struct belay_dataset_params){ .target = params->target }));
    BELAY_TRY(choose_weight(log, t, params->weight));
    belay_free(t->features);
    t->num_features = 0;
    // Each entry of an input takes each column once at most.
    t->features = belay_alloc_array(most * (listed + 1), sizeof(*t->features));
    if (!t->features)
        return belay_fail_nomem(log, most * (listed + 1) * sizeof(*t->features));
    for (size_t i = 0; i < params->num_inputs; i++) {
        size_t before = t->num_features;
        if (!params->inputs[i].num_columns)
            return belay_fail(log, BELAY_ERR_RECIPE, "%s: the input '%s' lists no columns", t->file,
                              params->inputs[i].name);
        BELAY_TRY(choose_input(log, t, &params->inputs[i]));
        widths[i] = t->num_features - before;
    }
    for (size_t c = 0; params->num_inputs == 0 && c < most; c++)
        if (!is_target(t, c))
            t->features[t->num_features++] = c;
    if (t->num_features == 0)
        return belay_fail(log, BELAY_ERR_DATA, "%s: no columns are left for features", t->file);
    return params->num_inputs ? BELAY_OK : leave_out(log, t, params->ignore, params->num_ignore);
}

static belay_status match_heads(struct belay_log *log, struct belay_table *t,
                                const struct belay_preprocess *p, bool need)
{
    size_t count = belay_parts_targets(p);
    t->target = BELAY_NO_COLUMN;
    t->targets = belay_alloc_array(count, sizeof(*t->targets));
    if (!t->targets)
        return belay_fail_nomem(log, count * sizeof(*t->targets));
    for (size_t i = 0; i < p->num_heads; i++)
        for (size_t k = 0; k < p->heads[i].num_targets && t->num_targets < count; k++) {
            size_t column = find_column(t, p->heads[i].targets[k]);
            if (column == BELAY_NO_COLUMN && need)
                return no_column(log, t, "target column", p->heads[i].targets[k]);
            if (column == BELAY_NO_COLUMN) {
                t->num_targets = 0;
                return BELAY_OK;
            }
            t->targets[t->num_targets++] = column;
        }
    if (t->num_targets != count)
        return belay_fail(log, BELAY_ERR_MISMATCH, "%s: the model's heads have no columns", t->file);
    t->target = t->targets[0];
    return BELAY_OK;
}

// By name: columns may stand anywhere and others may stand between them.
static belay_status match_names(struct belay_log *log, struct belay_table *t,
                                const struct belay_preprocess *p)
{
    for (size_t i = 0; i < p->num_columns; i++) {
        t->features[i] = find_column(t, p->columns[i].name);
        if (t->features[i] == BELAY_NO_COLUMN)
            return no_column(log, t, "column", p->columns[i].name);
    }
    t->target = p->target ? find_column(t, p->target) : BELAY_NO_COLUMN;
    t->weight = p->weight ? find_column(t, p->weight) : BELAY_NO_COLUMN;
    return BELAY_OK;
}

// The column whose name is its place in training, if there is one here.
static size_t place_of(const struct belay_table *t, const char *name)
{
    int64_t place;
    bool has = name && belay_parse_i64(name, &place) && place >= 0 &&
               place < (int64_t) t->csv.columns;
    return has ? (size_t) place : BELAY_NO_COLUMN;
}

// Columns without names that do not follow each other: others between them were ignored, and the
// file must be as it was in training. Their names are their places then.
static belay_status match_gaps(struct belay_log *log, struct belay_table *t,
                               const struct belay_preprocess *p)
{
    int64_t place = -1, least = 0;
    for (size_t i = 0; i < p->num_columns; i++) {
        if (!belay_parse_i64(p->columns[i].name, &place) || place < 0)
            place = (int64_t) i;
        t->features[i] = (size_t) place;
        least = place >= least ? place + 1 : least;
    }
    if ((int64_t) t->csv.columns < least)
        return belay_fail(log, BELAY_ERR_DATA, "%s: %zu columns, want at least %lld, as in training "
                          "(ignored ones too)", t->file, t->csv.columns, (long long) least);
    t->target = place_of(t, p->target);
    t->weight = place_of(t, p->weight);
    return BELAY_OK;
}

static bool has_gaps(const struct belay_preprocess *p)
{
    int64_t target = (int64_t) p->num_columns, place;
    if (p->target)
        belay_parse_i64(p->target, &target);
    for (size_t i = 0; i < p->num_columns; i++)
        if (belay_parse_i64(p->columns[i].name, &place) && place != (int64_t) i &&
            place != (int64_t) i + (target <= (int64_t) i))
            return true;
    return target > (int64_t) p->num_columns;
}

// By position: the features alone, or with the target where it was in training (else last).
static belay_status match_places(struct belay_log *log, struct belay_table *t,
                                 const struct belay_preprocess *p)
{
    size_t count = p->num_columns;
    int64_t target = (int64_t) count;
    if (p->weight || has_gaps(p))
        return match_gaps(log, t, p);
    if (t->csv.columns != count && t->csv.columns != count + 1)
        return belay_fail(log, BELAY_ERR_DATA, "%s: %zu columns, want %zu, or %zu with the target",
                          t->file, t->csv.columns, count, count + 1);
    if (p->target)
        belay_parse_i64(p->target, &target);
    bool has = t->csv.columns == count + 1 && target >= 0 && target <= (int64_t) count;
    for (size_t i = 0; i < count; i++)
        t->features[i] = i + (has && (int64_t) i >= target ? 1 : 0);
    t->target = has ? (size_t) target : BELAY_NO_COLUMN;
    return BELAY_OK;
}

belay_status belay_table_match(struct belay_log *log, struct belay_table *t,
                               const struct belay_preprocess *p, bool need_target)
{
    t->features = belay_alloc_array(p->num_columns, sizeof(*t->features));
    if (!t->features)
        return belay_fail_nomem(log, p->num_columns * sizeof(*t->features));
    t->num_features = p->num_columns;
    if (p->num_heads) {
        BELAY_TRY(match_names(log, t, p));
        BELAY_TRY(match_heads(log, t, p, need_target));
        t->weight = need_target ? t->weight : BELAY_NO_COLUMN;
        return BELAY_OK;
    }
    BELAY_TRY(p->header || p->num_inputs ? match_names(log, t, p) : match_places(log, t, p));
    if (need_target && t->target == BELAY_NO_COLUMN)
        return no_column(log, t, "target column", p->target ? p->target : "target");
    if (!need_target) // nothing is measured
        t->weight = BELAY_NO_COLUMN;
    return BELAY_OK;
}

// ---- Which rows are used ----

static size_t missing_column(const struct belay_table *t, size_t row, bool features, bool target)
{
    for (size_t i = 0; features && i < t->num_features; i++)
        if (belay_cell_missing(belay_table_cell(t, row, t->features[i])))
            return t->features[i];
    if (target && t->target != BELAY_NO_COLUMN &&
        belay_cell_missing(belay_table_cell(t, row, t->target)))
        return t->target;
    for (size_t i = 1; target && i < t->num_targets; i++)
        if (belay_cell_missing(belay_table_cell(t, row, t->targets[i])))
            return t->targets[i];
    if (t->weight != BELAY_NO_COLUMN && belay_cell_missing(belay_table_cell(t, row, t->weight)))
        return t->weight;
    return BELAY_NO_COLUMN;
}

belay_status belay_table_keep(struct belay_log *log, struct belay_table *t, const char *missing,
                              bool target)
{
    bool drop = strcmp(missing, "drop") == 0, mean = strcmp(missing, "mean") == 0;
    t->rows = belay_alloc_array(t->csv.rows, sizeof(*t->rows));
    if (!t->rows)
        return belay_fail_nomem(log, t->csv.rows * sizeof(*t->rows));
    for (size_t r = 0; r < t->csv.rows; r++) {
        size_t column = missing_column(t, r, !mean, target);
        if (column != BELAY_NO_COLUMN && !drop)
            return belay_table_fail(log, t, r, column,
                                    mean ? "is missing, and it has no mean to stand for it"
                                         : "is missing (see data.missing)",
                                    belay_table_cell(t, r, column));
        if (column == BELAY_NO_COLUMN)
            t->rows[t->num_rows++] = (int32_t) r;
    }
    if (t->num_rows == 0)
        return belay_fail(log, BELAY_ERR_DATA, "%s: every row misses something; none is left",
                          t->file);
    return BELAY_OK;
}
