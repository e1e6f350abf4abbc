// perplexity: exp of the mean of -log p(true class).
#include <math.h>

#include "train/metric.h"
#include "train/metric/ranking.h"

static double finish(const struct belay_score_rows *r)
{
    double sum = 0, weights = 0;
    for (size_t i = 0; i < r->rows; i++) {
        double w = belay_score_weight(r, i);
        sum -= w * log((double) r->scores[i * r->classes + (size_t) r->truth[i]]);
        weights += w;
    }
    return weights > 0 ? exp(sum / weights) : NAN;
}

extern const struct belay_metric belay_metric_perplexity;
const struct belay_metric belay_metric_perplexity = {
    .name = "perplexity",
    .help = "exp of the mean of minus the log of the true class's probability",
    .classes = true,
    .stats = "scores",
    .finish_scores = finish,
};
