#include "model/layer.h"

static belay_value *build(struct belay_layer_call *c)
{
    return belay_relu(c->graph, c->x[0]);
}

const struct belay_layer belay_layer_relu = {
    .name = "relu",
    .help = "max(x, 0)",
    .min_x = 1,
    .max_x = 1,
    .build = build,
};
