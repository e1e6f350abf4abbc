// mae: mean of |err| over rows and targets.
#include <math.h>

#include "train/metric.h"

static double score(double n, double squares, double absolutes, double spread)
{
    return n > 0 ? absolutes / n : NAN;
}

static double finish(const double *stats, size_t targets)
{
    return belay_regression_mean(stats, targets, score);
}

extern const struct belay_metric belay_metric_mae;
const struct belay_metric belay_metric_mae = {
    .name = "mae",
    .help = "mean of the absolute errors",
    .shown = true,
    .stats = "regression",
    .finish = finish,
};
