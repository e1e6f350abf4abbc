// mse: mean of err² over rows and targets.
#include <math.h>

#include "train/metric.h"

static double score(double n, double squares, double absolutes, double spread)
{
    return n > 0 ? squares / n : NAN;
}

static double finish(const double *stats, size_t targets)
{
    return belay_regression_mean(stats, targets, score);
}

extern const struct belay_metric belay_metric_mse;
const struct belay_metric belay_metric_mse = {
    .name = "mse",
    .help = "mean of the squared errors",
    .shown = true,
    .stats = "regression",
    .finish = finish,
};
