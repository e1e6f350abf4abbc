// layer_norm: y = (x - mean) / sqrt(variance + eps) * weight + bias over the last axis.
#include "model/layer.h"
#include "op/op.h"

static belay_value *build(struct belay_layer_call *c)
{
    const struct belay_shape *x = &c->x[0]->shape;
    double eps = belay_layer_float(c, "eps", 1e-5);
    bool affine = belay_layer_bool(c, "affine", true);
    const struct belay_init one = { BELAY_INIT_CONSTANT, 1 }, zero = { BELAY_INIT_CONSTANT, 0 };
    if (x->rank < 2)
        return belay_layer_fail(c, "wants rows of numbers");
    if (!(eps > 0))
        return belay_layer_fail(c, "eps must be above 0, not %g", eps);
    const int64_t *dim = &x->dim[x->rank - 1];
    belay_value *weight = affine ? belay_layer_param(c, "weight", 1, dim, one) : NULL;
    belay_value *bias = affine ? belay_layer_param(c, "bias", 1, dim, zero) : NULL;
    return belay_layer_norm(c->graph, c->x[0], 1, weight, bias, eps);
}

const struct belay_layer belay_layer_layer_norm = {
    .name = "layer_norm",
    .help = "each row's last axis to mean 0 and variance 1, then a weight and a bias",
    .options = { { "eps", "float", "added to the variance (1e-5)" },
                 { "affine", "bool", "whether it has weight and bias (true)" } },
    .min_x = 1,
    .max_x = 1,
    .build = build,
};
