#include "device/opencl/tail.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "device/opencl/fused.h"

enum layout { LAYOUT_NONE, LAYOUT_ALL, LAYOUT_ROW, LAYOUT_COLUMN, LAYOUT_ONE };

// How an input lies against C [rows, n]: all of it, one row for all rows, …
static enum layout layout_of(const struct belay_shape *x, const struct belay_shape *c)
{
    const int64_t count = belay_shape_count(x), n = c->dim[c->rank - 1];
    if (belay_shape_equal(x, c))
        return LAYOUT_ALL;
    if (count == 1)
        return LAYOUT_ONE;
    if (x->rank > 0 && count == n && x->dim[x->rank - 1] == n)
        return LAYOUT_ROW;
    // A column has the dimensions of C but the last.
    if (x->rank == c->rank && x->dim[x->rank - 1] == 1 &&
        memcmp(x->dim, c->dim, (size_t) (x->rank - 1) * sizeof(x->dim[0])) == 0)
        return LAYOUT_COLUMN;
    return LAYOUT_NONE;
}

bool belay_cl_tail_fits(const struct belay_group *group)
{
    const struct belay_shape *c = &belay_cl_tail_value(group)->shape;
    for (int k = 0; k < group->num_x; k++) {
        const struct belay_value *x = group->x[k];
        if (x->kind != BELAY_VALUE_SCALAR &&
            (x->dtype != BELAY_F32 || layout_of(&x->shape, c) == LAYOUT_NONE))
            return false;
    }
    for (int k = 0; k < group->num_y; k++)
        if (group->y[k]->dtype != BELAY_F32 || group->y[k]->adds)
            return false;
    for (int i = 0; i < group->num_nodes; i++)
        if (!group->nodes[i]->op->expr)
            return false;
    return true;
}

static bool is_operand(const struct belay_group *group, int k)
{
    return group->x[k]->kind != BELAY_VALUE_SCALAR && group->x[k] != belay_cl_tail_value(group);
}

// `each` for every operand, with $ for its name.
static void add_each(struct belay_str *s, const struct belay_group *group, const char *output,
                     const char *input)
{
    for (int k = 0; k < group->num_y; k++)
        belay_str_addf(s, output, k, k);
    for (int k = 0; k < group->num_x; k++)
        if (is_operand(group, k))
            belay_str_addf(s, input, k, k);
}

static void add_inputs(struct belay_str *s, const struct belay_group *group)
{
    const struct belay_value *product = belay_cl_tail_value(group);
    for (int k = 0; k < group->num_x; k++) {
        if (group->x[k] == product) {
            belay_str_addf(s, "const V x%d = v; ", k);
            continue;
        }
        if (!is_operand(group, k))
            continue;
        switch (layout_of(&group->x[k]->shape, &product->shape)) {
        case LAYOUT_ALL:
            belay_str_addf(s, "const V x%d = load_part(to->tx%d + e, rest); ", k, k);
            break;
        case LAYOUT_ROW:
            belay_str_addf(s, "const V x%d = load_part(to->tx%d + col, rest); ", k, k);
            break;
        case LAYOUT_COLUMN:
            belay_str_addf(s, "const V x%d = (V) (to->tx%d[row]); ", k, k);
            break;
        default:
            belay_str_addf(s, "const V x%d = (V) (to->tx%d[0]); ", k, k);
        }
    }
}

static int place_of(const struct belay_group *group, int id)
{
    for (int i = 0; i < group->num_nodes; i++)
        if (group->nodes[i]->id == id)
            return i;
    return -1;
}

// Appends text with v<node>_ by the node's place in the group: layers alike share one program.
static void add_renamed(struct belay_str *s, const struct belay_group *group, const char *text)
{
    for (const char *at = text; *at; at++) {
        char *end = NULL;
        const bool name = *at == 'v' && isdigit((unsigned char) at[1]) &&
                          (at == text || !(isalnum((unsigned char) at[-1]) || at[-1] == '_'));
        const long id = name ? strtol(at + 1, &end, 10) : -1;
        if (!name || *end != '_' || place_of(group, (int) id) < 0) {
            belay_str_add_bytes(s, at, 1);
            continue;
        }
        belay_str_addf(s, "v%d", place_of(group, (int) id));
        at = end - 1;
    }
}

void belay_cl_tail_macros(const struct belay_group *group, bool keep, struct belay_str *out)
{
    struct belay_str body = { 0 };
    add_inputs(&body, group);
    for (int i = 0; i < group->num_nodes; i++)
        belay_cl_fused_value(&body, group, group->nodes[i]);
    for (int k = 0; k < group->num_y; k++)
        belay_str_addf(&body, "store_part(to->ty%d + e, v%d_0, rest); ", k,
                       group->y[k]->node->id);
    belay_str_addf(out, "#define TAIL_KEEP %d\n#define V VW\n#define F(x) ((VW) (x))\n", keep);
    belay_str_add(out, "#define TAIL_PARAMS ");
    add_each(out, group, ", global float *ty%d", ", global const float *tx%d");
    belay_str_add(out, "\n#define TAIL_FIELDS ");
    add_each(out, group, "global float *ty%d; ", "global const float *tx%d; ");
    belay_str_add(out, "\n#define TAIL_SET ");
    add_each(out, group, "to.ty%d = ty%d; ", "to.tx%d = tx%d; ");
    belay_str_add(out, "\n#define TAIL_BODY ");
    if (!body.failed)
        add_renamed(out, group, body.text);
    belay_str_add(out, "\n");
    out->failed |= body.failed;
    belay_str_free(&body);
}
