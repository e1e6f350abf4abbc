#include <math.h>

#include "train/metric.h"

static double finish(const double *stats, size_t classes)
{
    return stats[0] > 0 ? stats[1] / stats[0] : NAN;
}

extern const struct belay_metric belay_metric_mse;
const struct belay_metric belay_metric_mse = {
    .name = "mse",
    .help = "mean of the squared errors",
    .shown = true,
    .stats = "regression",
    .finish = finish,
};
