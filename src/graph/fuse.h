// Grouping: which nodes are launched together, and in which order the groups run.
#ifndef BELAY_GRAPH_FUSE_H
#define BELAY_GRAPH_FUSE_H

#include "graph/plan.h"

// Fills plan->groups (in plan->arena_mem).
belay_status belay_fuse(struct belay_plan *plan, const struct belay_plan_params *params);

#endif
