// dropout_mask: 0 where a random number is below the threshold, else `scale`. Reference:
// src/op/dropout.c; the generator is that of src/base/rng.c.

// Philox 4x32-10 (Salmon et al., SC'11).
uint4 philox(uint4 c, uint2 k)
{
    for (int round = 0; round < 10; round++) {
        uint h0 = mul_hi(0xD2511F53u, c.x), l0 = 0xD2511F53u * c.x;
        uint h1 = mul_hi(0xCD9E8D57u, c.z), l1 = 0xCD9E8D57u * c.z;
        c = (uint4) (h1 ^ c.y ^ k.x, l1, h0 ^ c.w ^ k.y, l0);
        k += (uint2) (0x9E3779B9u, 0xBB67AE85u);
    }
    return c;
}

// One work-item does `per` blocks of four elements; step[0], step[1]: low and high half.
kernel void dropout_mask(global T *restrict y, global const int *restrict step, uint n, uint per,
                         uint threshold, float scale, uint key0, uint key1)
{
    uint blocks = n / 4 + (n % 4 != 0);
    uint first = get_global_id(0) * per, end = min(first + per, blocks);
    uint2 key = (uint2) (key0, key1);
    uint low = as_uint(step[0]), high = as_uint(step[1]);
    for (uint i = first; i < end; i++) {
        uint4 r = philox((uint4) (i, 0, low, high), key);
        float4 m = select((float4) (scale), (float4) (0), r < (uint4) (threshold));
        uint at = i * 4;
        if (n - at >= 4) {
            vstore4(m, i, y);
        } else {
            y[at] = m.x;
            if (at + 1 < n)
                y[at + 1] = m.y;
            if (at + 2 < n)
                y[at + 2] = m.z;
        }
    }
}
