// recall: hits / support, 0 where there is none.
#include "train/metric.h"
#include "train/metric/classes.h"

static double score(const struct belay_class_counts *c)
{
    return belay_class_ratio(c->hit, c->support);
}

extern const struct belay_metric belay_metric_recall;
const struct belay_metric belay_metric_recall = {
    .name = "recall",
    .help = "share of the true rows that are found; mean over classes, or of class 1 of two",
    .classes = true,
    .maximize = true,
    .shown = true,
    .stats = "confusion",
    .score = score,
    .average = BELAY_AVERAGE_BINARY,
};

extern const struct belay_metric belay_metric_recall_macro;
const struct belay_metric belay_metric_recall_macro = {
    .name = "recall_macro",
    .help = "share of the true rows that are found; mean over classes",
    .classes = true,
    .maximize = true,
    .stats = "confusion",
    .score = score,
    .average = BELAY_AVERAGE_MACRO,
};

extern const struct belay_metric belay_metric_recall_micro;
const struct belay_metric belay_metric_recall_micro = {
    .name = "recall_micro",
    .help = "share of the true rows that are found; from the counts of all classes",
    .classes = true,
    .maximize = true,
    .stats = "confusion",
    .score = score,
    .average = BELAY_AVERAGE_MICRO,
};

extern const struct belay_metric belay_metric_recall_weighted;
const struct belay_metric belay_metric_recall_weighted = {
    .name = "recall_weighted",
    .help = "share of the true rows that are found; mean over classes by their rows",
    .classes = true,
    .maximize = true,
    .stats = "confusion",
    .score = score,
    .average = BELAY_AVERAGE_WEIGHTED,
};
