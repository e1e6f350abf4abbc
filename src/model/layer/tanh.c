#include "model/layer.h"

static belay_value *build(struct belay_layer_call *c)
{
    return belay_tanh(c->graph, c->x[0]);
}

const struct belay_layer belay_layer_tanh = {
    .name = "tanh",
    .help = "hyperbolic tangent",
    .min_x = 1,
    .max_x = 1,
    .build = build,
};
