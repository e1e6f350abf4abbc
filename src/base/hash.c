#include "base/hash.h"

#include <stdio.h>
#include <string.h>

// Inlined, so that the size of the state is ours and the state can come from belay_alloc.
#define XXH_INLINE_ALL
#include <xxhash.h>

#include "base/mem.h"

uint64_t belay_hash64(const void *data, size_t size)
{
    return XXH3_64bits(data, size);
}

uint64_t belay_hash_text(const char *text)
{
    return XXH3_64bits(text, strlen(text));
}

bool belay_hash_begin(struct belay_hash *h)
{
    h->state = belay_alloc_aligned(sizeof(XXH3_state_t));
    if (h->state)
        XXH3_128bits_reset(h->state);
    return h->state != NULL;
}

void belay_hash_add(struct belay_hash *h, const void *data, size_t size)
{
    if (size)
        XXH3_128bits_update(h->state, data, size);
}

static void write_hex(XXH128_hash_t hash, struct belay_digest *out)
{
    snprintf(out->hex, sizeof(out->hex), "%016llx%016llx", (unsigned long long) hash.high64,
             (unsigned long long) hash.low64);
}

void belay_hash_end(struct belay_hash *h, struct belay_digest *out)
{
    if (h->state && out)
        write_hex(XXH3_128bits_digest(h->state), out);
    belay_free_aligned(h->state);
    h->state = NULL;
}

void belay_digest_of(const void *data, size_t size, struct belay_digest *out)
{
    write_hex(XXH3_128bits(data, size), out);
}
