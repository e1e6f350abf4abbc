// Device memory that kernels use while they run: one piece for all steps of a device, since its queue
// is in order; and what the steps of plans will want of it, before any is made.
#include "device/opencl/prepared.h"

#include "base/mem.h"
#include "device/opencl/gemm.h"

static const struct belay_buf *last_of(const struct belay_cl *cl)
{
    return cl->num_scratch ? &cl->scratch[cl->num_scratch - 1] : NULL;
}

static belay_status add(struct belay_cl *cl, size_t size)
{
    if (!belay_grow((void **) &cl->scratch, cl->num_scratch, &cl->cap_scratch,
                    sizeof(*cl->scratch)))
        return belay_fail_nomem(cl->log, sizeof(*cl->scratch));
    struct belay_buf *next = &cl->scratch[cl->num_scratch];
    *next = (struct belay_buf){ 0 };
    BELAY_TRY(belay_buf_create(cl->dev, size, 0, next));
    cl->num_scratch++;
    return BELAY_OK;
}

// What was not foreseen: twice the last one, so that all together are at most twice what is needed.
static size_t grown(const struct belay_cl *cl, size_t size)
{
    const struct belay_buf *last = last_of(cl);
    const size_t least = last ? 2 * last->size : 1 << 16;
    if (size >= least)
        return size;
    return cl->dev->max_alloc && least > cl->dev->max_alloc ? (size_t) cl->dev->max_alloc : least;
}

belay_status belay_cl_scratch(struct belay_cl *cl, size_t size, cl_mem *out)
{
    const struct belay_buf *last = last_of(cl);
    if (!last || last->size < size)
        BELAY_TRY(add(cl, grown(cl, size)));
    *out = belay_cl_mem(last_of(cl));
    return BELAY_OK;
}

void belay_cl_scratch_drop(struct belay_cl *cl)
{
    for (size_t i = 0; i < cl->num_scratch; i++)
        belay_buf_destroy(cl->dev, &cl->scratch[i]);
    belay_free(cl->scratch);
    cl->scratch = NULL;
    cl->num_scratch = cl->cap_scratch = 0;
}

// ---- before steps are made ----

struct need {
    struct belay_cl *cl;
    size_t scratch; // of the step that wants most
    uint64_t constants;
};

static belay_status scratch_of(struct belay_cl *cl, const struct belay_group *group,
                               const struct belay_shape *shapes, size_t *out)
{
    const struct belay_op *op = group->nodes[0]->op;
    struct belay_call call;
    struct belay_gemm g;
    *out = 0;
    if (group->elementwise || (op->flags & BELAY_OP_VIEW) || (!op->gemm && !op->scratch))
        return BELAY_OK;
    belay_node_call(group->nodes[0], shapes, &call);
    call.profile = &cl->dev->profile;
    if (!op->gemm) {
        *out = op->scratch(&call) * sizeof(float);
        return BELAY_OK;
    }
    op->gemm(&call, &g);
    if (group->y[0]->adds)
        g.beta = 1;
    return belay_cl_gemm_needs(cl, &g, out);
}

static belay_status look_at(void *user, const struct belay_plan *plan,
                            const struct belay_shape *shapes)
{
    struct need *n = user;
    for (int i = 0; i < plan->num_groups; i++) {
        size_t bytes;
        BELAY_TRY(scratch_of(n->cl, &plan->groups[i], shapes, &bytes));
        n->scratch = bytes > n->scratch ? bytes : n->scratch;
    }
    return BELAY_OK;
}

static uint64_t constants_of(const struct belay_group *group)
{
    uint64_t bytes = 0;
    for (int i = 0; i < group->num_x && !group->elementwise; i++)
        if (group->x[i]->kind == BELAY_VALUE_SCALAR &&
            !(group->nodes[0]->op->shape_only >> i & 1))
            bytes += sizeof(float);
    return bytes;
}

static belay_status find_need(struct belay_cl *cl, const struct belay_plan *const *plans,
                              size_t num, struct need *out)
{
    *out = (struct need){ .cl = cl };
    for (size_t i = 0; i < num; i++) {
        BELAY_TRY(belay_cl_plan_sizes(cl, plans[i], look_at, out));
        for (int k = 0; k < plans[i]->num_groups; k++)
            out->constants += constants_of(&plans[i]->groups[k]);
    }
    return BELAY_OK;
}

static bool is_more(const struct belay_cl *cl, size_t size)
{
    return size > 0 && (!last_of(cl) || last_of(cl)->size < size);
}

belay_status belay_cl_scratch_reserve(struct belay_cl *cl, const struct belay_plan *const *plans,
                                      size_t num)
{
    struct need need;
    BELAY_TRY(find_need(cl, plans, num, &need));
    return is_more(cl, need.scratch) ? add(cl, need.scratch) : BELAY_OK;
}

belay_status belay_cl_plan_memory(struct belay_device *dev, const struct belay_plan *const *plans,
                                  size_t num, uint64_t *bytes, uint64_t *largest)
{
    struct belay_cl *cl = belay_cl_of(dev);
    struct need need;
    BELAY_TRY(find_need(cl, plans, num, &need));
    *bytes = need.constants + (is_more(cl, need.scratch) ? need.scratch : 0);
    *largest = need.scratch;
    return BELAY_OK;
}
