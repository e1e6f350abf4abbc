#include "train/metric.h"

#include <string.h>

#include "train/metric/classes.h"

#define BELAY_METRIC(name) extern const struct belay_metric belay_metric_##name;
#include "train/metric/list.h"
#undef BELAY_METRIC

#define BELAY_METRIC(name) &belay_metric_##name,
const struct belay_metric *const belay_metrics[] = {
#include "train/metric/list.h"
    NULL
};
#undef BELAY_METRIC

const struct belay_metric *belay_metric_find(const char *name)
{
    for (const struct belay_metric *const *at = belay_metrics; *at; at++)
        if (strcmp((*at)->name, name) == 0)
            return *at;
    return NULL;
}

double belay_metric_value(const struct belay_metric *m, const double *stats, size_t classes)
{
    if (m->score)
        return belay_class_average(stats, classes, m->average, false, m->score);
    return m->finish(stats, classes);
}
