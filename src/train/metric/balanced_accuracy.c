// balanced_accuracy: the mean over classes with rows of hits / support.
#include <math.h>

#include "train/metric.h"
#include "train/metric/classes.h"

static double finish(const double *stats, size_t classes)
{
    double sum = 0, present = 0;
    for (size_t i = 0; i < classes; i++) {
        struct belay_class_counts c = belay_class_counts(stats, classes, i);
        if (c.support > 0) {
            sum += c.hit / c.support;
            present++;
        }
    }
    return present > 0 ? sum / present : NAN;
}

extern const struct belay_metric belay_metric_balanced_accuracy;
const struct belay_metric belay_metric_balanced_accuracy = {
    .name = "balanced_accuracy",
    .help = "mean of the classes' recalls",
    .classes = true,
    .maximize = true,
    .shown = true,
    .stats = "confusion",
    .finish = finish,
};
