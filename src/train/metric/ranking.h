// What metrics of scores share: rows sorted by the score of a class, weights.
#ifndef BELAY_TRAIN_METRIC_RANKING_H
#define BELAY_TRAIN_METRIC_RANKING_H

#include "train/metric.h"

double belay_score_weight(const struct belay_score_rows *r, size_t row); // 1 without weights

// Rows of one class against the rest, by falling score.
struct belay_ranked {
    float score;
    bool positive;
    double weight;
};
// Owned (belay_free), r->rows of them; NULL when memory is short.
struct belay_ranked *belay_rank(const struct belay_score_rows *r, size_t of);
// Area under the curve of hits over false alarms, ties half; NaN when one side has no rows.
double belay_rank_auc(const struct belay_ranked *ranked, size_t rows);
// Sum over thresholds of (recall - recall before) * precision.
double belay_rank_average_precision(const struct belay_ranked *ranked, size_t rows);
// `curve` of class 1 of two classes; of more the mean over classes, one against the rest.
double belay_rank_mean(const struct belay_score_rows *r, bool weighted,
                       double (*curve)(const struct belay_ranked *ranked, size_t rows));
// Share of rows whose true class is among the k highest; of equal scores the later class first.
double belay_top_k(const struct belay_score_rows *r, size_t k);

#endif
