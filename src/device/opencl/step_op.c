// An op with a kernel file: its launches as the op describes them.
#include <stdio.h>
#include <string.h>

#include "device/opencl/step.h"

static void make_call(struct belay_cl *cl, const struct belay_step *step,
                      const struct belay_shape *shapes, struct belay_call *call)
{
    belay_node_call(step->group->nodes[0], shapes, call);
    call->profile = &cl->dev->profile;
}

static int stages_of(const struct belay_call *call)
{
    return call->op->stages ? call->op->stages(call) : 1;
}

static belay_status op_create(struct belay_cl *cl, struct belay_step *step)
{
    struct belay_call call;
    make_call(cl, step, NULL, &call);
    const struct belay_op *op = call.op;
    if (!op->cl_file || !op->launch)
        return belay_fail(cl->log, BELAY_ERR_UNSUPPORTED, "op '%s' has no OpenCL kernel",
                          op->name);
    step->file = op->cl_file;
    if (op->scratch)
        step->scratch_count = op->scratch(&call);
    if (step->scratch_count == 0)
        return BELAY_OK;
    return belay_cl_scratch(cl, step->scratch_count * sizeof(float), &step->scratch);
}

static belay_status set_mem(struct belay_cl *cl, const struct belay_launch *l, cl_kernel kernel,
                            int index, cl_mem mem)
{
    if (!mem)
        return belay_fail(cl->log, BELAY_ERR_DEVICE, "kernel %s: argument %d has no memory",
                          l->kernel, index);
    return belay_cl_set_arg(cl, kernel, l->kernel, (cl_uint) index, sizeof(mem), &mem);
}

static belay_status set_arg(struct belay_cl *cl, const struct belay_step *step,
                            const struct belay_launch *l, cl_kernel kernel, int index)
{
    const struct belay_arg *arg = &l->arg[index];
    switch (arg->kind) {
    case BELAY_ARG_X:
        return set_mem(cl, l, kernel, index, step->x[arg->index]);
    case BELAY_ARG_Y:
        return set_mem(cl, l, kernel, index, step->y[arg->index]);
    case BELAY_ARG_SCRATCH:
        return set_mem(cl, l, kernel, index, step->scratch);
    case BELAY_ARG_UINT:
        return belay_cl_set_arg(cl, kernel, l->kernel, (cl_uint) index, sizeof(arg->u), &arg->u);
    case BELAY_ARG_FLOAT:
        return belay_cl_set_arg(cl, kernel, l->kernel, (cl_uint) index, sizeof(arg->f), &arg->f);
    case BELAY_ARG_LOCAL:
        return belay_cl_set_arg(cl, kernel, l->kernel, (cl_uint) index, arg->u, NULL);
    }
    return BELAY_OK;
}

static belay_status check_count(struct belay_cl *cl, const struct belay_launch *l,
                                cl_kernel kernel)
{
    cl_uint want = 0;
    if (clGetKernelInfo(kernel, CL_KERNEL_NUM_ARGS, sizeof(want), &want, NULL) == CL_SUCCESS &&
        want != (cl_uint) l->num_args)
        return belay_fail(cl->log, BELAY_ERR_DEVICE, "kernel %s takes %u arguments, got %d",
                          l->kernel, (unsigned) want, l->num_args);
    return BELAY_OK;
}

static belay_status bind_stage(struct belay_cl *cl, struct belay_step *step,
                               const struct belay_call *call, int stage)
{
    struct belay_cl_launch *out = &step->launch[stage];
    struct belay_launch l = { 0 };
    call->op->launch(call, stage, &l);
    out->dims = (cl_uint) l.dims;
    out->skip = false;
    for (int i = 0; i < l.dims; i++) {
        out->global[i] = l.global[i];
        out->local[i] = l.local[i];
        out->skip |= l.global[i] == 0;
    }
    if (out->skip)
        return BELAY_OK;
    BELAY_TRY(belay_cl_step_kernel(cl, step, stage, l.kernel, &out->kernel));
    BELAY_TRY(check_count(cl, &l, out->kernel));
    for (int i = 0; i < l.num_args; i++)
        BELAY_TRY(set_arg(cl, step, &l, out->kernel, i));
    return BELAY_OK;
}

static belay_status op_bind(struct belay_cl *cl, struct belay_step *step,
                            const struct belay_shape *shapes)
{
    struct belay_call call;
    make_call(cl, step, shapes, &call);
    step->num_launches = stages_of(&call);
    if (step->num_launches > BELAY_CL_STAGES ||
        (call.op->scratch && call.op->scratch(&call) > step->scratch_count))
        return belay_fail(cl->log, BELAY_ERR_DEVICE,
                          "op '%s' wants more stages or scratch than planned", call.op->name);
    for (int i = 0; i < step->num_launches; i++)
        BELAY_TRY(bind_stage(cl, step, &call, i));
    return BELAY_OK;
}

static belay_status op_run(struct belay_cl *cl, struct belay_step *step)
{
    for (int i = 0; i < step->num_launches; i++)
        BELAY_TRY(belay_cl_enqueue(cl, &step->launch[i]));
    return BELAY_OK;
}

const struct belay_cl_step_kind belay_cl_step_op = { op_create, op_bind, op_run };
