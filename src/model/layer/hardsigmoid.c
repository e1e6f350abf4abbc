#include "model/layer.h"
#include "op/op.h"

static belay_value *build(struct belay_layer_call *c)
{
    return belay_hardsigmoid(c->graph, c->x[0]);
}

const struct belay_layer belay_layer_hardsigmoid = {
    .name = "hardsigmoid",
    .help = "min(max(x + 3, 0), 6) / 6",
    .min_x = 1,
    .max_x = 1,
    .build = build,
};
