// rmse: sqrt of the mean of err².
#include <math.h>

#include "train/metric.h"

static double finish(const double *stats, size_t classes)
{
    return stats[0] > 0 ? sqrt(stats[1] / stats[0]) : NAN;
}

extern const struct belay_metric belay_metric_rmse;
const struct belay_metric belay_metric_rmse = {
    .name = "rmse",
    .help = "square root of the mean of the squared errors",
    .shown = true,
    .stats = "regression",
    .finish = finish,
};
