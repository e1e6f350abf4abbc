// Ops that only move elements: y[c] = x[offset + sum of c[i] * stride[i]] over the coordinates of
// y.
#ifndef BELAY_OP_MOVE_H
#define BELAY_OP_MOVE_H

#include "op/op.h"

struct belay_move {
    int rank;
    int64_t dim[BELAY_MAX_RANK];    // of the coordinates
    int64_t stride[BELAY_MAX_RANK]; // elements of x, 0 or more
    int64_t offset;
};
// Over all coordinates of y; strides and offset are the caller's to set.
void belay_move_init(struct belay_move *m, const struct belay_shape *y);
void belay_move_ref(const struct belay_move *m, const double *x, double *y);
// Kernels of cl/move.cl: y is output 0, x input 0.
void belay_move_launch(const struct belay_call *call, const struct belay_move *m,
                       struct belay_launch *l);
// Work-items in a group of a kernel that moves one element each.
size_t belay_move_group(const struct belay_profile *profile);

// Of operators that pick elements of x[0] by an index x[1]: the gradient by an operator of dy, the
// index and x (its shape alone), whose shape rule is the second.
void belay_index_grad(struct belay_grad *g, const char *op);
belay_status belay_third_infer(struct belay_log *log, const struct belay_attrs *attrs, int num_x,
                               const struct belay_shape *x, struct belay_shape *y);

#endif
