#include "model/layer.h"

static belay_value *build(struct belay_layer_call *c)
{
    return belay_concat(c->graph, c->num_x, c->x, belay_layer_axis(c, 1));
}

const struct belay_layer belay_layer_concat = {
    .name = "concat",
    .help = "joins several values along an axis",
    .main_option = "axis",
    .options = { { "axis", "int", "counted with the batch as 0 (1)" } },
    .min_x = 2,
    .max_x = BELAY_MAX_IN,
    .build = build,
};
