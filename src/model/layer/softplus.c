#include "model/layer.h"

static belay_value *build(struct belay_layer_call *c)
{
    double beta = belay_layer_float(c, "beta", 1);
    double threshold = belay_layer_float(c, "threshold", 20);
    if (!(beta > 0))
        return belay_layer_fail(c, "beta must be above 0, not %g", beta);
    return belay_softplus(c->graph, c->x[0], beta, threshold);
}

const struct belay_layer belay_layer_softplus = {
    .name = "softplus",
    .help = "log(1 + exp(beta * x)) / beta",
    .options = { { "beta", "float", "sharpness (1)" },
                 { "threshold", "float", "x itself where beta * x is above this (20)" } },
    .min_x = 1,
    .max_x = 1,
    .build = build,
};
