#ifndef BELAY_DEVICE_OPENCL_GEMM_TEST_H
#define BELAY_DEVICE_OPENCL_GEMM_TEST_H

#include "device/opencl/gemm.h"

// Small products of a provider against sums in double: odd sizes, transposes, edges, batches,
// alpha and beta, C's surroundings untouched. BELAY_ERR_DEVICE when one is wrong.
belay_status belay_cl_gemm_test(struct belay_cl *cl, const struct belay_cl_provider *provider,
                                void *state);
// Asks for the kernels of that test; the provider has `prepare`.
belay_status belay_cl_gemm_test_prepare(struct belay_cl *cl,
                                        const struct belay_cl_provider *provider,
                                        struct belay_cl_pieces *pieces);
// Raises *most to the bytes of scratch that the test asks for.
belay_status belay_cl_gemm_test_needs(struct belay_cl *cl, const struct belay_cl_provider *provider,
                                      size_t *most);

#endif
