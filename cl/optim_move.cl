// Optimizers that are small graphs: gradients out of the arena, moves and states back into it,
// and the move of all weights. Reference: src/train/update_graph.c. A change here is a change
// there.
// h: the last number is the share of the weight that stays.
#include "optim.clh"

kernel void optim_take(global T *restrict y, global const T *restrict grad, global const T *norm,
                       uint has_norm, float most, uint n)
{
    uint i = get_global_id(0);
    if (i >= n)
        return;
    float g = (has_norm ? norm[1] : 1.0f) * grad[i];
    y[i] = g > most ? most : g < -most ? -most : g; // NaN stays
}

// common[2]: nothing is done before the last batch of a step.
kernel void optim_put(global T *restrict memory, global const T *restrict value,
                      global const T *restrict common, uint n)
{
    uint i = get_global_id(0);
    if (i < n && common[2] != 0.0f)
        memory[i] = value[i];
}

void move_s0_one(float8 h, float8 g, float8 *p)
{
    *p = fma((float8) h.s7, *p, -g);
}

OPTIM_0(move_s0)
