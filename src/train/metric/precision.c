// precision: hits / predicted, 0 where nothing is predicted.
#include "train/metric.h"
#include "train/metric/classes.h"

static double score(const struct belay_class_counts *c)
{
    return belay_class_ratio(c->hit, c->predicted);
}

static double finish(const double *stats, size_t classes)
{
    return belay_class_mean(stats, classes, score);
}

extern const struct belay_metric belay_metric_precision;
const struct belay_metric belay_metric_precision = {
    .name = "precision",
    .help = "share of the predicted rows that are right; mean over classes, or of class 1 of two",
    .classes = true,
    .maximize = true,
    .stats = "confusion",
    .finish = finish,
};
