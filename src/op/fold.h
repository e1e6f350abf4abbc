// Reductions that are no sums: every output folds the elements of the input along attrs->axes, in
// row-major order, one work-item an output. Shapes and flags are those of sum (op/reduce.h).
#ifndef BELAY_OP_FOLD_H
#define BELAY_OP_FOLD_H

#include "op/reduce.h"

// Neighbouring axes of one kind are joined; dimensions that are not there are 1 with stride 0.
struct belay_fold {
    int64_t outputs, n; // of each output so many elements are folded
    int64_t kept[BELAY_MAX_RANK], kept_stride[BELAY_MAX_RANK];
    int64_t folded[BELAY_MAX_RANK], folded_stride[BELAY_MAX_RANK];
};
void belay_fold_of(const struct belay_call *call, struct belay_fold *f);
// Place in x of the first element of output i, and of element j of an output from there.
int64_t belay_fold_first(const struct belay_fold *f, int64_t i);
int64_t belay_fold_step(const struct belay_fold *f, int64_t j);
// kernel(y, x, outputs, n, kept 1…7, strides 0…7, folded 1…7, strides 0…7)
void belay_fold_launch(const struct belay_call *call, const char *kernel, struct belay_launch *l);
// For tests: x of size class 0…, and the axes; NULL when there are no more.
belay_value *belay_fold_make(belay_graph *g, const struct belay_op *op, int size_class);

#endif
