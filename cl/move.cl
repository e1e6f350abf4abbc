// y[c] = x[offset + sum of c[i] * stride[i]]: permute and slice. Reference: src/op/move.c.

// The place in x of element `i` of y, counted over dimensions of which the last, d7, is fastest.
uint move_place(uint i, uint d1, uint d2, uint d3, uint d4, uint d5, uint d6, uint d7, uint s0,
                uint s1, uint s2, uint s3, uint s4, uint s5, uint s6, uint s7)
{
    uint at = i % d7 * s7;
    i /= d7;
    if (i == 0)
        return at;
    at += i % d6 * s6;
    i /= d6;
    at += i % d5 * s5;
    i /= d5;
    if (i == 0)
        return at;
    at += i % d4 * s4;
    i /= d4;
    at += i % d3 * s3;
    i /= d3;
    if (i == 0)
        return at;
    at += i % d2 * s2;
    i /= d2;
    at += i % d1 * s1;
    i /= d1;
    return at + i * s0;
}

// One work-item an element; n elements.
kernel void move(global T *restrict y, global const T *restrict x, uint n, uint offset,
                 uint d1, uint d2, uint d3, uint d4, uint d5, uint d6, uint d7, uint s0, uint s1,
                 uint s2, uint s3, uint s4, uint s5, uint s6, uint s7)
{
    uint i = get_global_id(0);
    if (i < n)
        y[i] = x[offset + move_place(i, d1, d2, d3, d4, d5, d6, d7, s0, s1, s2, s3, s4, s5, s6,
                                     s7)];
}

// One work-item a line of d7 elements; n lines.
kernel void move_line(global T *restrict y, global const T *restrict x, uint n, uint offset,
                      uint d1, uint d2, uint d3, uint d4, uint d5, uint d6, uint d7,
                      uint s0, uint s1, uint s2, uint s3, uint s4, uint s5, uint s6, uint s7)
{
    uint i = get_global_id(0);
    if (i >= n)
        return;
    uint at = offset + move_place(i * d7, d1, d2, d3, d4, d5, d6, d7, s0, s1, s2, s3, s4, s5, s6,
                                  s7);
    global T *to = y + i * d7;
    global const T *from = x + at;
    if (s7 == 1) {
        for (uint j = 0; j < d7; j++)
            to[j] = from[j];
    } else {
        for (uint j = 0; j < d7; j++)
            to[j] = from[j * s7];
    }
}
