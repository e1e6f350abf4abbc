// Products on CPUs: one work-item, alone in its group, makes tiles of C with its accumulators in
// vector registers. W is the native vector width; MR rows by NV vectors (gemm_cpu) and DM rows by
// DN columns (gemm_cpu_dot) fill the registers.
//
// Order of summation: gemm_cpu is one fma chain along k, ascending. gemm_cpu_dot (A and B both
// contiguous along k) has W chains, element p in chain p % W, added up as a tree at the end.
// lint: -DW=8 -DMR=6 -DNV=2 -DDM=4 -DDN=2
#define JOIN_(a, b) a##b
#define JOIN(a, b) JOIN_(a, b)
typedef JOIN(float, W) VW;
#define LOAD(p) JOIN(vload, W)(0, p)
#define STORE(v, p) JOIN(vstore, W)(v, 0, p)
#define TN (NV * W)
// Accumulators stay in registers only when every loop over them is unrolled.
#define UNROLL __attribute__((opencl_unroll_hint))

VW load_part(global const float *p, uint count)
{
    float part[W];
    for (uint i = 0; i < W; i++)
        part[i] = i < count ? p[i] : 0.0f;
    return LOAD(part);
}

size_t batch_offset(uint q, const uint *dim, const uint *stride)
{
    size_t offset = 0;
    for (uint i = 0; i < 8 && q; i++) {
        offset += q % dim[i] * stride[i];
        q /= dim[i];
    }
    return offset;
}

size_t batch_start(uint q, uint8 dims, uint8 strides)
{
    uint dim[8], stride[8];
    if (!q)
        return 0;
    vstore8(dims, 0, dim);
    vstore8(strides, 0, stride);
    return batch_offset(q, dim, stride);
}

// One row of a tile to C: `count` elements in NV vectors.
void store_row(global float *c, const VW *v, uint count, float alpha, float beta)
{
    UNROLL
    for (uint j = 0; j < NV && j * W < count; j++) {
        VW value = v[j] * alpha;
        const uint left = count - j * W;
        if (left >= W) {
            if (beta != 0)
                value += beta * LOAD(c + j * W);
            STORE(value, c + j * W);
            continue;
        }
        float part[W];
        if (beta != 0)
            value += beta * load_part(c + j * W, left);
        STORE(value, part);
        for (uint i = 0; i < left; i++)
            c[j * W + i] = part[i];
    }
}

// Rows i0… of C in columns j0…; b points at column j0, ldb apart along k. The first `fast` steps
// along k may read TN columns whatever n is (what lies behind the last column is B's next row).
void make_tile(global float *c, global const float *a, global const float *b, uint m, uint n,
               uint k, uint fast, size_t as0, size_t as1, size_t ldb, uint i0, uint j0,
               float alpha, float beta)
{
    const uint columns = min(n - j0, (uint) TN);
    global const float *row[MR];
    VW sum[MR][NV];
    UNROLL
    for (uint i = 0; i < MR; i++)
        row[i] = a + min(i0 + i, m - 1) * as0;
    UNROLL
    for (uint i = 0; i < MR; i++)
        UNROLL
        for (uint j = 0; j < NV; j++)
            sum[i][j] = (VW) (0.0f);
    size_t q = 0;
    uint p = 0;
    for (; p < fast; p++) {
        VW y[NV];
        UNROLL
        for (uint j = 0; j < NV; j++)
            y[j] = LOAD(b + j * W);
        UNROLL
        for (uint i = 0; i < MR; i++) {
            const VW x = (VW) (row[i][q]);
            UNROLL
            for (uint j = 0; j < NV; j++)
                sum[i][j] = fma(x, y[j], sum[i][j]);
        }
        q += as1;
        b += ldb;
    }
    for (; p < k; p++) {
        VW y[NV];
        UNROLL
        for (uint j = 0; j < NV; j++)
            y[j] = load_part(b + j * W, columns > j * W ? columns - j * W : 0);
        UNROLL
        for (uint i = 0; i < MR; i++) {
            const VW x = (VW) (row[i][q]);
            UNROLL
            for (uint j = 0; j < NV; j++)
                sum[i][j] = fma(x, y[j], sum[i][j]);
        }
        q += as1;
        b += ldb;
    }
    UNROLL
    for (uint i = 0; i < MR && i0 + i < m; i++)
        store_row(c + (size_t) (i0 + i) * n + j0, sum[i], columns, alpha, beta);
}

// as0, as1: strides of op(A) along m and k. `packed`: B is panels of TN columns made by
// gemm_cpu_pack, else [k, n]. A work-item makes `per` tiles below each other.
kernel void gemm_cpu(global float *c, global const float *a, global const float *b, uint m, uint n,
                     uint k, uint as0, uint as1, uint packed, uint per, float alpha, float beta,
                     uint8 batch_dim, uint8 batch_a, uint8 batch_b)
{
    const uint j0 = (uint) get_global_id(1) * TN, q = (uint) get_global_id(2);
    const uint first = (uint) get_global_id(0) * per * MR;
    const uint end = min(m, first + per * MR);
    a += batch_start(q, batch_dim, batch_a);
    b += batch_start(q, batch_dim, batch_b);
    c += (size_t) q * m * n;
    const size_t ldb = packed ? TN : n;
    b += packed ? (size_t) j0 * k : j0;
    uint fast = k;
    if (!packed && j0 + TN > n) {
        const size_t all = (size_t) k * n, reach = (size_t) j0 + TN;
        fast = all < reach ? 0 : (uint) min((size_t) k, (all - reach) / n + 1);
    }
    for (uint i0 = first; i0 < end; i0 += MR)
        make_tile(c, a, b, m, n, k, fast, as0, as1, ldb, i0, j0, alpha, beta);
}

// B [n, k] (transposed) or [k, n] to panels [n / TN][k][TN], zeros behind the last column.
kernel void gemm_cpu_pack(global float *to, global const float *b, uint n, uint k, uint bs0,
                          uint bs1, uint per)
{
    const uint j0 = (uint) get_global_id(0) * TN;
    const uint first = (uint) get_global_id(1) * per, end = min(first + per, k);
    const uint columns = min(n - j0, (uint) TN);
    to += (size_t) j0 * k;
    if (columns == TN) {
        global const float *from = b + (size_t) j0 * bs1 + (size_t) first * bs0;
        for (uint p = first; p < end; p++, from += bs0)
            for (uint j = 0; j < TN; j++)
                to[(size_t) p * TN + j] = from[(size_t) j * bs1];
        return;
    }
    for (uint p = first; p < end; p++)
        for (uint j = 0; j < TN; j++)
            to[(size_t) p * TN + j] =
                j < columns ? b[(size_t) p * bs0 + (size_t) (j0 + j) * bs1] : 0.0f;
}

float sum_lanes(VW v)
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

void make_dots(global float *c, global const float *a, global const float *b, uint m, uint n,
               uint k, uint i0, uint j0, float alpha, float beta)
{
    global const float *row[DM], *col[DN];
    VW sum[DM][DN];
    UNROLL
    for (uint i = 0; i < DM; i++)
        row[i] = a + (size_t) min(i0 + i, m - 1) * k;
    UNROLL
    for (uint j = 0; j < DN; j++)
        col[j] = b + (size_t) min(j0 + j, n - 1) * k;
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

// A [m, k], B [n, k].
kernel void gemm_cpu_dot(global float *c, global const float *a, global const float *b, uint m,
                         uint n, uint k, uint per, float alpha, float beta, uint8 batch_dim,
                         uint8 batch_a, uint8 batch_b)
{
    const uint j0 = (uint) get_global_id(1) * DN, q = (uint) get_global_id(2);
    const uint first = (uint) get_global_id(0) * per * DM;
    const uint end = min(m, first + per * DM);
    a += batch_start(q, batch_dim, batch_a);
    b += batch_start(q, batch_dim, batch_b);
    c += (size_t) q * m * n;
    for (uint i0 = first; i0 < end; i0 += DM)
        make_dots(c, a, b, m, n, k, i0, j0, alpha, beta);
}
