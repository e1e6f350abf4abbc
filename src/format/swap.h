// Byte order of arrays in files.
#ifndef BELAY_FORMAT_SWAP_H
#define BELAY_FORMAT_SWAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

static inline bool belay_is_little_endian(void)
{
    const uint16_t one = 1;
    unsigned char first;
    memcpy(&first, &one, 1);
    return first == 1;
}

// Turns each element of `size` bytes round.
static inline void belay_swap_elements(void *data, size_t count, size_t size)
{
    unsigned char *p = data;

    for (size_t i = 0; i < count && size > 1; i++, p += size) {
        for (size_t a = 0, b = size - 1; a < b; a++, b--) {
            unsigned char kept = p[a];
            p[a] = p[b];
            p[b] = kept;
        }
    }
}

#endif
