// Element-wise groups that a product's kernel does in its store.
#ifndef BELAY_DEVICE_OPENCL_TAIL_H
#define BELAY_DEVICE_OPENCL_TAIL_H

#include "device/opencl/step.h"

// Whether kernels of products can do a group (a tail in the plan): floats alone, each input an
// element, a row, a column or all of what the product makes.
bool belay_cl_tail_fits(const struct belay_group *group);
// The macros of cl/gemm_cpu.cl. Operands in order: outputs, then inputs with memory that are not
// the product's. keep: the product's own values are stored too.
void belay_cl_tail_macros(const struct belay_group *group, bool keep, struct belay_str *out);
// The product that a tail comes after.
static inline const struct belay_value *belay_cl_tail_value(const struct belay_group *group)
{
    return group[-1].y[0];
}

// Whether others read what the product makes, so that it is stored beside what the tail makes.
static inline bool belay_cl_tail_keeps(const struct belay_plan *plan,
                                       const struct belay_group *group)
{
    const struct belay_place *place = belay_plan_place(plan, belay_cl_tail_value(group));
    return place->kind != BELAY_PLACE_ARENA || place->last > group - plan->groups;
}

#endif
