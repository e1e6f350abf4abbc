// Along lines of n elements, `inner` apart; a line a work-item, in order. Reference:
// src/op/cumsum.c, src/op/topk.c.

// Running sums, from the end with `back`.
kernel void cumsum(global T *restrict y, global const T *restrict x, uint lines, uint n, uint inner,
                   uint back)
{
    uint i = get_global_id(0);
    if (i >= lines)
        return;
    uint at = i / inner * n * inner + i % inner;
    T sum = 0;
    for (uint j = 0; j < n; j++) {
        uint k = at + (back ? n - 1 - j : j) * inner;
        sum += x[k];
        y[k] = sum;
    }
}

// Whether element a (of place i) goes before b (of place j): larger, NaN first, then the place.
bool before(T a, uint i, T b, uint j)
{
    bool nan_a = a != a, nan_b = b != b;
    if (nan_a || nan_b)
        return nan_a && (!nan_b || i < j);
    return a > b || (a == b && i < j);
}

// Places of the k largest, falling. Each is the first of those after the one before.
kernel void topk_index(global int *restrict y, global const T *restrict x, uint lines, uint n,
                       uint inner, uint k)
{
    uint i = get_global_id(0);
    if (i >= lines)
        return;
    uint at = i / inner * n * inner + i % inner, to = i / inner * k * inner + i % inner;
    uint last = n;
    for (uint m = 0; m < k; m++) {
        uint best = n;
        for (uint j = 0; j < n; j++) {
            T v = x[at + j * inner];
            bool after = last == n || (j != last && before(x[at + last * inner], last, v, j));
            if (after && (best == n || before(v, j, x[at + best * inner], best)))
                best = j;
        }
        y[to + m * inner] = (int) best;
        last = best;
    }
}
