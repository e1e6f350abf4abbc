#include "model/layer.h"

static belay_value *build(struct belay_layer_call *c)
{
    return belay_softmax(c->graph, c->x[0], belay_layer_axis(c, -1));
}

const struct belay_layer belay_layer_softmax = {
    .name = "softmax",
    .help = "exp(x) / sum of exp(x) along an axis",
    .main_option = "axis",
    .options = { { "axis", "int", "counted with the batch as 0 (-1, the last)" } },
    .min_x = 1,
    .max_x = 1,
    .build = build,
};
