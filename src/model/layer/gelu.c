#include <string.h>

#include "model/layer.h"

static belay_value *build(struct belay_layer_call *c)
{
    const char *form = belay_layer_text(c, "approximate", "none");
    if (strcmp(form, "none") != 0 && strcmp(form, "tanh") != 0)
        return belay_layer_fail(c, "approximate is none or tanh, not '%.60s'", form);
    return belay_gelu(c->graph, c->x[0], strcmp(form, "tanh") == 0);
}

const struct belay_layer belay_layer_gelu = {
    .name = "gelu",
    .help = "x * Phi(x)",
    .options = { { "approximate", "text", "none (exact) or tanh" } },
    .min_x = 1,
    .max_x = 1,
    .build = build,
};
