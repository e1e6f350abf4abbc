// mcc: Matthews' correlation coefficient of truth and prediction, for any number of classes
// (Gorodkin 2004): (n * hits - sum t p) / sqrt((n² - sum p²) (n² - sum t²)), with t, p the classes'
// true and predicted rows; 0 where the divisor is 0.
#include <math.h>

#include "train/metric.h"
#include "train/metric/classes.h"

static double finish(const double *stats, size_t classes)
{
    double n = 0, hits = 0, tp = 0, tt = 0, pp = 0;
    for (size_t i = 0; i < classes; i++) {
        struct belay_class_counts c = belay_class_counts(stats, classes, i);
        n += c.support;
        hits += c.hit;
        tp += c.support * c.predicted;
        tt += c.support * c.support;
        pp += c.predicted * c.predicted;
    }
    if (n == 0)
        return NAN;
    return belay_class_ratio(n * hits - tp, sqrt((n * n - pp) * (n * n - tt)));
}

extern const struct belay_metric belay_metric_mcc;
const struct belay_metric belay_metric_mcc = {
    .name = "mcc",
    .help = "Matthews' correlation of truth and prediction",
    .classes = true,
    .maximize = true,
    .stats = "confusion",
    .finish = finish,
};
