// Nodes that optimizers with `build` share.
#ifndef BELAY_TRAIN_OPTIMIZER_PARTS_H
#define BELAY_TRAIN_OPTIMIZER_PARTS_H

#include "train/optimizer.h"

// The gradient of what is to become smaller.
belay_value *belay_signed_grad(belay_graph *g, const struct belay_update_param *p, double maximize);
// a + share * (b - a)
belay_value *belay_lerp(belay_graph *g, belay_value *a, belay_value *b, belay_value *share);
// sqrt of the sum of all squares, [1].
belay_value *belay_norm2(belay_graph *g, belay_value *x);

#endif
