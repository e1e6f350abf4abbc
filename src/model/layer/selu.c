#include "model/layer.h"
#include "op/op.h"

static belay_value *build(struct belay_layer_call *c)
{
    return belay_selu(c->graph, c->x[0]);
}

const struct belay_layer belay_layer_selu = {
    .name = "selu",
    .help = "elu scaled so that mean 0 and variance 1 are kept",
    .min_x = 1,
    .max_x = 1,
    .build = build,
};
