#include "model/layer.h"

static belay_value *build(struct belay_layer_call *c)
{
    return belay_silu(c->graph, c->x[0]);
}

const struct belay_layer belay_layer_silu = {
    .name = "silu",
    .help = "x / (1 + exp(-x))",
    .min_x = 1,
    .max_x = 1,
    .build = build,
};
