// The list of a model's parameters.
#include <math.h>
#include <string.h>

#include "base/str.h"
#include "model/layer.h"

void belay_model_params_finish(struct belay_model_params *p)
{
    belay_arena_free(&p->arena);
    belay_free(p->params);
    *p = (struct belay_model_params){ 0 };
}

static bool has(const struct belay_model_params *p, const char *name)
{
    for (size_t i = 0; i < p->count; i++)
        if (strcmp(p->params[i].name, name) == 0)
            return true;
    return false;
}

static belay_status add(struct belay_log *log, struct belay_model_params *p, const char *name,
                        const struct belay_shape *shape, struct belay_init init)
{
    void *items = p->params;
    if (has(p, name))
        return BELAY_OK;
    char *copy = belay_arena_strdup(&p->arena, name);
    if (!copy || !belay_grow(&items, p->count, &p->capacity, sizeof(*p->params)))
        return belay_fail_nomem(log, sizeof(*p->params));
    p->params = items;
    p->params[p->count++] =
        (struct belay_model_param){ .name = copy, .shape = *shape, .init = init };
    return BELAY_OK;
}

belay_value *belay_layer_param(struct belay_layer_call *c, const char *suffix, int rank,
                               const int64_t *dim, struct belay_init init)
{
    belay_graph *g = c->graph;
    struct belay_str name = { 0 };
    belay_value *v = NULL;
    belay_str_addf(&name, "%s.%s", c->path, suffix);
    if (name.failed) {
        belay_graph_fail(g, BELAY_ERR_NOMEM, "out of memory for a parameter's name");
        goto done;
    }
    v = belay_param(g, name.text, rank, dim);
    if (v && c->params && add(g->log, c->params, name.text, &v->shape, init) != BELAY_OK)
        v = belay_graph_fail(g, BELAY_ERR_NOMEM, "out of memory for parameter '%s'", name.text);
done:
    belay_str_free(&name);
    return v;
}

// ---- Models made by a callback ----

static size_t prefix_length(const char *name)
{
    const char *dot = strrchr(name, '.');
    return dot ? (size_t) (dot - name) : 0;
}

// Inputs of one unit: all dimensions but the first.
static double fan_in(const struct belay_shape *s)
{
    return (double) belay_shape_count(s) / (double) s->dim[0];
}

static const struct belay_value *weight_beside(const belay_graph *g, const char *name)
{
    size_t length = prefix_length(name);
    for (size_t i = 0; length && i < g->num_values; i++) {
        const struct belay_value *v = g->values[i];
        if (v->kind == BELAY_VALUE_PARAM && v->shape.rank >= 2 &&
            prefix_length(v->name) == length && strncmp(v->name, name, length) == 0)
            return v;
    }
    return NULL;
}

static struct belay_init default_init(const belay_graph *g, const struct belay_value *v)
{
    const struct belay_value *weight = v->shape.rank >= 2 ? v : weight_beside(g, v->name);
    if (!weight)
        return (struct belay_init){ BELAY_INIT_ZEROS, 0 };
    return (struct belay_init){ BELAY_INIT_UNIFORM, 1 / sqrt(fan_in(&weight->shape)) };
}

belay_status belay_model_params_of(const belay_graph *g, struct belay_model_params *params)
{
    for (size_t i = 0; i < g->num_values; i++) {
        const struct belay_value *v = g->values[i];
        if (v->kind == BELAY_VALUE_PARAM)
            BELAY_TRY(add(g->log, params, v->name, &v->shape, default_init(g, v)));
    }
    return BELAY_OK;
}
