// linear: y = x weight^T + bias, weight [units, in], bias [units].
#include "base/str.h"
#include "model/layer.h"

static const struct belay_initializer *initializer_of(struct belay_layer_call *c)
{
    const char *names[16];
    size_t n = 0;
    const char *got = belay_layer_text(c, "init", "default");
    const struct belay_initializer *found = belay_initializer_find(got);
    if (found)
        return found;
    for (; belay_initializers[n] && n < 16; n++)
        names[n] = belay_initializers[n]->name;
    const char *near = belay_suggest(got, names, n);
    belay_layer_fail(c, "unknown init '%.60s'%s%s%s", got, near ? ", did you mean '" : "",
                     near ? near : "", near ? "'?" : "");
    return NULL;
}

static belay_value *build(struct belay_layer_call *c)
{
    const struct belay_shape *x = &c->x[0]->shape;
    const struct belay_initializer *init = initializer_of(c);
    int64_t units = belay_layer_int(c, "units", 0);
    double std = belay_layer_float(c, "std", 0.01);
    bool bias = belay_layer_bool(c, "bias", true);
    if (!init)
        return NULL;
    if (units < 1 || units > INT32_MAX)
        return belay_layer_fail(c, "wants its number of units, as `linear: 256`");
    if (!(std > 0))
        return belay_layer_fail(c, "std must be above 0, not %g", std);
    if (x->rank < 2)
        return belay_layer_fail(c, "wants rows of numbers");
    int64_t dim[2] = { units, x->dim[x->rank - 1] };
    belay_value *weight = belay_layer_param(
        c, "weight", 2, dim, init->weight((double) dim[1], (double) units, std));
    belay_value *b =
        bias ? belay_layer_param(c, "bias", 1, dim, init->bias((double) dim[1])) : NULL;
    return belay_linear(c->graph, c->x[0], weight, b);
}

const struct belay_layer belay_layer_linear = {
    .name = "linear",
    .help = "a product with a weight, and a bias added",
    .main_option = "units",
    .options = { { "units", "int", "numbers that come out" },
                 { "bias", "bool", "whether a bias is added (true)" },
                 { "init", "text", "default, kaiming_uniform, kaiming_normal, xavier_uniform, "
                                   "xavier_normal, normal, zeros" },
                 { "std", "float", "standard deviation of init: normal (0.01)" } },
    .min_x = 1,
    .max_x = 1,
    .build = build,
};
