// top_k: share of rows whose true class is among the k highest scores.
#include "train/metric.h"
#include "train/metric/ranking.h"

static double top_2(const struct belay_score_rows *r)
{
    return belay_top_k(r, 2);
}

extern const struct belay_metric belay_metric_top_2;
const struct belay_metric belay_metric_top_2 = {
    .name = "top_2",
    .help = "share of rows whose class is among the 2 most likely",
    .classes = true,
    .maximize = true,
    .stats = "scores",
    .finish_scores = top_2,
};

static double top_3(const struct belay_score_rows *r)
{
    return belay_top_k(r, 3);
}

extern const struct belay_metric belay_metric_top_3;
const struct belay_metric belay_metric_top_3 = {
    .name = "top_3",
    .help = "share of rows whose class is among the 3 most likely",
    .classes = true,
    .maximize = true,
    .stats = "scores",
    .finish_scores = top_3,
};

static double top_5(const struct belay_score_rows *r)
{
    return belay_top_k(r, 5);
}

extern const struct belay_metric belay_metric_top_5;
const struct belay_metric belay_metric_top_5 = {
    .name = "top_5",
    .help = "share of rows whose class is among the 5 most likely",
    .classes = true,
    .maximize = true,
    .stats = "scores",
    .finish_scores = top_5,
};

static double top_10(const struct belay_score_rows *r)
{
    return belay_top_k(r, 10);
}

extern const struct belay_metric belay_metric_top_10;
const struct belay_metric belay_metric_top_10 = {
    .name = "top_10",
    .help = "share of rows whose class is among the 10 most likely",
    .classes = true,
    .maximize = true,
    .stats = "scores",
    .finish_scores = top_10,
};
