// Element types that safetensors files may hold, ours and others.
#ifndef BELAY_FORMAT_ST_TYPES_H
#define BELAY_FORMAT_ST_TYPES_H

#include <stdbool.h>

struct belay_st_type {
    const char *name;
    unsigned bits; // of one element
};
// In the order of the format's own list; the writer puts tensors of later types first.
extern const struct belay_st_type belay_st_types[];
// The index, or -1.
int belay_st_type_find(const char *name);

#define BELAY_ST_DIGEST_KEY "belay.digest"
#define BELAY_ST_DIGESTS_KEY "belay.digests"
#define BELAY_ST_DIGEST_LENGTH 32

#endif
