// recall: hits / support, 0 where there is none.
#include "train/metric.h"
#include "train/metric/classes.h"

static double score(const struct belay_class_counts *c)
{
    return belay_class_ratio(c->hit, c->support);
}

static double finish(const double *stats, size_t classes)
{
    return belay_class_mean(stats, classes, score);
}

extern const struct belay_metric belay_metric_recall;
const struct belay_metric belay_metric_recall = {
    .name = "recall",
    .help = "share of the true rows that are found; mean over classes, or of class 1 of two",
    .classes = true,
    .maximize = true,
    .stats = "confusion",
    .finish = finish,
};
