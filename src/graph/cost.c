// What a group costs at least: the flops it does and the bytes it moves. Inside a fused group only
// the values that have memory count.
#include "base/str.h"
#include "graph/plan.h"

static double count_of(const struct belay_shape *shape)
{
    return (double) belay_shape_count(shape);
}

// Elements of the largest value that a call reads or writes.
static double largest(const struct belay_call *call)
{
    double most = 0;
    for (int i = 0; i < call->num_x; i++)
        if (!((call->op->shape_only >> i) & 1) && count_of(&call->x_shape[i]) > most)
            most = count_of(&call->x_shape[i]);
    for (int i = 0; i < call->num_y; i++)
        if (count_of(&call->y_shape[i]) > most)
            most = count_of(&call->y_shape[i]);
    return most;
}

// One an element where the op is no product: most kernels wait for memory, not for arithmetic.
static double node_flops(const struct belay_node *node)
{
    struct belay_call call;
    struct belay_gemm gemm = { 0 };
    belay_node_call(node, NULL, &call);
    if (node->op->flags & BELAY_OP_VIEW)
        return 0;
    if (!node->op->gemm)
        return call.op->bytes ? count_of(&call.y_shape[0]) : largest(&call);
    node->op->gemm(&call, &gemm);
    return 2 * (double) gemm.k * count_of(&call.y_shape[0]);
}

static bool reads(const struct belay_group *group, int i)
{
    if (group->x[i]->kind == BELAY_VALUE_SCALAR)
        return false;
    return group->elementwise || !((group->nodes[0]->op->shape_only >> i) & 1);
}

static double group_bytes(const struct belay_plan *plan, const struct belay_group *group)
{
    const struct belay_op *op = group->nodes[0]->op;
    double bytes = 0;
    if (group->num_nodes == 1 && op->flags & BELAY_OP_VIEW)
        return 0;
    if (group->num_nodes == 1 && op->bytes) {
        struct belay_call call;
        belay_node_call(group->nodes[0], NULL, &call);
        return op->bytes(&call);
    }
    for (int i = 0; i < group->num_x; i++)
        if (reads(group, i))
            bytes += (double) belay_plan_value_size(plan, group->x[i]);
    for (int i = 0; i < group->num_y; i++)
        bytes += (double) belay_plan_value_size(plan, group->y[i]);
    return bytes;
}

void belay_plan_cost(const struct belay_plan *plan, int group, struct belay_cost *out)
{
    const struct belay_group *g = &plan->groups[group];
    out->flops = 0;
    for (int i = 0; i < g->num_nodes; i++)
        out->flops += node_flops(g->nodes[i]);
    if (g->sum)
        out->flops += node_flops(g->sum);
    out->bytes = group_bytes(plan, g);
}

void belay_plan_group_name(const struct belay_plan *plan, int group, struct belay_str *out)
{
    const struct belay_group *g = &plan->groups[group];
    for (int i = 0; i < g->num_nodes; i++)
        belay_str_addf(out, "%s%s", i ? "+" : "", g->nodes[i]->op->name);
    if (g->sum)
        belay_str_addf(out, "+%s", g->sum->op->name);
}
