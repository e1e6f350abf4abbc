// One group on the host: element-wise groups element by element, all others through the
// operator's reference, with inputs and outputs as double.
#include "device/host/host.h"

#include <string.h>

#include "base/mem.h"
#include "tensor/dtype.h"

struct belay_step {
    struct belay_step_desc desc; // arrays are copied
    const struct belay_buf **bufs;
    struct belay_call call;      // of a single node
    struct belay_shape space;    // of an element-wise group
    struct belay_shape *x_shape; // element-wise: of its inputs
    double **scratch;            // x, then y: planned sizes; NULL where not converted
    double *regs;                // element-wise: one a node
    double *summed, *sum;        // element-wise with a sum: what goes into it, and its outputs
    int sum_reg;                 // … made by this node
    int *x_reg;                  // element-wise: for each node input, see operand()
    int *y_reg;                  // element-wise: which node makes output k
    double *scalars;
    int num_scalars;
};

// Operands of an element-wise node as one number: an input of the group (>= 0), an earlier node
// (-1 - i), or a scalar (SCALAR_BASE + i).
#define SCALAR_BASE 1000000

static belay_dtype stored(const struct belay_device *dev, belay_dtype dtype)
{
    return dtype == BELAY_F32 && dev->f64 ? BELAY_F64 : dtype;
}

static int operand(struct belay_step *s, const belay_value *v)
{
    const struct belay_group *group = s->desc.group;
    if (v->kind == BELAY_VALUE_SCALAR) {
        s->scalars[s->num_scalars] = v->scalar;
        return SCALAR_BASE + s->num_scalars++;
    }
    for (int i = 0; i < group->num_nodes; i++)
        if (group->nodes[i]->y[0] == v)
            return -1 - i;
    for (int i = 0; i < group->num_x; i++)
        if (group->x[i] == v)
            return i;
    return 0;
}

static belay_status make_elementwise(struct belay_device *dev, struct belay_step *s)
{
    const struct belay_group *group = s->desc.group;
    size_t inputs = 1, at = 0;
    for (int i = 0; i < group->num_nodes; i++)
        inputs += (size_t) group->nodes[i]->num_x;
    s->regs = belay_alloc_array((size_t) group->num_nodes, sizeof(*s->regs));
    s->x_reg = belay_alloc_array(inputs, sizeof(*s->x_reg));
    s->y_reg = belay_alloc_array((size_t) group->num_y + 1, sizeof(*s->y_reg));
    s->scalars = belay_alloc_array(inputs, sizeof(*s->scalars));
    s->x_shape = belay_alloc_array((size_t) group->num_x + 1, sizeof(*s->x_shape));
    if (!s->regs || !s->x_reg || !s->y_reg || !s->scalars || !s->x_shape)
        return belay_fail_nomem(dev->log, inputs * sizeof(*s->scalars));
    for (int i = 0; i < group->num_nodes; i++)
        for (int k = 0; k < group->nodes[i]->num_x; k++)
            s->x_reg[at++] = operand(s, group->nodes[i]->x[k]);
    for (int i = 0; i < group->num_y - (group->sum != NULL); i++)
        s->y_reg[i] = -1 - operand(s, group->y[i]);
    if (!group->sum)
        return BELAY_OK;
    s->sum_reg = -1 - operand(s, group->sum->x[0]);
    s->summed = belay_alloc_array((size_t) belay_shape_count(&group->space->shape) + 1,
                                  sizeof(*s->summed));
    s->sum = belay_alloc_array((size_t) belay_shape_count(&group->sum->y[0]->shape) + 1,
                               sizeof(*s->sum));
    return s->summed && s->sum ? BELAY_OK : belay_fail_nomem(dev->log, sizeof(*s->sum));
}

static double *new_scratch(struct belay_device *dev, const struct belay_shape *shape)
{
    size_t count = (size_t) belay_shape_count(shape) + 1;
    double *block = belay_alloc_array(count, sizeof(*block));
    if (!block)
        (void) belay_fail_nomem(dev->log, count * sizeof(*block));
    return block;
}

static belay_status make_reference(struct belay_device *dev, struct belay_step *s)
{
    const struct belay_group *group = s->desc.group;
    const struct belay_op *op = group->nodes[0]->op;
    s->scratch = belay_alloc_array((size_t) (group->num_x + group->num_y), sizeof(*s->scratch));
    if (!s->scratch)
        return belay_fail_nomem(dev->log, sizeof(*s->scratch));
    if (op->flags & BELAY_OP_RAW)
        return BELAY_OK;
    for (int i = 0; i < group->num_x + group->num_y; i++) {
        bool out = i >= group->num_x;
        if (!out && !s->desc.x[i])
            continue;
        const belay_value *v = out ? group->y[i - group->num_x] : group->x[i];
        s->scratch[i] = new_scratch(dev, &v->shape);
        if (!s->scratch[i])
            return BELAY_ERR_NOMEM;
    }
    return BELAY_OK;
}

belay_status belay_host_step_create(struct belay_device *dev, void *prepared,
                                    const struct belay_step_desc *desc, struct belay_step **out)
{
    const struct belay_group *group = desc->group;
    belay_status status = BELAY_OK;
    (void) prepared;
    struct belay_step *s = belay_alloc(sizeof(*s));
    if (!s)
        return belay_fail_nomem(dev->log, sizeof(*s));
    size_t count = (size_t) (group->num_x + group->num_y) + 1;
    s->bufs = belay_alloc_array(count, sizeof(*s->bufs));
    if (!s->bufs) {
        status = belay_fail_nomem(dev->log, count * sizeof(*s->bufs));
        goto done;
    }
    memcpy(s->bufs, desc->x, (size_t) group->num_x * sizeof(*s->bufs));
    memcpy(s->bufs + group->num_x, desc->y, (size_t) group->num_y * sizeof(*s->bufs));
    s->desc = (struct belay_step_desc){ group, s->bufs, s->bufs + group->num_x };
    status = group->elementwise ? make_elementwise(dev, s) : make_reference(dev, s);
done:
    if (status != BELAY_OK)
        belay_host_step_destroy(dev, &s);
    *out = s;
    return status;
}

void belay_host_step_destroy(struct belay_device *dev, struct belay_step **step)
{
    struct belay_step *s = *step;
    (void) dev;
    if (!s)
        return;
    const struct belay_group *group = s->desc.group;
    for (int i = 0; s->scratch && group && i < group->num_x + group->num_y; i++)
        belay_free(s->scratch[i]);
    belay_free(s->scratch);
    belay_free(s->regs);
    belay_free(s->summed);
    belay_free(s->sum);
    belay_free(s->x_reg);
    belay_free(s->y_reg);
    belay_free(s->scalars);
    belay_free(s->x_shape);
    belay_free(s->bufs);
    belay_free(s);
    *step = NULL;
}

belay_status belay_host_step_bind(struct belay_device *dev, struct belay_step *s,
                                  const struct belay_shape *shapes)
{
    const struct belay_group *group = s->desc.group;
    (void) dev;
    if (!group->elementwise) {
        belay_node_call(group->nodes[0], shapes, &s->call);
        return BELAY_OK;
    }
    s->space = shapes[group->space->id];
    for (int i = 0; i < group->num_x; i++)
        s->x_shape[i] = shapes[group->x[i]->id];
    if (group->sum)
        belay_node_call(group->sum, shapes, &s->call);
    return BELAY_OK;
}

// ---- element by element ----

static double load(const struct belay_device *dev, const belay_value *v,
                   const struct belay_buf *buf, int64_t at)
{
    belay_dtype dtype = stored(dev, v->dtype);
    return belay_dtype_load(dtype,
                            (const char *) buf->priv + (size_t) at * belay_dtype_size(dtype));
}

static void store(const struct belay_device *dev, const belay_value *v,
                  const struct belay_buf *buf, int64_t at, double value)
{
    belay_dtype dtype = stored(dev, v->dtype);
    belay_dtype_store(dtype, (char *) buf->priv + (size_t) at * belay_dtype_size(dtype), value);
}

static void run_element(struct belay_device *dev, struct belay_step *s, const int64_t *offset,
                        int64_t index)
{
    const struct belay_group *group = s->desc.group;
    const int *reg = s->x_reg;
    for (int i = 0; i < group->num_nodes; i++) {
        const struct belay_node *n = group->nodes[i];
        double x[BELAY_MAX_IN];
        for (int k = 0; k < n->num_x; k++, reg++) {
            if (*reg >= SCALAR_BASE)
                x[k] = s->scalars[*reg - SCALAR_BASE];
            else if (*reg >= 0)
                x[k] = load(dev, group->x[*reg], s->desc.x[*reg], offset[*reg]);
            else
                x[k] = s->regs[-1 - *reg];
        }
        s->regs[i] = n->op->eval(x, n->attrs.f);
    }
    if (group->sum)
        s->summed[index] = s->regs[s->sum_reg];
    for (int i = 0; i < group->num_y - (group->sum != NULL); i++) {
        double y = s->regs[s->y_reg[i]];
        if (group->y[i]->adds)
            y += load(dev, group->y[i], s->desc.y[i], index);
        store(dev, group->y[i], s->desc.y[i], index, y);
    }
}

static void run_sum(struct belay_device *dev, struct belay_step *s)
{
    const double *x[2] = { s->summed };
    int last = s->desc.group->num_y - 1;
    s->call.op->ref(&(struct belay_ref){ .call = &s->call, .x = x, .y = &s->sum });
    belay_dtype_convert(BELAY_F64, s->sum, stored(dev, BELAY_F32), s->desc.y[last]->priv,
                        (size_t) belay_shape_count(&s->call.y_shape[0]));
}

#define MAX_GROUP_IN 64

static belay_status run_elementwise(struct belay_device *dev, struct belay_step *s)
{
    const struct belay_group *group = s->desc.group;
    int64_t stride[MAX_GROUP_IN][BELAY_MAX_RANK], offset[MAX_GROUP_IN] = { 0 };
    int64_t at[BELAY_MAX_RANK] = { 0 }, count = belay_shape_count(&s->space);
    if (group->num_x > MAX_GROUP_IN)
        return belay_fail(dev->log, BELAY_ERR_ARG, "host: a group has %d inputs, at most %d fit",
                          group->num_x, MAX_GROUP_IN);
    for (int i = 0; i < group->num_x; i++)
        belay_shape_strides_to(&s->x_shape[i], &s->space, stride[i]);
    for (int64_t index = 0; index < count; index++) {
        run_element(dev, s, offset, index);
        for (int d = s->space.rank - 1; d >= 0; d--) {
            // One step along d, or back to its start and on to the next dimension.
            bool wraps = ++at[d] == s->space.dim[d];
            for (int i = 0; i < group->num_x; i++)
                offset[i] += wraps ? -stride[i][d] * (at[d] - 1) : stride[i][d];
            if (!wraps)
                break;
            at[d] = 0;
        }
    }
    if (group->sum)
        run_sum(dev, s);
    return BELAY_OK;
}

// ---- references ----

static void run_ref(struct belay_step *s, const double **x, double **y)
{
    const struct belay_op *op = s->call.op;
    const void *xraw[BELAY_MAX_IN] = { 0 };
    void *yraw[BELAY_MAX_OUT] = { 0 };
    for (int i = 0; i < s->call.num_x; i++)
        xraw[i] = s->desc.x[i] ? s->desc.x[i]->priv : NULL;
    for (int i = 0; i < s->call.num_y; i++)
        yraw[i] = s->desc.y[i] ? s->desc.y[i]->priv : NULL;
    if (op->gemm) {
        struct belay_gemm gemm;
        memset(&gemm, 0, sizeof(gemm));
        op->gemm(&s->call, &gemm);
        if (s->desc.group->y[0]->adds)
            gemm.beta = 1;
        if (belay_shape_count(&s->call.y_shape[0]) > 0)
            belay_host_gemm(&gemm, x[gemm.a], x[gemm.b], y[0]);
        return;
    }
    op->ref(&(struct belay_ref){ &s->call, x, y, xraw, yraw });
}

static belay_status run_reference(struct belay_device *dev, struct belay_step *s)
{
    const struct belay_call *call = &s->call;
    const double *x[BELAY_MAX_IN] = { 0 };
    double *y[BELAY_MAX_OUT] = { 0 };
    bool raw = call->op->flags & BELAY_OP_RAW;
    for (int i = 0; i < call->num_x; i++) {
        if (raw || !s->scratch[i])
            continue;
        belay_dtype_convert(stored(dev, call->x_dtype[i]), s->desc.x[i]->priv, BELAY_F64,
                            s->scratch[i], (size_t) belay_shape_count(&call->x_shape[i]));
        x[i] = s->scratch[i];
    }
    for (int i = 0; i < call->num_y; i++) {
        y[i] = s->scratch[call->num_x + i];
        if (s->desc.group->y[i]->adds)
            belay_dtype_convert(stored(dev, call->y_dtype[i]), s->desc.y[i]->priv, BELAY_F64,
                                y[i], (size_t) belay_shape_count(&call->y_shape[i]));
    }
    run_ref(s, x, y);
    for (int i = 0; i < call->num_y && !raw; i++)
        if (s->desc.y[i])
            belay_dtype_convert(BELAY_F64, y[i], stored(dev, call->y_dtype[i]),
                                s->desc.y[i]->priv,
                                (size_t) belay_shape_count(&call->y_shape[i]));
    return BELAY_OK;
}

belay_status belay_host_step_run(struct belay_device *dev, struct belay_step *s)
{
    dev->counters.launches++;
    return s->desc.group->elementwise ? run_elementwise(dev, s) : run_reference(dev, s);
}
