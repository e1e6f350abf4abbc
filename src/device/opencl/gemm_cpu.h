// The own provider for CPUs: how a product is done, apart from doing it.
#ifndef BELAY_DEVICE_OPENCL_GEMM_CPU_H
#define BELAY_DEVICE_OPENCL_GEMM_CPU_H

#include "device/opencl/gemm.h"

// Forms differ in their order of summation, so the shape alone decides. Choices within a form do
// not.
enum belay_cpu_form {
    BELAY_CPU_TILES, // one chain along k
    BELAY_CPU_DOT,   // dot products along k, one chain a vector lane: a few rows, B transposed
};

struct belay_cpu_choice {
    enum belay_cpu_form form;
    cl_uint rows, vectors; // tile (dot: rows by columns)
    bool pack_a, pack_b;
    cl_uint kc;    // most steps along k between two visits to C
    cl_uint mc;    // most rows of a block
    cl_uint items; // work-items a compute unit, at least, where there is work for them
};
#define BELAY_CPU_PACK_A 1
#define BELAY_CPU_PACK_B 2
#define BELAY_CPU_GROUP 4 // panels of B that are made together

// The work-items of a choice for a product, and what each of them does.
struct belay_cpu_range {
    size_t blocks[3]; // along n, m, batches
    cl_uint mb, nb, kc;
    size_t room;      // floats of scratch, each
};

// Pure functions of profile and product.
void belay_cpu_default(const struct belay_profile *profile, const struct belay_gemm *g,
                       struct belay_cpu_choice *out);
void belay_cpu_range_of(const struct belay_profile *profile, const struct belay_gemm *g,
                        uint64_t batches, const struct belay_cpu_choice *c,
                        struct belay_cpu_range *out);
// Into how many parts k is divided, by the shape alone since it changes the order of summation:
// more than 1 where C is small and k long. Parts are products of their own, added in order.
cl_uint belay_cpu_splits(const struct belay_gemm *g);
// What could be chosen in the default's form, the default first; returns how many.
size_t belay_cpu_candidates(const struct belay_profile *profile, const struct belay_gemm *g,
                            struct belay_cpu_choice *out, size_t most);
void belay_cpu_name(const struct belay_cpu_choice *c, char out[BELAY_CL_CHOICE_TEXT]);
bool belay_cpu_parse(const struct belay_profile *profile, const char *name,
                     struct belay_cpu_choice *out);

#endif
