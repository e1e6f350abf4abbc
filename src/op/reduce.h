// Sums over axes. Every reduction is a few passes, each of [outer, n, inner] to [outer, inner] over
// neighbouring axes; a long one with few results is cut into chunks whose sums are added by one
// pass more. Which numbers are added in which order depends on the shapes and the kernel family
// alone.
#ifndef BELAY_OP_REDUCE_H
#define BELAY_OP_REDUCE_H

#include "op/op.h"

enum belay_sum_flags {
    BELAY_SUM_KEEPDIM = 1,
    BELAY_SUM_MEAN = 2, // divide by the number of elements added
};

// attrs.axes and attrs.flags of sum and mean; false after an error that sticks to the graph.
bool belay_reduce_attrs(belay_graph *g, const char *name, belay_value *x, int num, const int *axes,
                        bool keepdim, struct belay_attrs *out);
belay_status belay_reduce_infer(struct belay_log *log, const struct belay_attrs *attrs, int num_x,
                                const struct belay_shape *x, struct belay_shape *y);
// With one input over attrs.axes, with two down to the shape of the second.
void belay_reduce_ref(const struct belay_ref *r);
// op->sums of all operators here, and what the sums are divided by.
bool belay_reduce_sums(const struct belay_call *call, int axis);
int64_t belay_reduce_divisor(const struct belay_call *call);
int belay_reduce_stages(const struct belay_call *call);
size_t belay_reduce_scratch(const struct belay_call *call);
void belay_reduce_launch(const struct belay_call *call, int stage, struct belay_launch *out);

// The opposite, for gradients: x repeated along attrs.axes of `like`, where it has no such axes
// unless the flags say BELAY_SUM_KEEPDIM; with BELAY_SUM_MEAN divided by the number of copies.
belay_value *belay_expand_axes(belay_graph *g, belay_value *x, belay_value *like,
                               const struct belay_attrs *attrs);

#endif
