// Arguments of a kernel, set one after the other.
#ifndef BELAY_DEVICE_OPENCL_ARGS_H
#define BELAY_DEVICE_OPENCL_ARGS_H

#include "device/opencl/gemm.h"

struct belay_cl_args {
    cl_kernel kernel;
    cl_uint next;
    cl_int error; // the first one stays
};

void belay_cl_arg(struct belay_cl_args *a, size_t size, const void *value);
void belay_cl_arg_mem(struct belay_cl_args *a, cl_mem mem);
void belay_cl_arg_uint(struct belay_cl_args *a, uint64_t value);

// What product kernels have in common: m, n, k and the strides of op(A) and op(B), whose k is `all`
// steps long (more than g->k in parts of a product) …
void belay_cl_arg_sizes(struct belay_cl_args *a, const struct belay_gemm *g, int64_t all);
void belay_cl_arg_scale(struct belay_cl_args *a, float alpha, float beta);
// … and the batch's dimensions and strides.
void belay_cl_arg_batch(struct belay_cl_args *a, const struct belay_cl_batch *batch);

#endif
