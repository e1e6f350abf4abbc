// What plan_prepare leaves for the steps.
#ifndef BELAY_DEVICE_OPENCL_PREPARED_H
#define BELAY_DEVICE_OPENCL_PREPARED_H

#include "device/opencl/fused.h"

struct belay_cl_fused {
    char name[32]; // of the kernel, "" for groups that are not element-wise
    struct belay_cl_space space;
};

// Calls `fn` for the planned shapes (NULL) and those of every half of the planned rows: smaller
// batches may be done in other ways.
typedef belay_status (*belay_cl_sizes_fn)(void *user, const struct belay_plan *plan,
                                          const struct belay_shape *shapes);
belay_status belay_cl_plan_sizes(struct belay_cl *cl, const struct belay_plan *plan,
                                 belay_cl_sizes_fn fn, void *user);

struct belay_cl_prepared {
    const struct belay_plan *plan;
    struct belay_cl_fused *fused; // by group
    struct belay_step *product;   // the step made last, if its product is left to its tail's step
};

#endif
