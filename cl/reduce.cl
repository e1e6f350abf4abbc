// Sums: y [outer, chunks, inner] of x [outer, n, inner], where chunk c adds up
// x[:, c * chunk .. c * chunk + chunk, :]; divided by `divisor`. Reference: src/op/reduce.c.
// Blocks of 64 are added up before they meet the running sum, so that rounding errors stay small.

#define BLOCK 64

static float reduce_lanes(float16 v)
{
    float8 a = v.lo + v.hi;
    float4 b = a.lo + a.hi;
    float2 c = b.lo + b.hi;
    return c.lo + c.hi;
}

static float reduce_run(global const T *x, uint n)
{
    float16 total = 0.0f;
    size_t i = 0;
    for (; i + 16 * BLOCK <= n; i += 16 * BLOCK) {
        float16 part = 0.0f;
        for (size_t k = 0; k < BLOCK; k++)
            part += vload16(k, x + i);
        total += part;
    }
    float16 part = 0.0f;
    for (; i + 16 <= n; i += 16)
        part += vload16(0, x + i);
    float rest = 0.0f;
    for (; i < n; i++)
        rest += x[i];
    return reduce_lanes(total + part) + rest;
}

// One column: elements `stride` apart.
static float reduce_column(global const T *x, uint n, uint stride)
{
    float total = 0.0f;
    for (uint i = 0; i < n; i += BLOCK) {
        uint end = min(i + BLOCK, n);
        float part = 0.0f;
        for (uint k = i; k < end; k++)
            part += x[(size_t) k * stride];
        total += part;
    }
    return total;
}

static float16 reduce_16_columns(global const T *x, uint n, uint stride)
{
    float16 total = 0.0f;
    for (uint i = 0; i < n; i += BLOCK) {
        uint end = min(i + BLOCK, n);
        float16 part = 0.0f;
        for (uint k = i; k < end; k++)
            part += vload16(0, x + (size_t) k * stride);
        total += part;
    }
    return total;
}

// inner is 1; an item makes `per` results.
kernel void reduce_rows_cpu(global T *restrict y, global const T *restrict x, uint y_offset,
                            uint x_offset, uint outer, uint n, uint chunk, uint chunks,
                            float divisor, uint per)
{
    uint first = (uint) get_global_id(0) * per;
    uint end = min(first + per, outer * chunks);
    for (uint id = first; id < end; id++) {
        uint row = id / chunks, begin = (id - row * chunks) * chunk;
        float sum = reduce_run(x + x_offset + (size_t) row * n + begin, min(chunk, n - begin));
        y[y_offset + id] = sum / divisor;
    }
}

// An item makes `per` blocks of 16 neighbouring results.
kernel void reduce_columns_cpu(global T *restrict y, global const T *restrict x, uint y_offset,
                               uint x_offset, uint outer, uint n, uint inner, uint chunk,
                               uint chunks, float divisor, uint per)
{
    uint blocks = (inner + 15) / 16;
    uint first = (uint) get_global_id(0) * per;
    uint end = min(first + per, outer * chunks * blocks);
    for (uint id = first; id < end; id++) {
        uint line = id / blocks, column = (id - line * blocks) * 16;
        uint o = line / chunks, begin = (line - o * chunks) * chunk;
        uint count = min(chunk, n - begin);
        global const T *from = x + x_offset + ((size_t) o * n + begin) * inner + column;
        global T *to = y + y_offset + (size_t) line * inner + column;
        if (column + 16 <= inner) {
            vstore16(reduce_16_columns(from, count, inner) / divisor, 0, to);
            continue;
        }
        for (uint i = 0; i < inner - column; i++)
            to[i] = reduce_column(from + i, count, inner) / divisor;
    }
}

// One item a result.
kernel void reduce_items(global T *restrict y, global const T *restrict x, uint y_offset,
                         uint x_offset, uint outer, uint n, uint inner, uint chunk, uint chunks,
                         float divisor)
{
    uint id = (uint) get_global_id(0);
    if (id >= outer * chunks * inner)
        return;
    uint line = id / inner, column = id - line * inner;
    uint o = line / chunks, begin = (line - o * chunks) * chunk;
    global const T *from = x + x_offset + ((size_t) o * n + begin) * inner + column;
    y[y_offset + id] = reduce_column(from, min(chunk, n - begin), inner) / divisor;
}

// One work-group a result, of a power of two of items; inner is 1.
kernel void reduce_groups(global T *restrict y, global const T *restrict x, uint y_offset,
                          uint x_offset, uint outer, uint n, uint chunk, uint chunks,
                          float divisor, local float *sums)
{
    uint id = (uint) get_group_id(0), lane = (uint) get_local_id(0);
    uint size = (uint) get_local_size(0);
    bool inside = id < outer * chunks;
    uint row = id / chunks, begin = (id - row * chunks) * chunk;
    uint count = inside ? min(chunk, n - begin) : 0;
    global const T *from = x + x_offset + (size_t) row * n + begin;
    float total = 0.0f;
    for (uint i = lane; i < count; i += size * BLOCK) {
        float part = 0.0f;
        for (uint k = 0; k < BLOCK && i + k * size < count; k++)
            part += from[i + k * size];
        total += part;
    }
    sums[lane] = total;
    for (uint half_size = size / 2; half_size > 0; half_size /= 2) {
        barrier(CLK_LOCAL_MEM_FENCE);
        if (lane < half_size)
            sums[lane] += sums[lane + half_size];
    }
    if (lane == 0 && inside)
        y[y_offset + id] = sums[0] / divisor;
}

#undef BLOCK
