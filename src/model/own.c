// A program's own operators as layers.
#include "base/own.h"

#include <string.h>

#include "device/context.h"
#include "model/layer.h"
#include "op/own.h"

struct own_layer {
    struct belay_layer layer; // first: a call's layer is this struct
    struct belay_own own;
    const struct belay_own_op_entry *op;
};

static struct belay_own_list layers;

static struct own_layer *entry_at(struct belay_own *own)
{
    return own ? (struct own_layer *) ((char *) own - offsetof(struct own_layer, own)) : NULL;
}

static belay_value *build(struct belay_layer_call *c)
{
    const struct belay_own_op_entry *op = ((const struct own_layer *) c->layer)->op;
    double settings[BELAY_OWN_SETTINGS] = { 0 };
    for (int i = 0; i < op->num_settings; i++)
        settings[i] = belay_layer_float(c, op->def.settings[i].name, op->def.settings[i].fallback);
    return belay_own_op_apply(c->graph, op, c->num_x, c->x, settings);
}

static bool is_layer(const char *name)
{
    size_t length = strlen(name);
    return length < 5 || strcmp(name + length - 5, "_grad") != 0;
}

static belay_status add_layer(struct belay_log *log, const struct belay_own_op_entry *op)
{
    struct own_layer *l = belay_alloc(sizeof(*l));
    if (!l)
        return belay_fail_nomem(log, sizeof(*l));
    l->own.name = op->op.name;
    l->op = op;
    l->layer = (struct belay_layer){ .name = op->op.name, .help = op->def.help,
                                     .min_x = op->op.num_x, .max_x = op->op.num_x, .build = build };
    for (int i = 0; i < op->num_settings; i++)
        l->layer.options[i] = (struct belay_layer_option){ op->def.settings[i].name, "float",
                                                           op->def.settings[i].help };
    l->layer.main_option = op->num_settings ? op->def.settings[0].name : NULL;
    (void) belay_own_add(&layers, &l->own);
    return BELAY_OK;
}

belay_status belay_register_op(belay_ctx *ctx, const belay_own_op *def)
{
    static const char *const words[] = { "name", "as", "from" };
    const struct belay_own_op_entry *added;
    BELAY_TRY(belay_own_check_name(&ctx->log, "own op", def->name));
    bool taken = false;
    for (size_t i = 0; i < 3; i++)
        taken = taken || strcmp(def->name, words[i]) == 0;
    if (taken || (belay_layer_find(def->name) && !belay_own_find(&layers, def->name)))
        return belay_own_exists(&ctx->log, "layer", def->name);
    BELAY_TRY(belay_own_op_add(&ctx->log, def, &added));
    // Memory may have been short for the layer when the operator was added.
    if (!is_layer(def->name) || belay_own_find(&layers, def->name))
        return BELAY_OK;
    return add_layer(&ctx->log, belay_own_op_find(def->name));
}

const struct belay_layer *belay_own_layer_at(size_t index)
{
    const struct own_layer *l = entry_at(belay_own_at(&layers, index));
    return l ? &l->layer : NULL;
}
