// kappa: Cohen's kappa, (agreement - chance) / (1 - chance); NaN where chance is 1.
#include <math.h>

#include "train/metric.h"
#include "train/metric/classes.h"

static double finish(const double *stats, size_t classes)
{
    double n = 0, hits = 0, chance = 0;
    for (size_t i = 0; i < classes; i++) {
        struct belay_class_counts c = belay_class_counts(stats, classes, i);
        n += c.support;
        hits += c.hit;
        chance += c.support * c.predicted;
    }
    if (n == 0 || chance == n * n)
        return NAN;
    return (n * hits - chance) / (n * n - chance);
}

extern const struct belay_metric belay_metric_kappa;
const struct belay_metric belay_metric_kappa = {
    .name = "kappa",
    .help = "agreement of truth and prediction beyond chance",
    .classes = true,
    .maximize = true,
    .stats = "confusion",
    .finish = finish,
};
