#include "train/metric/classes.h"

#include <math.h>

struct belay_class_counts belay_class_counts(const double *stats, size_t classes, size_t of)
{
    struct belay_class_counts c = { stats[of * classes + of], 0, 0 };
    for (size_t i = 0; i < classes; i++) {
        c.support += stats[of * classes + i];
        c.predicted += stats[i * classes + of];
    }
    return c;
}

double belay_class_ratio(double a, double b)
{
    return b == 0 ? 0 : a / b;
}

// Every row is one decision of one of all classes: the sums of the counts.
static double micro(const double *stats, size_t classes,
                    double (*score)(const struct belay_class_counts *c))
{
    struct belay_class_counts sum = { 0 };
    for (size_t i = 0; i < classes; i++) {
        struct belay_class_counts c = belay_class_counts(stats, classes, i);
        sum.hit += c.hit;
        sum.support += c.support;
        sum.predicted += c.predicted;
    }
    return sum.support > 0 ? score(&sum) : NAN;
}

double belay_class_average(const double *stats, size_t classes, enum belay_average average,
                           bool all, double (*score)(const struct belay_class_counts *c))
{
    double sum = 0, rows = 0, weights = 0;
    if (average == BELAY_AVERAGE_MICRO)
        return micro(stats, classes, score);
    for (size_t i = 0; i < classes; i++) {
        struct belay_class_counts c = belay_class_counts(stats, classes, i);
        rows += c.support;
        if (!all && c.support + c.predicted == 0)
            continue;
        double weight = average == BELAY_AVERAGE_WEIGHTED ? c.support : 1;
        sum += weight * score(&c);
        weights += weight;
    }
    if (rows == 0)
        return NAN;
    if (average == BELAY_AVERAGE_BINARY && classes == 2) {
        struct belay_class_counts c = belay_class_counts(stats, classes, 1);
        return score(&c);
    }
    return sum / weights;
}
