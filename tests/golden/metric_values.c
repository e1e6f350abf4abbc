// Metrics of numbers: from the sums of a regression.
#include <string.h>

#include "golden/metric.h"

static belay_status regression(struct golden_case *c, const struct golden_rows *r, float *stats)
{
    size_t count = r->count * r->columns;
    float *x = belay_alloc_array(count, sizeof(*x)), *y = belay_alloc_array(count, sizeof(*y));
    belay_status status = BELAY_ERR_NOMEM;
    for (size_t i = 0; x && y && i < count; i++) {
        x[i] = (float) ((double *) r->prediction.data)[i];
        y[i] = (float) ((double *) r->truth.data)[i];
    }
    if (x && y)
        status = golden_stats(c, "regression", x, y, r, (int64_t) r->columns, stats);
    belay_free(x);
    belay_free(y);
    return status;
}

// One number, or with "raw_values" one of each column.
static enum golden_result check_columns(struct golden_case *c, const struct golden_rows *r,
                                        const struct belay_metric *metric, const double *stats)
{
    const struct belay_json *want = belay_json_get(c->line, "expected");
    if (strcmp(golden_text(c, "multioutput", "uniform_average"), "raw_values") != 0)
        return golden_check_number(c, metric->finish(stats, r->columns), want);
    enum golden_result result = GOLDEN_PASS;
    const struct belay_json *e = want ? want->first : NULL;
    for (size_t i = 0; i < r->columns && result == GOLDEN_PASS; i++, e = e ? e->next : NULL) {
        double of[BELAY_REGRESSION];
        for (size_t k = 0; k < BELAY_REGRESSION; k++)
            of[k] = stats[k * r->columns + i];
        result = golden_check_number(c, metric->finish(of, 1), e);
    }
    return result;
}

enum golden_result golden_metric_values(struct golden_case *c, struct golden_rows *r,
                                         const struct belay_metric *metric)
{
    size_t count = BELAY_REGRESSION * r->columns;
    float *sums = belay_alloc_array(count, sizeof(*sums));
    double *stats = belay_alloc_array(count, sizeof(*stats));
    enum golden_result result = GOLDEN_FAIL;
    if (!sums || !stats)
        result = golden_fail(c, "no memory");
    else if (regression(c, r, sums) != BELAY_OK)
        result = golden_fail(c, "%s", c->log->last);
    else {
        belay_regression_add(stats, sums, r->columns);
        result = check_columns(c, r, metric, stats);
    }
    belay_free(sums);
    belay_free(stats);
    return result;
}
