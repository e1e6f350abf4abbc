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
    bool pack_a, pack_b; // by each work-item
    bool share_b;        // B by a kernel of its own, for all; not both
    cl_uint kc;    // most steps along k between two visits to C
    cl_uint mc;    // most rows of a block
    cl_uint items; // work-items a compute unit, at least, where there is work for them
};
#define BELAY_CPU_GROUP 4 // panels of B that are made together

// The work-items of a choice for a product, and what each of them does.
struct belay_cpu_range {
    size_t blocks[3]; // along n, m, batches
    cl_uint mb, nb, kc;
    cl_uint columns; // of a tile
    size_t panels;   // of columns, in all
    size_t room;     // floats of scratch, each
};

// A product as its kernels see it.
struct belay_cpu_job {
    struct belay_gemm g; // k: of a part
    struct belay_cl_batch batch;
    struct belay_cpu_choice choice;
    struct belay_cpu_range range;
    cl_mem a, b, c;
    const struct belay_cl_tail *tail;
    int64_t all;    // k of the whole product
    cl_uint splits; // 1: none
};

#define BELAY_CPU_OPTIONS 96
struct belay_cl_product {
    char options[BELAY_CPU_OPTIONS]; // that its main kernel was built with
    struct belay_cl_launch pack, main, sum; // pack: of a shared B; sum: of parts along k
};

// The kernel of a file built so, from the programs that the plan prepared or one of its own.
belay_status belay_cpu_kernel(struct belay_cl *cl, const char *file, const char *options,
                              const struct belay_cl_tail *tail, cl_kernel *out);
void belay_cpu_pack_options(const struct belay_profile *profile, const struct belay_cpu_choice *c,
                            char out[BELAY_CPU_OPTIONS]);

// Bytes of scratch that a job takes.
belay_status belay_cpu_scratch(struct belay_cl *cl, const struct belay_cpu_job *job, size_t *bytes);
// Sets all kernels to the job; the main one has been made.
belay_status belay_cpu_set(struct belay_cl *cl, const struct belay_cpu_job *job,
                           struct belay_cl_product *p);

// Pure functions of profile and product.
cl_uint belay_cpu_width(const struct belay_profile *profile); // of its vectors: 4, 8 or 16
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
