// gather: y[c] = x[c with c[axis] replaced by index[c]], 0 for an index outside. Reference:
// src/op/gather.c. Dimensions are padded to eight with 1; the stride of the axis is passed apart.

// Takes the coordinate of one dimension off i.
uint take(uint *i, uint d)
{
    uint c = d > 1 ? *i % d : 0;
    *i = d > 1 ? *i / d : *i;
    return c;
}

kernel void gather(global T *restrict y, global const T *restrict x,
                   global const int *restrict index, uint n, uint size, uint stride, uint d1,
                   uint d2, uint d3, uint d4, uint d5, uint d6, uint d7, uint s0, uint s1, uint s2,
                   uint s3, uint s4, uint s5, uint s6, uint s7)
{
    uint i = get_global_id(0), rest = i, at = 0;
    if (i >= n)
        return;
    at += take(&rest, d7) * s7;
    at += take(&rest, d6) * s6;
    at += take(&rest, d5) * s5;
    at += take(&rest, d4) * s4;
    at += take(&rest, d3) * s3;
    at += take(&rest, d2) * s2;
    at += take(&rest, d1) * s1;
    at += rest * s0;
    int to = index[i];
    y[i] = to >= 0 && (uint) to < size ? x[at + (uint) to * stride] : (T) 0;
}

// One coordinate of dx: its place in index, and whether index goes that far.
bool grad_axis(uint c, uint *at, uint stride, uint limit)
{
    *at += c * stride;
    return c < limit;
}

// dx: the sum of dy over the indices of the line that name this element, in order. m0 to m7 are
// the sizes of index.
kernel void gather_grad(global T *restrict dx, global const T *restrict dy,
                        global const int *restrict index, uint n, uint axis, uint size, uint stride,
                        uint d0, uint d1, uint d2, uint d3, uint d4, uint d5, uint d6, uint d7,
                        uint s0, uint s1, uint s2, uint s3, uint s4, uint s5, uint s6, uint s7,
                        uint m0, uint m1, uint m2, uint m3, uint m4, uint m5, uint m6, uint m7)
{
    uint i = get_global_id(0), rest = i, at = 0, want = 0;
    if (i >= n)
        return;
    bool inside = true;
    uint c;
    c = take(&rest, d7);
    want = axis == 7 ? c : want;
    inside = grad_axis(c, &at, s7, m7) && inside;
    c = take(&rest, d6);
    want = axis == 6 ? c : want;
    inside = grad_axis(c, &at, s6, m6) && inside;
    c = take(&rest, d5);
    want = axis == 5 ? c : want;
    inside = grad_axis(c, &at, s5, m5) && inside;
    c = take(&rest, d4);
    want = axis == 4 ? c : want;
    inside = grad_axis(c, &at, s4, m4) && inside;
    c = take(&rest, d3);
    want = axis == 3 ? c : want;
    inside = grad_axis(c, &at, s3, m3) && inside;
    c = take(&rest, d2);
    want = axis == 2 ? c : want;
    inside = grad_axis(c, &at, s2, m2) && inside;
    c = take(&rest, d1);
    want = axis == 1 ? c : want;
    inside = grad_axis(c, &at, s1, m1) && inside;
    c = take(&rest, d0);
    want = axis == 0 ? c : want;
    inside = grad_axis(c, &at, s0, m0) && inside;
    T sum = 0;
    if (inside) {
        for (uint j = 0; j < size; j++, at += stride)
            sum += index[at] == (int) want ? dy[at] : (T) 0;
    }
    dx[i] = sum;
}
