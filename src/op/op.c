#include "op/op.h"

#include <assert.h>
#include <string.h>

#define BELAY_OP(name) extern const struct belay_op belay_op_##name;
#include "op/list.h"
#undef BELAY_OP

#define BELAY_OP(name) &belay_op_##name,
const struct belay_op *const belay_ops[] = {
#include "op/list.h"
    NULL
};
#undef BELAY_OP

const struct belay_op *belay_op_find(const char *name)
{
    for (const struct belay_op *const *op = belay_ops; *op; op++)
        if (strcmp((*op)->name, name) == 0)
            return *op;
    return NULL;
}

void belay_launch_begin(struct belay_launch *l, const char *kernel)
{
    memset(l, 0, sizeof(*l));
    l->kernel = kernel;
}

static struct belay_arg *add_arg(struct belay_launch *l, enum belay_arg_kind kind)
{
    assert(l->num_args < BELAY_MAX_ARGS);
    struct belay_arg *arg = &l->arg[l->num_args++];
    arg->kind = kind;
    return arg;
}

void belay_launch_x(struct belay_launch *l, int index)
{
    add_arg(l, BELAY_ARG_X)->index = index;
}

void belay_launch_y(struct belay_launch *l, int index)
{
    add_arg(l, BELAY_ARG_Y)->index = index;
}

void belay_launch_uint(struct belay_launch *l, uint64_t value)
{
    assert(value <= UINT32_MAX); // the plan refuses larger tensors
    add_arg(l, BELAY_ARG_UINT)->u = (uint32_t) value;
}

void belay_launch_float(struct belay_launch *l, double value)
{
    add_arg(l, BELAY_ARG_FLOAT)->f = (float) value;
}

void belay_launch_scratch(struct belay_launch *l)
{
    add_arg(l, BELAY_ARG_SCRATCH);
}

void belay_launch_local(struct belay_launch *l, size_t bytes)
{
    add_arg(l, BELAY_ARG_LOCAL)->u = (uint32_t) bytes;
}

static size_t round_up(size_t count, size_t multiple)
{
    return (count + multiple - 1) / multiple * multiple;
}

void belay_launch_range(struct belay_launch *l, size_t count, size_t local)
{
    l->dims = 1;
    l->global[0] = round_up(count, local);
    l->local[0] = local;
}

void belay_launch_range2(struct belay_launch *l, size_t count0, size_t local0, size_t count1,
                         size_t local1)
{
    l->dims = 2;
    l->global[0] = round_up(count0, local0);
    l->local[0] = local0;
    l->global[1] = round_up(count1, local1);
    l->local[1] = local1;
}
