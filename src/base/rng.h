// Counter-based random numbers: Philox 4x32-10 (Salmon et al., SC'11). Nothing to save: a number
// is a function of (seed, stream, counter). cl/philox.clh is the same in OpenCL C.
#ifndef BELAY_BASE_RNG_H
#define BELAY_BASE_RNG_H

#include <stdint.h>

// out = philox4x32-10(counter, key)
void belay_philox(const uint32_t counter[4], const uint32_t key[2], uint32_t out[4]);

// A sequence: key = seed mixed with stream (belay_rng_key), counter = {index, index >> 32, hi...}.
struct belay_rng {
    uint32_t key[2];
    uint64_t index; // of the next number
    uint32_t block[4];
    uint64_t held; // number of `block` + 1; 0: none yet
};
void belay_rng_key(uint64_t seed, uint64_t stream, uint32_t key[2]);
void belay_rng_init(struct belay_rng *r, uint64_t seed, uint64_t stream);
uint32_t belay_rng_u32(struct belay_rng *r);
uint32_t belay_rng_below(struct belay_rng *r, uint32_t bound); // unbiased, bound > 0
double belay_rng_uniform(struct belay_rng *r);                  // [0, 1), 53 bits
double belay_rng_normal(struct belay_rng *r);                   // Box-Muller
// Fisher-Yates over order[0..count).
void belay_rng_shuffle(struct belay_rng *r, int32_t *order, uint32_t count);

#endif
