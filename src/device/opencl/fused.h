// Generated kernels of element-wise groups.
#ifndef BELAY_DEVICE_OPENCL_FUSED_H
#define BELAY_DEVICE_OPENCL_FUSED_H

#include "device/opencl/cl.h"

// How a group's shape collapses: neighbouring dimensions that all inputs repeat or do not repeat
// alike become one. Dimension 0 is the innermost.
struct belay_cl_space {
    int rank;                    // at least 1
    int of[BELAY_MAX_RANK];      // dimension of the group's shape: collapsed one, -1: size 1
    uint32_t repeated[BELAY_MAX_RANK]; // by collapsed dimension: bit k: input k repeats there
    int sum;                     // with group->sum: the dimension that is summed, 0 or 1; else -1
};
void belay_cl_space_of(const struct belay_group *group, struct belay_cl_space *out);
// Sizes of the collapsed dimensions for a shape of the group.
void belay_cl_space_sizes(const struct belay_cl_space *space, const struct belay_shape *shape,
                          uint64_t size[BELAY_MAX_RANK]);

// The kernel's text, everything after its name: arguments y…, x… (those with memory), sizes
// n0…, work per item p0, p1 (p1 only when rank > 1).
belay_status belay_cl_fused_text(struct belay_cl *cl, const struct belay_group *group,
                                 const struct belay_cl_space *space, struct belay_str *out);
// The same with group->sum: after the sizes come the work per item p0 and what sums are divided by.
void belay_cl_fused_sum_text(struct belay_str *s, const struct belay_group *group,
                             const struct belay_cl_space *space, bool cpu);
// Parts of kernels: arguments y…, x…, n0…; i2… of row q; where rows begin; one step of W elements.
void belay_cl_add_arguments(struct belay_str *s, const struct belay_group *group,
                            const struct belay_cl_space *space);
void belay_cl_add_pointers(struct belay_str *s, const struct belay_group *group,
                           const struct belay_cl_space *space);
void belay_cl_add_indices(struct belay_str *s, const struct belay_cl_space *space, int first);
void belay_cl_add_chain(struct belay_str *s, const struct belay_group *group,
                        const struct belay_cl_space *space);
// A statement "const V v<node>_0 = …;" of operands x<input> and v<node>_0.
void belay_cl_fused_value(struct belay_str *s, const struct belay_group *group,
                          const struct belay_node *node);
// The vector width of generated kernels on this device.
unsigned belay_cl_fused_width(const struct belay_cl *cl);
// A number as an OpenCL C float constant, exact.
void belay_cl_add_number(struct belay_str *s, double value);

#endif
