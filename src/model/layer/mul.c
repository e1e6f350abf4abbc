#include "model/layer.h"

static belay_value *build(struct belay_layer_call *c)
{
    belay_value *y = c->x[0];
    for (int i = 1; i < c->num_x; i++)
        y = belay_mul(c->graph, y, c->x[i]);
    return y;
}

const struct belay_layer belay_layer_mul = {
    .name = "mul",
    .help = "the product of several values, number by number",
    .min_x = 2,
    .max_x = BELAY_MAX_IN,
    .build = build,
};
