#include "model/layer.h"
#include "op/op.h"

static belay_value *build(struct belay_layer_call *c)
{
    return belay_hardswish(c->graph, c->x[0]);
}

const struct belay_layer belay_layer_hardswish = {
    .name = "hardswish",
    .help = "x * hardsigmoid(x)",
    .min_x = 1,
    .max_x = 1,
    .build = build,
};
