// Passes over the graph before planning: fold scalars, join equal nodes, drop what nobody needs.
#include "graph/graph.h"

#include <string.h>

#include "base/hash.h"

// `in_memory` by value id: read by nodes that want memory.
static void fold_scalar(struct belay_node *n, const bool *in_memory)
{
    double x[BELAY_MAX_IN];
    struct belay_value *y = n->y[0];
    if (!n->op->eval || y->output || n->num_x == 0 || in_memory[y->id])
        return;
    for (int k = 0; k < n->num_x; k++) {
        if (n->x[k]->kind != BELAY_VALUE_SCALAR)
            return;
        x[k] = n->x[k]->scalar;
    }
    // A copy exists to give a scalar memory.
    if (n->num_x == 1 && strcmp(n->op->name, "copy") == 0)
        return;
    y->kind = BELAY_VALUE_SCALAR;
    y->scalar = n->op->eval(x, n->attrs.f);
    y->node = NULL;
    n->dead = true;
}

static belay_status fold_scalars(struct belay_graph *g)
{
    bool *in_memory = belay_alloc_array(g->num_values + 1, sizeof(*in_memory));
    if (!in_memory)
        return belay_fail_nomem(g->log, g->num_values);
    for (size_t i = 0; i < g->num_nodes; i++)
        for (int k = 0; k < g->nodes[i]->num_x && !g->nodes[i]->op->eval; k++)
            in_memory[g->nodes[i]->x[k]->id] = true;
    for (size_t i = 0; i < g->num_nodes; i++)
        fold_scalar(g->nodes[i], in_memory);
    belay_free(in_memory);
    return BELAY_OK;
}

// ---- common sub-expressions ----

struct joiner {
    struct belay_graph *g;
    belay_value **same; // by value id: what stands for it
    int *table;         // hash -> node id + 1
    size_t mask;
};

// Others may stand for equal nodes: what they make depends on their inputs alone, and is theirs.
static bool joinable(const struct belay_node *n)
{
    if (n->dead || (n->op->flags & (BELAY_OP_EFFECT | BELAY_OP_RANDOM)))
        return false;
    for (int k = 0; k < n->num_y; k++)
        if (n->y[k]->adds || n->op->inplace[k])
            return false;
    return true;
}

// An output is never another node's: its memory is the caller's.
static bool has_output(const struct belay_node *n)
{
    for (int k = 0; k < n->num_y; k++)
        if (n->y[k]->output)
            return true;
    return false;
}

// An operator and one that extends it meet in the table.
static const struct belay_op *base_op(const struct belay_node *n)
{
    return n->op->extends ? n->op->extends : n->op;
}

static uint64_t node_hash(const struct belay_node *n)
{
    const struct belay_op *op = base_op(n);
    uint64_t h = belay_hash64(&n->attrs, sizeof(n->attrs)) ^ belay_hash64(&op, sizeof(op));
    for (int k = 0; k < n->num_x; k++) {
        // Equal numbers are equal inputs.
        uint64_t part = (uint64_t) n->x[k]->id + 1;
        if (n->x[k]->kind == BELAY_VALUE_SCALAR)
            memcpy(&part, &n->x[k]->scalar, sizeof(part));
        h = belay_hash64(&part, sizeof(part)) ^ (h * 0x9e3779b97f4a7c15u);
    }
    return h;
}

static bool same_input(const belay_value *a, const belay_value *b)
{
    if (a == b)
        return true;
    return a->kind == BELAY_VALUE_SCALAR && b->kind == BELAY_VALUE_SCALAR &&
           memcmp(&a->scalar, &b->scalar, sizeof(a->scalar)) == 0 &&
           belay_shape_equal(&a->shape, &b->shape);
}

static bool same_node(const struct belay_node *a, const struct belay_node *b)
{
    if (base_op(a) != base_op(b) || a->num_x != b->num_x ||
        memcmp(&a->attrs, &b->attrs, sizeof(a->attrs)) != 0)
        return false;
    // A backward element-wise node is cheaper computed again than kept since the forward pass.
    if (a->backward != b->backward && a->op->eval)
        return false;
    for (int k = 0; k < a->num_x; k++)
        if (!same_input(a->x[k], b->x[k]))
            return false;
    return true;
}

// The input that the output is, since the other one is a number that changes nothing; or NULL.
static struct belay_value *unchanged(const struct belay_node *n)
{
    for (int k = 0; k < 2 && n->num_x == 2; k++) {
        const struct belay_value *number = n->x[k];
        struct belay_value *other = n->x[1 - k];
        if ((n->op->neutral_inputs >> k) & 1 && number->kind == BELAY_VALUE_SCALAR &&
            number->scalar == n->op->neutral && other->kind != BELAY_VALUE_SCALAR && other->dtype == n->y[0]->dtype &&
            belay_shape_equal(&other->shape, &n->y[0]->shape))
            return other;
    }
    return NULL;
}

// `old` makes the outputs of the equal node `n` too. If n makes more of them, it becomes n in its
// own place, before everything that reads it.
static void take_over(struct joiner *j, struct belay_node *old, struct belay_node *n)
{
    if (n->num_y > old->num_y) {
        struct belay_value **y = old->y;
        int num = old->num_y;
        old->op = n->op;
        old->y = n->y;
        old->num_y = n->num_y;
        n->y = y;
        n->num_y = num;
        for (int k = 0; k < num; k++) {
            struct belay_value *v = n->y[k];
            n->y[k] = old->y[k];
            old->y[k] = v;
        }
        for (int k = num; k < old->num_y; k++)
            old->y[k]->node = old;
        n->op = n->op->extends;
    }
    for (int k = 0; k < n->num_y; k++)
        j->same[n->y[k]->id] = old->y[k];
    n->dead = true;
}

static void join(struct joiner *j, struct belay_node *n)
{
    for (int k = 0; k < n->num_x; k++)
        n->x[k] = j->same[n->x[k]->id];
    if (!joinable(n))
        return;
    struct belay_value *same = unchanged(n);
    bool stays = has_output(n);
    if (same && !stays) {
        j->same[n->y[0]->id] = same;
        n->dead = true;
        return;
    }
    size_t at = (size_t) node_hash(n) & j->mask;
    for (; j->table[at]; at = (at + 1) & j->mask) {
        struct belay_node *old = j->g->nodes[j->table[at] - 1];
        if (stays || !same_node(old, n))
            continue;
        take_over(j, old, n);
        return;
    }
    j->table[at] = n->id + 1;
}

static belay_status join_equal(struct belay_graph *g)
{
    struct joiner j = { .g = g, .mask = 15 };
    belay_status status = BELAY_OK;
    while (j.mask < 2 * g->num_nodes)
        j.mask = 2 * j.mask + 1;
    j.same = belay_alloc_array(g->num_values, sizeof(*j.same));
    j.table = belay_alloc_array(j.mask + 1, sizeof(*j.table));
    if (!j.same || !j.table) {
        status = belay_fail_nomem(g->log, (j.mask + 1) * sizeof(*j.table));
        goto done;
    }
    for (size_t i = 0; i < g->num_values; i++)
        j.same[i] = g->values[i];
    for (size_t i = 0; i < g->num_nodes; i++)
        if (!g->nodes[i]->dead)
            join(&j, g->nodes[i]);
done:
    belay_free(j.same);
    belay_free(j.table);
    return status;
}

// ---- dead nodes ----

static belay_status drop_dead(struct belay_graph *g)
{
    bool *live = belay_alloc_array(g->num_values, sizeof(*live));
    if (!live)
        return belay_fail_nomem(g->log, g->num_values);
    for (size_t i = 0; i < g->num_values; i++)
        live[i] = g->values[i]->output;
    for (size_t i = g->num_nodes; i-- > 0;) {
        struct belay_node *n = g->nodes[i];
        bool needed = !n->dead && (n->op->flags & BELAY_OP_EFFECT);
        for (int k = 0; k < n->num_y; k++)
            needed |= !n->dead && live[n->y[k]->id];
        n->dead = !needed;
        for (int k = 0; k < n->num_x && needed; k++)
            if (!((n->op->shape_only >> k) & 1))
                live[n->x[k]->id] = true;
    }
    belay_free(live);
    return BELAY_OK;
}

belay_status belay_graph_optimize(belay_graph *g)
{
    BELAY_TRY(belay_graph_check(g));
    BELAY_TRY(fold_scalars(g));
    BELAY_TRY(join_equal(g));
    return drop_dead(g);
}
