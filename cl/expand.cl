// Repeats x along axes; divided by `divisor`. Reference: src/op/expand_like.c.
// An item makes `per` neighbouring elements of the `count` of y.

// y [outer, copies, inner] of x [outer, inner]
kernel void expand(global T *restrict y, global const T *restrict x, float divisor, uint count,
                   uint copies, uint inner, uint per)
{
    uint at = (uint) get_global_id(0) * per;
    uint end = at < count ? min(per, count - at) + at : at;
    while (at < end) {
        // A run of neighbours: one line of `inner`, or copies of one element.
        uint line = at / inner, i = at - line * inner;
        uint o = line / copies;
        if (inner == 1) {
            uint stop = min(end, (o + 1) * copies);
            float v = x[o] / divisor;
            for (; at < stop; at++)
                y[at] = v;
        } else {
            uint run = min(end - at, inner - i);
            global const T *from = x + (size_t) o * inner + i;
            for (uint k = 0; k < run; k++)
                y[at + k] = from[k] / divisor;
            at += run;
        }
    }
}

// Any axes: dimensions d1.. and strides s0.. in x (0: repeated), missing ones 1 and 0 at the end.
kernel void expand_strided(global T *restrict y, global const T *restrict x, float divisor,
                           uint count, uint d1, uint d2, uint d3, uint d4, uint d5, uint d6,
                           uint d7, uint s0, uint s1, uint s2, uint s3, uint s4, uint s5, uint s6,
                           uint s7, uint per)
{
    uint first = (uint) get_global_id(0) * per;
    uint end = first < count ? min(per, count - first) + first : first;
    for (uint id = first; id < end; id++) {
        uint rest = id, at = 0;
        at += rest % d7 * s7;
        rest /= d7;
        at += rest % d6 * s6;
        rest /= d6;
        at += rest % d5 * s5;
        rest /= d5;
        at += rest % d4 * s4;
        rest /= d4;
        at += rest % d3 * s3;
        rest /= d3;
        at += rest % d2 * s2;
        rest /= d2;
        at += rest % d1 * s1;
        rest /= d1;
        y[id] = x[at + rest * s0] / divisor;
    }
}
