// pad: y is x with p elements before each axis, `value` outside of x; p below 0 leaves out.
// Reference: src/op/pad.c. Dimensions are padded to eight with 1.

// Takes the coordinate of one dimension off i; adds it to the place in x. False outside.
bool inside(uint *i, uint y, uint x, int p, uint *at, uint *stride)
{
    int c = (int) (y > 1 ? *i % y : 0) - p;
    *i = y > 1 ? *i / y : *i;
    *at += (uint) c * *stride;
    *stride *= x;
    return c >= 0 && (uint) c < x;
}

kernel void pad(global T *restrict y, global const T *restrict x, uint n, float value, uint y1,
                uint y2, uint y3, uint y4, uint y5, uint y6, uint y7, uint x0, uint x1, uint x2,
                uint x3, uint x4, uint x5, uint x6, uint x7, int p0, int p1, int p2, int p3, int
                p4, int p5, int p6, int p7)
{
    uint i = get_global_id(0), rest = i, at = 0, stride = 1;
    if (i >= n)
        return;
    bool in = inside(&rest, y7, x7, p7, &at, &stride);
    in = inside(&rest, y6, x6, p6, &at, &stride) && in;
    in = inside(&rest, y5, x5, p5, &at, &stride) && in;
    in = inside(&rest, y4, x4, p4, &at, &stride) && in;
    in = inside(&rest, y3, x3, p3, &at, &stride) && in;
    in = inside(&rest, y2, x2, p2, &at, &stride) && in;
    in = inside(&rest, y1, x1, p1, &at, &stride) && in;
    in = inside(&rest, rest + 1, x0, p0, &at, &stride) && in;
    y[i] = in ? x[at] : (T) value;
}
