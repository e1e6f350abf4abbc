#include "base/rng.h"

#include <math.h>

void belay_philox(const uint32_t counter[4], const uint32_t key[2], uint32_t out[4])
{
    uint32_t c0 = counter[0], c1 = counter[1], c2 = counter[2], c3 = counter[3];
    uint32_t k0 = key[0], k1 = key[1];

    for (int round = 0; round < 10; round++) {
        uint64_t p0 = (uint64_t) 0xD2511F53u * c0, p1 = (uint64_t) 0xCD9E8D57u * c2;
        c0 = (uint32_t) (p1 >> 32) ^ c1 ^ k0;
        c1 = (uint32_t) p1;
        c2 = (uint32_t) (p0 >> 32) ^ c3 ^ k1;
        c3 = (uint32_t) p0;
        k0 += 0x9E3779B9u;
        k1 += 0xBB67AE85u;
    }
    out[0] = c0;
    out[1] = c1;
    out[2] = c2;
    out[3] = c3;
}

// SplitMix64's finisher: a bijection, so different streams of one seed never share a key.
static uint64_t mix(uint64_t x)
{
    x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9u;
    x = (x ^ (x >> 27)) * 0x94D049BB133111EBu;
    return x ^ (x >> 31);
}

void belay_rng_key(uint64_t seed, uint64_t stream, uint32_t key[2])
{
    uint64_t mixed = mix(mix(seed + 0x9E3779B97F4A7C15u) ^ stream);
    key[0] = (uint32_t) mixed;
    key[1] = (uint32_t) (mixed >> 32);
}

void belay_rng_init(struct belay_rng *r, uint64_t seed, uint64_t stream)
{
    *r = (struct belay_rng){ 0 };
    belay_rng_key(seed, stream, r->key);
}

// Four numbers come from one block; index counts numbers.
uint32_t belay_rng_u32(struct belay_rng *r)
{
    uint64_t block = r->index >> 2;
    if (r->held != block + 1) {
        uint32_t counter[4] = { (uint32_t) block, (uint32_t) (block >> 32), 0, 0 };
        belay_philox(counter, r->key, r->block);
        r->held = block + 1;
    }
    return r->block[r->index++ & 3];
}

// Lemire's method: the low half of the product decides whether a draw would be biased.
uint32_t belay_rng_below(struct belay_rng *r, uint32_t bound)
{
    uint32_t threshold = (0u - bound) % bound;
    uint64_t product;
    do
        product = (uint64_t) belay_rng_u32(r) * bound;
    while ((uint32_t) product < threshold);
    return (uint32_t) (product >> 32);
}

double belay_rng_uniform(struct belay_rng *r)
{
    uint32_t high = belay_rng_u32(r) >> 5, low = belay_rng_u32(r) >> 6;
    return ((double) high * 67108864.0 + (double) low) * (1.0 / 9007199254740992.0);
}

double belay_rng_normal(struct belay_rng *r)
{
    double u = 1.0 - belay_rng_uniform(r); // (0, 1]: its logarithm is finite
    double v = belay_rng_uniform(r);
    return sqrt(-2.0 * log(u)) * cos(6.283185307179586476925 * v);
}

void belay_rng_shuffle(struct belay_rng *r, int32_t *order, uint32_t count)
{
    for (uint32_t i = count; i > 1; i--) {
        uint32_t j = belay_rng_below(r, i);
        int32_t swap = order[i - 1];
        order[i - 1] = order[j];
        order[j] = swap;
    }
}
