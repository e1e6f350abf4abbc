// grad_norm: out = {sqrt(sum g²), scale}. Sums of blocks, then of all; the order depends on the
// number of blocks alone. Reference: src/train/update.c. A change here is a change there.

float norm_of_8(float8 v)
{
    float4 a = v.lo + v.hi;
    float2 b = a.lo + a.hi;
    return b.x + b.y;
}

void norm_write(global T *out, float sum, float max_norm)
{
    float norm = sqrt(sum);
    float scale = max_norm / (norm + 1e-6f);
    out[0] = norm;
    out[1] = max_norm == 0.0f || scale > 1.0f ? 1.0f : scale; // NaN stays
}

// One work-item a block.
kernel void norm_blocks_cpu(global T *restrict sums, global const T *restrict g)
{
    size_t block = get_group_id(0);
    global const T *x = g + block * OPTIM_BLOCK;
    float8 sum[4] = { (float8) 0.0f, (float8) 0.0f, (float8) 0.0f, (float8) 0.0f };
    for (uint i = 0; i < OPTIM_BLOCK / 32; i++) {
        for (uint k = 0; k < 4; k++) {
            float8 v = vload8(i * 4 + k, x);
            sum[k] = fma(v, v, sum[k]);
        }
    }
    sums[block] = norm_of_8((sum[0] + sum[1]) + (sum[2] + sum[3]));
}

// Compensated, since blocks may be very many.
kernel void norm_all_cpu(global T *restrict out, global const T *restrict sums, uint blocks,
                         float max_norm)
{
    float sum = 0.0f, lost = 0.0f;
    for (uint i = 0; i < blocks; i++) {
        float y = sums[i] - lost;
        float next = sum + y;
        lost = (next - sum) - y;
        sum = next;
    }
    norm_write(out, sum, max_norm);
}

// The sum over a group; every work-item must come here.
float norm_group_sum(local float *part, float mine)
{
    uint lid = get_local_id(0);
    part[lid] = mine;
    for (uint half_size = get_local_size(0) / 2; half_size > 0; half_size /= 2) {
        barrier(CLK_LOCAL_MEM_FENCE);
        if (lid < half_size)
            part[lid] += part[lid + half_size];
    }
    barrier(CLK_LOCAL_MEM_FENCE);
    return part[0];
}

// A group of 64 a block.
kernel void norm_blocks(global T *restrict sums, global const T *restrict g)
{
    local float part[64];
    size_t block = get_group_id(0);
    global const T *x = g + block * OPTIM_BLOCK;
    float sum = 0.0f;
    for (uint i = get_local_id(0); i < OPTIM_BLOCK; i += 64)
        sum = fma(x[i], x[i], sum);
    sum = norm_group_sum(part, sum);
    if (get_local_id(0) == 0)
        sums[block] = sum;
}

// One group of 64.
kernel void norm_all(global T *restrict out, global const T *restrict sums, uint blocks,
                     float max_norm)
{
    local float part[64];
    float sum = 0.0f;
    for (uint i = get_local_id(0); i < blocks; i += 64)
        sum += sums[i];
    sum = norm_group_sum(part, sum);
    if (get_local_id(0) == 0)
        norm_write(out, sum, max_norm);
}
