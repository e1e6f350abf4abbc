// A tensor in host memory: row-major, contiguous.
#ifndef BELAY_TENSOR_TENSOR_H
#define BELAY_TENSOR_TENSOR_H

#include "tensor/dtype.h"
#include "tensor/shape.h"

struct belay_tensor {
    belay_dtype dtype;
    struct belay_shape shape;
    void *data;  // 64-byte aligned when owned
    size_t size; // bytes
    bool owned;
};
// Zeroed memory of its own.
belay_status belay_tensor_init(struct belay_log *log, struct belay_tensor *t, belay_dtype dtype,
                               const struct belay_shape *shape);
void belay_tensor_finish(struct belay_tensor *t); // safe on zeroed
// The same values as another type; `dst` must be zeroed or unset.
belay_status belay_tensor_convert(struct belay_log *log, const struct belay_tensor *src,
                                  belay_dtype to, struct belay_tensor *dst);

#endif
