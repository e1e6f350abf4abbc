// Steps of the OpenCL backend: element-wise kernel, kernels of an op's file, product, nothing.
#ifndef BELAY_DEVICE_OPENCL_STEP_H
#define BELAY_DEVICE_OPENCL_STEP_H

#include "device/opencl/gemm.h"
#include "device/opencl/prepared.h"
#include "graph/graph.h"

#define BELAY_CL_STAGES 16

struct belay_cl_step_kind {
    belay_status (*create)(struct belay_cl *cl, struct belay_step *step);
    belay_status (*bind)(struct belay_cl *cl, struct belay_step *step,
                         const struct belay_shape *shapes);
    belay_status (*run)(struct belay_cl *cl, struct belay_step *step);
};
extern const struct belay_cl_step_kind belay_cl_step_fused;
extern const struct belay_cl_step_kind belay_cl_step_op;
extern const struct belay_cl_step_kind belay_cl_step_gemm;
extern const struct belay_cl_step_kind belay_cl_step_tail;

// A kernel object of an op's step; one for each stage and name, so that arguments stay set.
struct belay_cl_op_kernel {
    int stage;
    char name[64];
    cl_kernel kernel;
};

struct belay_step {
    const struct belay_cl_step_kind *kind; // NULL: nothing to do
    const struct belay_group *group;
    const struct belay_cl_fused *fused;
    cl_mem *x, *y; // NULL entries: no memory
    int num_launches;
    struct belay_cl_launch launch[BELAY_CL_STAGES]; // kernels are borrowed from `kernels`
    struct belay_cl_op_kernel *kernels;
    size_t num_kernels, cap_kernels;
    const char *file;         // of the kernels; "" for a generated one
    cl_mem scratch;
    size_t scratch_count;     // floats
    struct belay_buf *constants; // of scalar inputs, by input; NULL: none
    struct belay_cl_gemm_slot gemm;
    // Of a product's tail, whose step does both:
    const struct belay_step *product; // the step before, not used when this one goes
    struct belay_cl_tail tail;
    struct belay_str tail_text;
    cl_mem *tail_mem;
    bool keeps_product; // others read what the product makes
    bool joined;        // at the bound shapes: one kernel
};

// Whether a product's tail is done with it by the next step, so that its own has nothing to do.
belay_status belay_cl_step_has_tail(struct belay_cl *cl, const struct belay_plan *plan,
                                    const struct belay_group *product, bool *out);

// The kernel object for a stage; made when it is new.
belay_status belay_cl_step_kernel(struct belay_cl *cl, struct belay_step *step, int stage,
                                  const char *name, cl_kernel *out);
// clSetKernelArg with the kernel and argument named on failure.
belay_status belay_cl_set_arg(struct belay_cl *cl, cl_kernel kernel, const char *name, cl_uint index,
                              size_t size, const void *value);

#endif
