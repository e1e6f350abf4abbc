// Reductions that are no sums. One work-item folds the n elements of its output in row-major order.
// Dimensions are padded to eight with 1 and stride 0. Reference: src/op/fold.c.

uint place(uint i, uint d1, uint d2, uint d3, uint d4, uint d5, uint d6, uint d7, uint s0, uint s1,
           uint s2, uint s3, uint s4, uint s5, uint s6, uint s7)
{
    uint at = 0;
    at += d7 > 1 ? i % d7 * s7 : 0, i = d7 > 1 ? i / d7 : i;
    at += d6 > 1 ? i % d6 * s6 : 0, i = d6 > 1 ? i / d6 : i;
    at += d5 > 1 ? i % d5 * s5 : 0, i = d5 > 1 ? i / d5 : i;
    at += d4 > 1 ? i % d4 * s4 : 0, i = d4 > 1 ? i / d4 : i;
    at += d3 > 1 ? i % d3 * s3 : 0, i = d3 > 1 ? i / d3 : i;
    at += d2 > 1 ? i % d2 * s2 : 0, i = d2 > 1 ? i / d2 : i;
    at += d1 > 1 ? i % d1 * s1 : 0, i = d1 > 1 ? i / d1 : i;
    return at + i * s0;
}

// The largest; NaN when there is one.
kernel void amax(global T *restrict y, global const T *restrict x, uint count, uint n, uint kd1,
                 uint kd2, uint kd3, uint kd4, uint kd5, uint kd6, uint kd7, uint ks0, uint ks1,
                 uint ks2, uint ks3, uint ks4, uint ks5, uint ks6, uint ks7, uint fd1, uint fd2,
                 uint fd3, uint fd4, uint fd5, uint fd6, uint fd7, uint fs0, uint fs1, uint fs2,
                 uint fs3, uint fs4, uint fs5, uint fs6, uint fs7)
{
    uint i = get_global_id(0);
    if (i >= count)
        return;
    x += place(i, kd1, kd2, kd3, kd4, kd5, kd6, kd7, ks0, ks1, ks2, ks3, ks4, ks5, ks6, ks7);
    T best = x[0];
    for (uint j = 1; j < n; j++) {
        T v = x[place(j, fd1, fd2, fd3, fd4, fd5, fd6, fd7, fs0, fs1, fs2, fs3, fs4, fs5, fs6,
                    fs7)];
        best = v > best || v != v ? v : best;
    }
    y[i] = best;
}

// Which of the n is the largest: the first of equals, the first NaN.
kernel void max_index(global int *restrict y, global const T *restrict x, uint count, uint n, uint
                      kd1, uint kd2, uint kd3, uint kd4, uint kd5, uint kd6, uint kd7, uint ks0,
                      uint ks1, uint ks2, uint ks3, uint ks4, uint ks5, uint ks6, uint ks7, uint
                      fd1, uint fd2, uint fd3, uint fd4, uint fd5, uint fd6, uint fd7, uint fs0,
                      uint fs1, uint fs2, uint fs3, uint fs4, uint fs5, uint fs6, uint fs7)
{
    uint i = get_global_id(0);
    if (i >= count)
        return;
    x += place(i, kd1, kd2, kd3, kd4, kd5, kd6, kd7, ks0, ks1, ks2, ks3, ks4, ks5, ks6, ks7);
    uint best = 0;
    T value = x[0];
    for (uint j = 1; j < n; j++) {
        T v = x[place(j, fd1, fd2, fd3, fd4, fd5, fd6, fd7, fs0, fs1, fs2, fs3, fs4, fs5, fs6,
                    fs7)];
        bool more = v > value || (v != v && value == value);
        best = more ? j : best;
        value = more ? v : value;
    }
    y[i] = (int) best;
}

// top + log(sum exp(x - top)), the sum in order.
kernel void logsumexp(global T *restrict y, global const T *restrict x, uint count, uint n, uint
                      kd1, uint kd2, uint kd3, uint kd4, uint kd5, uint kd6, uint kd7, uint ks0,
                      uint ks1, uint ks2, uint ks3, uint ks4, uint ks5, uint ks6, uint ks7, uint
                      fd1, uint fd2, uint fd3, uint fd4, uint fd5, uint fd6, uint fd7, uint fs0,
                      uint fs1, uint fs2, uint fs3, uint fs4, uint fs5, uint fs6, uint fs7)
{
    uint i = get_global_id(0);
    if (i >= count)
        return;
    x += place(i, kd1, kd2, kd3, kd4, kd5, kd6, kd7, ks0, ks1, ks2, ks3, ks4, ks5, ks6, ks7);
    T top = x[0], sum = 0;
    for (uint j = 1; j < n; j++) {
        T v = x[place(j, fd1, fd2, fd3, fd4, fd5, fd6, fd7, fs0, fs1, fs2, fs3, fs4, fs5, fs6,
                    fs7)];
        top = v > top || v != v ? v : top;
    }
    if (isinf(top)) {
        y[i] = top;
        return;
    }
    for (uint j = 0; j < n; j++)
        sum += exp(x[place(j, fd1, fd2, fd3, fd4, fd5, fd6, fd7, fs0, fs1, fs2, fs3, fs4, fs5, fs6,
                    fs7)] - top);
    y[i] = top + log(sum);
}
