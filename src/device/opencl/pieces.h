// What a plan needs of kernel files, and generated kernels, built in as few programs as names
// allow: drivers take longest for what is the same in every program.
#ifndef BELAY_DEVICE_OPENCL_PIECES_H
#define BELAY_DEVICE_OPENCL_PIECES_H

#include "device/opencl/cl.h"

struct belay_cl_piece;
struct belay_cl_pieces {
    struct belay_cl *cl;
    struct belay_cl_piece *list; // the first is of the generated kernels
    size_t num, capacity;
    struct belay_arena arena;
};

belay_status belay_cl_pieces_begin(struct belay_cl *cl, struct belay_cl_pieces *out);
// A kernel of a file; nothing when it is there or asked for already.
belay_status belay_cl_pieces_want(struct belay_cl_pieces *p, const char *file,
                                  const char *kernel);
// A generated kernel: its text after the name.
belay_status belay_cl_pieces_add(struct belay_cl_pieces *p, const char *name, const char *text);
// The kernel of a product's file (named like the file) as these options ("-DNAME=VALUE …") and
// macros before its text make it. Variants share one program: their names end in a digest.
belay_status belay_cl_pieces_variant(struct belay_cl_pieces *p, const char *file,
                                     const char *options, const char *macros);
// Finds it once it is built: the kernel's name there and its program.
bool belay_cl_variant_find(struct belay_cl *cl, const char *file, const char *options,
                           const char *macros, char name[64], cl_program *out);
// Builds all and remembers where each kernel is. Files that do not build like this are left to
// belay_cl_file_kernel.
belay_status belay_cl_pieces_build(struct belay_cl_pieces *p);
void belay_cl_pieces_free(struct belay_cl_pieces *p); // safe on zeroed

#endif
