#include <math.h>
#include <string.h>

#include "base/file.h"
#include "base/mem.h"
#include "data/parts.h"

static void column_finish(struct belay_column *c)
{
    belay_free(c->name);
    belay_names_free(c->values, c->num_values);
}

void belay_preprocess_finish(struct belay_preprocess *p)
{
    for (size_t i = 0; p->columns && i < p->num_columns; i++)
        column_finish(&p->columns[i]);
    belay_free(p->columns);
    belay_free(p->format);
    belay_free(p->missing);
    belay_free(p->target);
    belay_free(p->weight);
    belay_names_free(p->classes, p->num_classes);
    belay_parts_finish(p);
    *p = (struct belay_preprocess){ 0 };
}

// One cell into its place in the input row; returns how many inputs it makes.
static size_t put_cell(const struct belay_column *c, double value, float *out)
{
    if (c->kind == BELAY_COLUMN_NUMBER) {
        *out = (float) (((isnan(value) ? c->fill : value) - c->mean) / c->std);
        return 1;
    }
    for (size_t i = 0; i < c->num_values; i++)
        out[i] = value == (double) i ? 1 : 0;
    return c->num_values;
}

static void put_row(const struct belay_preprocess *p, const float *raw, float *out)
{
    if (!p->columns) {
        for (size_t i = 0; i < p->raw_count; i++)
            out[i] = (float) ((raw[i] * p->scale - p->mean) / p->std);
        return;
    }
    for (size_t i = 0; i < p->num_columns; i++)
        out += put_cell(&p->columns[i], raw[i], out);
}

belay_status belay_preprocess_numbers(struct belay_log *log, const struct belay_preprocess *p,
                                      const float *raw, size_t rows, float *out)
{
    bool mean = p->columns && p->missing && strcmp(p->missing, "mean") == 0;
    for (size_t r = 0; r < rows; r++) {
        for (size_t i = 0; i < p->raw_count; i++) {
            float v = raw[r * p->raw_count + i];
            if (!isfinite(v) && !(mean && isnan(v)))
                return belay_fail(log, BELAY_ERR_DATA, "row %zu, number %zu: %g is not finite", r,
                                  i, v);
        }
        put_row(p, raw + r * p->raw_count, out + r * p->input_count);
    }
    return BELAY_OK;
}
