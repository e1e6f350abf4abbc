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

double belay_class_mean(const double *stats, size_t classes,
                        double (*score)(const struct belay_class_counts *c))
{
    double sum = 0, rows = 0;
    size_t present = 0;
    for (size_t i = 0; i < classes; i++) {
        struct belay_class_counts c = belay_class_counts(stats, classes, i);
        rows += c.support;
        if (c.support + c.predicted == 0)
            continue;
        sum += score(&c);
        present++;
    }
    if (rows == 0)
        return NAN;
    if (classes == 2) {
        struct belay_class_counts c = belay_class_counts(stats, classes, 1);
        return score(&c);
    }
    return sum / (double) present;
}
