// softmax and log_softmax along an axis, and their gradients. References: src/op/softmax.c,
// src/op/log_softmax.c.
//
// NAME: one work-item does `per` lines of n elements that lie `inner` apart. NAME_group: a group
// does one line of neighbouring elements; `part` holds a number of each work-item.

// Sum, or maximum, over a group whose size is a power of two; all work-items get it.
T group_sum(local T *part, T value)
{
    uint id = get_local_id(0);
    barrier(CLK_LOCAL_MEM_FENCE);
    part[id] = value;
    for (uint half_size = get_local_size(0) / 2; half_size > 0; half_size /= 2) {
        barrier(CLK_LOCAL_MEM_FENCE);
        if (id < half_size)
            part[id] += part[id + half_size];
    }
    barrier(CLK_LOCAL_MEM_FENCE);
    return part[0];
}

T group_max(local T *part, T value)
{
    uint id = get_local_id(0);
    barrier(CLK_LOCAL_MEM_FENCE);
    part[id] = value;
    for (uint half_size = get_local_size(0) / 2; half_size > 0; half_size /= 2) {
        barrier(CLK_LOCAL_MEM_FENCE);
        if (id < half_size)
            part[id] = fmax(part[id], part[id + half_size]);
    }
    barrier(CLK_LOCAL_MEM_FENCE);
    return part[0];
}

T line_max(global const T *x, uint n, uint inner)
{
    T top = x[0];
    for (uint j = 1; j < n; j++)
        top = fmax(top, x[j * inner]);
    return top;
}

uint line_start(uint line, uint n, uint inner)
{
    return line / inner * n * inner + line % inner;
}

kernel void softmax(global T *restrict y, global const T *restrict x, uint n, uint lines,
                    uint inner, uint per)
{
    uint first = get_global_id(0) * per, end = min(first + per, lines);
    for (uint i = first; i < end; i++) {
        uint at = line_start(i, n, inner);
        T top = line_max(x + at, n, inner), sum = 0;
        for (uint j = 0; j < n; j++) {
            T e = exp(x[at + j * inner] - top);
            y[at + j * inner] = e;
            sum += e;
        }
        for (uint j = 0; j < n; j++)
            y[at + j * inner] /= sum;
    }
}

kernel void softmax_group(global T *restrict y, global const T *restrict x, uint n,
                          local T *restrict part)
{
    uint at = get_group_id(0) * n, id = get_local_id(0), step = get_local_size(0);
    T top = -INFINITY, sum = 0;
    for (uint j = id; j < n; j += step)
        top = fmax(top, x[at + j]);
    top = group_max(part, top);
    for (uint j = id; j < n; j += step)
        sum += exp(x[at + j] - top);
    sum = group_sum(part, sum);
    for (uint j = id; j < n; j += step)
        y[at + j] = exp(x[at + j] - top) / sum;
}

kernel void softmax_grad(global T *restrict dx, global const T *restrict dy,
                         global const T *restrict y, uint n, uint lines, uint inner, uint per)
{
    uint first = get_global_id(0) * per, end = min(first + per, lines);
    for (uint i = first; i < end; i++) {
        uint at = line_start(i, n, inner);
        T sum = 0;
        for (uint j = 0; j < n; j++)
            sum += dy[at + j * inner] * y[at + j * inner];
        for (uint j = 0; j < n; j++)
            dx[at + j * inner] = y[at + j * inner] * (dy[at + j * inner] - sum);
    }
}

kernel void softmax_grad_group(global T *restrict dx, global const T *restrict dy,
                               global const T *restrict y, uint n, local T *restrict part)
{
    uint at = get_group_id(0) * n, id = get_local_id(0), step = get_local_size(0);
    T sum = 0;
    for (uint j = id; j < n; j += step)
        sum += dy[at + j] * y[at + j];
    sum = group_sum(part, sum);
    for (uint j = id; j < n; j += step)
        dx[at + j] = y[at + j] * (dy[at + j] - sum);
}

kernel void log_softmax(global T *restrict y, global const T *restrict x, uint n, uint lines,
                        uint inner, uint per)
{
    uint first = get_global_id(0) * per, end = min(first + per, lines);
    for (uint i = first; i < end; i++) {
        uint at = line_start(i, n, inner);
        T top = line_max(x + at, n, inner), sum = 0;
        for (uint j = 0; j < n; j++)
            sum += exp(x[at + j * inner] - top);
        sum = log(sum);
        for (uint j = 0; j < n; j++)
            y[at + j * inner] = x[at + j * inner] - top - sum;
    }
}

kernel void log_softmax_group(global T *restrict y, global const T *restrict x, uint n,
                              local T *restrict part)
{
    uint at = get_group_id(0) * n, id = get_local_id(0), step = get_local_size(0);
    T top = -INFINITY, sum = 0;
    for (uint j = id; j < n; j += step)
        top = fmax(top, x[at + j]);
    top = group_max(part, top);
    for (uint j = id; j < n; j += step)
        sum += exp(x[at + j] - top);
    sum = log(group_sum(part, sum));
    for (uint j = id; j < n; j += step)
        y[at + j] = x[at + j] - top - sum;
}

kernel void log_softmax_grad(global T *restrict dx, global const T *restrict dy,
                             global const T *restrict y, uint n, uint lines, uint inner, uint per)
{
    uint first = get_global_id(0) * per, end = min(first + per, lines);
    for (uint i = first; i < end; i++) {
        uint at = line_start(i, n, inner);
        T sum = 0;
        for (uint j = 0; j < n; j++)
            sum += dy[at + j * inner];
        for (uint j = 0; j < n; j++)
            dx[at + j * inner] = dy[at + j * inner] - exp(y[at + j * inner]) * sum;
    }
}

kernel void log_softmax_grad_group(global T *restrict dx, global const T *restrict dy,
                                   global const T *restrict y, uint n, local T *restrict part)
{
    uint at = get_group_id(0) * n, id = get_local_id(0), step = get_local_size(0);
    T sum = 0;
    for (uint j = id; j < n; j += step)
        sum += dy[at + j];
    sum = group_sum(part, sum);
    for (uint j = id; j < n; j += step)
        dx[at + j] = dy[at + j] - exp(y[at + j]) * sum;
}
