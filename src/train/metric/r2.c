// r2: 1 - sum err² / sum (y - mean y)² of each target, then the mean over targets (as
// scikit-learn).
#include <math.h>

#include "train/metric.h"

static double score(double n, double squares, double absolutes, double spread)
{
    if (n < 2)
        return NAN;
    if (!(spread > 0)) // all its values are equal
        return squares == 0 ? 1 : 0;
    return 1 - squares / spread;
}

static double finish(const double *stats, size_t targets)
{
    return belay_regression_mean(stats, targets, score);
}

extern const struct belay_metric belay_metric_r2;
const struct belay_metric belay_metric_r2 = {
    .name = "r2",
    .help = "share of the variance that is explained, mean over targets",
    .maximize = true,
    .shown = true,
    .stats = "regression",
    .finish = finish,
};
