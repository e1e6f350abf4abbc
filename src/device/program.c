#include "device/program.h"

#include <string.h>

#include "base/mem.h"
#include "device/timer.h"
#include "tensor/dtype.h"

struct belay_program {
    struct belay_device *dev;
    const struct belay_plan *plan;
    struct belay_buf *own_slabs;
    const struct belay_buf *slabs;
    struct belay_buf *bufs;      // by value id: a view, or a whole buffer; size 0: none
    struct belay_step **steps;   // by group
    struct belay_shape *shapes;  // by value id, of the bound number of rows
    void *prepared;
    int64_t bound_rows;          // -1: not bound
    bool has_rows, ready, poison;
};

static size_t value_size(const struct belay_program *p, const belay_value *v, int64_t rows)
{
    size_t size = belay_plan_value_size(p->plan, v);
    if (v->rows && rows > 0 && v->shape.dim[0] > 0)
        size = size / (size_t) v->shape.dim[0] * (size_t) rows;
    return size;
}

static belay_status take_slabs(struct belay_program *p, const struct belay_buf *slabs)
{
    for (int i = 0; i < p->plan->num_slabs; i++)
        if (slabs[i].size < p->plan->slab_sizes[i])
            return belay_fail(p->dev->log, BELAY_ERR_ARG,
                              "program: slab %d has %zu bytes, want %zu", i, slabs[i].size,
                              p->plan->slab_sizes[i]);
    p->slabs = slabs;
    return BELAY_OK;
}

static belay_status make_slabs(struct belay_program *p)
{
    size_t num = (size_t) p->plan->num_slabs;
    p->own_slabs = belay_alloc_array(num, sizeof(*p->own_slabs));
    if (!p->own_slabs)
        return belay_fail_nomem(p->dev->log, num * sizeof(*p->own_slabs));
    for (size_t i = 0; i < num; i++)
        BELAY_TRY(belay_buf_create(p->dev, p->plan->slab_sizes[i], 0, &p->own_slabs[i]));
    p->slabs = p->own_slabs;
    return BELAY_OK;
}

belay_status belay_program_create(const struct belay_program_params *params,
                                  struct belay_program **out)
{
    struct belay_device *dev = params->device;
    const struct belay_plan *plan = params->plan;
    size_t values = plan->graph->num_values;
    belay_status status = BELAY_OK;
    *out = NULL;
    if (plan->float_size != belay_device_dtype_size(dev, BELAY_F32) ||
        plan->align % dev->align != 0)
        return belay_fail(dev->log, BELAY_ERR_ARG,
                          "program: the plan is for %zu-byte floats aligned to %zu, the device "
                          "has %zu and %zu",
                          plan->float_size, plan->align,
                          belay_device_dtype_size(dev, BELAY_F32), dev->align);
    struct belay_program *p = belay_alloc(sizeof(*p));
    if (!p)
        return belay_fail_nomem(dev->log, sizeof(*p));
    p->dev = dev;
    p->plan = plan;
    p->bound_rows = -1;
    p->poison = params->poison;
    p->bufs = belay_alloc_array(values + 1, sizeof(*p->bufs));
    p->shapes = belay_alloc_array(values + 1, sizeof(*p->shapes));
    p->steps = belay_alloc_array((size_t) plan->num_groups + 1, sizeof(*p->steps));
    if (!p->bufs || !p->shapes || !p->steps) {
        status = belay_fail_nomem(dev->log, values * sizeof(*p->shapes));
        goto done;
    }
    for (size_t i = 0; i < values; i++)
        p->has_rows |= plan->graph->values[i]->rows;
    status = params->slabs ? take_slabs(p, params->slabs) : make_slabs(p);
done:
    if (status != BELAY_OK)
        belay_program_destroy(&p);
    *out = p;
    return status;
}

void belay_program_destroy(struct belay_program **program)
{
    if (!program || !*program)
        return;
    struct belay_program *p = *program;
    for (int i = 0; p->steps && i < p->plan->num_groups; i++)
        if (p->steps[i])
            p->dev->ops->step_destroy(p->dev, &p->steps[i]);
    if (p->prepared && p->dev->ops->plan_release)
        p->dev->ops->plan_release(p->dev, p->prepared);
    for (size_t i = 0; p->bufs && i < p->plan->graph->num_values; i++)
        belay_buf_destroy(p->dev, &p->bufs[i]);
    for (int i = 0; p->own_slabs && i < p->plan->num_slabs; i++)
        belay_buf_destroy(p->dev, &p->own_slabs[i]);
    belay_free(p->own_slabs);
    belay_free(p->bufs);
    belay_free(p->shapes);
    belay_free(p->steps);
    belay_free(p);
    *program = NULL;
}

belay_status belay_program_bind(struct belay_program *p, const belay_value *v,
                                const struct belay_buf *buf, size_t offset)
{
    size_t size = belay_plan_value_size(p->plan, v);
    const struct belay_place *place = &p->plan->places[v->id];
    if (p->ready || place->kind != BELAY_PLACE_EXTERNAL || p->bufs[v->id].priv)
        return belay_fail(p->dev->log, BELAY_ERR_ARG, "program: value '%s' cannot be bound%s",
                          v->name, p->ready ? " any more" : "");
    if (offset > buf->size || buf->size - offset < size)
        return belay_fail(p->dev->log, BELAY_ERR_ARG,
                          "program: value '%s' needs %zu bytes at %zu, the buffer has %zu",
                          v->name, size, offset, buf->size);
    return belay_buf_view(p->dev, buf, offset, size ? size : 1, &p->bufs[v->id]);
}

static belay_status give_memory(struct belay_program *p, const belay_value *v)
{
    const struct belay_place *place = &p->plan->places[v->id];
    struct belay_buf *buf = &p->bufs[v->id];
    size_t size = place->size ? place->size : 1;
    if (place->kind == BELAY_PLACE_EXTERNAL && !buf->priv)
        return belay_buf_create(p->dev, size, 0, buf);
    if (place->kind == BELAY_PLACE_ARENA && place->size > 0)
        return belay_buf_view(p->dev, &p->slabs[place->slab], place->offset, place->size, buf);
    return BELAY_OK;
}

static const struct belay_buf *buf_of(const struct belay_program *p, const belay_value *v)
{
    const struct belay_buf *buf = &p->bufs[p->plan->places[v->id].root];
    return buf->priv ? buf : NULL;
}

static belay_status make_step(struct belay_program *p, int index)
{
    const struct belay_group *group = &p->plan->groups[index];
    size_t num = (size_t) (group->num_x + group->num_y) + 1;
    const struct belay_buf **bufs = belay_alloc_array(num, sizeof(*bufs));
    if (!bufs)
        return belay_fail_nomem(p->dev->log, num * sizeof(*bufs));
    for (int i = 0; i < group->num_x; i++) {
        bool shape_only = !group->elementwise && (group->nodes[0]->op->shape_only >> i) & 1;
        if (!shape_only)
            bufs[i] = buf_of(p, group->x[i]);
    }
    for (int i = 0; i < group->num_y; i++)
        bufs[group->num_x + i] = buf_of(p, group->y[i]);
    const struct belay_step_desc desc = { group, bufs, bufs + group->num_x };
    belay_status status = belay_step_create(p->dev, p->prepared, &desc, &p->steps[index]);
    belay_free(bufs);
    return status;
}

belay_status belay_program_ready(struct belay_program *p)
{
    const struct belay_graph *g = p->plan->graph;
    for (size_t i = 0; i < g->num_values; i++)
        BELAY_TRY(give_memory(p, g->values[i]));
    BELAY_TRY(belay_device_prepare(p->dev, p->plan, &p->prepared));
    for (int i = 0; i < p->plan->num_groups; i++)
        BELAY_TRY(make_step(p, i));
    p->ready = true;
    return BELAY_OK;
}

static belay_status bind_rows(struct belay_program *p, int64_t rows)
{
    p->bound_rows = -1;
    BELAY_TRY(belay_graph_shapes(p->plan->graph, rows, p->shapes));
    for (int i = 0; i < p->plan->num_groups; i++)
        BELAY_TRY(belay_step_bind(p->dev, p->steps[i], p->shapes));
    p->bound_rows = rows;
    return BELAY_OK;
}

// All ones are a NaN in every float format.
static belay_status poison_dead(struct belay_program *p, int group)
{
    for (size_t i = 0; i < p->plan->graph->num_values; i++) {
        const struct belay_place *place = &p->plan->places[i];
        if (place->kind != BELAY_PLACE_ARENA || place->last != group || place->size == 0)
            continue;
        void *ones = belay_alloc(place->size);
        if (!ones)
            return belay_fail_nomem(p->dev->log, place->size);
        memset(ones, 0xff, place->size);
        belay_status status = belay_buf_write(p->dev, &p->bufs[i], 0, ones, place->size, true);
        belay_free(ones);
        BELAY_TRY(status);
    }
    return BELAY_OK;
}

belay_status belay_program_run(struct belay_program *p, int64_t rows)
{
    rows = p->has_rows ? rows : 0;
    if (!p->ready)
        return belay_fail(p->dev->log, BELAY_ERR_ARG, "program: not ready");
    if (rows != p->bound_rows)
        BELAY_TRY(bind_rows(p, rows));
    if (belay_timer_on(p->dev))
        return belay_timer_run(p->dev, p->plan, p->steps);
    for (int i = 0; i < p->plan->num_groups; i++) {
        BELAY_TRY(belay_device_run_step(p->dev, p->steps[i]));
        if (p->poison)
            BELAY_TRY(poison_dead(p, i));
    }
    return BELAY_OK;
}

const struct belay_buf *belay_program_buf(const struct belay_program *p, const belay_value *v)
{
    return buf_of(p, v);
}

struct belay_device *belay_program_device(const struct belay_program *p)
{
    return p->dev;
}

// ---- whole values, for tests and small programs ----

static belay_status transfer(struct belay_program *p, const belay_value *v, belay_dtype host,
                             void *data, int64_t rows, bool in)
{
    const struct belay_buf *buf = buf_of(p, v);
    belay_dtype dtype = v->dtype == BELAY_F32 && p->dev->f64 ? BELAY_F64 : v->dtype;
    size_t size = value_size(p, v, rows), count = size / belay_dtype_size(dtype);
    if (!buf)
        return belay_fail(p->dev->log, BELAY_ERR_ARG, "program: value '%s' has no memory", v->name);
    if (host == dtype)
        return in ? belay_buf_write(p->dev, buf, 0, data, size, true)
                  : belay_buf_read(p->dev, buf, 0, data, size);
    void *other = belay_alloc(size);
    belay_status status = BELAY_OK;
    if (!other)
        return belay_fail_nomem(p->dev->log, size);
    if (in) {
        belay_dtype_convert(host, data, dtype, other, count);
        status = belay_buf_write(p->dev, buf, 0, other, size, true);
    } else {
        status = belay_buf_read(p->dev, buf, 0, other, size);
        if (status == BELAY_OK)
            belay_dtype_convert(dtype, other, host, data, count);
    }
    belay_free(other);
    return status;
}

belay_status belay_program_set(struct belay_program *p, const belay_value *v, const void *data,
                               int64_t rows)
{
    return transfer(p, v, v->dtype, (void *) data, rows, true);
}

belay_status belay_program_get(struct belay_program *p, const belay_value *v, void *data,
                               int64_t rows)
{
    return transfer(p, v, v->dtype, data, rows, false);
}

belay_status belay_program_set_f64(struct belay_program *p, const belay_value *v,
                                   const double *data)
{
    return transfer(p, v, BELAY_F64, (void *) data, 0, true);
}

belay_status belay_program_get_f64(struct belay_program *p, const belay_value *v, double *data)
{
    return transfer(p, v, BELAY_F64, data, 0, false);
}
