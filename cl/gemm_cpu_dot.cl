// Products of a few rows with B transposed, on CPUs: DM rows by DN columns of dot products, A and B
// as they lie.
//
// Order of summation: W fma chains, element p in chain p % W, ascending, added up as a tree.
// lint: -DW=8 -DDM=4 -DDN=3
#include "gemm_cpu.clh"

INLINE float sum_lanes(VW v)
{
#if W == 16
    const float8 h = v.lo + v.hi;
    const float4 q = h.lo + h.hi;
#elif W == 8
    const float4 q = v.lo + v.hi;
#else
    const float4 q = v;
#endif
    const float2 d = q.lo + q.hi;
    return d.x + d.y;
}

INLINE void make_dots(global float *c, global const float *a, global const float *b, uint m, uint n,
                      uint k, uint ld, uint i0, uint j0, float alpha, float beta)
{
    global const float *row[DM], *col[DN];
    VW sum[DM][DN];
    UNROLL
    for (uint i = 0; i < DM; i++)
        row[i] = a + (size_t) min(i0 + i, m - 1) * ld;
    UNROLL
    for (uint j = 0; j < DN; j++)
        col[j] = b + (size_t) min(j0 + j, n - 1) * ld;
    UNROLL
    for (uint i = 0; i < DM; i++)
        UNROLL
        for (uint j = 0; j < DN; j++)
            sum[i][j] = (VW) (0.0f);
    size_t p = 0;
    for (; p + W <= k; p += W) {
        VW y[DN];
        UNROLL
        for (uint j = 0; j < DN; j++)
            y[j] = LOAD(col[j] + p);
        UNROLL
        for (uint i = 0; i < DM; i++) {
            const VW x = LOAD(row[i] + p);
            UNROLL
            for (uint j = 0; j < DN; j++)
                sum[i][j] = fma(x, y[j], sum[i][j]);
        }
    }
    if (p < k) {
        const uint left = k - (uint) p;
        VW y[DN];
        UNROLL
        for (uint j = 0; j < DN; j++)
            y[j] = load_part(col[j] + p, left);
        UNROLL
        for (uint i = 0; i < DM; i++) {
            const VW x = load_part(row[i] + p, left);
            UNROLL
            for (uint j = 0; j < DN; j++)
                sum[i][j] = fma(x, y[j], sum[i][j]);
        }
    }
    UNROLL
    for (uint i = 0; i < DM; i++) {
        UNROLL
        for (uint j = 0; j < DN; j++) {
            const float v = alpha * sum_lanes(sum[i][j]);
            if (i0 + i >= m || j0 + j >= n)
                continue;
            global float *at = c + (size_t) (i0 + i) * n + j0 + j;
            *at = beta == 0 ? v : v + beta * *at;
        }
    }
}

// A [m, k], B [n, k], their rows ld apart. A work-item makes mb rows by nb columns. With `split`
// the products are parts of one of ld steps: each has k, the last one what is left.
kernel void gemm_cpu_dot(global float *c, global const float *a, global const float *b, uint m,
                         uint n, uint k, uint ld, uint mb, uint nb, uint split, float alpha,
                         float beta, uint batches, uint8 batch_dim, uint8 batch_a, uint8 batch_b)
{
    const uint i0 = (uint) get_global_id(1) * mb, i1 = min(m, i0 + mb);
    const uint j0 = (uint) get_global_id(0) * nb, j1 = min(n, j0 + nb);
    for (uint q = (uint) get_global_id(2); q < batches; q += (uint) get_global_size(2)) {
        global const float *const aq = a + batch_start(q, batch_dim, batch_a);
        global const float *const bq = b + batch_start(q, batch_dim, batch_b);
        const uint kq = split ? min(k, ld - q * k) : k;
        global float *const cq = c + (size_t) q * m * n;
        for (uint j = j0; j < j1; j += DN)
            for (uint i = i0; i < i1; i += DM)
                make_dots(cq, aq, bq, m, n, kq, ld, i, j, alpha, beta);
    }
}
