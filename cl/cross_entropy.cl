// cross_entropy of class indices, with the gradient of the logits in the same pass when wanted.
// Reference: src/op/cross_entropy.c.
//
// logits are lines of n classes, `inner` apart; `count` positions. A target that is `ignored` or no
// class counts for nothing. Without has_weight, `weight` is not read; without has_dx, `dx` is not
// written. dx is of the reduced loss: divided by the sum of the weights for reduction 2.
//
// Order of sums: a line in 16 lanes and then a tree (CPU, inner 1), one after the other (one
// work-item a line), or strided by work-item and then a tree (a group a line). Positions: 32 at a
// time, strided by work-item, then a tree. All depend on shapes and the kernel family alone.

#define INPUTS                                                                                     \
    global T *dx, uint has_dx, global const T *x, global const int *target,                        \
        global const T *weight, uint has_weight, uint n, uint ignored, float smoothing
#define PASS dx, has_dx, x, target, weight, has_weight, n, ignored, smoothing

// The class, or n where the position counts for nothing.
uint class_of(int target, uint n, uint ignored)
{
    uint label = as_uint(target);
    return label == ignored || label >= n ? n : label;
}

T weight_of(global const T *weight, uint has_weight, uint c)
{
    return has_weight ? weight[c] : (T) 1;
}

// ---- one line by one work-item ----

// 16 neighbours, of which `rest` are there.
float16 load_16(global const T *x, uint rest, T fill)
{
    if (rest >= 16)
        return vload16(0, x);
    T part[16];
    for (uint i = 0; i < 16; i++)
        part[i] = i < rest ? x[i] : fill;
    return vload16(0, part);
}

void store_16(float16 v, global T *to, uint rest)
{
    if (rest >= 16) {
        vstore16(v, 0, to);
        return;
    }
    T part[16];
    vstore16(v, 0, part);
    for (uint i = 0; i < rest; i++)
        to[i] = part[i];
}

T sum_16(float16 v)
{
    float8 a = v.lo + v.hi;
    float4 b = a.lo + a.hi;
    float2 c = b.lo + b.hi;
    return c.x + c.y;
}

T max_16(float16 v)
{
    float8 a = fmax(v.lo, v.hi);
    float4 b = fmax(a.lo, a.hi);
    float2 c = fmax(b.lo, b.hi);
    return fmax(c.x, c.y);
}

// Lines lie together (inner is 1): explicit vectors, for CPUs. Gives log sum exp(x - top); the
// exponentials and their sum are left for the gradient.
T log_sum_16(global const T *x, uint n, global T *dx, uint has_dx, T *top, T *sum)
{
    float16 most = load_16(x, n, -INFINITY), all = 0.0f;
    for (uint c = 16; c < n; c += 16)
        most = fmax(most, load_16(x + c, n - c, -INFINITY));
    *top = max_16(most);
    for (uint c = 0; c < n; c += 16) {
        float16 e = exp(load_16(x + c, n - c, -INFINITY) - *top);
        if (has_dx)
            store_16(e, dx + c, n - c);
        all += e;
    }
    *sum = sum_16(all);
    return log(*sum);
}

T log_sum(global const T *x, uint n, uint inner, global T *dx, uint has_dx, T *top, T *sum)
{
    T most = x[0], all = 0;
    for (uint c = 1; c < n; c++)
        most = fmax(most, x[(size_t) c * inner]);
    for (uint c = 0; c < n; c++) {
        T e = exp(x[(size_t) c * inner] - most);
        if (has_dx)
            dx[(size_t) c * inner] = e;
        all += e;
    }
    *top = most;
    *sum = all;
    return log(all);
}

// Sum of the classes' weights over n: what smoothing adds to the sum of q.
T mean_weight(global const T *weight, uint has_weight, uint n, float smoothing)
{
    T all = 0;
    if (!has_weight || smoothing == 0)
        return 1;
    for (uint c = 0; c < n; c++)
        all += weight[c];
    return all / (T) n;
}

// The loss of position i; its gradient times `scale`. `mean` is mean_weight.
T position_loss(INPUTS, uint i, uint inner, uint vectors, T scale, T mean)
{
    size_t at = (size_t) (i / inner) * n * inner + i % inner;
    uint label = class_of(target[i], n, ignored);
    x += at;
    dx += has_dx ? at : 0;
    if (label == n) {
        for (uint c = 0; c < n && has_dx; c++)
            dx[(size_t) c * inner] = 0;
        return 0;
    }
    T top, sum;
    T log_z = vectors ? log_sum_16(x, n, dx, has_dx, &top, &sum)
                      : log_sum(x, n, inner, dx, has_dx, &top, &sum);
    T own = weight_of(weight, has_weight, label), spread = smoothing / (T) n;
    T loss = own * (log_z - (x[(size_t) label * inner] - top));
    own *= 1 - smoothing;
    if (smoothing > 0) {
        T all = 0;
        for (uint c = 0; c < n; c++)
            all += weight_of(weight, has_weight, c) * (log_z - (x[(size_t) c * inner] - top));
        loss = (1 - smoothing) * loss + spread * all;
    }
    if (!has_dx)
        return loss;
    T ratio = scale * (own + smoothing * mean) / sum;
    if (vectors && smoothing == 0) {
        for (uint c = 0; c < n; c += 16)
            store_16(ratio * load_16(dx + c, n - c, 0.0f), dx + c, n - c);
        dx[label] -= scale * own;
        return loss;
    }
    for (uint c = 0; c < n; c++) {
        T q = (c == label ? own : (T) 0) + spread * weight_of(weight, has_weight, c);
        dx[(size_t) c * inner] = dx[(size_t) c * inner] * ratio - scale * q;
    }
    return loss;
}

// ---- sums over a group ----

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

// The sum of the positions' weights, by one group.
T group_weights(global const int *target, global const T *weight, uint has_weight, uint n,
                uint count, uint ignored, local T *part)
{
    uint id = get_local_id(0), step = get_local_size(0);
    T sum = 0;
    for (uint first = id; first < count; first += 32 * step) {
        T some = 0;
        for (uint i = first, k = 0; i < count && k < 32; i += step, k++) {
            uint label = class_of(target[i], n, ignored);
            some += label == n ? (T) 0 : weight_of(weight, has_weight, label);
        }
        sum += some;
    }
    return group_sum(part, sum);
}

// ---- kernels ----

// Everything by one group: little work is done sooner than a second launch starts.
kernel void small(global T *y, global T *total, INPUTS, uint count, uint inner, uint vectors,
                  uint reduction, local T *part)
{
    uint id = get_local_id(0), step = get_local_size(0);
    T weights = group_weights(target, weight, has_weight, n, count, ignored, part), sum = 0;
    T scale = reduction == 2 ? 1 / weights : (T) 1;
    T mean = mean_weight(weight, has_weight, n, smoothing);
    for (uint first = id; first < count; first += 32 * step) {
        T some = 0;
        for (uint i = first, k = 0; i < count && k < 32; i += step, k++)
            some += position_loss(PASS, i, inner, vectors, scale, mean);
        sum += some;
    }
    sum = group_sum(part, sum);
    if (id == 0) {
        total[0] = weights;
        y[0] = reduction == 2 ? sum / weights : sum;
    }
}

// One group: total = the sum of the weights.
kernel void weights(global T *total, global const int *target, global const T *weight,
                    uint has_weight, uint n, uint count, uint ignored, local T *part)
{
    T sum = group_weights(target, weight, has_weight, n, count, ignored, part);
    if (get_local_id(0) == 0)
        total[0] = sum;
}

// `per` positions a work-item.
kernel void rows(global T *loss, global const T *total, INPUTS, uint count, uint inner,
                 uint vectors, uint reduction, uint per)
{
    uint first = (uint) get_global_id(0) * per, end = min(first + per, count);
    T scale = reduction == 2 ? 1 / total[0] : (T) 1;
    T mean = mean_weight(weight, has_weight, n, smoothing);
    for (uint i = first; i < end; i++)
        loss[i] = position_loss(PASS, i, inner, vectors, scale, mean);
}

// A group a position; inner is 1.
kernel void rows_group(global T *loss, global const T *total, INPUTS, uint reduction,
                       local T *part)
{
    uint i = get_group_id(0), id = get_local_id(0), step = get_local_size(0);
    uint label = class_of(target[i], n, ignored); // the same in the whole group
    T scale = reduction == 2 ? 1 / total[0] : (T) 1;
    x += (size_t) i * n;
    dx += has_dx ? (size_t) i * n : 0;
    if (label == n) {
        for (uint c = id; c < n && has_dx; c += step)
            dx[c] = 0;
        if (id == 0)
            loss[i] = 0;
        return;
    }
    T top = -INFINITY, sum = 0, all = 0, mean = 0, spread = smoothing / (T) n;
    for (uint c = id; c < n; c += step)
        top = fmax(top, x[c]);
    top = group_max(part, top);
    for (uint c = id; c < n; c += step)
        sum += exp(x[c] - top);
    sum = group_sum(part, sum);
    T log_z = log(sum);
    if (smoothing > 0) {
        for (uint c = id; c < n; c += step) {
            T w = weight_of(weight, has_weight, c);
            all += w * (log_z - (x[c] - top));
            mean += w;
        }
        all = group_sum(part, all);
        mean = group_sum(part, mean) / (T) n;
    }
    T own = weight_of(weight, has_weight, label);
    if (id == 0)
        loss[i] = (1 - smoothing) * own * (log_z - (x[label] - top)) + spread * all;
    own *= 1 - smoothing;
    T ratio = (own + smoothing * mean) / sum;
    for (uint c = id; c < n && has_dx; c += step) {
        T q = (c == label ? own : (T) 0) + spread * weight_of(weight, has_weight, c);
        dx[c] = scale * (exp(x[c] - top) * ratio - q);
    }
}

// y = the sum of the losses, divided by total for reduction 2. One group.
kernel void reduce(global T *y, global const T *total, global const T *loss, uint count,
                   uint reduction, local T *part)
{
    uint id = get_local_id(0), step = get_local_size(0);
    T sum = 0;
    for (uint first = id; first < count; first += 32 * step) {
        T some = 0;
        for (uint i = first, k = 0; i < count && k < 32; i += step, k++)
            some += loss[i];
        sum += some;
    }
    sum = group_sum(part, sum);
    if (id == 0)
        y[0] = reduction == 2 ? sum / total[0] : sum;
}
