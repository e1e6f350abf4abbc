// Metrics of classes: from the confusion matrix.
#include <stdio.h>
#include <string.h>

#include "golden/metric.h"
#include "train/metric/classes.h"

static bool add_label(struct golden_rows *r, double value)
{
    if (golden_label_index(r, value) >= 0)
        return true;
    if (r->classes == GOLDEN_MAX_CLASSES)
        return false;
    int i = r->classes++;
    for (; i > 0 && (double) r->labels[i - 1] > value; i--)
        r->labels[i] = r->labels[i - 1];
    r->labels[i] = (int64_t) value;
    return true;
}

// The labels of the case, or those that occur. False when they leave out some that occur: we have
// no such thing.
static bool find_labels(struct golden_case *c, struct golden_rows *r)
{
    const double *truth = r->truth.data, *prediction = r->prediction.data;
    int given = golden_list(c, "labels", GOLDEN_MAX_CLASSES, r->labels);
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

// The model's output that predicts what the case says: one at the class.
static belay_status confusion(struct golden_case *c, const struct golden_rows *r, float *stats)
{
    size_t classes = (size_t) r->classes;
    float *output = belay_alloc_array(r->count * classes, sizeof(*output));
    int32_t *target = belay_alloc_array(r->count, sizeof(*target));
    belay_status status = BELAY_ERR_NOMEM;
    for (size_t i = 0; output && target && i < r->count; i++) {
        size_t predicted = (size_t) golden_label_index(r, ((double *) r->prediction.data)[i]);
        output[i * classes + predicted] = 1;
        target[i] = golden_label_index(r, ((double *) r->truth.data)[i]);
    }
    if (output && target)
        status = golden_stats(c, "confusion", output, target, r, r->classes, stats);
    belay_free(output);
    belay_free(target);
    return status;
}

static enum golden_result check_matrix(struct golden_case *c, const double *stats, size_t classes)
{
    const struct belay_json *row = belay_json_get(c->line, "expected");
    size_t at = 0;
    for (row = row ? row->first : NULL; row; row = row->next)
        for (const struct belay_json *e = row->first; e; e = e->next, at++)
            if (at >= classes * classes || golden_check_number(c, stats[at], e) != GOLDEN_PASS)
                return golden_fail(c, "entry %zu differs", at);
    return at == classes * classes ? GOLDEN_PASS : golden_fail(c, "got another size");
}

// The metric's variant for the case's average; NULL: we have none, or each class has its value.
static const struct belay_metric *find_variant(struct golden_case *c, const char *base,
                                               bool *each)
{
    char name[64];
    const struct belay_json *attributes = belay_json_get(c->line, "attributes");
    const struct belay_json *attr = attributes ? belay_json_get(attributes, "average") : NULL;
    const char *average = golden_text(c, "average", "binary");
    *each = attr && attr->kind == BELAY_JSON_NULL;
    bool plain = strcmp(average, "binary") == 0;
    snprintf(name, sizeof(name), "%s%s%s", base, plain ? "" : "_", plain ? "" : average);
    return belay_metric_find(name);
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
        if (golden_check_number(c, metric->score(&counts), want) != GOLDEN_PASS)
            return golden_fail(c, "class %zu differs", i);
    }
    return GOLDEN_PASS;
}

static enum golden_result judge_classes(struct golden_case *c, const struct golden_rows *r,
                                        const struct belay_metric *metric, bool each,
                                        const double *stats)
{
    size_t classes = (size_t) r->classes;
    bool all = golden_attr(c, "labels") != NULL; // named classes count though they do not occur
    double got;
    if (!metric)
        return check_matrix(c, stats, classes);
    if (metric->score && metric->average == BELAY_AVERAGE_BINARY && golden_attr(c, "pos_label")) {
        int positive = golden_label_index(r, golden_number(c, "pos_label", 1));
        if (positive < 0)
            return golden_fail(c, "pos_label is no class");
        struct belay_class_counts counts = belay_class_counts(stats, classes, (size_t) positive);
        return golden_check_number(c, metric->score(&counts), belay_json_get(c->line, "expected"));
    }
    if (each)
        return check_each(c, metric, stats, classes);
    if (metric->score)
        got = belay_class_average(stats, classes, metric->average, all, metric->score);
    else
        got = belay_metric_value(metric, stats, classes);
    return golden_check_number(c, got, belay_json_get(c->line, "expected"));
}

enum golden_result golden_metric_classes(struct golden_case *c, struct golden_rows *r,
                                         const char *name)
{
    float counts[GOLDEN_MAX_CLASSES * GOLDEN_MAX_CLASSES];
    double stats[GOLDEN_MAX_CLASSES * GOLDEN_MAX_CLASSES];
    bool each;
    const struct belay_metric *metric = find_variant(c, name, &each);
    if (!find_labels(c, r) || (name[0] && !metric) || golden_number(c, "zero_division", 0) != 0)
        return GOLDEN_SKIP;
    if (confusion(c, r, counts) != BELAY_OK)
        return golden_fail(c, "%s", c->log->last);
    for (int i = 0; i < r->classes * r->classes; i++)
        stats[i] = (double) counts[i];
    return judge_classes(c, r, metric, each, stats);
}
