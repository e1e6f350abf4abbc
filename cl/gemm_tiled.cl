// Products on GPUs: a group makes a TM x TN tile of C, a work-item RM x RN elements of it, LM rows
// and LN columns apart. Tiles of A and B go through local memory, TK steps of k at a time.
//
// Order of summation: one fma chain along k, ascending. With `splits` > 1 (set by shape alone) a
// chain runs over `chunk` steps of k, and gemm_tiled_sum adds the chains' sums in ascending order.
// gemm_tiled_dot: 64 chains, element p in chain p % 64, added as a tree.
// lint: -DTM=64 -DTN=64 -DRM=8 -DRN=4
#define TK 16
#define LM (TM / RM)
#define LN (TN / RN)
#define ITEMS (LM * LN)
// Rows of local tiles are one element longer: writing a tile's transpose meets all banks.
#define PA (TM + 1)
#define PB (TN + 1)
#define UNROLL __attribute__((opencl_unroll_hint))
#define DOT 64
#define BAND 8

size_t batch_offset(uint q, uint8 dims, uint8 strides)
{
    uint dim[8], stride[8];
    size_t offset = 0;
    if (!q)
        return 0;
    vstore8(dims, 0, dim);
    vstore8(strides, 0, stride);
    for (uint i = 0; i < 8 && q; i++) {
        offset += (size_t) (q % dim[i]) * stride[i];
        q /= dim[i];
    }
    return offset;
}

// Which tile a group makes: bands of 8 rows of tiles, so that groups side by side share operands.
uint2 tile_of(uint id, uint rows, uint columns)
{
    const uint band = id / (BAND * columns), in_band = id % (BAND * columns);
    const uint high = min(rows - band * BAND, (uint) BAND);
    return (uint2) (band * BAND + in_band % high, in_band / high);
}

// `edge` x TK elements of an operand to local memory, [TK][edge + 1]; zeros outside. along: stride
// along the edge, deep: along k; one of them is 1, and work-items side by side read along it.
void load_tile(local float *to, global const float *from, uint edge, uint start, uint limit,
               uint p0, uint end, size_t along, size_t deep, uint item)
{
    if (deep == 1) {
        UNROLL
        for (uint e = item; e < edge * TK; e += ITEMS) {
            const uint i = e / TK, p = e % TK;
            const bool in = start + i < limit && p0 + p < end;
            to[p * (edge + 1) + i] = in ? from[(start + i) * along + p0 + p] : 0.0f;
        }
        return;
    }
    UNROLL
    for (uint e = item; e < edge * TK; e += ITEMS) {
        const uint i = e % edge, p = e / edge;
        const bool in = start + i < limit && p0 + p < end;
        to[p * (edge + 1) + i] = in ? from[(p0 + p) * deep + (start + i) * along] : 0.0f;
    }
}

// as0, as1: strides of op(A) along m and k; bs0, bs1: of op(B) along k and n. Groups: tiles, then
// splits, then batches. With splits > 1 `c` is the partial sums [split][batch][m][n].
kernel __attribute__((reqd_work_group_size(ITEMS, 1, 1))) void
gemm_tiled(global float *c, global const float *a, global const float *b, uint m, uint n, uint k,
           uint as0, uint as1, uint bs0, uint bs1, uint splits, uint chunk, uint batches,
           float alpha, float beta, uint8 batch_dim, uint8 batch_a, uint8 batch_b)
{
    local float at[TK * PA], bt[TK * PB];
    const uint item = (uint) get_local_id(0), li = item / LN, lj = item % LN;
    const uint rows = (m + TM - 1) / TM, columns = (n + TN - 1) / TN, tiles = rows * columns;
    const uint id = (uint) get_group_id(0), z = id / tiles, split = z % splits, q = z / splits;
    const uint2 tile = tile_of(id % tiles, rows, columns);
    const uint i0 = tile.x * TM, j0 = tile.y * TN;
    const uint begin = split * chunk, end = splits > 1 ? min(k, begin + chunk) : k;
    a += batch_offset(q, batch_dim, batch_a);
    b += batch_offset(q, batch_dim, batch_b);
    c += ((size_t) split * batches + q) * m * n;

    float sum[RM][RN];
    UNROLL
    for (uint i = 0; i < RM; i++)
        UNROLL
        for (uint j = 0; j < RN; j++)
            sum[i][j] = 0;
    for (uint p0 = begin; p0 < end; p0 += TK) {
        load_tile(at, a, TM, i0, m, p0, end, as0, as1, item);
        load_tile(bt, b, TN, j0, n, p0, end, bs1, bs0, item);
        barrier(CLK_LOCAL_MEM_FENCE);
        for (uint p = 0; p < TK; p++) {
            float y[RN];
            UNROLL
            for (uint j = 0; j < RN; j++)
                y[j] = bt[p * PB + lj + j * LN];
            UNROLL
            for (uint i = 0; i < RM; i++) {
                const float x = at[p * PA + li + i * LM];
                UNROLL
                for (uint j = 0; j < RN; j++)
                    sum[i][j] = fma(x, y[j], sum[i][j]);
            }
        }
        barrier(CLK_LOCAL_MEM_FENCE);
    }
    UNROLL
    for (uint i = 0; i < RM; i++) {
        const uint row = i0 + li + i * LM;
        UNROLL
        for (uint j = 0; j < RN; j++) {
            const uint column = j0 + lj + j * LN;
            if (row >= m || column >= n)
                continue;
            global float *to = c + (size_t) row * n + column;
            const float v = alpha * sum[i][j];
            *to = beta == 0 ? v : v + beta * *to;
        }
    }
}

// C = alpha * (the partial sums in ascending order) + beta * C.
kernel void gemm_tiled_sum(global float *c, global const float *parts, uint count, uint splits,
                           float alpha, float beta)
{
    const uint i = (uint) get_global_id(0);
    if (i >= count)
        return;
    float sum = parts[i];
    for (uint s = 1; s < splits; s++)
        sum += parts[(size_t) s * count + i];
    const float v = alpha * sum;
    c[i] = beta == 0 ? v : v + beta * c[i];
}

// A matrix times a vector, the matrix contiguous along k: a group an element.
kernel __attribute__((reqd_work_group_size(DOT, 1, 1))) void
gemm_tiled_dot(global float *c, global const float *a, global const float *x, uint count, uint k,
               float alpha, float beta)
{
    local float sums[DOT];
    const uint o = (uint) get_group_id(0), item = (uint) get_local_id(0);
    float sum = 0;
    a += (size_t) o * k;
    for (uint p = item; p < k; p += DOT)
        sum = fma(a[p], x[p], sum);
    sums[item] = sum;
    barrier(CLK_LOCAL_MEM_FENCE);
    for (uint half_way = DOT / 2; half_way > 0; half_way /= 2) {
        if (item < half_way)
            sums[item] += sums[item + half_way];
        barrier(CLK_LOCAL_MEM_FENCE);
    }
    if (item == 0 && o < count) {
        const float v = alpha * sums[0];
        c[o] = beta == 0 ? v : v + beta * c[o];
    }
}

// The same, contiguous along the result: a work-item an element, one fma chain.
kernel void gemm_tiled_column(global float *c, global const float *a, global const float *x,
                              uint count, uint k, float alpha, float beta)
{
    const uint o = (uint) get_global_id(0);
    if (o >= count)
        return;
    float sum = 0;
    for (uint p = 0; p < k; p++)
        sum = fma(a[(size_t) p * count + o], x[p], sum);
    const float v = alpha * sum;
    c[o] = beta == 0 ? v : v + beta * c[o];
}
