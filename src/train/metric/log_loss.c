// log_loss: the mean of -log p(true class), p held within float's epsilon of 0 and 1.
#include <float.h>
#include <math.h>

#include "train/metric.h"
#include "train/metric/ranking.h"

static double finish(const struct belay_score_rows *r)
{
    double sum = 0, weights = 0;
    for (size_t i = 0; i < r->rows; i++) {
        double p = r->scores[i * r->classes + (size_t) r->truth[i]];
        double w = belay_score_weight(r, i);
        p = fmin(fmax(p, FLT_EPSILON), 1 - (double) FLT_EPSILON);
        sum -= w * log(p);
        weights += w;
    }
    return weights > 0 ? sum / weights : NAN;
}

extern const struct belay_metric belay_metric_log_loss;
const struct belay_metric belay_metric_log_loss = {
    .name = "log_loss",
    .help = "mean of minus the log of the true class's probability",
    .classes = true,
    .stats = "scores",
    .finish_scores = finish,
};
