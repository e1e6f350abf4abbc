// r2: 1 - sum err² / sum (y - mean y)², over all targets together.
#include <math.h>

#include "train/metric.h"

static double finish(const double *stats, size_t classes)
{
    double n = stats[0], errors = stats[1], sum = stats[3], squares = stats[4];
    if (n < 2)
        return NAN;
    double spread = squares - sum * sum / n;
    if (!(spread > 0)) // all targets are equal
        return errors == 0 ? 1 : 0;
    return 1 - errors / spread;
}

extern const struct belay_metric belay_metric_r2;
const struct belay_metric belay_metric_r2 = {
    .name = "r2",
    .help = "share of the targets' variance that is explained",
    .maximize = true,
    .shown = true,
    .stats = "regression",
    .finish = finish,
};
