// The norm of the gradient arena. Sums of blocks, then of all; the order depends on the number of
// blocks alone. Reference: src/train/norm.c. A change here is a change there.
#include "optim.clh"

// One work-item, `per` blocks. common[2]: nothing is done before the last batch of a step.
kernel void squares_cpu(global T *restrict sums, global const T *restrict g,
                        global const T *restrict common, uint blocks, uint per)
{
    uint from = (uint) get_global_id(0) * per, to = min(from + per, blocks);
    if (common[2] == 0.0f)
        return;
    for (uint block = from; block < to; block++) {
        global const T *x = g + (size_t) block * OPTIM_BLOCK;
        float8 sum[4] = { (float8) 0.0f, (float8) 0.0f, (float8) 0.0f, (float8) 0.0f };
        for (uint i = 0; i < OPTIM_BLOCK / 32; i++) {
            for (uint k = 0; k < 4; k++) {
                float8 v = vload8(i * 4 + k, x);
                sum[k] = fma(v, v, sum[k]);
            }
        }
        sums[block] = optim_sum_8((sum[0] + sum[1]) + (sum[2] + sum[3]));
    }
}

// A group a block.
kernel void squares(global T *restrict sums, global const T *restrict g,
                    global const T *restrict common, uint blocks, uint per)
{
    local float part[OPTIM_GROUP];
    uint block = get_group_id(0);
    global const T *x = g + (size_t) block * OPTIM_BLOCK;
    float sum = 0.0f;
    if (common[2] == 0.0f || block >= blocks * per) // per is 1
        return;
    for (uint i = get_local_id(0); i < OPTIM_BLOCK; i += get_local_size(0))
        sum = fma(x[i], x[i], sum);
    sum = optim_group_sum(part, sum);
    if (get_local_id(0) == 0)
        sums[block] = sum;
}

// The larger of two; NaN stays.
float norm_larger(float a, float b)
{
    return b > a || isnan(b) ? b : a;
}

// The largest of a group, as optim_group_sum.
float norm_group_most(local float *part, float mine)
{
    uint lid = get_local_id(0);
    part[lid] = mine;
    for (uint half_size = get_local_size(0) / 2; half_size > 0; half_size /= 2) {
        barrier(CLK_LOCAL_MEM_FENCE);
        if (lid < half_size)
            part[lid] = norm_larger(part[lid], part[lid + half_size]);
    }
    barrier(CLK_LOCAL_MEM_FENCE);
    return part[0];
}

// One more element in a sum of |x|^power, or in the largest |x| for an infinite power.
float norm_add(float sum, float x, float power)
{
    if (isinf(power))
        return norm_larger(sum, fabs(x));
    return sum + (power == 1.0f ? fabs(x) : pow(fabs(x), power));
}

// As squares_cpu, for other powers: 8 lanes, then one after the other.
kernel void powers_cpu(global T *restrict sums, global const T *restrict g,
                       global const T *restrict common, float power, uint blocks, uint per)
{
    uint from = (uint) get_global_id(0) * per, to = min(from + per, blocks);
    if (common[2] == 0.0f)
        return;
    for (uint block = from; block < to; block++) {
        global const T *x = g + (size_t) block * OPTIM_BLOCK;
        float lane[8] = { 0.0f, 0.0f, 0.0f, 0.0f, 0.0f, 0.0f, 0.0f, 0.0f }, sum = 0.0f;
        for (uint i = 0; i < OPTIM_BLOCK; i += 8)
            for (uint k = 0; k < 8; k++)
                lane[k] = norm_add(lane[k], x[i + k], power);
        for (uint k = 0; k < 8; k++)
            sum = isinf(power) ? norm_larger(sum, lane[k]) : sum + lane[k];
        sums[block] = sum;
    }
}

// As squares.
kernel void powers(global T *restrict sums, global const T *restrict g,
                   global const T *restrict common, float power, uint blocks, uint per)
{
    local float part[OPTIM_GROUP];
    uint block = get_group_id(0);
    global const T *x = g + (size_t) block * OPTIM_BLOCK;
    float sum = 0.0f;
    if (common[2] == 0.0f || block >= blocks * per) // per is 1
        return;
    for (uint i = get_local_id(0); i < OPTIM_BLOCK; i += get_local_size(0))
        sum = norm_add(sum, x[i], power);
    sum = isinf(power) ? norm_group_most(part, sum) : optim_group_sum(part, sum);
    if (get_local_id(0) == 0)
        sums[block] = sum;
}

// What the work-items of norm_all find: compensated sums, since blocks may be very many.
float norm_items(global const T *restrict sums, uint blocks, float power)
{
    float sum = 0.0f, lost = 0.0f;
    for (uint i = get_local_id(0); i < blocks; i += get_local_size(0)) {
        if (isinf(power)) {
            sum = norm_larger(sum, sums[i]);
            continue;
        }
        float y = sums[i] - lost;
        float next = sum + y;
        lost = (next - sum) - y;
        sum = next;
    }
    return sum;
}

// One group: out = {norm, scale}, and a row {loss, norm, scale} of the log.
kernel void norm_all(global T *restrict out, global const T *restrict sums, uint blocks,
                     float max_norm, float power, global T *log, global const T *loss,
                     global const int *step, uint slots)
{
    local float part[OPTIM_GROUP];
    float sum = norm_items(sums, blocks, power);
    sum = isinf(power) ? norm_group_most(part, sum) : optim_group_sum(part, sum);
    if (get_local_id(0) != 0)
        return;
    float norm = power == 2.0f ? sqrt(sum) : sum;
    if (power != 2.0f && power != 1.0f && !isinf(power))
        norm = pow(sum, 1.0f / power);
    float scale = max_norm / (norm + 1e-6f);
    scale = max_norm == 0.0f || scale > 1.0f ? 1.0f : scale; // NaN stays
    out[0] = norm;
    out[1] = scale;
    uint slot = slots ? as_uint(step[3]) : 0;
    if (slot >= slots)
        return;
    log[slot * 3] = loss[0];
    log[slot * 3 + 1] = norm;
    log[slot * 3 + 2] = scale;
}
