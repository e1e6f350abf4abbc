#include "model/layer.h"
#include "op/op.h"

static belay_value *build(struct belay_layer_call *c)
{
    return belay_mish(c->graph, c->x[0]);
}

const struct belay_layer belay_layer_mish = {
    .name = "mish",
    .help = "x * tanh(log(1 + exp(x)))",
    .min_x = 1,
    .max_x = 1,
    .build = build,
};
