// The element types of PyTorch's files.
#ifndef BELAY_FORMAT_PTH_TYPES_H
#define BELAY_FORMAT_PTH_TYPES_H

#include <stddef.h>

struct belay_pth_type {
    const char *storage; // "FloatStorage"; NULL: has none of its own (read through a dtype)
    const char *torch;   // "float32"
    const char *name;    // safetensors' name; NULL: cannot be held
    unsigned size;       // bytes of an element
    unsigned swap;       // bytes that turn round in the other byte order
};
extern const struct belay_pth_type belay_pth_types[]; // ends with a NULL torch
const struct belay_pth_type *belay_pth_type_by_storage(const char *storage, size_t length);
const struct belay_pth_type *belay_pth_type_by_torch(const char *torch, size_t length);
const struct belay_pth_type *belay_pth_type_by_name(const char *name); // safetensors'

#endif
