// rmse: sqrt of the mean of err² of each target, then the mean over targets (as scikit-learn).
#include <math.h>

#include "train/metric.h"

static double score(double n, double squares, double absolutes, double spread)
{
    return n > 0 ? sqrt(squares / n) : NAN;
}

static double finish(const double *stats, size_t targets)
{
    return belay_regression_mean(stats, targets, score);
}

extern const struct belay_metric belay_metric_rmse;
const struct belay_metric belay_metric_rmse = {
    .name = "rmse",
    .help = "square root of the mean of the squared errors, mean over targets",
    .shown = true,
    .stats = "regression",
    .finish = finish,
};
