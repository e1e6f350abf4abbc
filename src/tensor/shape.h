// Shapes: row-major dimensions, and broadcasting.
#ifndef BELAY_TENSOR_SHAPE_H
#define BELAY_TENSOR_SHAPE_H

#include <belay/graph.h>

#include "base/log.h"

struct belay_shape {
    int rank; // 0: a scalar
    int64_t dim[BELAY_MAX_RANK];
};

// Checks rank, signs and that the count fits; fails with the numbers.
belay_status belay_shape_make(struct belay_log *log, int rank, const int64_t *dim,
                              struct belay_shape *out);
int64_t belay_shape_count(const struct belay_shape *s); // product, 1 for a scalar
bool belay_shape_equal(const struct belay_shape *a, const struct belay_shape *b);
// NumPy's rule; false when they do not fit.
bool belay_shape_broadcast(const struct belay_shape *a, const struct belay_shape *b,
                           struct belay_shape *out);
// Element strides of `s` seen as the (broader) shape `to`: 0 where it is repeated.
void belay_shape_strides_to(const struct belay_shape *s, const struct belay_shape *to,
                            int64_t stride[BELAY_MAX_RANK]);
void belay_shape_strides(const struct belay_shape *s, int64_t stride[BELAY_MAX_RANK]);
// "[64, 784]"; returns `out`.
#define BELAY_SHAPE_TEXT 200
const char *belay_shape_text(const struct belay_shape *s, char out[BELAY_SHAPE_TEXT]);
// axis in [-rank, rank) to [0, rank); false otherwise.
bool belay_shape_axis(const struct belay_shape *s, int axis, int *out);

#endif
