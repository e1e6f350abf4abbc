// argmax: place of the first largest of each line of n. Reference: src/op/argmax.c.
kernel void argmax(global int *restrict y, global const T *restrict x, uint lines, uint n, uint per)
{
    uint first = get_global_id(0) * per, end = min(first + per, lines);
    for (uint i = first; i < end; i++) {
        global const T *line = x + i * n;
        uint best = 0;
        for (uint j = 1; j < n; j++)
            best = line[j] > line[best] ? j : best;
        y[i] = (int) best;
    }
}
