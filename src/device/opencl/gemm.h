// Products on an OpenCL device: providers behind one table.
#ifndef BELAY_DEVICE_OPENCL_GEMM_H
#define BELAY_DEVICE_OPENCL_GEMM_H

#include "device/opencl/cl.h"

// One product with its memory. Buffers begin with the operand (offset 0).
struct belay_cl_gemm_call {
    struct belay_gemm g;
    cl_mem a, b, c;
};
struct belay_cl_product; // the provider's: kernels with arguments set

struct belay_cl_provider {
    const char *name;
    // Builds what is needed; *state NULL before.
    belay_status (*open)(struct belay_cl *cl, void **state);
    void (*close)(struct belay_cl *cl, void *state);
    // Whether it does this product at all (transposes, batches); else `plain` does.
    bool (*takes)(const struct belay_cl *cl, const struct belay_gemm *g);
    // Makes *p if it is NULL and sets it to the call. Later calls have no larger sizes.
    belay_status (*bind)(struct belay_cl *cl, void *state, const struct belay_cl_gemm_call *call,
                         struct belay_cl_product **p);
    belay_status (*run)(struct belay_cl *cl, void *state, struct belay_cl_product *p);
    void (*destroy)(struct belay_cl *cl, void *state, struct belay_cl_product *p);
};
extern const struct belay_cl_provider belay_cl_gemm_plain;
extern const struct belay_cl_provider belay_cl_gemm_cpu;
extern const struct belay_cl_provider belay_cl_gemm_clblast;

// A product of a step: which provider has it, and its part.
struct belay_cl_gemm_slot {
    const struct belay_cl_provider *provider;
    struct belay_cl_product *product;
};
// The provider is chosen at the first call (BELAY_GEMM, else by the profile), tested, and kept.
belay_status belay_cl_gemm_bind(struct belay_cl *cl, struct belay_cl_gemm_slot *slot,
                                const struct belay_cl_gemm_call *call);
belay_status belay_cl_gemm_run(struct belay_cl *cl, struct belay_cl_gemm_slot *slot);
void belay_cl_gemm_drop(struct belay_cl *cl, struct belay_cl_gemm_slot *slot);
void belay_cl_gemm_destroy(struct belay_cl *cl);
// The chosen provider's name; "" before the first product.
const char *belay_cl_gemm_name(const struct belay_cl *cl);

// Batches with their dimensions joined where the strides allow; dimension 0 is the innermost.
#define BELAY_CL_BATCH 8
struct belay_cl_batch {
    uint64_t count;
    cl_uint dim[BELAY_CL_BATCH], a[BELAY_CL_BATCH], b[BELAY_CL_BATCH];
};
belay_status belay_cl_batch_of(struct belay_cl *cl, const struct belay_gemm *g,
                               struct belay_cl_batch *out);

#endif
