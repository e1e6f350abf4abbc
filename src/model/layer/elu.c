#include "model/layer.h"

static belay_value *build(struct belay_layer_call *c)
{
    return belay_elu(c->graph, c->x[0], belay_layer_float(c, "alpha", 1));
}

const struct belay_layer belay_layer_elu = {
    .name = "elu",
    .help = "x where x > 0, else alpha * (exp(x) - 1)",
    .main_option = "alpha",
    .options = { { "alpha", "float", "size of the lowest value (1)" } },
    .min_x = 1,
    .max_x = 1,
    .build = build,
};
