#include "graph/fuse.h"

#include <string.h>

// A set of nodes under construction: union-find over live nodes, with a list of members.
struct fuser {
    const struct belay_graph *g;
    struct belay_arena *arena;
    size_t num_nodes;
    int *set;     // node -> representative node, -1 for dead and view nodes
    int *next;    // members of a set, linked from the representative; -1 ends
    int *segment; // node -> number of effects before it
    int *sum;     // representative -> the sum at the end of its kernel, -1: none
    int **users;  // value -> nodes that read its bytes, ends with -1
    char *seen;   // scratch of the search, by representative
    int *stack;
    size_t max_args;
    bool tails; // element-wise work right behind its product
};

static bool is_view(const struct belay_node *n)
{
    return (n->op->flags & BELAY_OP_VIEW) != 0;
}

static bool reads(const struct belay_node *n, int k)
{
    return n->x[k]->kind != BELAY_VALUE_SCALAR && !((n->op->shape_only >> k) & 1);
}

// The node that really makes the bytes of a value: views are looked through.
static const struct belay_node *maker(const belay_value *v)
{
    while (v->kind == BELAY_VALUE_NODE && is_view(v->node))
        v = v->node->x[0];
    return v->kind == BELAY_VALUE_NODE ? v->node : NULL;
}

static belay_status list_users(struct fuser *f)
{
    const struct belay_graph *g = f->g;
    int *count = belay_arena_array(f->arena, g->num_values, sizeof(*count));
    f->users = belay_arena_array(f->arena, g->num_values, sizeof(*f->users));
    if (!count || !f->users)
        return belay_fail_nomem(g->log, g->num_values * sizeof(*count));
    for (size_t i = 0; i < g->num_nodes; i++)
        for (int k = 0; k < g->nodes[i]->num_x && !g->nodes[i]->dead; k++)
            count[g->nodes[i]->x[k]->id]++;
    for (size_t i = 0; i < g->num_values; i++) {
        f->users[i] = belay_arena_array(f->arena, (size_t) count[i] + 1, sizeof(int));
        if (!f->users[i])
            return belay_fail_nomem(g->log, (size_t) count[i] * sizeof(int));
        memset(f->users[i], 0xff, ((size_t) count[i] + 1) * sizeof(int));
        count[i] = 0;
    }
    for (size_t i = 0; i < g->num_nodes; i++) {
        const struct belay_node *n = g->nodes[i];
        for (int k = 0; k < n->num_x && !n->dead; k++)
            if (reads(n, k))
                f->users[n->x[k]->id][count[n->x[k]->id]++] = n->id;
    }
    return BELAY_OK;
}

static bool repeats(const belay_value *x, const struct belay_shape *space, int dim)
{
    int at = dim - (space->rank - x->shape.rank);
    return at < 0 || (x->shape.dim[at] == 1 && space->dim[dim] != 1);
}

// Pushes the sets that read what node `id` makes, looking through views.
static int push_users(struct fuser *f, const belay_value *v, int top)
{
    for (const int *u = f->users[v->id]; *u >= 0; u++) {
        const struct belay_node *n = f->g->nodes[*u];
        if (is_view(n)) {
            top = push_users(f, n->y[0], top);
            continue;
        }
        int s = f->set[n->id];
        if (!f->seen[s]) {
            f->seen[s] = 1;
            f->stack[top++] = s;
        }
    }
    return top;
}

// Is there a way from set `a` to set `b` through other sets? Then they cannot be one kernel.
static bool path_outside(struct fuser *f, int a, int b)
{
    int top = 0;
    memset(f->seen, 0, f->num_nodes);
    f->seen[a] = 1;
    for (int m = a; m >= 0; m = f->next[m])
        for (int k = 0; k < f->g->nodes[m]->num_y; k++)
            top = push_users(f, f->g->nodes[m]->y[k], top);
    // Direct edges from a to b are fine.
    bool direct = f->seen[b];
    f->seen[b] = 0;
    int kept = 0;
    for (int i = 0; i < top && direct; i++)
        if (f->stack[i] != b)
            f->stack[kept++] = f->stack[i];
    if (direct)
        top = kept;
    while (top > 0) {
        int s = f->stack[--top];
        if (s == b)
            return true;
        for (int m = s; m >= 0; m = f->next[m])
            for (int k = 0; k < f->g->nodes[m]->num_y; k++)
                top = push_users(f, f->g->nodes[m]->y[k], top);
    }
    return false;
}

static bool in_either(const struct fuser *f, const belay_value *v, int a, int b)
{
    if (v->kind != BELAY_VALUE_NODE || is_view(v->node))
        return false;
    int s = f->set[v->node->id];
    return s == a || s == b;
}

// Does anybody outside the two sets read it?
static bool leaves(const struct fuser *f, const belay_value *v, int a, int b)
{
    if (v->output)
        return true;
    for (const int *u = f->users[v->id]; *u >= 0; u++) {
        int s = f->set[*u];
        if (s < 0 || (s != a && s != b))
            return true;
    }
    return false;
}

static size_t count_args(const struct fuser *f, int a, int b)
{
    size_t args = 0;
    for (int part = 0; part < 2; part++) {
        for (int m = part ? b : a; m >= 0; m = f->next[m]) {
            const struct belay_node *n = f->g->nodes[m];
            for (int k = 0; k < n->num_x; k++)
                args += reads(n, k) && !in_either(f, n->x[k], a, b);
            args += leaves(f, n->y[0], a, b);
        }
    }
    return args; // an upper bound: an input read twice counts twice
}

// Does a node of set `b` read a view of what set `a` makes? A kernel cannot read that from itself.
static bool reads_view_of(const struct fuser *f, int a, int b)
{
    for (int m = b; m >= 0; m = f->next[m]) {
        const struct belay_node *n = f->g->nodes[m];
        for (int k = 0; k < n->num_x; k++) {
            const struct belay_node *from = reads(n, k) ? maker(n->x[k]) : NULL;
            if (from && f->set[from->id] == a && from != n->x[k]->node)
                return true;
        }
    }
    return false;
}

static bool fits(struct fuser *f, int a, int b)
{
    const struct belay_node *x = f->g->nodes[a], *y = f->g->nodes[b];
    return x->op->eval && y->op->eval && f->segment[a] == f->segment[b] &&
           x->backward == y->backward && belay_shape_equal(&x->y[0]->shape, &y->y[0]->shape) &&
           count_args(f, a, b) <= f->max_args && !reads_view_of(f, a, b) &&
           !reads_view_of(f, b, a) && !path_outside(f, a, b) && !path_outside(f, b, a);
}

static void merge(struct fuser *f, int a, int b) // a's members first
{
    int tail = a;
    for (int m = b; m >= 0; m = f->next[m])
        f->set[m] = a;
    while (f->next[tail] >= 0)
        tail = f->next[tail];
    f->next[tail] = b;
}

static void fuse_node(struct fuser *f, const struct belay_node *n)
{
    for (int k = 0; k < n->num_x; k++) {
        const belay_value *x = n->x[k];
        if (x->kind != BELAY_VALUE_NODE || is_view(x->node) || x->node->dead)
            continue;
        int a = f->set[x->node->id], b = f->set[n->id];
        if (a >= 0 && a != b && fits(f, a, b))
            merge(f, a, b);
    }
}

// ---- sums at the end ----

enum {
    MAX_ROW = 16384,  // elements along the innermost axis that one work-item or group adds up
    MAX_COLUMN = 512, // rows that are added up under each other, unless there are
    MANY_COLUMNS = 16384 // so many results
};

// Joins neighbouring dimensions of a set's space that all inputs repeat alike and that are all summed or
// all kept: fits when one of them is summed, the innermost or the next, and not too long.
static bool sum_fits(const struct fuser *f, int set, const struct belay_node *sum)
{
    const struct belay_shape *space = &sum->x[0]->shape;
    struct belay_call call;
    int64_t length = 1, all = belay_shape_count(space);
    int joined = 0, summed = 0, at = -1, last_rep = 0;
    bool last_sum = false;
    belay_node_call(sum, NULL, &call);
    for (int d = space->rank - 1; d >= 0; d--) {
        bool is_sum = sum->op->sums(&call, d), same = joined > 0 && is_sum == last_sum;
        if (space->dim[d] == 1)
            continue;
        // A new dimension begins where any input's repetition differs from the dimension before.
        for (int m = set; m >= 0 && same; m = f->next[m])
            for (int k = 0; k < f->g->nodes[m]->num_x; k++)
                same &= repeats(f->g->nodes[m]->x[k], space, d) ==
                        repeats(f->g->nodes[m]->x[k], space, last_rep);
        joined += !same;
        summed += !same && is_sum;
        at = !same && is_sum ? joined - 1 : at;
        length *= is_sum ? space->dim[d] : 1;
        last_sum = is_sum;
        last_rep = d;
    }
    if (summed != 1 || at > 1)
        return false;
    return at == 0 ? length <= MAX_ROW : length <= MAX_COLUMN || all / length >= MANY_COLUMNS;
}

static void fuse_sum(struct fuser *f, const struct belay_node *n)
{
    const belay_value *x = n->x[0];
    if (x->kind != BELAY_VALUE_NODE || is_view(x->node) || !x->node->op->eval ||
        x->dtype != BELAY_F32 || n->y[0]->dtype != BELAY_F32)
        return;
    int set = f->set[x->node->id];
    // Its only input is made in the set, so that there is no way round through others.
    if (set < 0 || f->sum[set] >= 0 || f->segment[set] != f->segment[n->id] ||
        count_args(f, set, set) / 2 + 1 > f->max_args || !sum_fits(f, set, n))
        return;
    f->sum[set] = n->id;
    f->set[n->id] = set;
}

// ---- from sets to ordered groups ----

static belay_status add_value(struct belay_value ***list, int *num, struct belay_value *v)
{
    for (int i = 0; i < *num; i++)
        if ((*list)[i] == v)
            return BELAY_OK;
    (*list)[(*num)++] = v;
    return BELAY_OK;
}

static int compare_nodes(const struct belay_node *a, const struct belay_node *b)
{
    return a->id - b->id;
}

static void sort_nodes(struct belay_node **nodes, int num)
{
    for (int i = 1; i < num; i++) {
        struct belay_node *n = nodes[i];
        int k = i;
        for (; k > 0 && compare_nodes(nodes[k - 1], n) > 0; k--)
            nodes[k] = nodes[k - 1];
        nodes[k] = n;
    }
}

static belay_status fill_group(struct fuser *f, int set, struct belay_group *group)
{
    int num = 0, num_x = 0;
    for (int m = set; m >= 0; m = f->next[m], num++)
        num_x += f->g->nodes[m]->num_x;
    int num_y = num == 1 ? f->g->nodes[set]->num_y : num;
    group->nodes = belay_arena_array(f->arena, (size_t) num, sizeof(*group->nodes));
    group->x = belay_arena_array(f->arena, (size_t) num_x + 1, sizeof(*group->x));
    group->y = belay_arena_array(f->arena, (size_t) num_y + 1, sizeof(*group->y)); // and a sum
    if (!group->nodes || !group->x || !group->y)
        return belay_fail_nomem(f->g->log, (size_t) num_x * sizeof(*group->x));
    for (int m = set; m >= 0; m = f->next[m])
        group->nodes[group->num_nodes++] = f->g->nodes[m];
    sort_nodes(group->nodes, num);
    group->segment = f->segment[set];
    group->elementwise = f->g->nodes[set]->op->eval != NULL;
    if (!group->elementwise) {
        memcpy(group->x, group->nodes[0]->x, (size_t) num_x * sizeof(*group->x));
        memcpy(group->y, group->nodes[0]->y, (size_t) num_y * sizeof(*group->y));
        group->num_x = num_x;
        group->num_y = num_y;
        return BELAY_OK;
    }
    group->space = group->nodes[0]->y[0];
    for (int i = 0; i < num; i++) {
        struct belay_node *n = group->nodes[i];
        for (int k = 0; k < n->num_x; k++)
            if (reads(n, k) && !in_either(f, n->x[k], set, set))
                add_value(&group->x, &group->num_x, n->x[k]);
        if (leaves(f, n->y[0], set, set))
            add_value(&group->y, &group->num_y, n->y[0]);
    }
    group->sum = f->sum[set] >= 0 ? f->g->nodes[f->sum[set]] : NULL;
    if (group->sum)
        group->y[group->num_y++] = group->sum->y[0];
    return BELAY_OK;
}

// A set may run when all sets it reads from have run; among those the one with the lowest first
// node goes first, so that without fusion the order is the graph's own.
static bool ready(const struct fuser *f, const struct belay_group *group, const char *done, int set)
{
    for (int i = 0; i < group->num_nodes; i++) {
        const struct belay_node *n = group->nodes[i];
        for (int k = 0; k < n->num_x; k++) {
            const struct belay_node *from = reads(n, k) ? maker(n->x[k]) : NULL;
            if (from && f->set[from->id] != set && !done[f->set[from->id]])
                return false;
        }
    }
    return true;
}

static bool reads_value(const struct belay_group *group, const struct belay_value *v)
{
    for (int k = 0; k < group->num_x; k++)
        if (group->x[k] == v)
            return true;
    return false;
}

// Element-wise work, all of it on what a product makes, element for element.
static bool is_tail(const struct belay_group *product, const struct belay_group *group)
{
    const struct belay_value *v = product->y[0];
    if (!group->elementwise || group->sum || !product->nodes[0]->op->gemm ||
        group->segment != product->segment || v->adds || !reads_value(group, v) ||
        !belay_shape_equal(&group->space->shape, &v->shape))
        return false;
    for (int k = 0; k < group->num_y; k++)
        if (!group->y[k]->node->op->expr || group->y[k]->adds)
            return false;
    return true;
}

// Which set that is ready is the tail of a product just placed; -1: none.
static int find_tail(const struct fuser *f, const struct belay_group *made, const int *sets,
                     const char *done, int num, const struct belay_group *product)
{
    for (int i = 0; i < num; i++)
        if (!done[sets[i]] && is_tail(product, &made[i]) && ready(f, &made[i], done, sets[i]))
            return i;
    return -1;
}

static belay_status order_groups(struct fuser *f, struct belay_plan *plan)
{
    struct belay_group *made = belay_arena_array(f->arena, f->num_nodes + 1, sizeof(*made));
    int *sets = belay_arena_array(f->arena, f->num_nodes + 1, sizeof(*sets));
    char *done = belay_arena_alloc(f->arena, f->num_nodes + 1);
    int num = 0;
    plan->groups = belay_arena_array(&plan->arena_mem, f->num_nodes + 1, sizeof(*plan->groups));
    if (!made || !sets || !done || !plan->groups)
        return belay_fail_nomem(f->g->log, f->num_nodes * sizeof(*made));
    for (size_t i = 0; i < f->num_nodes; i++) {
        if (f->set[i] != (int) i)
            continue;
        BELAY_TRY(fill_group(f, (int) i, &made[num]));
        sets[num++] = (int) i;
    }
    // Segments are kept apart by effects; sets are listed by their first node.
    for (int left = num, segment = 0; left > 0; segment++) {
        for (bool any = true; any;) {
            any = false;
            for (int i = 0; i < num; i++) {
                if (done[sets[i]] || made[i].segment != segment ||
                    !ready(f, &made[i], done, sets[i]))
                    continue;
                plan->groups[plan->num_groups++] = made[i];
                done[sets[i]] = 1;
                left--;
                any = true;
                int tail = f->tails ? find_tail(f, made, sets, done, num, &made[i]) : -1;
                if (tail >= 0) {
                    plan->groups[plan->num_groups] = made[tail];
                    plan->groups[plan->num_groups++].tail = true;
                    done[sets[tail]] = 1;
                    left--;
                }
                break;
            }
        }
        if (segment > 2 * (int) f->num_nodes + 1) // an effect takes two
            return belay_fail(f->g->log, BELAY_ERR_ARG, "plan: the graph has a cycle");
    }
    return BELAY_OK;
}

static belay_status fuser_init(struct fuser *f)
{
    const struct belay_graph *g = f->g;
    f->num_nodes = g->num_nodes;
    f->set = belay_arena_array(f->arena, g->num_nodes + 1, sizeof(*f->set));
    f->next = belay_arena_array(f->arena, g->num_nodes + 1, sizeof(*f->next));
    f->segment = belay_arena_array(f->arena, g->num_nodes + 1, sizeof(*f->segment));
    f->sum = belay_arena_array(f->arena, g->num_nodes + 1, sizeof(*f->sum));
    f->seen = belay_arena_alloc(f->arena, g->num_nodes + 1);
    f->stack = belay_arena_array(f->arena, g->num_nodes + 1, sizeof(*f->stack));
    if (!f->set || !f->next || !f->segment || !f->sum || !f->seen || !f->stack)
        return belay_fail_nomem(g->log, g->num_nodes * sizeof(*f->set));
    int segment = 0;
    for (size_t i = 0; i < g->num_nodes; i++) {
        const struct belay_node *n = g->nodes[i];
        f->set[i] = n->dead || is_view(n) ? -1 : (int) i;
        f->next[i] = f->sum[i] = -1;
        // An effect is a segment of its own: nothing moves across it.
        bool effect = !n->dead && (n->op->flags & BELAY_OP_EFFECT);
        segment += effect;
        f->segment[i] = segment;
        segment += effect;
    }
    return list_users(f);
}

belay_status belay_fuse(struct belay_plan *plan, const struct belay_plan_params *params)
{
    // Everything that groups point to lives in the plan's arena.
    struct fuser f = { .g = plan->graph, .arena = &plan->arena_mem };
    f.max_args = params->max_inputs ? params->max_inputs : 24;
    f.tails = !params->no_fusion;
    BELAY_TRY(fuser_init(&f));
    for (size_t i = 0; i < f.num_nodes && !params->no_fusion; i++)
        if (f.set[i] >= 0 && f.g->nodes[i]->op->eval)
            fuse_node(&f, f.g->nodes[i]);
    for (size_t i = 0; i < f.num_nodes && !params->no_fusion; i++)
        if (f.set[i] >= 0 && f.g->nodes[i]->op->sums)
            fuse_sum(&f, f.g->nodes[i]);
    return order_groups(&f, plan);
}
