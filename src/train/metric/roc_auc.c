// roc_auc: area under the receiver operating characteristic, ties half.
#include "train/metric.h"
#include "train/metric/ranking.h"

static double roc_auc(const struct belay_score_rows *r)
{
    return belay_rank_mean(r, false, belay_rank_auc);
}

extern const struct belay_metric belay_metric_roc_auc;
const struct belay_metric belay_metric_roc_auc = {
    .name = "roc_auc",
    .help = "area under the curve of hits over false alarms; mean over classes",
    .classes = true,
    .maximize = true,
    .stats = "scores",
    .finish_scores = roc_auc,
};

static double roc_auc_weighted(const struct belay_score_rows *r)
{
    return belay_rank_mean(r, true, belay_rank_auc);
}

extern const struct belay_metric belay_metric_roc_auc_weighted;
const struct belay_metric belay_metric_roc_auc_weighted = {
    .name = "roc_auc_weighted",
    .help = "the same, mean over classes by their rows",
    .classes = true,
    .maximize = true,
    .stats = "scores",
    .finish_scores = roc_auc_weighted,
};
