// Products on an OpenCL device: providers behind one table.
#ifndef BELAY_DEVICE_OPENCL_GEMM_H
#define BELAY_DEVICE_OPENCL_GEMM_H

#include "device/opencl/cl.h"
#include "device/opencl/pieces.h"

// Element-wise work on a product's values that its kernel may do before it stores them.
struct belay_cl_tail {
    const char *macros;  // TAIL_*: see cl/gemm_cpu.cl
    const cl_mem *mem;   // its operands
    int num;
};

// One product with its memory. Buffers begin with the operand (offset 0).
struct belay_cl_gemm_call {
    struct belay_gemm g;
    cl_mem a, b, c;
};
struct belay_cl_product; // the provider's: kernels with arguments set

// How a product is done, by a name that its provider understands ("6x2 ab k320 m192 i4"). All
// choices that are offered for a product give the same bits.
#define BELAY_CL_CHOICE_TEXT 48
struct belay_cl_choices {
    size_t count; // 0: there is nothing to choose
    char name[24][BELAY_CL_CHOICE_TEXT]; // the default first
};

struct belay_cl_provider {
    const char *name;
    // Builds what is needed; *state NULL before.
    belay_status (*open)(struct belay_cl *cl, void **state);
    void (*close)(struct belay_cl *cl, void *state);
    // Whether it does this product at all (transposes, batches); else `plain` does.
    bool (*takes)(const struct belay_cl *cl, const struct belay_gemm *g);
    // What could be chosen for a product, and the choice for a shape class ("" for the default),
    // which products that are bound from then on take. NULL: nothing to choose.
    belay_status (*choices)(struct belay_cl *cl, void *state, const struct belay_gemm *g,
                            struct belay_cl_choices *out);
    bool (*knows)(struct belay_cl *cl, const char *choice);
    // Asks for the kernel of a product (with a tail's macros, or NULL), so that those of a whole
    // training are built together. NULL: they are built when they are bound. Called before `open`.
    belay_status (*prepare)(struct belay_cl *cl, const struct belay_gemm *g, const char *macros,
                            struct belay_cl_pieces *pieces);
    // Bytes of scratch that the product will ask for; may be called before `open`. NULL: none.
    belay_status (*needs)(struct belay_cl *cl, const struct belay_gemm *g, size_t *bytes);
    // Whether it does the work of tails with this product, and binding one. NULL: never.
    bool (*takes_tail)(const struct belay_cl *cl, const struct belay_gemm *g);
    belay_status (*bind_tail)(struct belay_cl *cl, void *state,
                              const struct belay_cl_gemm_call *call,
                              const struct belay_cl_tail *tail, struct belay_cl_product **p);
    // Makes *p if it is NULL and sets it to the call. Later calls have no larger sizes.
    belay_status (*bind)(struct belay_cl *cl, void *state, const struct belay_cl_gemm_call *call,
                         struct belay_cl_product **p);
    belay_status (*run)(struct belay_cl *cl, void *state, struct belay_cl_product *p);
    void (*destroy)(struct belay_cl *cl, void *state, struct belay_cl_product *p);
};
extern const struct belay_cl_provider belay_cl_gemm_plain;
extern const struct belay_cl_provider belay_cl_gemm_cpu;
extern const struct belay_cl_provider belay_cl_gemm_clblast;
extern const struct belay_cl_provider belay_cl_gemm_tiled;

// A product of a step: which provider has it, and its part.
struct belay_cl_gemm_slot {
    const struct belay_cl_provider *provider;
    struct belay_cl_product *product;
};
// The provider is chosen by profile and shape, or forced by BELAY_GEMM. Each is tested when it is
// first needed, and switched off with a warning when it is wrong; the next best takes over then.
belay_status belay_cl_gemm_bind(struct belay_cl *cl, struct belay_cl_gemm_slot *slot,
                                const struct belay_cl_gemm_call *call);
// Asks for the kernels of a product, and of its provider's test if that is still to come.
belay_status belay_cl_gemm_prepare(struct belay_cl *cl, const struct belay_gemm *g,
                                   const char *macros, struct belay_cl_pieces *pieces);
// Bytes of scratch of a product, and of its provider's test if that is still to come.
belay_status belay_cl_gemm_needs(struct belay_cl *cl, const struct belay_gemm *g, size_t *bytes);
// Whether the product's provider (opened now if need be) does tails of it.
belay_status belay_cl_gemm_takes_tail(struct belay_cl *cl, const struct belay_gemm *g, bool *out);
// Binds with a tail, which lives as long as the slot's product, where the provider takes it.
belay_status belay_cl_gemm_bind_tail(struct belay_cl *cl, struct belay_cl_gemm_slot *slot,
                                     const struct belay_cl_gemm_call *call,
                                     const struct belay_cl_tail *tail);
belay_status belay_cl_gemm_run(struct belay_cl *cl, struct belay_cl_gemm_slot *slot);
void belay_cl_gemm_drop(struct belay_cl *cl, struct belay_cl_gemm_slot *slot);
void belay_cl_gemm_destroy(struct belay_cl *cl);
// The name of the slot's provider; "" before the first bind.
const char *belay_cl_gemm_name(const struct belay_cl_gemm_slot *slot);

// Products of about one size and form: "nt 64 256 1024", sizes rounded up to powers of two, and
// "batch" behind them when there is more than one.
void belay_cl_gemm_class(const struct belay_gemm *g, char out[BELAY_CL_CHOICE_TEXT]);
// The choices for a product by the provider in use (chosen now if need be).
belay_status belay_cl_gemm_choices(struct belay_cl *cl, const struct belay_gemm *g,
                                   struct belay_cl_choices *out);
// Products of a class that are bound from now on are done this way; "" for the default again.
// BELAY_ERR_ARG when the provider in use knows no such choice.
belay_status belay_cl_gemm_choose(struct belay_cl *cl, const char *class_name,
                                  const char *choice);
// The kind of its lines in the tuning file: "product cpu".
void belay_cl_gemm_kind(const struct belay_cl *cl, char out[BELAY_CL_CHOICE_TEXT]);
// For providers: what was chosen for the class of a product, "" for nothing.
const char *belay_cl_gemm_chosen(const struct belay_cl *cl, const struct belay_gemm *g);
// All providers, for checks: by index, NULL behind the last one.
const char *belay_cl_gemm_provider_name(int index);
// Whether this device would ever choose it.
bool belay_cl_gemm_meant(struct belay_cl *cl, int index);
// Opens and tests it if need be.
belay_status belay_cl_gemm_provider(struct belay_cl *cl, int index,
                                    const struct belay_cl_provider **out, void **state);
const char *belay_cl_gemm_use(const struct belay_cl *cl, int index); // "switched off", ...

// Batches with their dimensions joined where the strides allow; dimension 0 is the innermost.
#define BELAY_CL_BATCH 8
struct belay_cl_batch {
    uint64_t count;
    cl_uint dim[BELAY_CL_BATCH], a[BELAY_CL_BATCH], b[BELAY_CL_BATCH];
};
belay_status belay_cl_batch_of(struct belay_cl *cl, const struct belay_gemm *g,
                               struct belay_cl_batch *out);

#endif
