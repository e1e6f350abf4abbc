// C[batch] = alpha * op(A) op(B) + beta * C, any transposes and batch strides: an RM x RN tile of C
// a work-item, one fma chain along k in ascending order. beta 0: C is not read.
// as0, as1: strides of op(A) along m and k; bs0, bs1: of op(B) along k and n.
#define RM 4
#define RN 4

uint batch_offset(uint q, const uint *dim, const uint *stride)
{
    uint offset = 0;
    for (uint i = 0; i < 8 && q; i++) {
        offset += q % dim[i] * stride[i];
        q /= dim[i];
    }
    return offset;
}

kernel void gemm_plain(global float *c, global const float *a, global const float *b, uint m,
                       uint n, uint k, uint as0, uint as1, uint bs0, uint bs1, float alpha,
                       float beta, uint8 batch_dim, uint8 batch_a, uint8 batch_b)
{
    const uint j0 = (uint) get_global_id(0) * RN, i0 = (uint) get_global_id(1) * RM;
    const uint q = (uint) get_global_id(2);
    if (i0 >= m || j0 >= n)
        return;
    if (q) {
        uint dim[8], stride[8];
        vstore8(batch_dim, 0, dim);
        vstore8(batch_a, 0, stride);
        a += batch_offset(q, dim, stride);
        vstore8(batch_b, 0, stride);
        b += batch_offset(q, dim, stride);
        c += (size_t) q * m * n;
    }
    // Rows and columns beyond the edge repeat the last one and are not stored.
    uint row[RM], col[RN];
    float sum[RM][RN];
    for (uint i = 0; i < RM; i++)
        row[i] = min(i0 + i, m - 1) * as0;
    for (uint j = 0; j < RN; j++)
        col[j] = min(j0 + j, n - 1) * bs1;
    for (uint i = 0; i < RM; i++)
        for (uint j = 0; j < RN; j++)
            sum[i][j] = 0;
    for (uint p = 0; p < k; p++) {
        float y[RN];
        for (uint j = 0; j < RN; j++)
            y[j] = b[p * bs0 + col[j]];
        for (uint i = 0; i < RM; i++) {
            const float x = a[p * as1 + row[i]];
            for (uint j = 0; j < RN; j++)
                sum[i][j] = fma(x, y[j], sum[i][j]);
        }
    }
    for (uint i = 0; i < RM && i0 + i < m; i++) {
        for (uint j = 0; j < RN && j0 + j < n; j++) {
            const uint at = (i0 + i) * n + j0 + j;
            const float v = alpha * sum[i][j];
            c[at] = beta == 0 ? v : v + beta * c[at];
        }
    }
}
