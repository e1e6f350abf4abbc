// cross_entropy of class indices and its gradient. Reference: src/op/cross_entropy.c.
//
// logits are lines of n classes, `inner` apart; `count` positions. A target that is `ignored` or no
// class counts for nothing. Without has_weight, `weight` is not read.

#define INPUTS                                                                                     \
    global const T *x, global const int *target, global const T *weight, uint has_weight, uint n,  \
        uint inner, uint count, uint ignored, float smoothing

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

T line_max(global const T *x, uint n, uint inner)
{
    T top = x[0];
    for (uint c = 1; c < n; c++)
        top = fmax(top, x[c * inner]);
    return top;
}

T line_sum(global const T *x, uint n, uint inner, T top)
{
    T sum = 0;
    for (uint c = 0; c < n; c++)
        sum += exp(x[c * inner] - top);
    return sum;
}

// The loss of position i; *w is its weight.
T position_loss(INPUTS, uint i, T *w)
{
    uint label = class_of(target[i], n, ignored);
    *w = 0;
    if (i >= count || label == n)
        return 0;
    x += i / inner * n * inner + i % inner;
    T top = line_max(x, n, inner), log_z = log(line_sum(x, n, inner, top));
    *w = weight_of(weight, has_weight, label);
    T loss = *w * (log_z - (x[label * inner] - top));
    if (smoothing > 0) {
        T all = 0;
        for (uint c = 0; c < n; c++)
            all += weight_of(weight, has_weight, c) * (log_z - (x[c * inner] - top));
        loss = (1 - smoothing) * loss + smoothing / (T) n * all;
    }
    return loss;
}

#define PASS x, target, weight, has_weight, n, inner, count, ignored, smoothing

// `per` positions a work-item. The weights go to scratch[count + i].
kernel void rows(global T *loss, global T *scratch, INPUTS, uint per)
{
    uint first = get_global_id(0) * per, end = min(first + per, count);
    for (uint i = first; i < end; i++) {
        T w;
        loss[i] = position_loss(PASS, i, &w);
        scratch[count + i] = w;
    }
}

// Everything by one work-item: sums of 32 at a time, which keeps their error small.
kernel void small(global T *y, global T *total, INPUTS, uint reduction)
{
    T sum = 0, weights = 0;
    if (get_global_id(0) != 0)
        return;
    for (uint first = 0; first < count; first += 32) {
        T part = 0, part_w = 0;
        for (uint i = first; i < min(first + 32, count); i++) {
            T w;
            part += position_loss(PASS, i, &w);
            part_w += w;
        }
        sum += part;
        weights += part_w;
    }
    total[0] = weights;
    y[0] = reduction == 2 ? sum / weights : sum;
}

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

// log sum exp(x - top) of a line, by a group.
T group_log_sum(global const T *x, uint n, local T *part, T *top)
{
    uint id = get_local_id(0), step = get_local_size(0);
    T m = -INFINITY, sum = 0;
    for (uint c = id; c < n; c += step)
        m = fmax(m, x[c]);
    *top = m = group_max(part, m);
    for (uint c = id; c < n; c += step)
        sum += exp(x[c] - m);
    return log(group_sum(part, sum));
}

// A group a position; inner is 1.
kernel void rows_group(global T *loss, global T *scratch, INPUTS, local T *part)
{
    uint i = get_group_id(0), id = get_local_id(0), label = class_of(target[i], n, ignored);
    if (i >= count)
        return;
    if (label == n) { // the same in the whole group
        if (id == 0) {
            loss[i] = 0;
            scratch[count + i] = 0;
        }
        return;
    }
    x += i * n;
    T top, log_z = group_log_sum(x, n, part, &top), all = 0;
    if (smoothing > 0) {
        for (uint c = id; c < n; c += get_local_size(0))
            all += weight_of(weight, has_weight, c) * (log_z - (x[c] - top));
        all = group_sum(part, all);
    }
    if (id == 0) {
        T w = weight_of(weight, has_weight, label), own = w * (log_z - (x[label * inner] - top));
        loss[i] = (1 - smoothing) * own + smoothing / (T) n * all;
        scratch[count + i] = w;
    }
}

// total = sum of the weights; y = sum of the losses, divided by total for reduction 2, and left
// alone for 0. One group; each work-item sums in runs of 32, then a tree.
kernel void reduce(global T *y, global T *total, global const T *scratch, uint count,
                   uint reduction, local T *part)
{
    uint id = get_local_id(0), step = get_local_size(0);
    T loss = 0, weights = 0;
    for (uint first = id; first < count; first += 32 * step) {
        T part_loss = 0, part_w = 0;
        for (uint i = first, k = 0; i < count && k < 32; i += step, k++) {
            part_loss += reduction ? scratch[i] : (T) 0;
            part_w += scratch[count + i];
        }
        loss += part_loss;
        weights += part_w;
    }
    weights = group_sum(part, weights);
    loss = group_sum(part, loss);
    if (id == 0) {
        total[0] = weights;
        if (reduction)
            y[0] = reduction == 2 ? loss / weights : loss;
    }
}

// dy of position i, divided by the weights for the mean.
T scaled(global const T *dy, global const T *total, uint reduction, uint i)
{
    return reduction == 2 ? dy[0] / total[0] : dy[reduction ? 0 : i];
}

// `per` positions a work-item.
kernel void grad(global T *dx, global const T *dy, global const T *total, uint reduction, INPUTS,
                 uint per)
{
    uint first = get_global_id(0) * per, end = min(first + per, count);
    T spread = smoothing / (T) n, all = 1;
    if (has_weight && smoothing > 0) {
        all = 0;
        for (uint c = 0; c < n; c++)
            all += weight[c];
        all /= (T) n;
    }
    for (uint i = first; i < end; i++) {
        uint at = i / inner * n * inner + i % inner, label = class_of(target[i], n, ignored);
        if (label == n) {
            for (uint c = 0; c < n; c++)
                dx[at + c * inner] = 0;
            continue;
        }
        T own = (1 - smoothing) * weight_of(weight, has_weight, label);
        T top = line_max(x + at, n, inner), sum = 0, scale = scaled(dy, total, reduction, i);
        for (uint c = 0; c < n; c++) {
            T e = exp(x[at + c * inner] - top);
            dx[at + c * inner] = e;
            sum += e;
        }
        T sum_q = own + smoothing * all, ratio = sum_q / sum;
        for (uint c = 0; c < n; c++) {
            T q = (c == label ? own : (T) 0) + spread * weight_of(weight, has_weight, c);
            dx[at + c * inner] = scale * (dx[at + c * inner] * ratio - q);
        }
    }
}

// A group a position; inner is 1.
kernel void grad_group(global T *dx, global const T *dy, global const T *total, uint reduction,
                       INPUTS, local T *part)
{
    uint i = get_group_id(0), id = get_local_id(0), step = get_local_size(0);
    uint at = i * n * inner, label = class_of(target[i], n, ignored);
    if (i >= count)
        return;
    if (label == n) { // the same in the whole group
        for (uint c = id; c < n; c += step)
            dx[at + c] = 0;
        return;
    }
    T all = 1, own = (1 - smoothing) * weight_of(weight, has_weight, label);
    if (has_weight && smoothing > 0) {
        all = 0;
        for (uint c = id; c < n; c += step)
            all += weight[c];
        all = group_sum(part, all) / (T) n;
    }
    T top, log_z = group_log_sum(x + at, n, part, &top), scale = scaled(dy, total, reduction, i);
    T spread = smoothing / (T) n, sum_q = own + smoothing * all;
    for (uint c = id; c < n; c += step) {
        T q = (c == label ? own : (T) 0) + spread * weight_of(weight, has_weight, c);
        dx[at + c] = scale * (exp(x[at + c] - top - log_z) * sum_q - q);
    }
}
