// The group metrics: statistics on the device, finished by our descriptors.
#include <math.h>
#include <string.h>

#include "golden/program.h"
#include "train/metric.h"
#include "train/metric/classes.h"

enum { MAX_CLASSES = 64 };

static const struct mapping {
    const char *op, *name;
} mappings[] = {
    { "accuracy_score", "accuracy" },  { "precision_score", "precision" },
    { "recall_score", "recall" },      { "f1_score", "f1" },
    { "mean_absolute_error", "mae" },  { "mean_squared_error", "mse" },
    { "r2_score", "r2" },              { "confusion_matrix", "" },
};

struct rows { // of one case
    size_t count, columns;
    int64_t labels[MAX_CLASSES];
    int classes;
    struct belay_tensor truth, prediction; // F64
};

static void rows_finish(struct rows *r)
{
    belay_tensor_finish(&r->truth);
    belay_tensor_finish(&r->prediction);
}

static bool rows_load(struct golden_case *c, struct rows *r)
{
    memset(r, 0, sizeof(*r));
    if (!golden_load(c, "y_true", BELAY_F64, &r->truth) ||
        !golden_load(c, golden_text(c, "on", "y_pred"), BELAY_F64, &r->prediction))
        return false;
    const struct belay_shape *s = &r->truth.shape;
    r->count = (size_t) s->dim[0];
    r->columns = s->rank > 1 ? (size_t) s->dim[1] : 1;
    return true;
}

static int label_index(const struct rows *r, double value)
{
    for (int i = 0; i < r->classes; i++)
        if ((double) r->labels[i] == value)
            return i;
    return -1;
}

static bool add_label(struct rows *r, double value)
{
    if (label_index(r, value) >= 0)
        return true;
    if (r->classes == MAX_CLASSES)
        return false;
    int i = r->classes++;
    for (; i > 0 && (double) r->labels[i - 1] > value; i--)
        r->labels[i] = r->labels[i - 1];
    r->labels[i] = (int64_t) value;
    return true;
}

// The labels of the case, or those that occur. False when they leave out some that occur: we have
// no such thing.
static bool find_labels(struct golden_case *c, struct rows *r)
{
    const double *truth = r->truth.data, *prediction = r->prediction.data;
    int given = golden_list(c, "labels", MAX_CLASSES, r->labels);
    r->classes = given > 0 ? given : 0;
    // Binary metrics have two classes though one may be absent.
    bool binary = strcmp(golden_text(c, "average", ""), "binary") == 0;
    if (binary && (!add_label(r, 0) || !add_label(r, 1)))
        return false;
    for (size_t i = 0; i < r->count; i++)
        if (!add_label(r, truth[i]) || !add_label(r, prediction[i]))
            return false;
    return given < 0 || r->classes == given;
}

// ---- statistics on the device ----

static belay_status run_stats(struct golden_case *c, const char *kind, const float *output,
                              const void *target, const struct rows *r, int64_t columns,
                              float *stats)
{
    const struct belay_stats *s = belay_stats_find(kind);
    bool classes = strcmp(kind, "confusion") == 0;
    int64_t dim[2] = { (int64_t) r->count, columns };
    struct golden_program p;
    belay_status status = golden_program_begin(c, &p);
    if (status != BELAY_OK)
        return status;
    belay_value *x = belay_input(p.graph, "output", BELAY_F32, 2, dim, true);
    belay_value *y = belay_input(p.graph, "target", classes ? BELAY_I32 : BELAY_F32,
                                 classes ? 1 : 2, dim, true);
    belay_value *out = belay_graph_output(p.graph, s->build(p.graph, x, y), "stats");
    BELAY_TRY_DONE(golden_program_ready(c, &p));
    BELAY_TRY_DONE(belay_program_set(p.program, x, output, dim[0]));
    BELAY_TRY_DONE(belay_program_set(p.program, y, target, dim[0]));
    BELAY_TRY_DONE(belay_program_run(p.program, dim[0]));
    BELAY_TRY_DONE(belay_program_get(p.program, out, stats, dim[0]));
done:
    golden_program_finish(&p);
    return status;
}

// The model's output that predicts what the case says: one at the class.
static belay_status confusion(struct golden_case *c, const struct rows *r, float *stats)
{
    size_t classes = (size_t) r->classes;
    float *output = belay_alloc_array(r->count * classes, sizeof(*output));
    int32_t *target = belay_alloc_array(r->count, sizeof(*target));
    belay_status status = BELAY_ERR_NOMEM;
    for (size_t i = 0; output && target && i < r->count; i++) {
        output[i * classes + (size_t) label_index(r, ((double *) r->prediction.data)[i])] = 1;
        target[i] = label_index(r, ((double *) r->truth.data)[i]);
    }
    if (output && target)
        status = run_stats(c, "confusion", output, target, r, r->classes, stats);
    belay_free(output);
    belay_free(target);
    return status;
}

static belay_status regression(struct golden_case *c, const struct rows *r, float *stats)
{
    size_t count = r->count * r->columns;
    float *x = belay_alloc_array(count, sizeof(*x)), *y = belay_alloc_array(count, sizeof(*y));
    belay_status status = BELAY_ERR_NOMEM;
    for (size_t i = 0; x && y && i < count; i++) {
        x[i] = (float) ((double *) r->prediction.data)[i];
        y[i] = (float) ((double *) r->truth.data)[i];
    }
    if (x && y)
        status = run_stats(c, "regression", x, y, r, (int64_t) r->columns, stats);
    belay_free(x);
    belay_free(y);
    return status;
}

// ---- against what is expected ----

static enum golden_result check(struct golden_case *c, double got, const struct belay_json *want)
{
    const struct belay_json *tolerance = belay_json_get(c->line, "tolerance");
    if (!want || (want->kind != BELAY_JSON_NULL && want->kind != BELAY_JSON_INT &&
                  want->kind != BELAY_JSON_NUMBER))
        return golden_fail(c, "no number is expected");
    if (want->kind == BELAY_JSON_NULL)
        return isnan(got) ? GOLDEN_PASS : golden_fail(c, "got %.9g, want no value", got);
    if (golden_close(got, want->number, belay_json_number_or(tolerance, "atol", 0),
                     belay_json_number_or(tolerance, "rtol", 0)))
        return GOLDEN_PASS;
    return golden_fail(c, "got %.9g, want %.9g", got, want->number);
}

static enum golden_result check_matrix(struct golden_case *c, const double *stats, size_t classes)
{
    const struct belay_json *row = belay_json_get(c->line, "expected");
    size_t at = 0;
    for (row = row ? row->first : NULL; row; row = row->next)
        for (const struct belay_json *e = row->first; e; e = e->next, at++)
            if (at >= classes * classes || check(c, stats[at], e) != GOLDEN_PASS)
                return golden_fail(c, "entry %zu differs", at);
    return at == classes * classes ? GOLDEN_PASS : golden_fail(c, "got another size");
}

// Which averages our metrics have: of all classes for three and more, of class 1 for two.
static bool has_average(struct golden_case *c, int classes)
{
    const char *average = golden_text(c, "average", "none");
    return strcmp(average, classes == 2 ? "binary" : "macro") == 0 &&
           golden_number(c, "zero_division", 0) == 0 && golden_number(c, "pos_label", 1) == 1;
}

static enum golden_result run_classes(struct golden_case *c, struct rows *r,
                                      const struct mapping *m)
{
    float counts[MAX_CLASSES * MAX_CLASSES];
    double stats[MAX_CLASSES * MAX_CLASSES];
    const struct belay_metric *metric = belay_metric_find(m->name);
    bool averaged = metric && strcmp(m->name, "accuracy") != 0;
    if (!find_labels(c, r) || (averaged && !has_average(c, r->classes)))
        return GOLDEN_SKIP;
    if (confusion(c, r, counts) != BELAY_OK)
        return golden_fail(c, "%s", c->log->last);
    for (int i = 0; i < r->classes * r->classes; i++)
        stats[i] = (double) counts[i];
    if (!metric)
        return check_matrix(c, stats, (size_t) r->classes);
    return check(c, metric->finish(stats, (size_t) r->classes),
                 belay_json_get(c->line, "expected"));
}

static enum golden_result run_regression(struct golden_case *c, struct rows *r,
                                         const struct belay_metric *metric)
{
    float sums[5];
    double stats[5];
    // We pool the outputs; the mean of one r2 each is another number.
    if (strcmp(metric->name, "r2") == 0 && r->columns > 1)
        return GOLDEN_SKIP;
    if (regression(c, r, sums) != BELAY_OK)
        return golden_fail(c, "%s", c->log->last);
    for (int i = 0; i < 5; i++)
        stats[i] = (double) sums[i];
    return check(c, metric->finish(stats, 0), belay_json_get(c->line, "expected"));
}

enum golden_result golden_metric(struct golden_case *c)
{
    const struct mapping *m = NULL;
    enum golden_result result = GOLDEN_FAIL;
    struct rows r;
    for (size_t i = 0; i < sizeof(mappings) / sizeof(mappings[0]); i++)
        if (strcmp(mappings[i].op, c->op) == 0)
            m = &mappings[i];
    if (!m || !golden_only(c, "on labels average zero_division pos_label"))
        return GOLDEN_SKIP;
    const struct belay_metric *metric = belay_metric_find(m->name);
    if (rows_load(c, &r))
        result = metric && !metric->classes ? run_regression(c, &r, metric)
                                            : run_classes(c, &r, m);
    rows_finish(&r);
    return result;
}
