// Metrics: sums gathered on the device over a pass, finished on the host in double.
#ifndef BELAY_TRAIN_METRIC_H
#define BELAY_TRAIN_METRIC_H

#include "graph/graph.h"

struct belay_class_counts {
    double hit;       // true and predicted
    double support;   // true
    double predicted;
};
// How scores of single classes become one: the class 1 of two classes (of more the mean), the mean
// over classes, from the sums of all counts, the mean by support.
enum belay_average { BELAY_AVERAGE_BINARY, BELAY_AVERAGE_MACRO, BELAY_AVERAGE_MICRO,
                     BELAY_AVERAGE_WEIGHTED };

// What the model said of all rows, on the host.
struct belay_score_rows { // borrowed
    size_t rows, classes;
    const float *scores;  // rows * classes: probabilities, as `predict` gives them
    const int32_t *truth; // rows
    const float *weights; // of rows, or NULL
};

struct belay_metric {
    const char *name, *help; // "accuracy", "f1", "mae", "r2"
    bool classes;            // needs labels
    bool maximize;           // the better direction
    bool shown;              // `belay eval` shows it
    const char *stats;       // what it is computed from: "confusion", "regression", "scores"
    // From the statistics of all rows. confusion: stats[t * classes + p] counts of true t predicted
    // p. regression: [BELAY_REGRESSION][targets] (stats/regression.c).
    double (*finish)(const double *stats, size_t classes_or_targets);
    double (*finish_scores)(const struct belay_score_rows *r); // with "scores", in place of finish
    // Where a score of each class is averaged, in place of finish.
    double (*score)(const struct belay_class_counts *c);
    enum belay_average average;
};
// The value of a metric of "confusion" or "regression".
// `classes`: of regression the number of targets.
double belay_metric_value(const struct belay_metric *m, const double *stats, size_t classes);
extern const struct belay_metric *const belay_metrics[];
const struct belay_metric *belay_metric_find(const char *name);

// Statistics of one batch as a F32 value [count]: exact counts below 2^24, or sums in fixed order.
struct belay_stats {
    const char *name; // "confusion"
    size_t (*count)(size_t classes);
    // `weights`: F32 [rows], what each row counts, or NULL.
    belay_value *(*build)(belay_graph *g, belay_value *output, belay_value *target,
                          belay_value *weights);
};
extern const struct belay_stats *const belay_stats_list[];

#define BELAY_REGRESSION 5 // numbers of a target
// Adds those of a batch to those of the rows before it.
void belay_regression_add(double *sums, const float *batch, size_t targets);
// Into the units that the user gave: y * std + mean.
void belay_regression_rescale(double *sums, size_t targets, double mean, double std);
// The mean over targets of a score of each.
double belay_regression_mean(const double *sums, size_t targets,
                             double (*score)(double n, double squares, double absolutes,
                                             double spread));
const struct belay_stats *belay_stats_find(const char *name);

#endif
