#include "model/layer.h"

static belay_value *build(struct belay_layer_call *c)
{
    return belay_flatten(c->graph, c->x[0], 1, -1);
}

const struct belay_layer belay_layer_flatten = {
    .name = "flatten",
    .help = "all dimensions of a row as one",
    .min_x = 1,
    .max_x = 1,
    .build = build,
};
