// What metrics read from a confusion matrix: stats[t * classes + p] is the count of true t
// predicted p.
#ifndef BELAY_TRAIN_METRIC_CLASSES_H
#define BELAY_TRAIN_METRIC_CLASSES_H

#include <stddef.h>

struct belay_class_counts {
    double hit;       // true and predicted
    double support;   // true
    double predicted;
};
struct belay_class_counts belay_class_counts(const double *stats, size_t classes, size_t of);
// The mean of `score` over the classes that occur, as truth or as prediction; with two classes the
// score of class 1 alone. NaN without rows.
double belay_class_mean(const double *stats, size_t classes,
                        double (*score)(const struct belay_class_counts *c));
// a / b, 0 where b is 0.
double belay_class_ratio(double a, double b);

#endif
