// An element-wise group: one generated kernel.
#include <string.h>

#include "device/opencl/step.h"
#include "op/reduce.h"

static belay_status fused_create(struct belay_cl *cl, struct belay_step *step)
{
    const struct belay_group *group = step->group;
    const char *name = step->fused->name;
    cl_uint index = 0;
    cl_kernel kernel;
    step->file = "";
    BELAY_TRY(belay_cl_step_kernel(cl, step, 0, name, &kernel));
    for (int i = 0; i < group->num_y; i++)
        BELAY_TRY(belay_cl_set_arg(cl, kernel, name, index++, sizeof(cl_mem), &step->y[i]));
    for (int i = 0; i < group->num_x; i++)
        if (group->x[i]->kind != BELAY_VALUE_SCALAR)
            BELAY_TRY(belay_cl_set_arg(cl, kernel, name, index++, sizeof(cl_mem), &step->x[i]));
    step->launch[0].kernel = kernel;
    step->num_launches = 1;
    return BELAY_OK;
}

static uint64_t round_up(uint64_t value, uint64_t unit)
{
    return (value + unit - 1) / unit * unit;
}

static uint64_t ceil_div(uint64_t a, uint64_t b)
{
    return (a + b - 1) / b;
}

// Elements that are worth a work-item: as many as memory moves in half the time of a launch. (Items of
// a whole launch's time were 2 to 3 times slower at 16,384 elements: two cores begin at two times.)
static uint64_t least_elements(const struct belay_profile *p)
{
    const double bytes = 24, elements = p->launch * p->bandwidth / bytes;
    return elements < 1024 ? 1024 : elements > 1 << 14 ? 1 << 14 : (uint64_t) elements;
}

// CPU: ranges of at least some thousand elements, a few for each core, one a group.
static void divide_cpu(struct belay_cl *cl, uint64_t columns, uint64_t rows, bool two,
                       struct belay_cl_launch *l, cl_uint per[2])
{
    const uint64_t width = belay_cl_fused_width(cl);
    const uint64_t least = least_elements(&cl->dev->profile);
    uint64_t items = ceil_div(columns * rows, least);
    const uint64_t most = (uint64_t) cl->dev->profile.compute_units * 4;
    if (items > most)
        items = most;
    uint64_t row_items = rows < items ? rows : items;
    per[1] = (cl_uint) ceil_div(rows, row_items);
    row_items = ceil_div(rows, per[1]);
    per[0] = (cl_uint) round_up(ceil_div(columns, ceil_div(items, row_items)), width);
    l->dims = two ? 2 : 1;
    l->global[0] = (size_t) ceil_div(columns, per[0]);
    l->global[1] = (size_t) row_items;
    l->local[0] = l->local[1] = 1;
}

// GPU: one element a work-item, groups of 128 shaped to the row.
static void divide_gpu(struct belay_cl *cl, uint64_t columns, uint64_t rows, bool two,
                       struct belay_cl_launch *l, cl_uint per[2])
{
    size_t group = cl->dev->profile.max_group < 128 ? cl->dev->profile.max_group : 128;
    size_t wide = 1;
    while (two && wide * 2 <= group && wide < columns)
        wide *= 2;
    l->dims = two ? 2 : 1;
    l->local[0] = two ? wide : group;
    l->local[1] = group / wide > rows ? 1 : group / wide;
    l->global[0] = (size_t) round_up(columns, l->local[0]);
    l->global[1] = (size_t) round_up(rows, l->local[1]);
    per[0] = per[1] = 1;
}

// A sum at the end: whole rows, or blocks of columns, so many that they are worth a work-item; on
// GPUs a group a row or an item a column.
static cl_uint divide_sums(struct belay_cl *cl, const struct belay_cl_space *space,
                           const uint64_t *size, struct belay_cl_launch *l)
{
    const struct belay_profile *p = &cl->dev->profile;
    uint64_t length = size[space->sum], units = 1, group = 1;
    for (int c = 0; c < space->rank; c++)
        units *= c == space->sum ? 1 : size[c];
    while (!p->cpu && group * 2 <= p->max_group && group < (space->sum == 0 ? 256 : 64))
        group *= 2;
    l->dims = 1;
    l->local[0] = (size_t) group;
    if (!p->cpu) {
        l->global[0] = (size_t) (space->sum == 0 ? units * group : round_up(units, group));
        return space->sum == 0 ? (cl_uint) group : 1;
    }
    if (space->sum == 1) {
        length *= belay_cl_fused_width(cl);
        units = units / size[0] * ceil_div(size[0], belay_cl_fused_width(cl));
    }
    uint64_t per = ceil_div(units, (uint64_t) p->compute_units * 4);
    if (per * length < least_elements(p))
        per = ceil_div(least_elements(p), length);
    l->global[0] = (size_t) ceil_div(units, per);
    return (cl_uint) per;
}

static float sum_divisor(const struct belay_group *group, const struct belay_shape *shapes)
{
    struct belay_call call;
    belay_node_call(group->sum, shapes, &call);
    return (float) belay_reduce_divisor(&call);
}

static belay_status bind_sum(struct belay_cl *cl, struct belay_step *step, cl_uint index,
                             const uint64_t *size, const struct belay_shape *shapes)
{
    struct belay_cl_launch *l = &step->launch[0];
    const char *name = step->fused->name;
    cl_uint per = divide_sums(cl, &step->fused->space, size, l);
    float div = sum_divisor(step->group, shapes);
    BELAY_TRY(belay_cl_set_arg(cl, l->kernel, name, index, sizeof(per), &per));
    return belay_cl_set_arg(cl, l->kernel, name, index + 1, sizeof(div), &div);
}

static belay_status fused_bind(struct belay_cl *cl, struct belay_step *step,
                               const struct belay_shape *shapes)
{
    const struct belay_group *group = step->group;
    const struct belay_cl_space *space = &step->fused->space;
    struct belay_cl_launch *l = &step->launch[0];
    uint64_t size[BELAY_MAX_RANK], rows = 1;
    cl_uint per[2], index = (cl_uint) group->num_y;
    belay_cl_space_sizes(space, &shapes[group->space->id], size);
    for (int c = 1; c < space->rank; c++)
        rows *= size[c];
    l->skip = size[0] == 0 || rows == 0;
    if (l->skip)
        return BELAY_OK;
    if (size[0] > UINT32_MAX / 2 || rows > UINT32_MAX / size[0] / 2)
        return belay_fail(cl->log, BELAY_ERR_UNSUPPORTED,
                          "an element-wise operation on more than 2^31 elements");
    if (!group->sum)
        (cl->dev->profile.cpu ? divide_cpu
                              : divide_gpu)(cl, size[0], rows, space->rank > 1, l, per);
    for (int i = 0; i < group->num_x; i++)
        index += group->x[i]->kind != BELAY_VALUE_SCALAR;
    for (int c = 0; c < space->rank; c++) {
        cl_uint n = (cl_uint) size[c];
        BELAY_TRY(belay_cl_set_arg(cl, l->kernel, step->fused->name, index++, sizeof(n), &n));
    }
    if (group->sum)
        return bind_sum(cl, step, index, size, shapes);
    for (int i = 0; i < (space->rank > 1 ? 2 : 1); i++)
        BELAY_TRY(
            belay_cl_set_arg(cl, l->kernel, step->fused->name, index++, sizeof(cl_uint), &per[i]));
    return BELAY_OK;
}

static belay_status fused_run(struct belay_cl *cl, struct belay_step *step)
{
    return belay_cl_enqueue(cl, &step->launch[0]);
}

const struct belay_cl_step_kind belay_cl_step_fused = { fused_create, fused_bind, fused_run };
