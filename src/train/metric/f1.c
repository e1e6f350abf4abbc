// f1: 2 * hits / (support + predicted), 0 where both are 0.
#include "train/metric.h"
#include "train/metric/classes.h"

static double score(const struct belay_class_counts *c)
{
    return belay_class_ratio(2 * c->hit, c->support + c->predicted);
}

static double finish(const double *stats, size_t classes)
{
    return belay_class_mean(stats, classes, score);
}

extern const struct belay_metric belay_metric_f1;
const struct belay_metric belay_metric_f1 = {
    .name = "f1",
    .help = "harmonic mean of precision and recall; mean over classes, or of class 1 of two",
    .classes = true,
    .maximize = true,
    .stats = "confusion",
    .finish = finish,
};
