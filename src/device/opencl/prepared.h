// What plan_prepare leaves for the steps.
#ifndef BELAY_DEVICE_OPENCL_PREPARED_H
#define BELAY_DEVICE_OPENCL_PREPARED_H

#include "device/opencl/fused.h"

struct belay_cl_fused {
    char name[32]; // of the kernel, "" for groups that are not element-wise
    struct belay_cl_space space;
};

struct belay_cl_prepared {
    const struct belay_plan *plan;
    struct belay_cl_fused *fused; // by group
    struct belay_step *product;   // the step made last, if its product is left to its tail's step
};

#endif
