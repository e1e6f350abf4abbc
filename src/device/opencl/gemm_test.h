#ifndef BELAY_DEVICE_OPENCL_GEMM_TEST_H
#define BELAY_DEVICE_OPENCL_GEMM_TEST_H

#include "device/opencl/cl.h"

// Small products of the chosen provider against sums in double: odd sizes, transposes, edges,
// alpha and beta, C's surroundings untouched. BELAY_ERR_DEVICE when one is wrong.
belay_status belay_cl_gemm_self_test(struct belay_cl *cl);

#endif
