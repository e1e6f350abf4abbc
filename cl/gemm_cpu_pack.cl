// Packs B once for all work-items of a large product: blocks of kc along k, in each the panels of
// all columns one behind the other. A work-item makes GROUP panels of a block.
//
// Order of summation: none, values are copied.
// lint: -DW=8 -DNV=3
#include "gemm_cpu_pack.clh"

// bs0, bs1: strides of op(B) along k and n.
kernel void gemm_cpu_pack(global float *scratch, global const float *b, uint shared, uint n, uint k,
                          uint bs0, uint bs1, uint kc)
{
    const uint j = (uint) get_global_id(0) * GROUP * TN, p = (uint) get_global_id(1) * kc;
    const uint kb = min(kc, k - p);
    pack_b(scratch + shared + p * shared_width(n) + (size_t) j * kb,
           b + p * (size_t) bs0 + j * (size_t) bs1, bs0, bs1, min(n - j, (uint) GROUP * TN), kb,
           (size_t) kb * TN);
}
