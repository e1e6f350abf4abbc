// Batches from data on the device, the log of losses, sums over a pass. Reference:
// src/train/ops_data.c. A change here is a change there.

// The row of the data that row r of the batch is; n for none.
uint source_row(global const int *order, global const int *step, uint n, uint order_size, uint r)
{
    size_t at = (size_t) step[2] + r; // a negative position becomes a huge one
    if (at >= order_size)
        return n;
    int from = order[at];
    return from < 0 || (uint) from >= n ? n : (uint) from;
}

// y[r] = data[order[step[2] + r]] * scale + shift, and the label of that row. CPU: one work-item a
// row; else one an element.
#define GATHER_ROWS(name, type, load8)                                                             \
    kernel void name##_cpu(global T *restrict y, global const type *restrict data,                 \
                           global const int *restrict order, global const int *restrict step,      \
                           uint n, uint order_size, uint rows, uint size, float scale,             \
                           float shift, global int *to_label, global const int *label,             \
                           uint has_label)                                                         \
    {                                                                                              \
        uint r = get_global_id(0), i = 0;                                                          \
        if (r >= rows)                                                                             \
            return;                                                                                \
        uint from = source_row(order, step, n, order_size, r);                                     \
        if (has_label)                                                                             \
            to_label[r] = from == n ? 0 : label[from];                                             \
        global T *to = y + (size_t) r * size;                                                      \
        global const type *x = data + (size_t) from * size;                                        \
        if (from == n) {                                                                           \
            for (; i < size; i++)                                                                  \
                to[i] = 0.0f;                                                                      \
            return;                                                                                \
        }                                                                                          \
        for (; i + 8 <= size; i += 8)                                                              \
            vstore8(fma(load8(vload8(0, x + i)), (float8) scale, (float8) shift), 0, to + i);      \
        for (; i < size; i++)                                                                      \
            to[i] = fma((float) x[i], scale, shift);                                               \
    }                                                                                              \
    kernel void name(global T *restrict y, global const type *restrict data,                       \
                     global const int *restrict order, global const int *restrict step, uint n,    \
                     uint order_size, uint rows, uint size, float scale, float shift,              \
                     global int *to_label, global const int *label, uint has_label)                \
    {                                                                                              \
        uint i = get_global_id(0), r = get_global_id(1);                                           \
        if (i >= size || r >= rows)                                                                \
            return;                                                                                \
        uint from = source_row(order, step, n, order_size, r);                                     \
        if (has_label && i == 0)                                                                   \
            to_label[r] = from == n ? 0 : label[from];                                             \
        y[(size_t) r * size + i] =                                                                 \
            from == n ? 0.0f : fma((float) data[(size_t) from * size + i], scale, shift);          \
    }

GATHER_ROWS(gather_rows_u8, uchar, convert_float8)
GATHER_ROWS(gather_rows_f32, float, convert_float8)

// log[step[3]] = value
kernel void record_row(global T *restrict log, global const T *restrict value,
                       global const int *restrict step, uint slots, uint size)
{
    uint i = get_global_id(0);
    int slot = step[3];
    if (i < size && slot >= 0 && (uint) slot < slots)
        log[(size_t) slot * size + i] = value[i];
}

// sum += value
kernel void accumulate(global T *restrict sum, global const T *restrict value, uint n)
{
    uint i = get_global_id(0);
    if (i < n)
        sum[i] += value[i];
}
