#include "graph/graph.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/str.h"
#include "tensor/dtype.h"

belay_status belay_graph_new(struct belay_log *log, bool training, struct belay_graph **out)
{
    *out = NULL;
    struct belay_graph *g = belay_alloc(sizeof(*g));
    if (!g)
        return belay_fail_nomem(log, sizeof(*g));
    g->log = log;
    g->training = training;
    *out = g;
    return BELAY_OK;
}

void belay_graph_destroy(belay_graph **graph)
{
    if (!graph || !*graph)
        return;
    belay_arena_free(&(*graph)->arena);
    belay_free((*graph)->values);
    belay_free((*graph)->nodes);
    belay_free(*graph);
    *graph = NULL;
}

belay_status belay_graph_check(const belay_graph *graph)
{
    return graph ? graph->status : BELAY_ERR_ARG;
}

struct belay_log *belay_graph_log(belay_graph *g)
{
    return g->log;
}

bool belay_graph_training(const belay_graph *g)
{
    return g->training;
}

uint64_t belay_graph_seed(const belay_graph *g)
{
    return g->seed;
}

belay_value *belay_graph_fail(belay_graph *g, belay_status status, const char *format, ...)
{
    if (!g || g->status != BELAY_OK)
        return NULL;
    char text[512];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    g->status = belay_fail(g->log, status, "%s", text);
    return NULL;
}

static belay_value *fail_nomem(belay_graph *g)
{
    if (g->status == BELAY_OK)
        g->status = belay_fail_nomem(g->log, sizeof(struct belay_value));
    return NULL;
}

// The two lists grow; what they hold lives in the arena.
static bool grow_list(void *list, size_t count, size_t *capacity)
{
    void *items = *(void **) list;
    if (!belay_grow(&items, count, capacity, sizeof(void *)))
        return false;
    *(void **) list = items;
    return true;
}

static belay_value *new_value(belay_graph *g, enum belay_value_kind kind, belay_dtype dtype,
                              const struct belay_shape *shape, const char *name)
{
    if (!g || g->status != BELAY_OK)
        return NULL;
    struct belay_value *v = belay_arena_alloc(&g->arena, sizeof(*v));
    char *copy = belay_arena_strdup(&g->arena, name ? name : "");
    if (!v || !copy || !grow_list(&g->values, g->num_values, &g->cap_values))
        return fail_nomem(g);
    v->graph = g;
    v->id = (int) g->num_values;
    v->kind = kind;
    v->dtype = dtype;
    v->shape = *shape;
    v->name = copy;
    g->values[g->num_values++] = v;
    return v;
}

static belay_value *new_named(belay_graph *g, enum belay_value_kind kind, const char *name,
                              belay_dtype dtype, int rank, const int64_t *dim)
{
    struct belay_shape shape;
    if (!g || g->status != BELAY_OK)
        return NULL;
    belay_status status = belay_shape_make(g->log, rank, dim, &shape);
    if (status != BELAY_OK) {
        g->status = belay_fail_in(g->log, status, "value '%s'", name);
        return NULL;
    }
    return new_value(g, kind, dtype, &shape, name);
}

belay_value *belay_input(belay_graph *g, const char *name, belay_dtype dtype, int rank,
                         const int64_t *dim, bool rows)
{
    if (rows && rank < 1)
        return belay_graph_fail(g, BELAY_ERR_ARG, "input '%s': rows need rank 1 or more", name);
    belay_value *v = new_named(g, BELAY_VALUE_INPUT, name, dtype, rank, dim);
    if (v)
        v->rows = rows;
    return v;
}

belay_value *belay_param(belay_graph *g, const char *name, int rank, const int64_t *dim)
{
    if (!g || g->status != BELAY_OK)
        return NULL;
    for (size_t i = 0; i < g->num_values; i++) {
        struct belay_value *v = g->values[i];
        if (v->kind != BELAY_VALUE_PARAM || strcmp(v->name, name) != 0)
            continue;
        struct belay_shape want;
        char a[BELAY_SHAPE_TEXT], b[BELAY_SHAPE_TEXT];
        if (belay_shape_make(g->log, rank, dim, &want) == BELAY_OK &&
            belay_shape_equal(&want, &v->shape))
            return v;
        return belay_graph_fail(g, BELAY_ERR_SHAPE,
                                "parameter '%s' is shared with shape %s, here it has %s", name,
                                belay_shape_text(&v->shape, a), belay_shape_text(&want, b));
    }
    belay_value *v = new_named(g, BELAY_VALUE_PARAM, name, BELAY_F32, rank, dim);
    if (v)
        v->trainable = true;
    return v;
}

belay_value *belay_state(belay_graph *g, const char *name, belay_dtype dtype, int rank,
                         const int64_t *dim)
{
    return new_named(g, BELAY_VALUE_STATE, name, dtype, rank, dim);
}

belay_value *belay_scalar(belay_graph *g, double value)
{
    const struct belay_shape shape = { 0 };
    belay_value *v = new_value(g, BELAY_VALUE_SCALAR, BELAY_F32, &shape, "");
    if (v)
        v->scalar = value;
    return v;
}

belay_value *belay_graph_step_table(belay_graph *g)
{
    if (!g || g->status != BELAY_OK)
        return NULL;
    if (!g->step)
        g->step = belay_state(g, "step", BELAY_I32, 1, (const int64_t[]){ 8 });
    return g->step;
}

int belay_value_rank(const belay_value *v)
{
    return v ? v->shape.rank : 0;
}

int64_t belay_value_dim(const belay_value *v, int axis)
{
    int at;
    return v && belay_shape_axis(&v->shape, axis, &at) ? v->shape.dim[at] : 0;
}

const struct belay_shape *belay_value_shape(const belay_value *v)
{
    return &v->shape;
}

belay_dtype belay_value_dtype(const belay_value *v)
{
    return v->dtype;
}

belay_value *belay_output(belay_value *first, int index)
{
    return first ? first->node->y[index] : NULL;
}

// ---- nodes ----

static belay_status broadcast_all(struct belay_log *log, const char *op, int num_x,
                                  const struct belay_shape *x, struct belay_shape *y)
{
    *y = x[0];
    for (int i = 1; i < num_x; i++) {
        struct belay_shape both;
        char a[BELAY_SHAPE_TEXT], b[BELAY_SHAPE_TEXT];
        if (!belay_shape_broadcast(y, &x[i], &both))
            return belay_fail(log, BELAY_ERR_SHAPE, "%s: shapes %s and %s do not broadcast", op,
                              belay_shape_text(y, a), belay_shape_text(&x[i], b));
        *y = both;
    }
    return BELAY_OK;
}

static belay_status infer(struct belay_log *log, const struct belay_op *op,
                          const struct belay_attrs *attrs, int num_x, const struct belay_shape *x,
                          struct belay_shape *y)
{
    if (op->infer)
        return op->infer(log, attrs, num_x, x, y);
    return broadcast_all(log, op->name, num_x, x, y);
}

static bool check_inputs(belay_graph *g, const struct belay_op *op, int num_x,
                         belay_value *const *x)
{
    if (num_x > BELAY_MAX_IN || (op->num_x >= 0 ? num_x != op->num_x : num_x < 1)) {
        belay_graph_fail(g, BELAY_ERR_ARG, "%s: got %d inputs, want %d", op->name, num_x,
                         op->num_x >= 0 ? op->num_x : BELAY_MAX_IN);
        return false;
    }
    for (int i = 0; i < num_x; i++) {
        if (!x[i] || x[i]->graph != g) {
            belay_graph_fail(g, BELAY_ERR_ARG, "%s: input %d is %s", op->name, i,
                             x[i] ? "of another graph" : "NULL");
            return false;
        }
        bool index = (op->index_inputs >> i) & 1;
        if (index && x[i]->dtype != BELAY_I32) {
            belay_graph_fail(g, BELAY_ERR_ARG, "%s: input %d is %s, want I32", op->name, i,
                             belay_dtype_name(x[i]->dtype));
            return false;
        }
    }
    return true;
}

static struct belay_node *new_node(belay_graph *g, const struct belay_op *op, int num_x, int num_y)
{
    struct belay_node *n = belay_arena_alloc(&g->arena, sizeof(*n));
    if (!n || !grow_list(&g->nodes, g->num_nodes, &g->cap_nodes))
        return NULL;
    n->x = belay_arena_array(&g->arena, (size_t) num_x + 1, sizeof(*n->x));
    n->y = belay_arena_array(&g->arena, (size_t) num_y, sizeof(*n->y));
    if (!n->x || !n->y)
        return NULL;
    n->op = op;
    n->num_x = num_x;
    n->num_y = num_y;
    n->backward = g->backward;
    return n;
}

// Only element-wise kernels print scalars; all others read memory.
static bool give_scalars_memory(belay_graph *g, const struct belay_op *op, int num_x,
                                belay_value **x)
{
    for (int i = 0; i < num_x && !op->eval; i++) {
        if (x[i]->kind != BELAY_VALUE_SCALAR || ((op->shape_only >> i) & 1))
            continue;
        x[i] = belay_copy(g, x[i]);
        if (!x[i])
            return false;
    }
    return true;
}

belay_value *belay_apply(belay_graph *g, const struct belay_op *op, int num_x,
                         belay_value *const *x, const struct belay_attrs *attrs)
{
    if (!g || g->status != BELAY_OK || !check_inputs(g, op, num_x, x))
        return NULL;
    static const struct belay_attrs none;
    belay_value *in[BELAY_MAX_IN + 1];
    memcpy(in, x, (size_t) num_x * sizeof(*x));
    if (!give_scalars_memory(g, op, num_x, in))
        return NULL;
    x = in;
    struct belay_shape x_shape[BELAY_MAX_IN], y_shape[BELAY_MAX_OUT];
    for (int i = 0; i < num_x; i++)
        x_shape[i] = x[i]->shape;
    memset(y_shape, 0, sizeof(y_shape));
    g->status = infer(g->log, op, attrs ? attrs : &none, num_x, x_shape, y_shape);
    if (g->status != BELAY_OK)
        return NULL;
    int num_y = belay_op_num_y(op);
    struct belay_node *n = new_node(g, op, num_x, num_y);
    if (!n)
        return fail_nomem(g);
    n->attrs = attrs ? *attrs : none;
    memcpy(n->x, x, (size_t) num_x * sizeof(*x));
    for (int i = 0; i < num_y; i++) {
        belay_dtype dtype = op->flags & BELAY_OP_VIEW ? x[0]->dtype : op->y_dtype;
        if ((op->index_outputs >> i) & 1)
            dtype = BELAY_I32;
        struct belay_value *y = new_value(g, BELAY_VALUE_NODE, dtype, &y_shape[i], "");
        if (!y)
            return NULL;
        y->node = n;
        y->out = i;
        n->y[i] = y;
    }
    n->id = (int) g->num_nodes;
    g->nodes[g->num_nodes++] = n;
    return n->y[0];
}

belay_value *belay_apply1(belay_graph *g, const struct belay_op *op, belay_value *x,
                          const struct belay_attrs *attrs)
{
    return belay_apply(g, op, 1, &x, attrs);
}

belay_value *belay_apply2(belay_graph *g, const struct belay_op *op, belay_value *a,
                          belay_value *b, const struct belay_attrs *attrs)
{
    belay_value *x[2] = { a, b };
    return belay_apply(g, op, 2, x, attrs);
}

belay_value *belay_graph_output(belay_graph *g, belay_value *v, const char *name)
{
    if (!g || g->status != BELAY_OK || !v)
        return NULL;
    bool plain = v->kind == BELAY_VALUE_NODE && !(v->node->op->flags & BELAY_OP_VIEW) &&
                 !v->output && !v->node->op->inplace[v->out];
    if (!plain)
        v = belay_copy(g, v);
    if (!v)
        return NULL;
    char *copy = belay_arena_strdup(&g->arena, name);
    if (!copy)
        return fail_nomem(g);
    v->name = copy;
    v->output = true;
    g->num_outputs++;
    return v;
}

static bool is_read(const belay_graph *g, const belay_value *v)
{
    for (size_t i = 0; i < g->num_nodes; i++)
        for (int k = 0; k < g->nodes[i]->num_x; k++)
            if (g->nodes[i]->x[k] == v && !((g->nodes[i]->op->shape_only >> k) & 1))
                return true;
    return false;
}

belay_value *belay_graph_adding_output(belay_graph *g, belay_value *v, const char *name)
{
    if (!g || g->status != BELAY_OK || !v)
        return NULL;
    const struct belay_op *op = v->kind == BELAY_VALUE_NODE ? v->node->op : NULL;
    if (!op || !(op->gemm || op->eval) || v->output || is_read(g, v))
        v = belay_copy(g, v);
    v = belay_graph_output(g, v, name);
    if (v)
        v->adds = true;
    return v;
}

// ---- shapes of a run ----

belay_status belay_graph_shapes(const belay_graph *g, int64_t rows, struct belay_shape *shapes)
{
    for (size_t i = 0; i < g->num_values; i++) {
        shapes[i] = g->values[i]->shape;
        if (g->values[i]->rows)
            shapes[i].dim[0] = rows;
    }
    for (size_t i = 0; i < g->num_nodes; i++) {
        const struct belay_node *n = g->nodes[i];
        struct belay_shape x[BELAY_MAX_IN], y[BELAY_MAX_OUT];
        for (int k = 0; k < n->num_x; k++)
            x[k] = shapes[n->x[k]->id];
        memset(y, 0, sizeof(y));
        BELAY_TRY(infer(g->log, n->op, &n->attrs, n->num_x, x, y));
        for (int k = 0; k < n->num_y; k++)
            shapes[n->y[k]->id] = y[k];
    }
    return BELAY_OK;
}

void belay_node_call(const struct belay_node *node, const struct belay_shape *shapes,
                     struct belay_call *call)
{
    memset(call, 0, sizeof(*call));
    call->op = node->op;
    call->attrs = &node->attrs;
    call->num_x = node->num_x;
    call->num_y = node->num_y;
    for (int i = 0; i < node->num_x; i++) {
        call->x_shape[i] = shapes ? shapes[node->x[i]->id] : node->x[i]->shape;
        call->x_dtype[i] = node->x[i]->dtype;
    }
    for (int i = 0; i < node->num_y; i++) {
        call->y_shape[i] = shapes ? shapes[node->y[i]->id] : node->y[i]->shape;
        call->y_dtype[i] = node->y[i]->dtype;
    }
}

void belay_graph_print(const belay_graph *g, struct belay_str *out)
{
    char text[BELAY_SHAPE_TEXT];
    for (size_t i = 0; i < g->num_nodes; i++) {
        const struct belay_node *n = g->nodes[i];
        if (n->dead)
            continue;
        belay_str_addf(out, "%4d %-18s", n->id, n->op->name);
        for (int k = 0; k < n->num_x; k++)
            belay_str_addf(out, " %s%d", n->x[k]->name[0] ? n->x[k]->name : "v", n->x[k]->id);
        belay_str_addf(out, " -> v%d %s\n", n->y[0]->id, belay_shape_text(&n->y[0]->shape, text));
    }
}
