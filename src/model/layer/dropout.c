#include "model/layer.h"

static belay_value *build(struct belay_layer_call *c)
{
    double p = belay_layer_float(c, "p", 0.5);
    if (!(p >= 0 && p < 1))
        return belay_layer_fail(c, "p must be in [0, 1), not %g", p);
    return belay_dropout(c->graph, c->x[0], p, c->path);
}

const struct belay_layer belay_layer_dropout = {
    .name = "dropout",
    .help = "zeroes numbers in training, scales the others up",
    .main_option = "p",
    .options = { { "p", "float", "share that is zeroed, in [0, 1) (0.5)" } },
    .min_x = 1,
    .max_x = 1,
    .build = build,
};
