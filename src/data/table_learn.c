// What a table teaches: kinds of columns, classes, means, deviations, values.
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/str.h"
#include "data/table.h"

#define MAX_VALUES 1000     // of a category: more are taken for an identifier
#define AUTO_CLASSES 20     // distinct small integers that make a target a class
#define AUTO_LARGEST 1000

static int compare_texts(const void *a, const void *b)
{
    return strcmp(*(const char *const *) a, *(const char *const *) b);
}

static int compare_numbers(const void *a, const void *b)
{
    double x = 0, y = 0;
    belay_parse_double(*(const char *const *) a, &x);
    belay_parse_double(*(const char *const *) b, &y);
    return (x > y) - (x < y);
}

static bool is_number(const char *cell)
{
    double v;
    return belay_parse_double(cell, &v);
}

char *belay_class_text(const char *cell)
{
    double v;
    struct belay_str s = { 0 };
    if (!belay_parse_double(cell, &v))
        return belay_strdup(cell);
    belay_str_add_double(&s, v);
    if (s.failed) {
        belay_str_free(&s);
        return NULL;
    }
    return s.text;
}

// The distinct texts of a column among the rows given, missing cells aside, sorted; *out is owned,
// its texts are the table's.
static belay_status distinct(struct belay_log *log, const struct belay_table *t,
                             const int32_t *rows, size_t num_rows, size_t column,
                             const char ***out, size_t *count)
{
    const char **cells = belay_alloc_array(num_rows, sizeof(*cells));
    size_t n = 0, kept = 0;
    if (!cells)
        return belay_fail_nomem(log, num_rows * sizeof(*cells));
    for (size_t i = 0; i < num_rows; i++) {
        const char *cell = belay_table_cell(t, (size_t) rows[i], column);
        if (!belay_cell_missing(cell))
            cells[n++] = cell;
    }
    qsort(cells, n, sizeof(*cells), compare_texts);
    for (size_t i = 0; i < n; i++)
        if (!kept || strcmp(cells[i], cells[kept - 1]) != 0)
            cells[kept++] = cells[i];
    *out = cells;
    *count = kept;
    return BELAY_OK;
}

static belay_status copy_texts(struct belay_log *log, const char *const *texts, size_t count,
                               char ***values, size_t *num_values)
{
    *values = belay_alloc_array(count, sizeof(**values));
    if (!*values)
        return belay_fail_nomem(log, count * sizeof(**values));
    *num_values = count;
    for (size_t i = 0; i < count; i++) {
        (*values)[i] = belay_strdup(texts[i]);
        if (!(*values)[i])
            return belay_fail_nomem(log, strlen(texts[i]));
    }
    return BELAY_OK;
}

// ---- Kinds and classes ----

static enum belay_column_kind kind_of(const struct belay_table *t, size_t column)
{
    for (size_t i = 0; i < t->num_rows; i++) {
        const char *cell = belay_table_cell(t, (size_t) t->rows[i], column);
        if (!belay_cell_missing(cell) && !is_number(cell))
            return BELAY_COLUMN_CATEGORY;
    }
    return BELAY_COLUMN_NUMBER;
}

static bool few_small_integers(const char *const *texts, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        double v;
        if (!belay_parse_double(texts[i], &v) || v != floor(v) || fabs(v) > AUTO_LARGEST)
            return false;
    }
    return count <= AUTO_CLASSES;
}

// "1" and "1.0" are one class.
static size_t join_equal_numbers(const char **texts, size_t count)
{
    size_t kept = 0;
    qsort(texts, count, sizeof(*texts), compare_numbers);
    for (size_t i = 0; i < count; i++)
        if (!kept || compare_numbers(&texts[i], &texts[kept - 1]) != 0)
            texts[kept++] = texts[i];
    return kept;
}

static belay_status name_classes(struct belay_log *log, const struct belay_table *t,
                                 const char **texts, size_t count, bool numbers,
                                 struct belay_preprocess *p)
{
    if (count < 2)
        return belay_fail(log, BELAY_ERR_DATA, "%s: column '%s' has one class ('%s') only",
                          t->file, t->csv.names[t->target], texts[0]);
    BELAY_TRY(copy_texts(log, texts, count, &p->classes, &p->num_classes));
    for (size_t i = 0; numbers && i < count; i++) {
        char *text = belay_class_text(texts[i]);
        if (!text)
            return belay_fail_nomem(log, 32);
        belay_free(p->classes[i]);
        p->classes[i] = text;
    }
    return BELAY_OK;
}

// task: 0 automatic, 1 classes, 2 values.
static belay_status describe_target(struct belay_log *log, const struct belay_table *t, int task,
                                    struct belay_preprocess *p)
{
    const char **texts = NULL;
    size_t count = 0;
    belay_status status = BELAY_OK;
    bool numbers = kind_of(t, t->target) == BELAY_COLUMN_NUMBER;
    BELAY_TRY_DONE(distinct(log, t, t->rows, t->num_rows, t->target, &texts, &count));
    if (numbers)
        count = join_equal_numbers(texts, count);
    if (task == 1 || (task == 0 && (!numbers || few_small_integers(texts, count))))
        status = name_classes(log, t, texts, count, numbers, p);
done:
    belay_free(texts);
    return status;
}

belay_status belay_table_classes(struct belay_log *log, const struct belay_table *t, size_t column,
                                 char ***classes, size_t *num)
{
    struct belay_table one = *t; // borrows all of it
    struct belay_preprocess p = { 0 };
    one.target = column;
    belay_status status = describe_target(log, &one, 1, &p);
    if (status == BELAY_OK) {
        *classes = p.classes;
        *num = p.num_classes;
    } else {
        belay_names_free(p.classes, p.num_classes);
    }
    return status;
}

static belay_status describe_column(struct belay_log *log, const struct belay_table *t,
                                    size_t column, struct belay_column *c)
{
    c->name = belay_strdup(t->csv.names[column]);
    c->kind = kind_of(t, column);
    c->std = 1;
    return c->name ? BELAY_OK : belay_fail_nomem(log, strlen(t->csv.names[column]));
}

belay_status belay_table_describe(struct belay_log *log, const struct belay_table *t, int task,
                                  const bool *wants_classes, struct belay_preprocess *p)
{
    p->scale = p->std = p->target_std = 1;
    p->header = t->csv.header;
    p->raw_count = t->num_features;
    p->target = belay_strdup(t->csv.names[t->target]);
    if (t->weight != BELAY_NO_COLUMN && !(p->weight = belay_strdup(t->csv.names[t->weight])))
        return belay_fail_nomem(log, strlen(t->csv.names[t->weight]));
    p->columns = belay_alloc_array(t->num_features, sizeof(*p->columns));
    if (!p->target || !p->columns)
        return belay_fail_nomem(log, t->num_features * sizeof(*p->columns));
    p->num_columns = t->num_features;
    for (size_t i = 0; i < t->num_features; i++)
        BELAY_TRY(describe_column(log, t, t->features[i], &p->columns[i]));
    for (size_t i = 0; i < p->num_heads; i++)
        if (wants_classes[i])
            BELAY_TRY(belay_table_classes(log, t, t->targets[p->heads[i].first],
                                          &p->heads[i].classes, &p->heads[i].num_classes));
    return p->num_heads ? BELAY_OK : describe_target(log, t, task, p);
}

// ---- Means, deviations, values ----

static belay_status learn_values(struct belay_log *log, const struct belay_table *t,
                                 const int32_t *rows, size_t num_rows, size_t column,
                                 struct belay_column *c)
{
    const char **texts = NULL;
    size_t count = 0;
    belay_status status;
    BELAY_TRY_DONE(distinct(log, t, rows, num_rows, column, &texts, &count));
    if (count > MAX_VALUES)
        status = belay_fail(log, BELAY_ERR_DATA,
                            "%s: column '%s' has %zu different texts; at most %d can be one-hot "
                            "(is it an identifier?)", t->file, c->name, count, MAX_VALUES);
    else
        status = copy_texts(log, texts, count, &c->values, &c->num_values);
done:
    belay_free(texts);
    return status;
}

// Two passes: mean, then squares about it. Missing cells teach nothing.
static void learn_numbers(const struct belay_table *t, const int32_t *rows, size_t num_rows,
                          size_t column, struct belay_column *c)
{
    double sum = 0, squares = 0, v;
    size_t n = 0;
    for (size_t i = 0; i < num_rows; i++) {
        const char *cell = belay_table_cell(t, (size_t) rows[i], column);
        if (!belay_cell_missing(cell) && belay_parse_double(cell, &v) && ++n)
            sum += v;
    }
    c->mean = n ? sum / (double) n : 0;
    for (size_t i = 0; i < num_rows; i++) {
        const char *cell = belay_table_cell(t, (size_t) rows[i], column);
        if (!belay_cell_missing(cell) && belay_parse_double(cell, &v))
            squares += (v - c->mean) * (v - c->mean);
    }
    c->fill = c->mean;
    c->std = n ? sqrt(squares / (double) n) : 0;
    if (!(c->std > 0) || !isfinite(c->std) || !isfinite(c->mean))
        c->std = 1;
}

belay_status belay_table_learn(struct belay_log *log, const struct belay_table *t,
                               const int32_t *rows, size_t num_rows, struct belay_preprocess *p)
{
    p->input_count = 0;
    for (size_t i = 0; i < t->num_features; i++) {
        struct belay_column *c = &p->columns[i];
        if (c->kind == BELAY_COLUMN_CATEGORY)
            BELAY_TRY(learn_values(log, t, rows, num_rows, t->features[i], c));
        else
            learn_numbers(t, rows, num_rows, t->features[i], c);
        p->input_count += c->kind == BELAY_COLUMN_CATEGORY ? c->num_values : 1;
    }
    if (p->input_count == 0)
        return belay_fail(log, BELAY_ERR_DATA, "%s: the training rows have no features", t->file);
    return BELAY_OK;
}
