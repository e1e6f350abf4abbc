#include "train/metric/ranking.h"

#include <math.h>
#include <stdlib.h>

#include "base/mem.h"

double belay_score_weight(const struct belay_score_rows *r, size_t row)
{
    return r->weights ? (double) r->weights[row] : 1;
}

static int by_score(const void *a, const void *b)
{
    float x = ((const struct belay_ranked *) a)->score,
          y = ((const struct belay_ranked *) b)->score;
    return x > y ? -1 : x < y;
}

struct belay_ranked *belay_rank(const struct belay_score_rows *r, size_t of)
{
    struct belay_ranked *ranked = belay_alloc_array(r->rows + 1, sizeof(*ranked));
    for (size_t i = 0; ranked && i < r->rows; i++)
        ranked[i] = (struct belay_ranked){ r->scores[i * r->classes + of],
                                           (size_t) r->truth[i] == of, belay_score_weight(r, i) };
    if (ranked)
        qsort(ranked, r->rows, sizeof(*ranked), by_score);
    return ranked;
}

// The end of the run of rows with the score of row `first`; adds their weights.
static size_t take_equal(const struct belay_ranked *ranked, size_t rows, size_t first,
                         double *positive, double *negative)
{
    size_t end = first;
    for (; end < rows && ranked[end].score == ranked[first].score; end++)
        *(ranked[end].positive ? positive : negative) += ranked[end].weight;
    return end > first ? end : first + 1; // a NaN equals nothing
}

double belay_rank_auc(const struct belay_ranked *ranked, size_t rows)
{
    double hits = 0, alarms = 0, area = 0;
    for (size_t i = 0; i < rows;) {
        double positive = 0, negative = 0;
        i = take_equal(ranked, rows, i, &positive, &negative);
        area += negative * (hits + positive / 2);
        hits += positive;
        alarms += negative;
    }
    return hits > 0 && alarms > 0 ? area / hits / alarms : NAN;
}

double belay_rank_average_precision(const struct belay_ranked *ranked, size_t rows)
{
    double hits = 0, alarms = 0, sum = 0;
    for (size_t i = 0; i < rows;) {
        double positive = 0, negative = 0;
        i = take_equal(ranked, rows, i, &positive, &negative);
        hits += positive;
        alarms += negative;
        if (positive > 0)
            sum += positive * hits / (hits + alarms);
    }
    return hits > 0 ? sum / hits : NAN;
}

static double class_weight(const struct belay_score_rows *r, size_t of)
{
    double sum = 0;
    for (size_t i = 0; i < r->rows; i++)
        sum += (size_t) r->truth[i] == of ? belay_score_weight(r, i) : 0;
    return sum;
}

double belay_rank_mean(const struct belay_score_rows *r, bool weighted,
                       double (*curve)(const struct belay_ranked *ranked, size_t rows))
{
    double sum = 0, weights = 0;
    for (size_t of = r->classes == 2; of < r->classes; of++) {
        struct belay_ranked *ranked = belay_rank(r, of);
        double weight = weighted && r->classes > 2 ? class_weight(r, of) : 1;
        if (!ranked)
            return NAN;
        sum += weight * curve(ranked, r->rows);
        weights += weight;
        belay_free(ranked);
    }
    return sum / weights;
}

double belay_top_k(const struct belay_score_rows *r, size_t k)
{
    double hits = 0, weights = 0;
    for (size_t i = 0; i < r->rows; i++) {
        const float *s = r->scores + i * r->classes;
        size_t truth = (size_t) r->truth[i], before = 0;
        for (size_t c = 0; c < r->classes; c++)
            before += s[c] > s[truth] || (s[c] == s[truth] && c > truth);
        hits += before < k ? belay_score_weight(r, i) : 0;
        weights += belay_score_weight(r, i);
    }
    return weights > 0 ? hits / weights : NAN;
}
