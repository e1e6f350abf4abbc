// The group metrics: statistics on the device, finished by our descriptors.
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "golden/program.h"
#include "train/metric.h"
#include "train/metric/classes.h"
#include "train/metric/ranking.h"

enum { MAX_CLASSES = 64 };

static const struct mapping {
    const char *op, *name;
} mappings[] = {
    { "accuracy_score", "accuracy" },
    { "balanced_accuracy_score", "balanced_accuracy" },
    { "matthews_corrcoef", "mcc" },
    { "cohen_kappa_score", "kappa" },
    { "precision_score", "precision" },
    { "recall_score", "recall" },
    { "f1_score", "f1" },
    { "jaccard_score", "jaccard" },
    { "mean_absolute_error", "mae" },
    { "mean_squared_error", "mse" },
    { "root_mean_squared_error", "rmse" },
    { "r2_score", "r2" },
    { "confusion_matrix", "" },
    { "log_loss", "log_loss" },
    { "top_k_accuracy_score", "top_" },
    { "roc_auc_score", "roc_auc" },
    { "average_precision_score", "average_precision" },
    { "brier_score_loss", "brier" },
    { "perplexity", "perplexity" },
};

struct rows { // of one case
    size_t count, columns;
    int64_t labels[MAX_CLASSES];
    int classes;
    struct belay_tensor truth, prediction; // F64
    struct belay_tensor weight;            // F64, or without data
};

static void rows_finish(struct rows *r)
{
    belay_tensor_finish(&r->truth);
    belay_tensor_finish(&r->prediction);
    belay_tensor_finish(&r->weight);
}

static bool rows_load(struct golden_case *c, struct rows *r)
{
    memset(r, 0, sizeof(*r));
    bool tokens = strcmp(c->op, "perplexity") == 0;
    if (!golden_load(c, "y_true", BELAY_F64, &r->truth) ||
        !golden_load(c, golden_text(c, "on", tokens ? "logits" : "y_pred"), BELAY_F64,
                     &r->prediction))
        return false;
    if (golden_flag(c, "sample_weight", false) &&
        !golden_load(c, "sample_weight", BELAY_F64, &r->weight))
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
    belay_value *out = belay_graph_output(p.graph, s->build(p.graph, x, y, NULL), "stats");
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

// The metric's variant for the case's average; NULL: we have none, or each class has its value.
static const struct belay_metric *find_variant(struct golden_case *c, const struct mapping *m,
                                               bool *each)
{
    char name[64];
    const struct belay_json *attributes = belay_json_get(c->line, "attributes");
    const struct belay_json *attr = attributes ? belay_json_get(attributes, "average") : NULL;
    const char *average = golden_text(c, "average", "binary");
    *each = attr && attr->kind == BELAY_JSON_NULL;
    bool plain = strcmp(average, "binary") == 0;
    snprintf(name, sizeof(name), "%s%s%s", m->name, plain ? "" : "_", plain ? "" : average);
    return belay_metric_find(name);
}

// Rows with weights: our statistics have none, the formulas take them.
static void weigh(const struct rows *r, double *stats)
{
    const double *truth = r->truth.data, *prediction = r->prediction.data, *w = r->weight.data;
    memset(stats, 0, (size_t) (r->classes * r->classes) * sizeof(*stats));
    for (size_t i = 0; i < r->count; i++)
        stats[label_index(r, truth[i]) * r->classes + label_index(r, prediction[i])] += w[i];
}

static enum golden_result check_each(struct golden_case *c, const struct belay_metric *metric,
                                     const double *stats, size_t classes)
{
    const struct belay_json *want = belay_json_get(c->line, "expected");
    if (!want || want->count != classes)
        return golden_fail(c, "another number of classes");
    want = want->first;
    for (size_t i = 0; i < classes; i++, want = want->next) {
        struct belay_class_counts counts = belay_class_counts(stats, classes, i);
        if (check(c, metric->score(&counts), want) != GOLDEN_PASS)
            return golden_fail(c, "class %zu differs", i);
    }
    return GOLDEN_PASS;
}

static enum golden_result judge_classes(struct golden_case *c, const struct rows *r,
                                        const struct belay_metric *metric, bool each,
                                        const double *stats)
{
    size_t classes = (size_t) r->classes;
    bool all = golden_attr(c, "labels") != NULL; // named classes count though they do not occur
    double got;
    if (!metric)
        return check_matrix(c, stats, classes);
    if (metric->score && metric->average == BELAY_AVERAGE_BINARY && golden_attr(c, "pos_label")) {
        int positive = label_index(r, golden_number(c, "pos_label", 1));
        if (positive < 0)
            return golden_fail(c, "pos_label is no class");
        struct belay_class_counts counts = belay_class_counts(stats, classes, (size_t) positive);
        return check(c, metric->score(&counts), belay_json_get(c->line, "expected"));
    }
    if (each)
        return check_each(c, metric, stats, classes);
    if (metric->score)
        got = belay_class_average(stats, classes, metric->average, all, metric->score);
    else
        got = belay_metric_value(metric, stats, classes);
    return check(c, got, belay_json_get(c->line, "expected"));
}

static enum golden_result run_classes(struct golden_case *c, struct rows *r,
                                      const struct mapping *m)
{
    float counts[MAX_CLASSES * MAX_CLASSES];
    double stats[MAX_CLASSES * MAX_CLASSES];
    bool each;
    const struct belay_metric *metric = find_variant(c, m, &each);
    if (!find_labels(c, r) || (m->name[0] && !metric) || golden_number(c, "zero_division", 0) != 0)
        return GOLDEN_SKIP;
    if (confusion(c, r, counts) != BELAY_OK)
        return golden_fail(c, "%s", c->log->last);
    for (int i = 0; i < r->classes * r->classes; i++)
        stats[i] = (double) counts[i];
    if (r->weight.data)
        weigh(r, stats);
    return judge_classes(c, r, metric, each, stats);
}

// ---- scores ----

static const struct belay_metric *score_metric(struct golden_case *c, const struct mapping *m)
{
    char name[64];
    if (strcmp(m->name, "top_") == 0) // of any k, see run_scores
        snprintf(name, sizeof(name), "top_2");
    else if (strcmp(golden_text(c, "average", "macro"), "macro") == 0)
        snprintf(name, sizeof(name), "%s", m->name);
    else
        snprintf(name, sizeof(name), "%s_%s", m->name, golden_text(c, "average", ""));
    return belay_metric_find(name);
}

// Logits of tokens to probabilities of the rows that count.
static void token_rows(struct golden_case *c, struct rows *r, struct belay_score_rows *s,
                       float *scores, int32_t *truth)
{
    const double *logits = r->prediction.data, *target = r->truth.data;
    double ignored = golden_number(c, "ignore_index", -1e30);
    s->rows = 0;
    for (size_t i = 0; i < r->count; i++) {
        const double *x = logits + i * s->classes;
        double sum = 0;
        if (target[i] == ignored)
            continue;
        for (size_t k = 0; k < s->classes; k++)
            sum += exp(x[k]);
        for (size_t k = 0; k < s->classes; k++)
            scores[s->rows * s->classes + k] = (float) (exp(x[k]) / sum);
        truth[s->rows++] = (int32_t) target[i];
    }
}

static void score_rows(const struct rows *r, const struct belay_score_rows *s, float *scores,
                       int32_t *truth, float *weights)
{
    const double *p = r->prediction.data, *y = r->truth.data, *w = r->weight.data;
    for (size_t i = 0; i < r->count; i++) {
        truth[i] = r->classes ? label_index(r, y[i]) : (int32_t) y[i];
        weights[i] = w ? (float) w[i] : 1;
        for (size_t k = 0; k < s->classes; k++)
            scores[i * s->classes + k] = r->prediction.shape.rank > 1
                                             ? (float) p[i * s->classes + k]
                                             : (float) (k ? p[i] : 1 - p[i]);
    }
}

static enum golden_result run_scores(struct golden_case *c, struct rows *r,
                                     const struct belay_metric *metric)
{
    bool tokens = strcmp(metric->name, "perplexity") == 0;
    const struct belay_shape *shape = &r->prediction.shape;
    struct belay_score_rows s = { .rows = r->count, .classes = 2 };
    if (shape->rank > 1)
        s.classes = (size_t) shape->dim[shape->rank - 1];
    if (tokens)
        s.rows = r->count = (size_t) belay_shape_count(&r->truth.shape);
    int given = golden_list(c, "labels", MAX_CLASSES, r->labels);
    r->classes = given > 0 ? given : 0;
    if (given > 0 && (size_t) given != s.classes)
        return GOLDEN_SKIP;
    float *scores = belay_alloc_array(s.rows * s.classes, sizeof(*scores));
    float *weights = belay_alloc_array(s.rows, sizeof(*weights));
    int32_t *truth = belay_alloc_array(s.rows, sizeof(*truth));
    enum golden_result result;
    if (!scores || !weights || !truth) {
        result = golden_fail(c, "memory is short");
    } else {
        if (tokens)
            token_rows(c, r, &s, scores, truth);
        else
            score_rows(r, &s, scores, truth, weights);
        s.scores = scores;
        s.truth = truth;
        s.weights = r->weight.data ? weights : NULL;
        bool top = strcmp(metric->name, "top_2") == 0;
        double got = top ? belay_top_k(&s, (size_t) golden_number(c, "k", 2))
                         : metric->finish_scores(&s);
        result = check(c, got, belay_json_get(c->line, "expected"));
    }
    belay_free(scores);
    belay_free(weights);
    belay_free(truth);
    return result;
}

// scikit-learn's weights, which the device has not: a batch for each row, joined as batches are.
static void weighted(const struct rows *r, double *stats)
{
    const double *x = r->prediction.data, *y = r->truth.data, *w = r->weight.data;
    float one[BELAY_REGRESSION];
    for (size_t i = 0; i < r->count * r->columns; i++) {
        size_t column = i % r->columns;
        double weight = w[i / r->columns], err = x[i] - y[i], of[BELAY_REGRESSION];
        one[0] = (float) weight;
        one[1] = (float) (weight * err * err);
        one[2] = (float) (weight * fabs(err));
        one[3] = (float) y[i];
        one[4] = 0;
        for (size_t k = 0; k < BELAY_REGRESSION; k++)
            of[k] = stats[k * r->columns + column];
        belay_regression_add(of, one, 1);
        for (size_t k = 0; k < BELAY_REGRESSION; k++)
            stats[k * r->columns + column] = of[k];
    }
}

// One number, or with "raw_values" one of each column.
static enum golden_result check_columns(struct golden_case *c, const struct rows *r,
                                        const struct belay_metric *metric, const double *stats)
{
    const struct belay_json *want = belay_json_get(c->line, "expected");
    if (strcmp(golden_text(c, "multioutput", "uniform_average"), "raw_values") != 0)
        return check(c, metric->finish(stats, r->columns), want);
    enum golden_result result = GOLDEN_PASS;
    const struct belay_json *e = want ? want->first : NULL;
    for (size_t i = 0; i < r->columns && result == GOLDEN_PASS; i++, e = e ? e->next : NULL) {
        double of[BELAY_REGRESSION];
        for (size_t k = 0; k < BELAY_REGRESSION; k++)
            of[k] = stats[k * r->columns + i];
        result = check(c, metric->finish(of, 1), e);
    }
    return result;
}

static enum golden_result run_regression(struct golden_case *c, struct rows *r,
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
        if (r->weight.data)
            weighted(r, stats);
        else
            belay_regression_add(stats, sums, r->columns);
        result = check_columns(c, r, metric, stats);
    }
    belay_free(sums);
    belay_free(stats);
    return result;
}

// "variance_weighted" is no metric of ours.
static bool known(const struct golden_case *c)
{
    return golden_only(c, "on labels average zero_division pos_label sample_weight k multi_class "
                          "ignore_index multioutput") &&
           strcmp(golden_text(c, "multioutput", ""), "variance_weighted") != 0;
}

enum golden_result golden_metric(struct golden_case *c)
{
    const struct mapping *m = NULL;
    enum golden_result result = GOLDEN_FAIL;
    struct rows r;
    for (size_t i = 0; i < sizeof(mappings) / sizeof(mappings[0]); i++)
        if (strcmp(mappings[i].op, c->op) == 0)
            m = &mappings[i];
    if (!m || !known(c))
        return GOLDEN_SKIP;
    const struct belay_metric *metric = belay_metric_find(m->name);
    const struct belay_metric *scores = score_metric(c, m);
    if (rows_load(c, &r)) {
        if (scores && scores->finish_scores)
            result = run_scores(c, &r, scores);
        else if (metric && !metric->classes)
            result = run_regression(c, &r, metric);
        else
            result = run_classes(c, &r, m);
    }
    rows_finish(&r);
    return result;
}
