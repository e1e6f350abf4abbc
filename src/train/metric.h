// Metrics: sums gathered on the device over a pass, finished on the host in double.
#ifndef BELAY_TRAIN_METRIC_H
#define BELAY_TRAIN_METRIC_H

#include "graph/graph.h"

struct belay_metric {
    const char *name, *help; // "accuracy", "f1", "mae", "r2"
    bool classes;            // needs labels
    bool maximize;           // the better direction
    const char *stats;       // which statistics it is computed from: "confusion", "regression"
    // From the statistics of all rows. confusion: stats[t * classes + p] counts of true t predicted
    // p. regression: {n, sum err², sum |err|, sum y, sum y²} over all targets.
    double (*finish)(const double *stats, size_t classes);
};
extern const struct belay_metric *const belay_metrics[];
const struct belay_metric *belay_metric_find(const char *name);

// Statistics of one batch as a F32 value [count]: exact counts below 2^24, or sums in fixed order.
struct belay_stats {
    const char *name; // "confusion"
    size_t (*count)(size_t classes);
    belay_value *(*build)(belay_graph *g, belay_value *output, belay_value *target);
};
extern const struct belay_stats *const belay_stats_list[];
const struct belay_stats *belay_stats_find(const char *name);

#endif
