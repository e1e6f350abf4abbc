// A product: handed to the provider.
#include "device/opencl/step.h"

static belay_status gemm_bind(struct belay_cl *cl, struct belay_step *step,
                              const struct belay_shape *shapes)
{
    struct belay_call call;
    struct belay_cl_gemm_call product = { 0 };
    belay_node_call(step->group->nodes[0], shapes, &call);
    call.profile = &cl->dev->profile;
    call.op->gemm(&call, &product.g);
    if (step->group->y[0]->adds)
        product.g.beta = 1;
    product.a = step->x[product.g.a];
    product.b = step->x[product.g.b];
    product.c = step->y[0];
    return belay_cl_gemm_bind(cl, &step->gemm, &product);
}

// Bound at the planned shapes first, so that what is kept for the step is large enough.
static belay_status gemm_create(struct belay_cl *cl, struct belay_step *step)
{
    return gemm_bind(cl, step, NULL);
}

static belay_status gemm_run(struct belay_cl *cl, struct belay_step *step)
{
    return belay_cl_gemm_run(cl, &step->gemm);
}

const struct belay_cl_step_kind belay_cl_step_gemm = { gemm_create, gemm_bind, gemm_run };
