// The gradient as a graph transformation: nodes of the backward pass are appended to the same
// graph, from the outputs back to the values asked for.
#include "graph/graph.h"

#include <string.h>

struct gradient {
    struct belay_graph *g;
    bool *wanted;       // by value id: on a way from a value asked for to an output
    belay_value **dy;   // by value id: the gradient so far, NULL is zero
    size_t num_values;  // before backward nodes were added
};

// Belay's operators without a rule have no gradient; a program's may have been forgotten.
static bool lacks_rule(const struct belay_op *op)
{
    return !op->grad && (op->flags & BELAY_OP_OWN) && !(op->flags & BELAY_OP_NO_GRADIENT) &&
           !(op->flags & BELAY_OP_EFFECT);
}

static void mark_wanted(struct gradient *s, size_t num_nodes)
{
    for (size_t i = 0; i < num_nodes; i++) {
        const struct belay_node *n = s->g->nodes[i];
        bool any = false;
        for (int k = 0; k < n->num_x; k++)
            any |= s->wanted[n->x[k]->id] && !((n->op->shape_only >> k) & 1);
        for (int k = 0; k < n->num_y && (n->op->grad || lacks_rule(n->op)); k++)
            s->wanted[n->y[k]->id] |= any;
    }
}

static void add_gradient(struct gradient *s, belay_value *x, belay_value *dx)
{
    if (!dx)
        return;
    belay_value **sum = &s->dy[x->id];
    *sum = *sum ? belay_add(s->g, *sum, dx) : dx;
}

static void back_through(struct gradient *s, const struct belay_node *n)
{
    struct belay_grad call;
    bool flows = false;
    memset(&call, 0, sizeof(call));
    for (int k = 0; k < n->num_y; k++) {
        call.y[k] = n->y[k];
        call.dy[k] = s->dy[n->y[k]->id];
        flows |= call.dy[k] != NULL;
    }
    bool any = false;
    for (int k = 0; k < n->num_x; k++) {
        call.x[k] = n->x[k];
        call.want[k] = s->wanted[n->x[k]->id] && !((n->op->shape_only >> k) & 1);
        any |= call.want[k];
    }
    if (flows && any && lacks_rule(n->op))
        belay_graph_fail(s->g, BELAY_ERR_UNSUPPORTED,
                         "%s: this operator of the program's own has no gradient rule, and the "
                         "gradient is needed", n->op->name);
    if (!flows || !any || !n->op->grad)
        return;
    call.graph = s->g;
    call.attrs = &n->attrs;
    call.num_x = n->num_x;
    call.num_y = n->num_y;
    n->op->grad(&call);
    for (int k = 0; k < n->num_x; k++)
        if (call.want[k])
            add_gradient(s, n->x[k], call.dx[k]);
}

belay_status belay_gradient_from(belay_graph *g, int num_y, belay_value *const *y,
                                 belay_value *const *dy, int num, belay_value *const *of,
                                 belay_value **grads)
{
    BELAY_TRY(belay_graph_check(g));
    struct gradient s = { .g = g, .num_values = g->num_values };
    size_t num_nodes = g->num_nodes;
    belay_status status = BELAY_OK;
    s.wanted = belay_alloc_array(s.num_values, sizeof(*s.wanted));
    s.dy = belay_alloc_array(s.num_values, sizeof(*s.dy));
    if (!s.wanted || !s.dy) {
        status = belay_fail_nomem(g->log, s.num_values * sizeof(*s.dy));
        goto done;
    }
    for (int i = 0; i < num; i++)
        s.wanted[of[i]->id] = true;
    mark_wanted(&s, num_nodes);
    g->backward = true;
    for (int i = 0; i < num_y; i++)
        add_gradient(&s, y[i], dy[i]);
    for (size_t i = num_nodes; i-- > 0;)
        back_through(&s, g->nodes[i]);
    g->backward = false;
    status = belay_graph_check(g);
    for (int i = 0; i < num && status == BELAY_OK; i++)
        grads[i] = s.dy[of[i]->id];
done:
    belay_free(s.wanted);
    belay_free(s.dy);
    return status;
}

belay_status belay_gradient(belay_graph *g, belay_value *loss, int num, belay_value *const *of,
                            belay_value **grads)
{
    BELAY_TRY(belay_graph_check(g));
    if (belay_shape_count(&loss->shape) != 1)
        return belay_fail(g->log, BELAY_ERR_SHAPE, "gradient: the loss has %lld elements, want 1",
                          (long long) belay_shape_count(&loss->shape));
    belay_value *one = belay_scalar(g, 1);
    return belay_gradient_from(g, 1, &loss, &one, num, of, grads);
}
