// Preparing plans: the kernels of their groups, generated ones and those of operators' files, are
// built together.
#include <stdio.h>
#include <string.h>

#include "base/hash.h"
#include "base/mem.h"
#include "device/opencl/pieces.h"
#include "device/opencl/prepared.h"
#include "device/opencl/tail.h"

static belay_status describe(struct belay_cl *cl, const struct belay_group *group,
                             struct belay_cl_fused *out, struct belay_str *text)
{
    struct belay_digest digest;
    belay_cl_space_of(group, &out->space);
    BELAY_TRY(belay_cl_fused_text(cl, group, &out->space, text));
    if (text->failed)
        return belay_fail_nomem(cl->log, text->length);
    belay_digest_of(text->text, text->length, &digest);
    snprintf(out->name, sizeof(out->name), "fused_%.20s", digest.hex);
    return BELAY_OK;
}

static belay_status add_fused(struct belay_cl_pieces *pieces, const struct belay_group *group)
{
    struct belay_cl_fused fused;
    struct belay_str text = { 0 };
    belay_status status = describe(pieces->cl, group, &fused, &text);
    if (status == BELAY_OK)
        status = belay_cl_pieces_add(pieces, fused.name, text.text);
    belay_str_free(&text);
    return status;
}

// The kernels that an operator launches at these shapes.
static belay_status add_op(struct belay_cl_pieces *pieces, const struct belay_group *group,
                           const struct belay_shape *shapes)
{
    struct belay_call call;
    const struct belay_op *op = group->nodes[0]->op;
    // A program's kernels are in no form that can be cut: their files are built whole.
    if ((op->flags & (BELAY_OP_VIEW | BELAY_OP_OWN)) || op->gemm || !op->cl_file || !op->launch)
        return BELAY_OK;
    belay_node_call(group->nodes[0], shapes, &call);
    call.profile = &pieces->cl->dev->profile;
    int stages = op->stages ? op->stages(&call) : 1;
    for (int i = 0; i < stages; i++) {
        struct belay_launch l = { 0 };
        op->launch(&call, i, &l);
        bool skip = false;
        for (int d = 0; d < l.dims; d++)
            skip |= l.global[d] == 0;
        if (!skip)
            BELAY_TRY(belay_cl_pieces_want(pieces, op->cl_file, l.kernel));
    }
    return BELAY_OK;
}

static int64_t planned_rows(const struct belay_graph *g)
{
    for (size_t i = 0; i < g->num_values; i++)
        if (g->values[i]->rows)
            return g->values[i]->shape.dim[0];
    return 0;
}

belay_status belay_cl_plan_sizes(struct belay_cl *cl, const struct belay_plan *plan,
                                 belay_cl_sizes_fn fn, void *user)
{
    const struct belay_graph *g = plan->graph;
    struct belay_graph quiet = *g;
    belay_status status = BELAY_OK;
    struct belay_shape *shapes = belay_alloc_array(g->num_values + 1, sizeof(*shapes));
    if (!shapes)
        return belay_fail_nomem(cl->log, g->num_values * sizeof(*shapes));
    quiet.log = NULL;
    BELAY_TRY_DONE(fn(user, plan, NULL));
    for (int64_t rows = planned_rows(g) / 2; rows > 0; rows /= 2) {
        // Some graphs take no batches that small: whoever runs one is told so then.
        if (belay_graph_shapes(&quiet, rows, shapes) != BELAY_OK)
            break;
        BELAY_TRY_DONE(fn(user, plan, shapes));
    }
done:
    belay_free(shapes);
    return status;
}

static belay_status add_ops(void *user, const struct belay_plan *plan,
                            const struct belay_shape *shapes)
{
    struct belay_cl_pieces *pieces = user;
    for (int i = 0; i < plan->num_groups; i++)
        if (!plan->groups[i].elementwise)
            BELAY_TRY(add_op(pieces, &plan->groups[i], shapes));
    return BELAY_OK;
}

static belay_status add_plan(struct belay_cl_pieces *pieces, const struct belay_plan *plan)
{
    for (int i = 0; i < plan->num_groups; i++)
        if (plan->groups[i].elementwise)
            BELAY_TRY(add_fused(pieces, &plan->groups[i]));
    return belay_cl_plan_sizes(pieces->cl, plan, add_ops, pieces);
}

// A product, with the tail that its kernel would do.
static belay_status add_product(struct belay_cl_pieces *pieces, const struct belay_plan *plan,
                                const struct belay_group *group)
{
    const struct belay_group *next = group + 1;
    struct belay_str macros = { 0 };
    struct belay_call call;
    struct belay_gemm g;
    belay_node_call(group->nodes[0], NULL, &call);
    call.profile = &pieces->cl->dev->profile;
    call.op->gemm(&call, &g);
    if (group->y[0]->adds)
        g.beta = 1;
    if (next < plan->groups + plan->num_groups && next->tail && belay_cl_tail_fits(next))
        belay_cl_tail_macros(next, belay_cl_tail_keeps(plan, next), &macros);
    belay_status status = macros.failed
                              ? belay_fail_nomem(pieces->cl->log, macros.length)
                              : belay_cl_gemm_prepare(pieces->cl, &g, macros.text, pieces);
    belay_str_free(&macros);
    return status;
}

// A program of their own: more of it stays the same from one model to the next.
static belay_status preload_products(struct belay_cl *cl, const struct belay_plan *const *plans,
                                     size_t num)
{
    struct belay_cl_pieces pieces = { 0 };
    belay_status status;
    BELAY_TRY_DONE(belay_cl_pieces_begin(cl, &pieces));
    for (size_t i = 0; i < num; i++)
        for (int k = 0; k < plans[i]->num_groups; k++)
            if (!plans[i]->groups[k].elementwise && plans[i]->groups[k].nodes[0]->op->gemm)
                BELAY_TRY_DONE(add_product(&pieces, plans[i], &plans[i]->groups[k]));
    status = belay_cl_pieces_build(&pieces);
done:
    belay_cl_pieces_free(&pieces);
    return status;
}

belay_status belay_cl_preload(struct belay_device *dev, const struct belay_plan *const *plans,
                              size_t num)
{
    struct belay_cl_pieces pieces = { 0 };
    belay_status status;
    BELAY_TRY_DONE(belay_cl_scratch_reserve(belay_cl_of(dev), plans, num));
    BELAY_TRY_DONE(preload_products(belay_cl_of(dev), plans, num));
    BELAY_TRY_DONE(belay_cl_pieces_begin(belay_cl_of(dev), &pieces));
    for (size_t i = 0; i < num; i++)
        BELAY_TRY_DONE(add_plan(&pieces, plans[i]));
    status = belay_cl_pieces_build(&pieces);
done:
    belay_cl_pieces_free(&pieces);
    return status;
}

belay_status belay_cl_plan_prepare(struct belay_device *dev, const struct belay_plan *plan,
                                   void **out)
{
    struct belay_cl *cl = belay_cl_of(dev);
    belay_status status = BELAY_OK;
    struct belay_cl_prepared *p = belay_alloc(sizeof(*p));
    if (!p)
        return belay_fail_nomem(cl->log, sizeof(*p));
    p->plan = plan;
    p->fused = belay_alloc_array((size_t) plan->num_groups, sizeof(*p->fused));
    if (!p->fused) {
        status = belay_fail_nomem(cl->log, sizeof(*p->fused));
        goto done;
    }
    BELAY_TRY_DONE(belay_cl_preload(dev, &plan, 1));
    for (int i = 0; i < plan->num_groups; i++) {
        struct belay_str text = { 0 };
        if (!plan->groups[i].elementwise)
            continue;
        status = describe(cl, &plan->groups[i], &p->fused[i], &text);
        belay_str_free(&text);
        if (status != BELAY_OK)
            goto done;
    }
    *out = p;
    p = NULL;
done:
    if (p)
        belay_free(p->fused);
    else
        cl->num_plans++;
    belay_free(p);
    return status;
}

void belay_cl_plan_release(struct belay_device *dev, void *prepared)
{
    struct belay_cl_prepared *p = prepared;
    struct belay_cl *cl = belay_cl_of(dev);
    if (!p)
        return;
    belay_free(p->fused);
    belay_free(p);
    if (--cl->num_plans == 0)
        belay_cl_scratch_drop(cl);
}
