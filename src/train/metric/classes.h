// What metrics read from a confusion matrix: stats[t * classes + p] is the count of true t
// predicted p.
#ifndef BELAY_TRAIN_METRIC_CLASSES_H
#define BELAY_TRAIN_METRIC_CLASSES_H

#include "train/metric.h"

struct belay_class_counts belay_class_counts(const double *stats, size_t classes, size_t of);
// The average of `score`. A mean is over the classes that occur, as truth or as prediction, or over
// all; with two classes BINARY is the score of class 1 alone. NaN without rows.
double belay_class_average(const double *stats, size_t classes, enum belay_average average,
                           bool all, double (*score)(const struct belay_class_counts *c));
// a / b, 0 where b is 0.
double belay_class_ratio(double a, double b);

#endif
