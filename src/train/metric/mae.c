#include <math.h>

#include "train/metric.h"

static double finish(const double *stats, size_t classes)
{
    return stats[0] > 0 ? stats[2] / stats[0] : NAN;
}

extern const struct belay_metric belay_metric_mae;
const struct belay_metric belay_metric_mae = {
    .name = "mae",
    .help = "mean of the absolute errors",
    .shown = true,
    .stats = "regression",
    .finish = finish,
};
