// What the device can do at best: multiply-adds in registers, streaming, a launch.
// -DW: vector width. Results are written, so that nothing is thrown away; they mean nothing.
// lint: -DW=8
#define CAT_(a, b) a##b
#define CAT(a, b) CAT_(a, b)
#if W == 1
typedef float V;
#else
typedef CAT(float, W) V;
#endif

// 12 chains of n multiply-adds a work-item: 24 n W flops.
kernel void limits_fma(global V *restrict out, uint n, float m, float b)
{
    V x0 = (V)(get_global_id(0)), x1 = x0 + 1, x2 = x0 + 2, x3 = x0 + 3, x4 = x0 + 4, x5 = x0 + 5;
    V x6 = x0 + 6, x7 = x0 + 7, x8 = x0 + 8, x9 = x0 + 9, x10 = x0 + 10, x11 = x0 + 11;
    V p = (V)(m), q = (V)(b);
    for (uint i = 0; i < n; i++) {
        x0 = fma(x0, p, q);
        x1 = fma(x1, p, q);
        x2 = fma(x2, p, q);
        x3 = fma(x3, p, q);
        x4 = fma(x4, p, q);
        x5 = fma(x5, p, q);
        x6 = fma(x6, p, q);
        x7 = fma(x7, p, q);
        x8 = fma(x8, p, q);
        x9 = fma(x9, p, q);
        x10 = fma(x10, p, q);
        x11 = fma(x11, p, q);
    }
    out[get_global_id(0)] = ((x0 + x1) + (x2 + x3)) + ((x4 + x5) + (x6 + x7)) +
                            ((x8 + x9) + (x10 + x11));
}

// c = a + m b over n vectors, `per` neighbours a work-item, `times` over with another m each.
kernel void limits_stream(global V *restrict c, global const V *restrict a,
                          global const V *restrict b, uint n, uint per, uint times, float m)
{
    size_t from = get_global_id(0) * per;
    size_t to = min(from + per, (size_t) n);
    for (uint t = 0; t < times; t++, m += 1)
        for (size_t i = from; i < to; i++)
            c[i] = a[i] + m * b[i];
}

kernel void limits_nothing(global V *restrict out, float m)
{
    if (m != m)
        out[0] = (V)(m);
}
