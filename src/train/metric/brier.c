// brier: the mean over rows of the squared error of the probabilities: of class 1 of two, the sum
// over classes of more.
#include <math.h>

#include "train/metric.h"
#include "train/metric/ranking.h"

static double row(const struct belay_score_rows *r, size_t i)
{
    const float *p = r->scores + i * r->classes;
    double sum = 0;
    for (size_t c = r->classes == 2; c < r->classes; c++) {
        double err = (double) p[c] - ((size_t) r->truth[i] == c);
        sum += err * err;
    }
    return sum;
}

static double finish(const struct belay_score_rows *r)
{
    double sum = 0, weights = 0;
    for (size_t i = 0; i < r->rows; i++) {
        sum += belay_score_weight(r, i) * row(r, i);
        weights += belay_score_weight(r, i);
    }
    return weights > 0 ? sum / weights : NAN;
}

extern const struct belay_metric belay_metric_brier;
const struct belay_metric belay_metric_brier = {
    .name = "brier",
    .help = "mean of the squared errors of the probabilities",
    .classes = true,
    .stats = "scores",
    .finish_scores = finish,
};
