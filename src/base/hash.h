// Digests: XXH3. Not against an adversary: against damage.
#ifndef BELAY_BASE_HASH_H
#define BELAY_BASE_HASH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

uint64_t belay_hash64(const void *data, size_t size);
uint64_t belay_hash_text(const char *text);

struct belay_hash { // streaming, 128 bits
    void *state;
};
struct belay_digest {
    char hex[33];
};
bool belay_hash_begin(struct belay_hash *h); // false: memory is short
void belay_hash_add(struct belay_hash *h, const void *data, size_t size);
void belay_hash_end(struct belay_hash *h, struct belay_digest *out); // frees; out may be NULL
void belay_digest_of(const void *data, size_t size, struct belay_digest *out);

#endif
