// Texts of kernel files: leaving out kernels that nobody wants, and joining files.
#ifndef BELAY_DEVICE_OPENCL_TRIM_H
#define BELAY_DEVICE_OPENCL_TRIM_H

#include "base/mem.h"
#include "base/str.h"

// Appends `text` without the kernels that are not among `kernels`. Their lines stay empty, so that
// messages name the right ones. A kernel is `kernel void name(` at the start of a line, up to the
// line that starts with `}`; or kernels are made by MACRO(name, …) at the start of a line, from a
// macro of `text` or `macros` that speaks of kernels: it is kept when a wanted name begins with
// that name. All else stays.
void belay_cl_trim(const char *text, const char *macros, const char *const *kernels, size_t num,
                   struct belay_str *out);

// Names that a text defines outside functions: macros, functions, types.
struct belay_cl_names {
    struct belay_arena arena;
    char **name;
    size_t num, capacity;
    bool failed; // memory was short
};
void belay_cl_names_of(const char *text, struct belay_cl_names *out);
bool belay_cl_names_have(const struct belay_cl_names *names, const char *name);
void belay_cl_names_join(struct belay_cl_names *names, const struct belay_cl_names *more);
void belay_cl_names_free(struct belay_cl_names *names);
// #undef lines for the macros of a text.
void belay_cl_forget_macros(const char *text, struct belay_str *out);

#endif
