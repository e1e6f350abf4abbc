// y[o * y_row + y_offset + j] = x[o * x_row + x_offset + j], o < outer, j < size: concat and its
// gradient. Reference: src/op/concat.c.

// One work-item a row.
kernel void copy_rows(global T *restrict y, global const T *restrict x, uint outer, uint size,
                      uint y_row, uint y_offset, uint x_row, uint x_offset)
{
    uint o = get_global_id(0);
    if (o >= outer)
        return;
    global T *to = y + o * y_row + y_offset;
    global const T *from = x + o * x_row + x_offset;
    for (uint j = 0; j < size; j++)
        to[j] = from[j];
}

// One work-item an element.
kernel void copy_elements(global T *restrict y, global const T *restrict x, uint outer, uint size,
                          uint y_row, uint y_offset, uint x_row, uint x_offset)
{
    uint i = get_global_id(0), o = i / size, j = i % size;
    if (o < outer)
        y[o * y_row + y_offset + j] = x[o * x_row + x_offset + j];
}
