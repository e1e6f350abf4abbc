// rms_norm: y = x / sqrt(mean x² + eps) * weight over the last axis.
#include "model/layer.h"
#include "op/op.h"

static belay_value *build(struct belay_layer_call *c)
{
    const struct belay_shape *x = &c->x[0]->shape;
    double eps = belay_layer_float(c, "eps", 1e-6);
    bool affine = belay_layer_bool(c, "affine", true);
    const struct belay_init one = { BELAY_INIT_CONSTANT, 1 };
    if (x->rank < 2)
        return belay_layer_fail(c, "wants rows of numbers");
    if (!(eps > 0))
        return belay_layer_fail(c, "eps must be above 0, not %g", eps);
    belay_value *weight =
        affine ? belay_layer_param(c, "weight", 1, &x->dim[x->rank - 1], one) : NULL;
    return belay_rms_norm(c->graph, c->x[0], 1, weight, eps);
}

const struct belay_layer belay_layer_rms_norm = {
    .name = "rms_norm",
    .help = "each row's last axis to a mean square of 1, then a weight",
    .options = { { "eps", "float", "added to the mean square (1e-6)" },
                 { "affine", "bool", "whether it has a weight (true)" } },
    .min_x = 1,
    .max_x = 1,
    .build = build,
};
