// precision: hits / predicted, 0 where nothing is predicted.
#include "train/metric.h"
#include "train/metric/classes.h"

static double score(const struct belay_class_counts *c)
{
    return belay_class_ratio(c->hit, c->predicted);
}

extern const struct belay_metric belay_metric_precision;
const struct belay_metric belay_metric_precision = {
    .name = "precision",
    .help = "share of the predicted rows that are right; mean over classes, or of class 1 of two",
    .classes = true,
    .maximize = true,
    .shown = true,
    .stats = "confusion",
    .score = score,
    .average = BELAY_AVERAGE_BINARY,
};

extern const struct belay_metric belay_metric_precision_macro;
const struct belay_metric belay_metric_precision_macro = {
    .name = "precision_macro",
    .help = "share of the predicted rows that are right; mean over classes",
    .classes = true,
    .maximize = true,
    .stats = "confusion",
    .score = score,
    .average = BELAY_AVERAGE_MACRO,
};

extern const struct belay_metric belay_metric_precision_micro;
const struct belay_metric belay_metric_precision_micro = {
    .name = "precision_micro",
    .help = "share of the predicted rows that are right; from the counts of all classes",
    .classes = true,
    .maximize = true,
    .stats = "confusion",
    .score = score,
    .average = BELAY_AVERAGE_MICRO,
};

extern const struct belay_metric belay_metric_precision_weighted;
const struct belay_metric belay_metric_precision_weighted = {
    .name = "precision_weighted",
    .help = "share of the predicted rows that are right; mean over classes by their rows",
    .classes = true,
    .maximize = true,
    .stats = "confusion",
    .score = score,
    .average = BELAY_AVERAGE_WEIGHTED,
};
