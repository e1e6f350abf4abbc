// Element-wise operators by their names.
#include <string.h>

#include "base/str.h"
#include "op/own.h"

#define MAX_NAMES 256

// Settings are written as @0, @1, ... in the expression. Gradients of others are not for callers.
static bool is_plain(const struct belay_op *op, int num_x)
{
    size_t length = strlen(op->name);
    bool grad = length > 5 && strcmp(op->name + length - 5, "_grad") == 0;
    return op->eval && op->expr && op->num_x == num_x && !strchr(op->expr, '@') && !grad;
}

static const struct belay_op *find(belay_graph *g, const char *name, int num_x)
{
    const char *names[MAX_NAMES];
    size_t count = 0;
    for (const struct belay_op *const *op = belay_ops; *op; op++) {
        if (!is_plain(*op, num_x))
            continue;
        if (strcmp((*op)->name, name) == 0)
            return *op;
        if (count < MAX_NAMES)
            names[count++] = (*op)->name;
    }
    const struct belay_own_op_entry *own;
    for (size_t i = 0; (own = belay_own_op_at(i)) && count < MAX_NAMES; i++)
        names[count++] = own->op.name;
    const char *near = belay_suggest(name, names, count);
    belay_graph_fail(g, BELAY_ERR_ARG,
                     "no element-wise operator '%s' with %d operand%s and no settings%s%s%s", name,
                     num_x, num_x == 1 ? "" : "s", near ? ", did you mean '" : "", near ? near : "",
                     near ? "'?" : "");
    return NULL;
}

belay_value *belay_named(belay_graph *g, const char *op, int num_x, belay_value *const *x,
                         int num_settings, const double *settings)
{
    if (!g || belay_graph_check(g) != BELAY_OK)
        return NULL;
    const struct belay_own_op_entry *own = belay_own_op_find(op);
    if (own && num_settings != 0 && num_settings != own->num_settings)
        return belay_graph_fail(g, BELAY_ERR_ARG, "%s: got %d settings, it has %d", op,
                                num_settings, own->num_settings);
    if (own)
        return belay_own_op_apply(g, own, num_x, x, num_settings ? settings : NULL);
    const struct belay_op *found = find(g, op, num_x);
    if (found && num_settings != 0)
        return belay_graph_fail(g, BELAY_ERR_ARG, "%s: got %d settings, it has none", op,
                                num_settings);
    return found ? belay_apply(g, found, num_x, x, NULL) : NULL;
}
