// unslice: x put where a slice was taken, 0 elsewhere. Reference: src/op/slice.c.
// One work-item an element of y; a dimension is its size in y and in x, the start and the step.

// Takes one coordinate off i and moves `at`; false where the slice took nothing.
bool unslice_axis(uint *i, uint *at, uint *stride, uint n, uint m, uint start, uint step)
{
    uint c = *i % n - start; // wraps to a large number before the start
    uint q = c / step;
    *i /= n;
    *at += q * *stride;
    *stride *= m;
    return q < m && q * step == c;
}

kernel void unslice(global T *restrict y, global const T *restrict x, uint n,
                    uint n0, uint m0, uint start0, uint step0,
                    uint n1, uint m1, uint start1, uint step1,
                    uint n2, uint m2, uint start2, uint step2,
                    uint n3, uint m3, uint start3, uint step3,
                    uint n4, uint m4, uint start4, uint step4,
                    uint n5, uint m5, uint start5, uint step5,
                    uint n6, uint m6, uint start6, uint step6,
                    uint n7, uint m7, uint start7, uint step7)
{
    uint i = get_global_id(0), rest = i, at = 0, stride = 1;
    if (i >= n)
        return;
    bool hit = true;
    hit = unslice_axis(&rest, &at, &stride, n7, m7, start7, step7) && hit;
    hit = unslice_axis(&rest, &at, &stride, n6, m6, start6, step6) && hit;
    hit = unslice_axis(&rest, &at, &stride, n5, m5, start5, step5) && hit;
    hit = unslice_axis(&rest, &at, &stride, n4, m4, start4, step4) && hit;
    hit = unslice_axis(&rest, &at, &stride, n3, m3, start3, step3) && hit;
    hit = unslice_axis(&rest, &at, &stride, n2, m2, start2, step2) && hit;
    hit = unslice_axis(&rest, &at, &stride, n1, m1, start1, step1) && hit;
    hit = unslice_axis(&rest, &at, &stride, n0, m0, start0, step0) && hit;
    y[i] = hit ? x[at] : (T) 0;
}
