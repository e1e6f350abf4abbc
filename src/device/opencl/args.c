#include "device/opencl/args.h"

void belay_cl_arg(struct belay_cl_args *a, size_t size, const void *value)
{
    cl_int error = clSetKernelArg(a->kernel, a->next++, size, value);
    if (a->error == CL_SUCCESS)
        a->error = error;
}

void belay_cl_arg_mem(struct belay_cl_args *a, cl_mem mem)
{
    belay_cl_arg(a, sizeof(mem), &mem);
}

void belay_cl_arg_uint(struct belay_cl_args *a, uint64_t value)
{
    const cl_uint u = (cl_uint) value;
    belay_cl_arg(a, sizeof(u), &u);
}

void belay_cl_arg_sizes(struct belay_cl_args *a, const struct belay_gemm *g, int64_t all)
{
    const int64_t numbers[] = {
        g->m, g->n, g->k, g->ta ? 1 : all, g->ta ? g->m : 1, g->tb ? 1 : g->n, g->tb ? all : 1,
    };
    for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
        belay_cl_arg_uint(a, (uint64_t) numbers[i]);
}

void belay_cl_arg_scale(struct belay_cl_args *a, float alpha, float beta)
{
    belay_cl_arg(a, sizeof(alpha), &alpha);
    belay_cl_arg(a, sizeof(beta), &beta);
}

void belay_cl_arg_batch(struct belay_cl_args *a, const struct belay_cl_batch *batch)
{
    belay_cl_arg(a, sizeof(batch->dim), batch->dim);
    belay_cl_arg(a, sizeof(batch->a), batch->a);
    belay_cl_arg(a, sizeof(batch->b), batch->b);
}
