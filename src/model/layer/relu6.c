#include "model/layer.h"
#include "op/op.h"

static belay_value *build(struct belay_layer_call *c)
{
    return belay_relu6(c->graph, c->x[0]);
}

const struct belay_layer belay_layer_relu6 = {
    .name = "relu6",
    .help = "min(max(x, 0), 6)",
    .min_x = 1,
    .max_x = 1,
    .build = build,
};
