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

// One group: out = {sqrt(sum), scale}, and a row {loss, norm, scale} of the log.
kernel void norm_all(global T *restrict out, global const T *restrict sums, uint blocks,
                     float max_norm, global T *log, global const T *loss, global const int *step,
                     uint slots)
{
    local float part[OPTIM_GROUP];
    float sum = 0.0f, lost = 0.0f;
    // Compensated, since blocks may be very many.
    for (uint i = get_local_id(0); i < blocks; i += get_local_size(0)) {
        float y = sums[i] - lost;
        float next = sum + y;
        lost = (next - sum) - y;
        sum = next;
    }
    sum = optim_group_sum(part, sum);
    if (get_local_id(0) != 0)
        return;
    float norm = sqrt(sum);
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
