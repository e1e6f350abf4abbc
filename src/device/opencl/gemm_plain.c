// The plain provider: every product, not the fastest.
#include "base/mem.h"
#include "device/opencl/args.h"
#include "device/opencl/gemm.h"

struct belay_cl_product {
    struct belay_cl_launch launch;
};

static belay_status plain_open(struct belay_cl *cl, void **state)
{
    cl_program program;
    BELAY_TRY(belay_cl_program_file(cl, "gemm_plain", NULL, &program));
    *state = program; // the cache's
    return BELAY_OK;
}

static void plain_close(struct belay_cl *cl, void *state)
{
}

static bool plain_takes(const struct belay_cl *cl, const struct belay_gemm *g)
{
    return true;
}

static void set_range(struct belay_cl *cl, const struct belay_gemm *g, uint64_t batches,
                      struct belay_cl_launch *l)
{
    const size_t tiles[2] = { (size_t) (g->n + 3) / 4, (size_t) (g->m + 3) / 4 };
    const bool cpu = cl->dev->profile.cpu;
    l->dims = 3;
    l->local[0] = cpu ? 1 : 16;
    l->local[1] = cpu ? 1 : 4;
    l->local[2] = 1;
    for (int i = 0; i < 2; i++)
        l->global[i] = (tiles[i] + l->local[i] - 1) / l->local[i] * l->local[i];
    l->global[2] = (size_t) batches;
    l->skip = g->m == 0 || g->n == 0 || batches == 0;
}

static cl_int set_arguments(cl_kernel kernel, const struct belay_cl_gemm_call *call,
                            const struct belay_cl_batch *batch)
{
    struct belay_cl_args a = { .kernel = kernel };
    belay_cl_arg_mem(&a, call->c);
    belay_cl_arg_mem(&a, call->a);
    belay_cl_arg_mem(&a, call->b);
    belay_cl_arg_sizes(&a, &call->g, call->g.k);
    belay_cl_arg_scale(&a, call->g.alpha, call->g.beta);
    belay_cl_arg_batch(&a, batch);
    return a.error;
}

static void plain_destroy(struct belay_cl *cl, void *state, struct belay_cl_product *p)
{
    if (p->launch.kernel)
        clReleaseKernel(p->launch.kernel);
    belay_free(p);
}

static belay_status make(struct belay_cl *cl, void *state, struct belay_cl_product **out)
{
    struct belay_cl_product *p = belay_alloc(sizeof(*p));
    if (!p)
        return belay_fail_nomem(cl->log, sizeof(*p));
    belay_status status =
        belay_cl_kernel(cl, (cl_program) state, "gemm_plain", &p->launch.kernel);
    if (status != BELAY_OK)
        belay_free(p);
    else
        *out = p;
    return status;
}

static belay_status plain_bind(struct belay_cl *cl, void *state,
                               const struct belay_cl_gemm_call *call, struct belay_cl_product **p)
{
    struct belay_cl_batch batch;
    BELAY_TRY(belay_cl_batch_of(cl, &call->g, &batch));
    if (!*p)
        BELAY_TRY(make(cl, state, p));
    set_range(cl, &call->g, batch.count, &(*p)->launch);
    if ((*p)->launch.skip)
        return BELAY_OK;
    return belay_cl_check(cl, set_arguments((*p)->launch.kernel, call, &batch),
                          "clSetKernelArg of gemm_plain");
}

static belay_status plain_run(struct belay_cl *cl, void *state, struct belay_cl_product *p)
{
    return belay_cl_enqueue(cl, &p->launch);
}

const struct belay_cl_provider belay_cl_gemm_plain = {
    .name = "plain",
    .open = plain_open,
    .close = plain_close,
    .takes = plain_takes,
    .bind = plain_bind,
    .run = plain_run,
    .destroy = plain_destroy,
};
