// A product and the element-wise group behind it in one kernel; where the provider cannot do that
// at some number of rows, the product and then the group's own kernel.
#include "base/mem.h"
#include "device/opencl/tail.h"

static void describe(struct belay_cl *cl, const struct belay_step *product,
                     const struct belay_shape *shapes, struct belay_cl_gemm_call *out)
{
    struct belay_call call;
    *out = (struct belay_cl_gemm_call){ 0 };
    belay_node_call(product->group->nodes[0], shapes, &call);
    call.profile = &cl->dev->profile;
    call.op->gemm(&call, &out->g);
    out->a = product->x[out->g.a];
    out->b = product->x[out->g.b];
    out->c = product->y[0];
}

belay_status belay_cl_step_has_tail(struct belay_cl *cl, const struct belay_plan *plan,
                                    const struct belay_group *product, bool *out)
{
    const struct belay_group *next = product + 1;
    struct belay_call call;
    struct belay_gemm g;
    *out = false;
    if (next >= plan->groups + plan->num_groups || !next->tail || !belay_cl_tail_fits(next))
        return BELAY_OK;
    belay_node_call(product->nodes[0], NULL, &call);
    call.profile = &cl->dev->profile;
    call.op->gemm(&call, &g);
    return belay_cl_gemm_takes_tail(cl, &g, out);
}

static belay_status list_operands(struct belay_cl *cl, struct belay_step *step)
{
    const struct belay_group *group = step->group;
    cl_mem *mem = belay_alloc_array((size_t) (group->num_x + group->num_y), sizeof(*mem));
    if (!mem)
        return belay_fail_nomem(cl->log, sizeof(*mem));
    step->tail.mem = step->tail_mem = mem;
    for (int k = 0; k < group->num_y; k++)
        mem[step->tail.num++] = step->y[k];
    for (int k = 0; k < group->num_x; k++)
        if (group->x[k]->kind != BELAY_VALUE_SCALAR && group->x[k] != belay_cl_tail_value(group))
            mem[step->tail.num++] = step->x[k];
    return BELAY_OK;
}

static belay_status tail_bind(struct belay_cl *cl, struct belay_step *step,
                              const struct belay_shape *shapes)
{
    struct belay_cl_gemm_call call;
    describe(cl, step->product, shapes, &call);
    BELAY_TRY(belay_cl_gemm_takes_tail(cl, &call.g, &step->joined));
    BELAY_TRY(belay_cl_gemm_bind_tail(cl, &step->gemm, &call, step->joined ? &step->tail : NULL));
    return step->joined || !shapes ? BELAY_OK : belay_cl_step_fused.bind(cl, step, shapes);
}

static belay_status tail_create(struct belay_cl *cl, struct belay_step *step)
{
    BELAY_TRY(belay_cl_step_fused.create(cl, step));
    BELAY_TRY(list_operands(cl, step));
    belay_cl_tail_macros(step->group, step->keeps_product, &step->tail_text);
    if (step->tail_text.failed)
        return belay_fail_nomem(cl->log, step->tail_text.length);
    step->tail.macros = step->tail_text.text;
    return tail_bind(cl, step, NULL);
}

static belay_status tail_run(struct belay_cl *cl, struct belay_step *step)
{
    BELAY_TRY(belay_cl_gemm_run(cl, &step->gemm));
    return step->joined ? BELAY_OK : belay_cl_step_fused.run(cl, step);
}

const struct belay_cl_step_kind belay_cl_step_tail = { tail_create, tail_bind, tail_run };
