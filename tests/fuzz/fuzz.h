// Fuzzers: each file defines the one function that libFuzzer calls. replay.c calls it without.
#ifndef BELAY_TESTS_FUZZ_H
#define BELAY_TESTS_FUZZ_H

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

// What must hold whatever the input is.
#define FUZZ_CHECK(expr) \
    do { \
        if (!(expr)) \
            abort(); \
    } while (0)

// Reads every byte, so that memory that is not ours shows.
static inline void fuzz_touch(const void *bytes, size_t size)
{
    static volatile unsigned char seen;
    const unsigned char *p = bytes;
    unsigned char all = 0;

    for (size_t i = 0; i < size; i++)
        all ^= p[i];
    seen = all;
    (void) seen;
}

#endif
