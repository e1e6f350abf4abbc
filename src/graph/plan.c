#include "graph/plan.h"

#include <string.h>

#include "base/str.h"
#include "graph/fuse.h"
#include "tensor/dtype.h"

// Elements of one value; kernels count in 32 bits.
#define MAX_COUNT INT32_MAX

size_t belay_plan_value_size(const struct belay_plan *plan, const belay_value *v)
{
    size_t each = v->dtype == BELAY_F32 ? plan->float_size : belay_dtype_size(v->dtype);
    return (size_t) belay_shape_count(&v->shape) * each;
}

const struct belay_place *belay_plan_place(const struct belay_plan *plan, const belay_value *v)
{
    return &plan->places[plan->places[v->id].root];
}

static int alias_root(const belay_value *v)
{
    for (;;) {
        const struct belay_node *n = v->kind == BELAY_VALUE_NODE ? v->node : NULL;
        if (!n || v->output)
            return v->id;
        int from = n->op->flags & BELAY_OP_VIEW ? 1 : n->op->inplace[v->out];
        if (!from)
            return v->id;
        v = n->x[from - 1];
    }
}

static belay_status place_values(struct belay_log *log, struct belay_plan *plan)
{
    const struct belay_graph *g = plan->graph;
    for (size_t i = 0; i < g->num_values; i++) {
        const struct belay_value *v = g->values[i];
        struct belay_place *p = &plan->places[i];
        char text[BELAY_SHAPE_TEXT];
        p->root = alias_root(v);
        p->first = p->last = -1;
        // A data set is addressed with 64 bits by the operators that read it.
        if (v->kind != BELAY_VALUE_STATE && belay_shape_count(&v->shape) > MAX_COUNT)
            return belay_fail(log, BELAY_ERR_UNSUPPORTED,
                              "plan: a value of shape %s has more than 2^31 elements",
                              belay_shape_text(&v->shape, text));
        if (v->kind == BELAY_VALUE_SCALAR || (v->kind == BELAY_VALUE_NODE && v->node->dead))
            continue;
        p->size = belay_plan_value_size(plan, v);
        if (p->root != (int) i)
            p->kind = BELAY_PLACE_ALIAS;
        else if (v->kind != BELAY_VALUE_NODE || v->output)
            p->kind = BELAY_PLACE_EXTERNAL;
    }
    return BELAY_OK;
}

static void touch(struct belay_plan *plan, const belay_value *v, int group)
{
    struct belay_place *p = &plan->places[plan->places[v->id].root];
    if (p->first < 0)
        p->first = group;
    p->last = group;
}

static void find_lifetimes(struct belay_plan *plan)
{
    for (int i = 0; i < plan->num_groups; i++) {
        const struct belay_group *group = &plan->groups[i];
        for (int k = 0; k < group->num_y; k++) {
            struct belay_place *p = &plan->places[group->y[k]->id];
            if (p->kind == BELAY_PLACE_NONE)
                p->kind = BELAY_PLACE_ARENA;
            touch(plan, group->y[k], i);
        }
        for (int k = 0; k < group->num_x; k++) {
            bool shape_only = !group->elementwise && (group->nodes[0]->op->shape_only >> k) & 1;
            if (!shape_only && group->x[k]->kind != BELAY_VALUE_SCALAR)
                touch(plan, group->x[k], i);
        }
        for (int k = 0; group->tail && k < group[-1].num_x; k++)
            if (group[-1].x[k]->kind != BELAY_VALUE_SCALAR)
                touch(plan, group[-1].x[k], i);
    }
}

// ---- in place ----

static bool same_size(const struct belay_value *v, const struct belay_value *space)
{
    return belay_shape_equal(&v->shape, &space->shape);
}

// Whether the memory of `root` may take a result of this group: it dies here, and every input that
// lies there is read element by element as the result is written, never repeated along an axis.
static bool may_take(const struct belay_plan *plan, int index, int root, size_t size)
{
    const struct belay_group *group = &plan->groups[index];
    const struct belay_place *p = &plan->places[root];
    if (p->kind != BELAY_PLACE_ARENA || p->last != index || p->first >= index || p->size != size)
        return false;
    for (int k = 0; k < group->num_x; k++)
        if (plan->places[group->x[k]->id].root == root && !same_size(group->x[k], group->space))
            return false;
    return true;
}

static void move_into(struct belay_plan *plan, int from, int to)
{
    plan->places[to].last = plan->places[from].last;
    for (size_t i = 0; i < plan->graph->num_values; i++)
        if (plan->places[i].root == from)
            plan->places[i].root = to;
    plan->places[from].kind = BELAY_PLACE_ALIAS;
    plan->num_in_place++;
}

// A device may make the element-wise work behind a product part of the product, which may gather
// its sums in the result's memory: nothing else may lie there.
static bool may_end_a_product(const struct belay_plan *plan, int index)
{
    return index > 0 && plan->groups[index - 1].nodes[0]->op->gemm;
}

static void write_in_place(struct belay_plan *plan)
{
    for (int i = 0; i < plan->num_groups; i++) {
        const struct belay_group *group = &plan->groups[i];
        if (!group->elementwise || may_end_a_product(plan, i))
            continue;
        for (int k = 0; k < group->num_y; k++) {
            const struct belay_value *y = group->y[k];
            const struct belay_place *p = &plan->places[y->id];
            if (p->kind != BELAY_PLACE_ARENA || p->root != y->id || p->first != i || y->adds ||
                !same_size(y, group->space))
                continue;
            for (int j = 0; j < group->num_x; j++) {
                int root = plan->places[group->x[j]->id].root;
                if (group->x[j]->kind != BELAY_VALUE_SCALAR && may_take(plan, i, root, p->size)) {
                    move_into(plan, y->id, root);
                    break;
                }
            }
        }
    }
}

// ---- best fit ----

struct slot {
    struct belay_place *place;
    int id;
};

static bool larger(const struct slot *a, const struct slot *b)
{
    if (a->place->size != b->place->size)
        return a->place->size > b->place->size;
    return a->id < b->id;
}

static void sort_slots(struct slot *slots, size_t num)
{
    for (size_t gap = num / 2; gap > 0; gap /= 2) {
        for (size_t i = gap; i < num; i++) {
            struct slot s = slots[i];
            size_t k = i;
            for (; k >= gap && larger(&s, &slots[k - gap]); k -= gap)
                slots[k] = slots[k - gap];
            slots[k] = s;
        }
    }
}

static bool lives_with(const struct belay_place *a, const struct belay_place *b)
{
    return a->first <= b->last && b->first <= a->last;
}

static size_t round_up(size_t size, size_t align)
{
    return (size + align - 1) / align * align;
}

// The tightest hole of a slab below what is placed already, else the end. `placed` is sorted by
// offset.
static size_t find_offset(const struct belay_plan *plan, struct slot *placed, size_t num,
                          const struct belay_place *p, int slab)
{
    size_t end = 0, best = SIZE_MAX, best_gap = SIZE_MAX;
    for (size_t i = 0; i < num; i++) {
        const struct belay_place *q = placed[i].place;
        if (q->slab != slab || !lives_with(p, q))
            continue;
        if (q->offset >= end && q->offset - end >= p->size && q->offset - end < best_gap) {
            best = end;
            best_gap = q->offset - end;
        }
        size_t after = round_up(q->offset + q->size, plan->align);
        end = after > end ? after : end;
    }
    return best == SIZE_MAX ? end : best;
}

static void insert_sorted(struct slot *placed, size_t num, struct slot s)
{
    size_t k = num;
    for (; k > 0 && placed[k - 1].place->offset > s.place->offset; k--)
        placed[k] = placed[k - 1];
    placed[k] = s;
}

// The first slab with room, else a new one.
static void find_slab(struct belay_plan *plan, struct slot *placed, size_t num,
                      struct belay_place *p, const struct belay_plan_params *params)
{
    for (p->slab = 0; p->slab < plan->num_slabs; p->slab++) {
        p->offset = params->no_reuse ? plan->slab_sizes[p->slab]
                                     : find_offset(plan, placed, num, p, p->slab);
        if (!params->max_slab || p->offset + p->size <= params->max_slab)
            break;
    }
    if (p->slab == plan->num_slabs) {
        p->offset = 0;
        plan->num_slabs++;
    }
    size_t end = round_up(p->offset + p->size, plan->align), *size = &plan->slab_sizes[p->slab];
    if (params->max_slab && end > params->max_slab)
        end = p->size > params->max_slab ? p->size : params->max_slab;
    *size = end > *size ? end : *size;
}

static belay_status check_slab(struct belay_log *log, const struct belay_plan *plan,
                               const struct slot *s, size_t most)
{
    char text[BELAY_SHAPE_TEXT];
    if (!most || s->place->size <= most)
        return BELAY_OK;
    return belay_fail(log, BELAY_ERR_NOMEM,
                      "plan: a value of shape %s takes %zu bytes, the device gives at most %zu in "
                      "one piece",
                      belay_shape_text(&plan->graph->values[s->id]->shape, text), s->place->size,
                      most);
}

static belay_status place_arena(struct belay_log *log, struct belay_plan *plan,
                                const struct belay_plan_params *params)
{
    belay_status status = BELAY_OK;
    size_t count = plan->graph->num_values, num = 0;
    struct slot *slots = belay_alloc_array(2 * count + 1, sizeof(*slots));
    plan->slab_sizes = belay_arena_array(&plan->arena_mem, count + 1, sizeof(*plan->slab_sizes));
    if (!slots || !plan->slab_sizes) {
        belay_free(slots);
        return belay_fail_nomem(log, count * sizeof(*slots));
    }
    for (size_t i = 0; i < count; i++)
        if (plan->places[i].kind == BELAY_PLACE_ARENA && plan->places[i].root == (int) i)
            slots[num++] = (struct slot){ &plan->places[i], (int) i };
    sort_slots(slots, num);
    for (size_t i = 0; i < num; i++) {
        struct belay_place *p = slots[i].place;
        if (!params->large_values)
            BELAY_TRY_DONE(check_slab(log, plan, &slots[i], params->max_slab));
        find_slab(plan, slots + count, i, p, params);
        insert_sorted(slots + count, i, slots[i]);
        plan->naive_size += round_up(p->size, plan->align);
    }
    for (int i = 0; i < plan->num_slabs; i++)
        plan->arena_size += plan->slab_sizes[i];
done:
    belay_free(slots);
    return status;
}

belay_status belay_plan_verify(struct belay_log *log, const struct belay_plan *plan)
{
    size_t count = plan->graph->num_values;
    for (size_t i = 0; i < count; i++) {
        const struct belay_place *p = &plan->places[i];
        if (p->kind != BELAY_PLACE_ARENA)
            continue;
        if (p->slab >= plan->num_slabs || p->offset + p->size > plan->slab_sizes[p->slab] ||
            p->offset % plan->align != 0)
            return belay_fail(log, BELAY_ERR_ARG, "plan: value %zu lies at byte %zu of slab %d", i,
                              p->offset, p->slab);
        for (size_t k = i + 1; k < count; k++) {
            const struct belay_place *q = &plan->places[k];
            if (q->kind != BELAY_PLACE_ARENA || q->slab != p->slab || !lives_with(p, q))
                continue;
            if (p->offset < q->offset + q->size && q->offset < p->offset + p->size)
                return belay_fail(log, BELAY_ERR_ARG,
                                  "plan: values %zu and %zu overlap at byte %zu", i, k, p->offset);
        }
    }
    return BELAY_OK;
}

belay_status belay_plan_create(struct belay_log *log, const struct belay_graph *graph,
                               const struct belay_plan_params *params, struct belay_plan **out)
{
    static const struct belay_plan_params none;
    belay_status status = BELAY_OK;
    struct belay_plan *plan = NULL;
    *out = NULL;
    params = params ? params : &none;
    BELAY_TRY(belay_graph_check(graph));
    plan = belay_alloc(sizeof(*plan));
    if (!plan)
        return belay_fail_nomem(log, sizeof(*plan));
    plan->graph = graph;
    plan->align = params->align ? params->align : 64;
    plan->float_size = params->float_size ? params->float_size : sizeof(float);
    plan->places = belay_arena_array(&plan->arena_mem, graph->num_values + 1,
                                     sizeof(*plan->places));
    if (!plan->places) {
        status = belay_fail_nomem(log, graph->num_values * sizeof(*plan->places));
        goto done;
    }
    BELAY_TRY_DONE(place_values(log, plan));
    BELAY_TRY_DONE(belay_fuse(plan, params));
    find_lifetimes(plan);
    if (!params->no_reuse)
        write_in_place(plan);
    BELAY_TRY_DONE(place_arena(log, plan, params));
    *out = plan;
    plan = NULL;
done:
    belay_plan_destroy(&plan);
    return status;
}

void belay_plan_destroy(struct belay_plan **plan)
{
    if (!plan || !*plan)
        return;
    belay_arena_free(&(*plan)->arena_mem);
    belay_free(*plan);
    *plan = NULL;
}

// ---- for people ----

static void print_group(const struct belay_plan *plan, int index, struct belay_str *out)
{
    struct belay_str name = { 0 };
    struct belay_cost cost;
    char text[BELAY_SHAPE_TEXT];
    belay_plan_cost(plan, index, &cost);
    belay_plan_group_name(plan, index, &name);
    belay_str_addf(out, "%4d  %-40s %-18s %10.1f %10.2f\n", index, name.text ? name.text : "",
                   belay_shape_text(&plan->groups[index].y[0]->shape, text), cost.bytes / 1024,
                   cost.flops / 1e6);
    belay_str_free(&name);
}

void belay_plan_print(const struct belay_plan *plan, struct belay_str *out)
{
    belay_str_addf(out, "step  %-40s %-18s %10s %10s\n", "kernel", "shape", "KiB", "Mflop");
    for (int i = 0; i < plan->num_groups; i++)
        print_group(plan, i, out);
    belay_str_addf(out, "%d kernels, activations ", plan->num_groups);
    belay_str_add_size(out, plan->arena_size);
    belay_str_add(out, " (without reuse ");
    belay_str_add_size(out, plan->naive_size);
    belay_str_addf(out, "; %d results in place of an input", plan->num_in_place);
    if (plan->num_slabs > 1)
        belay_str_addf(out, "; in %d pieces", plan->num_slabs);
    belay_str_add(out, ")\n");
}
