// What losses by element share.
#ifndef BELAY_OP_REDUCED_H
#define BELAY_OP_REDUCED_H

#include "op/op.h"

// The sum, the mean, or x itself.
belay_value *belay_reduced(belay_graph *g, belay_value *x, enum belay_reduction reduction);
// False, with an error that sticks, when the shapes differ; false without one when either is NULL.
bool belay_loss_fits(belay_graph *g, const char *loss, belay_value *x, belay_value *target);

#endif
