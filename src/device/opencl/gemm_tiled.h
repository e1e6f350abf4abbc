#ifndef BELAY_DEVICE_OPENCL_GEMM_TILED_H
#define BELAY_DEVICE_OPENCL_GEMM_TILED_H

#include "device/opencl/gemm.h"

// How many chunks of k 'tiled' adds one after the other (1: none), and their length. Of shape alone.
cl_uint belay_cl_gemm_splits(const struct belay_gemm *g, cl_uint *chunk);

#endif
