#include "model/layer.h"

static belay_value *build(struct belay_layer_call *c)
{
    return belay_leaky_relu(c->graph, c->x[0], belay_layer_float(c, "slope", 0.01));
}

const struct belay_layer belay_layer_leaky_relu = {
    .name = "leaky_relu",
    .help = "x where x > 0, else slope * x",
    .main_option = "slope",
    .options = { { "slope", "float", "factor below 0 (0.01)" } },
    .min_x = 1,
    .max_x = 1,
    .build = build,
};
