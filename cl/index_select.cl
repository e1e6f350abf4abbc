// index_select: y[o, j, i] = x[o, index[j], i], 0 for an index outside. Reference:
// src/op/index_select.c.
kernel void index_select(global T *restrict y, global const T *restrict x,
                         global const int *restrict index, uint count, uint n, uint k, uint inner)
{
    uint at = get_global_id(0);
    if (at >= count)
        return;
    uint i = at % inner, j = at / inner % k, o = at / inner / k;
    int from = index[j];
    y[at] = from >= 0 && (uint) from < n ? x[(o * n + (uint) from) * inner + i] : (T) 0;
}

// dx[o, a, i]: the sum of dy[o, j, i] over the j whose index is a, in order.
kernel void index_select_grad(global T *restrict dx, global const T *restrict dy,
                              global const int *restrict index, uint count, uint n, uint k,
                              uint inner)
{
    uint at = get_global_id(0);
    if (at >= count)
        return;
    uint i = at % inner, a = at / inner % n, o = at / inner / n;
    T sum = 0;
    for (uint j = 0; j < k; j++)
        if (index[j] == (int) a)
            sum += dy[(o * k + j) * inner + i];
    dx[at] = sum;
}
