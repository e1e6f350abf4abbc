// average_precision: the sum over thresholds of (recall - recall before) * precision.
#include "train/metric.h"
#include "train/metric/ranking.h"

static double average_precision(const struct belay_score_rows *r)
{
    return belay_rank_mean(r, false, belay_rank_average_precision);
}

extern const struct belay_metric belay_metric_average_precision;
const struct belay_metric belay_metric_average_precision = {
    .name = "average_precision",
    .help = "precision averaged over the steps of recall; mean over classes",
    .classes = true,
    .maximize = true,
    .stats = "scores",
    .finish_scores = average_precision,
};
