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

// The same for eight counters i, i + 1, … at once: lane j of r[w] is word w of counter i + j.
// Products of 32 bits in 64 are one instruction on CPUs, mul_hi of vectors is many.
void philox_8(uint i, uint low, uint high, uint2 k, uint8 *r)
{
    uint8 x = i + (uint8) (0, 1, 2, 3, 4, 5, 6, 7), y = 0, z = low, w = high;
    for (int round = 0; round < 10; round++) {
        ulong8 a = convert_ulong8(x) * (ulong8) (0xD2511F53ul);
        ulong8 b = convert_ulong8(z) * (ulong8) (0xCD9E8D57ul);
        x = convert_uint8(b >> 32) ^ y ^ k.x;
        z = convert_uint8(a >> 32) ^ w ^ k.y;
        y = convert_uint8(b & 0xFFFFFFFFul);
        w = convert_uint8(a & 0xFFFFFFFFul);
        k += (uint2) (0x9E3779B9u, 0xBB67AE85u);
    }
    r[0] = x;
    r[1] = y;
    r[2] = z;
    r[3] = w;
}

// Eight blocks of four elements.
void mask_8(global T *y, uint i, uint low, uint high, uint2 key, uint threshold, float scale)
{
    uint8 r[4];
    float8 m[4];
    philox_8(i, low, high, key, r);
    for (int j = 0; j < 4; j++)
        m[j] = select((float8) (scale), (float8) (0), r[j] < (uint8) (threshold));
#define MIX(a, b)                                                                                  \
    (float8) (m[0].a, m[1].a, m[2].a, m[3].a, m[0].b, m[1].b, m[2].b, m[3].b)
    vstore8(MIX(s0, s1), 0, y);
    vstore8(MIX(s2, s3), 1, y);
    vstore8(MIX(s4, s5), 2, y);
    vstore8(MIX(s6, s7), 3, y);
#undef MIX
}

// One work-item does `per` blocks of four elements; step[0], step[1]: low and high half.
kernel void dropout_mask(global T *restrict y, global const int *restrict step, uint n, uint per,
                         uint threshold, float scale, uint key0, uint key1)
{
    uint blocks = n / 4 + (n % 4 != 0);
    uint first = get_global_id(0) * per, end = min(first + per, blocks);
    uint2 key = (uint2) (key0, key1);
    uint low = as_uint(step[0]), high = as_uint(step[1]);
    uint i = first;
    for (; i + 8 <= end && (i + 8) * 4 <= n; i += 8)
        mask_8(y + i * 4, i, low, high, key, threshold, scale);
    for (; i < end; i++) {
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
