// Where parameters, gradients and states lie: flat arenas of whole blocks. On the host an arena is one
// row; a device holds it in as many slabs as its largest buffer asks for, each with whole parameters.
#include "base/str.h"
#include "tensor/dtype.h"
#include "train/engine_internal.h"

// ---- layout ----

static int group_of(const struct belay_engine_params *p, const char *name)
{
    for (int i = 0; i + 1 < p->num_groups; i++)
        if (p->group_match[i] && belay_glob(p->group_match[i], name))
            return i;
    return p->num_groups - 1;
}

static size_t blocks_of(const struct belay_engine_param *p)
{
    return (p->count + BELAY_BLOCK - 1) / BELAY_BLOCK;
}

static belay_status place_param(struct belay_engine *e, struct belay_engine_param *p)
{
    const size_t size = BELAY_BLOCK * sizeof(float);
    const uint64_t most = e->dev->max_alloc ? e->dev->max_alloc / size : UINT64_MAX;
    const size_t blocks = blocks_of(p);
    struct belay_engine_slab *slab = &e->slabs[e->num_slabs - 1];
    char text[BELAY_SHAPE_TEXT];
    if (blocks > most)
        return belay_fail(e->log, BELAY_ERR_NOMEM,
                          "%s: parameter '%s' of shape %s takes %zu bytes, the device gives at most "
                          "%llu in one piece",
                          e->dev->select, p->name, belay_shape_text(&p->shape, text),
                          blocks * size, (unsigned long long) e->dev->max_alloc);
    if (slab->blocks > 0 && blocks > most - slab->blocks) {
        slab[1].first = slab->first + slab->blocks;
        slab++;
        e->num_slabs++;
    }
    p->slab = (int) (e->num_slabs - 1);
    p->offset = (slab->first + slab->blocks) * BELAY_BLOCK;
    slab->blocks += blocks;
    e->blocks += blocks;
    return BELAY_OK;
}

belay_status belay_engine_lay_out(struct belay_engine *e)
{
    const struct belay_model_params *m = &e->model_params;
    e->params = belay_alloc_array(m->count + 1, sizeof(*e->params));
    e->slabs = belay_alloc_array(m->count + 1, sizeof(*e->slabs)); // at most one a parameter
    if (!e->params || !e->slabs)
        return belay_fail_nomem(e->log, m->count * sizeof(*e->slabs));
    e->num_params = m->count;
    e->num_slabs = 1;
    for (size_t i = 0; i < m->count; i++) {
        struct belay_engine_param *p = &e->params[i];
        p->name = m->params[i].name;
        p->shape = m->params[i].shape;
        p->count = (size_t) belay_shape_count(&p->shape);
        p->group = e->p.optimizer ? group_of(&e->p, p->name) : 0;
        if (e->p.optimizer && e->p.group_frozen[p->group])
            p->group = -1;
        BELAY_TRY(place_param(e, p));
    }
    if (e->blocks == 0) // a model without parameters
        e->blocks = e->slabs[0].blocks = 1;
    return BELAY_OK;
}

const struct belay_engine_param *belay_engine_params(const struct belay_engine *e, size_t *count)
{
    *count = e->num_params;
    return e->params;
}

size_t belay_engine_arena_count(const struct belay_engine *e)
{
    return e->blocks * BELAY_BLOCK;
}

size_t belay_engine_offset(const struct belay_engine *e, size_t param)
{
    const struct belay_engine_param *p = &e->params[param];
    return (p->offset - e->slabs[p->slab].first * BELAY_BLOCK) * sizeof(float);
}

// ---- memory ----

static size_t size_of(const struct belay_engine_slab *slab)
{
    return slab->blocks * BELAY_BLOCK * sizeof(float);
}

static belay_status upload_groups(struct belay_engine *e)
{
    int32_t *group = belay_alloc_array(e->blocks, sizeof(*group));
    belay_status status = BELAY_OK;
    if (!group)
        return belay_fail_nomem(e->log, e->blocks * sizeof(*group));
    for (size_t i = 0; i < e->num_params; i++)
        for (size_t b = 0; b < blocks_of(&e->params[i]); b++)
            group[e->params[i].offset / BELAY_BLOCK + b] = e->params[i].group;
    for (size_t i = 0; i < e->num_slabs && status == BELAY_OK; i++) {
        struct belay_engine_slab *s = &e->slabs[i];
        status = belay_buf_write(e->dev, &s->block_group, 0, group + s->first,
                                 s->blocks * sizeof(*group), true);
    }
    belay_free(group);
    return status;
}

static belay_status make_slab(struct belay_engine *e, struct belay_engine_slab *s)
{
    const size_t size = size_of(s);
    BELAY_TRY(belay_buf_create(e->dev, size, 0, &s->arenas[0]));
    if (e->eval_only)
        return BELAY_OK;
    BELAY_TRY(belay_buf_create(e->dev, size, 0, &s->arenas[BELAY_ARENA_GRADS]));
    for (int i = 0; i < e->num_states; i++)
        BELAY_TRY(belay_buf_create(e->dev, size, 0, &s->arenas[1 + i]));
    for (int i = 0; i <= e->num_states; i++)
        BELAY_TRY(belay_buf_create(e->dev, size, BELAY_BUF_HOST_VISIBLE, &s->snapshots[i]));
    BELAY_TRY(belay_buf_create(e->dev, size, BELAY_BUF_HOST_VISIBLE, &s->weights_snapshot));
    return belay_buf_create(e->dev, s->blocks * sizeof(int32_t), 0, &s->block_group);
}

belay_status belay_engine_make_arenas(struct belay_engine *e)
{
    for (size_t i = 0; i < e->num_slabs; i++)
        BELAY_TRY(make_slab(e, &e->slabs[i]));
    return e->eval_only ? BELAY_OK : upload_groups(e);
}

void belay_engine_drop_arenas(struct belay_engine *e)
{
    for (size_t i = 0; e->slabs && i < e->num_slabs; i++) {
        struct belay_engine_slab *s = &e->slabs[i];
        for (int k = 0; k < BELAY_NUM_ARENAS; k++) {
            belay_buf_destroy(e->dev, &s->arenas[k]);
            belay_buf_destroy(e->dev, &s->snapshots[k]);
        }
        belay_buf_destroy(e->dev, &s->weights_snapshot);
        belay_buf_destroy(e->dev, &s->block_group);
    }
    belay_free(e->slabs);
    e->slabs = NULL;
}

static belay_status write_arena(struct belay_engine *e, int arena, const float *data)
{
    for (size_t i = 0; i < e->num_slabs; i++) {
        struct belay_engine_slab *s = &e->slabs[i];
        BELAY_TRY(belay_buf_write(e->dev, &s->arenas[arena], 0, data + s->first * BELAY_BLOCK,
                                  size_of(s), true));
    }
    return BELAY_OK;
}

belay_status belay_engine_set_arena(struct belay_engine *e, int arena, const float *data)
{
    const int shown = belay_engine_shown(e);
    if (arena == 0 && shown > 0)
        BELAY_TRY(write_arena(e, shown, data));
    return write_arena(e, arena, data);
}

belay_status belay_engine_get_arena(struct belay_engine *e, int arena, float *out)
{
    for (size_t i = 0; i < e->num_slabs; i++) {
        struct belay_engine_slab *s = &e->slabs[i];
        BELAY_TRY(belay_buf_read(e->dev, &s->arenas[arena], 0, out + s->first * BELAY_BLOCK,
                                 size_of(s)));
    }
    return BELAY_OK;
}
