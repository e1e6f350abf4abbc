// prelu: y = x where x > 0, else weight * x, with one weight or one for each of axis 1.
#include "model/layer.h"
#include "op/op.h"

static belay_value *build(struct belay_layer_call *c)
{
    const struct belay_shape *x = &c->x[0]->shape;
    bool each = belay_layer_bool(c, "each", false);
    int64_t count = each && x->rank > 1 ? x->dim[1] : 1;
    const struct belay_init start = { BELAY_INIT_CONSTANT, belay_layer_float(c, "init", 0.25) };
    return belay_prelu(c->graph, c->x[0], belay_layer_param(c, "weight", 1, &count, start));
}

const struct belay_layer belay_layer_prelu = {
    .name = "prelu",
    .help = "x where x > 0, else x times a weight that is learnt",
    .main_option = "init",
    .options = { { "init", "float", "the weight at the start (0.25)" },
                 { "each", "bool", "a weight for each channel or number (false)" } },
    .min_x = 1,
    .max_x = 1,
    .build = build,
};
