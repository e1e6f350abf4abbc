// The two forms of gelu.
#ifndef BELAY_OP_GELU_H
#define BELAY_OP_GELU_H

#include <belay/graph.h>

belay_value *belay_gelu_tanh(belay_graph *g, belay_value *x);

#endif
