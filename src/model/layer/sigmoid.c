#include "model/layer.h"

static belay_value *build(struct belay_layer_call *c)
{
    return belay_sigmoid(c->graph, c->x[0]);
}

const struct belay_layer belay_layer_sigmoid = {
    .name = "sigmoid",
    .help = "1 / (1 + exp(-x))",
    .min_x = 1,
    .max_x = 1,
    .build = build,
};
