#include "train/metric.h"

#include <string.h>

#define BELAY_STATS(name) extern const struct belay_stats belay_stats_##name;
#include "train/stats/list.h"
#undef BELAY_STATS

#define BELAY_STATS(name) &belay_stats_##name,
const struct belay_stats *const belay_stats_list[] = {
#include "train/stats/list.h"
    NULL
};
#undef BELAY_STATS

const struct belay_stats *belay_stats_find(const char *name)
{
    for (const struct belay_stats *const *at = belay_stats_list; *at; at++)
        if (strcmp((*at)->name, name) == 0)
            return *at;
    return NULL;
}
