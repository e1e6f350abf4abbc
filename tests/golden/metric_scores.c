// Metrics of scores: what the model says of each class.
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "golden/metric.h"
#include "train/metric/ranking.h"

const struct belay_metric *golden_metric_of_scores(struct golden_case *c, const char *base)
{
    char name[64];
    if (strcmp(base, "top_") == 0) // of any k, see below
        snprintf(name, sizeof(name), "top_2");
    else if (strcmp(golden_text(c, "average", "macro"), "macro") == 0)
        snprintf(name, sizeof(name), "%s", base);
    else
        snprintf(name, sizeof(name), "%s_%s", base, golden_text(c, "average", ""));
    return belay_metric_find(name);
}

// Logits of tokens to probabilities of the rows that count.
static void token_rows(struct golden_case *c, struct golden_rows *r, struct belay_score_rows *s,
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

static void score_rows(const struct golden_rows *r, const struct belay_score_rows *s, float *scores,
                       int32_t *truth, float *weights)
{
    const double *p = r->prediction.data, *y = r->truth.data, *w = r->weight.data;
    for (size_t i = 0; i < r->count; i++) {
        truth[i] = r->classes ? golden_label_index(r, y[i]) : (int32_t) y[i];
        weights[i] = w ? (float) w[i] : 1;
        for (size_t k = 0; k < s->classes; k++)
            scores[i * s->classes + k] = r->prediction.shape.rank > 1
                                             ? (float) p[i * s->classes + k]
                                             : (float) (k ? p[i] : 1 - p[i]);
    }
}

enum golden_result golden_metric_scores(struct golden_case *c, struct golden_rows *r,
                                     const struct belay_metric *metric)
{
    bool tokens = strcmp(metric->name, "perplexity") == 0;
    const struct belay_shape *shape = &r->prediction.shape;
    struct belay_score_rows s = { .rows = r->count, .classes = 2 };
    if (shape->rank > 1)
        s.classes = (size_t) shape->dim[shape->rank - 1];
    if (tokens)
        s.rows = r->count = (size_t) belay_shape_count(&r->truth.shape);
    int given = golden_list(c, "labels", GOLDEN_MAX_CLASSES, r->labels);
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
        result = golden_check_number(c, got, belay_json_get(c->line, "expected"));
    }
    belay_free(scores);
    belay_free(weights);
    belay_free(truth);
    return result;
}
