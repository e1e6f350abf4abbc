// jaccard: hits / (support + predicted - hits), 0 where all are 0.
#include "train/metric.h"
#include "train/metric/classes.h"

static double score(const struct belay_class_counts *c)
{
    return belay_class_ratio(c->hit, c->support + c->predicted - c->hit);
}

extern const struct belay_metric belay_metric_jaccard;
const struct belay_metric belay_metric_jaccard = {
    .name = "jaccard",
    .help =
        "rows both true and predicted among those either; mean over classes, or of class 1 of two",
    .classes = true,
    .maximize = true,
    .stats = "confusion",
    .score = score,
    .average = BELAY_AVERAGE_BINARY,
};

extern const struct belay_metric belay_metric_jaccard_macro;
const struct belay_metric belay_metric_jaccard_macro = {
    .name = "jaccard_macro",
    .help = "rows both true and predicted among those either; mean over classes",
    .classes = true,
    .maximize = true,
    .stats = "confusion",
    .score = score,
    .average = BELAY_AVERAGE_MACRO,
};

extern const struct belay_metric belay_metric_jaccard_micro;
const struct belay_metric belay_metric_jaccard_micro = {
    .name = "jaccard_micro",
    .help = "rows both true and predicted among those either; from the counts of all classes",
    .classes = true,
    .maximize = true,
    .stats = "confusion",
    .score = score,
    .average = BELAY_AVERAGE_MICRO,
};

extern const struct belay_metric belay_metric_jaccard_weighted;
const struct belay_metric belay_metric_jaccard_weighted = {
    .name = "jaccard_weighted",
    .help = "rows both true and predicted among those either; mean over classes by their rows",
    .classes = true,
    .maximize = true,
    .stats = "confusion",
    .score = score,
    .average = BELAY_AVERAGE_WEIGHTED,
};
