// Between the files of the group metrics: the rows of a case, statistics on the device, comparing.
#ifndef BELAY_TESTS_GOLDEN_METRIC_H
#define BELAY_TESTS_GOLDEN_METRIC_H

#include "golden/program.h"
#include "train/metric.h"

enum { GOLDEN_MAX_CLASSES = 64 };

struct golden_rows { // of one case
    size_t count, columns;
    int64_t labels[GOLDEN_MAX_CLASSES];
    int classes;
    struct belay_tensor truth, prediction; // F64
    struct belay_tensor weight;            // F64, or without data
};

int golden_label_index(const struct golden_rows *r, double value); // -1: none of the labels
// Statistics ("confusion", "regression") of all rows as one batch, with the rows' weights.
belay_status golden_stats(struct golden_case *c, const char *kind, const float *output,
                          const void *target, const struct golden_rows *r, int64_t columns,
                          float *stats);
// Against the number that is wanted, null for none.
enum golden_result golden_check_number(struct golden_case *c, double got,
                                       const struct belay_json *want);

// By kind; `name` is that of our metric without its average, "" for the confusion matrix.
enum golden_result golden_metric_classes(struct golden_case *c, struct golden_rows *r,
                                         const char *name);
// NULL: it is no metric of scores.
const struct belay_metric *golden_metric_of_scores(struct golden_case *c, const char *name);
enum golden_result golden_metric_scores(struct golden_case *c, struct golden_rows *r,
                                        const struct belay_metric *metric);
enum golden_result golden_metric_values(struct golden_case *c, struct golden_rows *r,
                                        const struct belay_metric *metric);

#endif
