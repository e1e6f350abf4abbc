#include <math.h>

#include "train/metric.h"

static double finish(const double *stats, size_t classes)
{
    double hits = 0, rows = 0;
    for (size_t i = 0; i < classes * classes; i++) {
        rows += stats[i];
        if (i / classes == i % classes)
            hits += stats[i];
    }
    return rows > 0 ? hits / rows : NAN;
}

extern const struct belay_metric belay_metric_accuracy;
const struct belay_metric belay_metric_accuracy = {
    .name = "accuracy",
    .help = "share of the rows that are right",
    .classes = true,
    .maximize = true,
    .shown = true,
    .stats = "confusion",
    .finish = finish,
};
