// Element-wise operators by their names.
#include <string.h>

#include "base/str.h"
#include "op/op.h"

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
    const char *near = belay_suggest(name, names, count);
    belay_graph_fail(g, BELAY_ERR_ARG,
                     "no element-wise operator '%s' with %d operand%s and no settings%s%s%s", name,
                     num_x, num_x == 1 ? "" : "s", near ? ", did you mean '" : "", near ? near : "",
                     near ? "'?" : "");
    return NULL;
}

belay_value *belay_unary(belay_graph *g, const char *op, belay_value *x)
{
    const struct belay_op *found = g ? find(g, op, 1) : NULL;
    return found ? belay_apply1(g, found, x, NULL) : NULL;
}

belay_value *belay_binary(belay_graph *g, const char *op, belay_value *a, belay_value *b)
{
    const struct belay_op *found = g ? find(g, op, 2) : NULL;
    return found ? belay_apply2(g, found, a, b, NULL) : NULL;
}
