// What softmax and log_softmax share: attrs.axis is the axis.
#ifndef BELAY_OP_SOFTMAX_H
#define BELAY_OP_SOFTMAX_H

#include "op/line.h"

belay_status belay_softmax_infer(struct belay_log *log, const struct belay_attrs *attrs, int num_x,
                                 const struct belay_shape *x, struct belay_shape *y);
// Launches `kernel`, or kernel_group with a group a line, of cl/softmax.cl.
void belay_softmax_launch(const struct belay_call *call, const char *kernel,
                          const char *kernel_group, struct belay_launch *l);
belay_value *belay_softmax_build(belay_graph *g, const struct belay_op *op, belay_value *x,
                                 int axis);
// For the tests, with num_x inputs of one shape.
belay_value *belay_softmax_make(belay_graph *g, const struct belay_op *op, int num_x,
                                int size_class);

#endif
