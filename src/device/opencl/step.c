#include "device/opencl/step.h"

#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "device/opencl/tail.h"

belay_status belay_cl_set_arg(struct belay_cl *cl, cl_kernel kernel, const char *name, cl_uint index,
                              size_t size, const void *value)
{
    cl_int error = clSetKernelArg(kernel, index, size, value);
    if (error == CL_SUCCESS)
        return BELAY_OK;
    return belay_fail(cl->log, BELAY_ERR_DEVICE, "%s: clSetKernelArg %u of %s: %s (%d)",
                      cl->info.select, (unsigned) index, name, belay_cl_error_name(error),
                      (int) error);
}

belay_status belay_cl_step_kernel(struct belay_cl *cl, struct belay_step *step, int stage,
                                  const char *name, cl_kernel *out)
{
    for (size_t i = 0; i < step->num_kernels; i++) {
        if (step->kernels[i].stage == stage && strcmp(step->kernels[i].name, name) == 0) {
            *out = step->kernels[i].kernel;
            return BELAY_OK;
        }
    }
    if (!belay_grow((void **) &step->kernels, step->num_kernels, &step->cap_kernels,
                    sizeof(*step->kernels)))
        return belay_fail_nomem(cl->log, sizeof(*step->kernels));
    struct belay_cl_op_kernel *k = &step->kernels[step->num_kernels];
    k->stage = stage;
    snprintf(k->name, sizeof(k->name), "%s", name);
    BELAY_TRY(belay_cl_file_kernel(cl, step->file, name, &k->kernel));
    step->num_kernels++;
    *out = k->kernel;
    return BELAY_OK;
}

static const struct belay_cl_step_kind *kind_of(const struct belay_group *group)
{
    if (group->elementwise)
        return &belay_cl_step_fused;
    const struct belay_op *op = group->nodes[0]->op;
    if (op->flags & BELAY_OP_VIEW)
        return NULL;
    return op->gemm ? &belay_cl_step_gemm : &belay_cl_step_op;
}

static cl_mem *copy_mems(const struct belay_buf *const *bufs, int count)
{
    cl_mem *mems = belay_alloc_array((size_t) count, sizeof(*mems));
    for (int i = 0; mems && i < count; i++)
        mems[i] = bufs[i] ? belay_cl_mem(bufs[i]) : NULL;
    return mems;
}

// A node's scalar input has no memory: kernels of files get a buffer with the number.
static belay_status make_constant(struct belay_cl *cl, struct belay_step *step, int index)
{
    const struct belay_group *group = step->group;
    float value = (float) group->x[index]->scalar;
    if (!step->constants) {
        step->constants = belay_alloc_array((size_t) group->num_x, sizeof(*step->constants));
        if (!step->constants)
            return belay_fail_nomem(cl->log, sizeof(*step->constants));
    }
    struct belay_buf *buf = &step->constants[index];
    BELAY_TRY(belay_buf_create(cl->dev, sizeof(value), 0, buf));
    BELAY_TRY(belay_buf_write(cl->dev, buf, 0, &value, sizeof(value), true));
    step->x[index] = belay_cl_mem(buf);
    return BELAY_OK;
}

static belay_status make_constants(struct belay_cl *cl, struct belay_step *step)
{
    const struct belay_group *group = step->group;
    if (group->elementwise)
        return BELAY_OK;
    for (int i = 0; i < group->num_x; i++) {
        bool shape_only = (group->nodes[0]->op->shape_only >> i) & 1;
        if (group->x[i]->kind == BELAY_VALUE_SCALAR && !shape_only)
            BELAY_TRY(make_constant(cl, step, i));
    }
    return BELAY_OK;
}

// A product whose tail comes next is left to that one's step.
static belay_status join_tail(struct belay_cl *cl, struct belay_cl_prepared *p,
                              struct belay_step *step)
{
    const struct belay_group *group = step->group;
    bool left = false;
    if (p->product) {
        step->product = p->product;
        step->keeps_product = belay_cl_tail_keeps(p->plan, group);
        step->kind = &belay_cl_step_tail;
    } else if (step->kind == &belay_cl_step_gemm) {
        BELAY_TRY(belay_cl_step_has_tail(cl, p->plan, group, &left));
    }
    p->product = left ? step : NULL;
    if (left)
        step->kind = NULL;
    return BELAY_OK;
}

belay_status belay_cl_step_create(struct belay_device *dev, void *prepared,
                                  const struct belay_step_desc *desc, struct belay_step **out)
{
    struct belay_cl *cl = belay_cl_of(dev);
    struct belay_cl_prepared *p = prepared;
    belay_status status = BELAY_OK;
    struct belay_step *step = belay_alloc(sizeof(*step));
    if (!step)
        return belay_fail_nomem(cl->log, sizeof(*step));
    step->group = desc->group;
    step->kind = kind_of(desc->group);
    step->fused = &p->fused[desc->group - p->plan->groups];
    step->x = copy_mems(desc->x, desc->group->num_x);
    step->y = copy_mems(desc->y, desc->group->num_y);
    if (!step->x || !step->y) {
        status = belay_fail_nomem(cl->log, sizeof(cl_mem));
        goto done;
    }
    BELAY_TRY_DONE(join_tail(cl, p, step));
    if (step->kind) {
        BELAY_TRY_DONE(make_constants(cl, step));
        BELAY_TRY_DONE(step->kind->create(cl, step));
    }
    *out = step;
    step = NULL;
done:
    if (step)
        belay_cl_step_destroy(dev, &step);
    return status;
}

belay_status belay_cl_step_bind(struct belay_device *dev, struct belay_step *step,
                                const struct belay_shape *shapes)
{
    return step->kind ? step->kind->bind(belay_cl_of(dev), step, shapes) : BELAY_OK;
}

belay_status belay_cl_step_run(struct belay_device *dev, struct belay_step *step)
{
    return step->kind ? step->kind->run(belay_cl_of(dev), step) : BELAY_OK;
}

void belay_cl_step_destroy(struct belay_device *dev, struct belay_step **step)
{
    struct belay_cl *cl = belay_cl_of(dev);
    struct belay_step *s = *step;
    if (!s)
        return;
    belay_cl_gemm_drop(cl, &s->gemm);
    for (size_t i = 0; i < s->num_kernels; i++)
        clReleaseKernel(s->kernels[i].kernel);
    for (int i = 0; s->constants && i < s->group->num_x; i++)
        belay_buf_destroy(dev, &s->constants[i]);
    belay_str_free(&s->tail_text);
    belay_free(s->tail_mem);
    belay_free(s->constants);
    belay_free(s->kernels);
    belay_free(s->x);
    belay_free(s->y);
    belay_free(s);
    *step = NULL;
}
