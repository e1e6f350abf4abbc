// Adds the parts of a product divided along k.
//
// Order of summation: parts in ascending order.
// lint: -DW=8
#include "gemm_cpu.clh"

// part [parts][size]; a work-item has `per` elements, a multiple of W.
kernel void gemm_cpu_sum(global float *c, global const float *part, uint size, uint parts, uint per,
                         float alpha, float beta)
{
    const uint begin = (uint) get_global_id(0) * per, end = min(size, begin + per);
    for (uint i = begin; i < end; i += W) {
        VW sum = load_part(part + i, end - i);
        for (uint p = 1; p < parts; p++)
            sum += load_part(part + (size_t) p * size + i, end - i);
        sum *= alpha;
        if (beta != 0)
            sum += beta * load_part(c + i, end - i);
        store_part(c + i, sum, end - i);
    }
}
