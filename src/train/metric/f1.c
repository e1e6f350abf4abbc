// f1: 2 * hits / (support + predicted), 0 where both are 0.
#include "train/metric.h"
#include "train/metric/classes.h"

static double score(const struct belay_class_counts *c)
{
    return belay_class_ratio(2 * c->hit, c->support + c->predicted);
}

extern const struct belay_metric belay_metric_f1;
const struct belay_metric belay_metric_f1 = {
    .name = "f1",
    .help = "harmonic mean of precision and recall; mean over classes, or of class 1 of two",
    .classes = true,
    .maximize = true,
    .shown = true,
    .stats = "confusion",
    .score = score,
    .average = BELAY_AVERAGE_BINARY,
};

extern const struct belay_metric belay_metric_f1_macro;
const struct belay_metric belay_metric_f1_macro = {
    .name = "f1_macro",
    .help = "harmonic mean of precision and recall; mean over classes",
    .classes = true,
    .maximize = true,
    .stats = "confusion",
    .score = score,
    .average = BELAY_AVERAGE_MACRO,
};

extern const struct belay_metric belay_metric_f1_micro;
const struct belay_metric belay_metric_f1_micro = {
    .name = "f1_micro",
    .help = "harmonic mean of precision and recall; from the counts of all classes",
    .classes = true,
    .maximize = true,
    .stats = "confusion",
    .score = score,
    .average = BELAY_AVERAGE_MICRO,
};

extern const struct belay_metric belay_metric_f1_weighted;
const struct belay_metric belay_metric_f1_weighted = {
    .name = "f1_weighted",
    .help = "harmonic mean of precision and recall; mean over classes by their rows",
    .classes = true,
    .maximize = true,
    .stats = "confusion",
    .score = score,
    .average = BELAY_AVERAGE_WEIGHTED,
};
