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

// A state whose parts have shapes of their own, in the slabs of their parameters.
static belay_status place_state(struct belay_engine *e, int state)
{
    const struct belay_optimizer *opt = e->p.optimizer;
    struct belay_engine_param *places = belay_alloc_array(e->num_params + 1, sizeof(*places));
    size_t first = 0;
    if (!places)
        return belay_fail_nomem(e->log, e->num_params * sizeof(*places));
    e->places[state] = places;
    for (size_t s = 0, i = 0; s < e->num_slabs; s++) {
        size_t *blocks = &e->slabs[s].state_blocks[state];
        e->slabs[s].state_first[state] = first;
        for (; i < e->num_params && e->params[i].slab == (int) s; i++) {
            struct belay_engine_param *p = &places[i];
            *p = e->params[i];
            bool has = p->group >= 0 &&
                       opt->state_shape(e->p.group_options[p->group], e->state_index[state],
                                        &e->params[i].shape, &p->shape);
            p->offset = (first + *blocks) * BELAY_BLOCK;
            p->count = has ? (size_t) belay_shape_count(&p->shape) : 0;
            *blocks += blocks_of(p);
        }
        *blocks = *blocks ? *blocks : 1; // a buffer has some size
        first += *blocks;
    }
    return BELAY_OK;
}

// The numbers of a step: of the groups, then what is common to them.
static void lay_out_hyper(struct belay_engine *e)
{
    const size_t align = e->dev->align > sizeof(float) ? e->dev->align : sizeof(float);
    const size_t groups = (size_t) e->p.num_groups * BELAY_HYPER * sizeof(float);
    e->common_at = (groups + align - 1) / align * align;
    e->hyper_size = e->common_at + BELAY_COMMON * sizeof(float);
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
    if (!e->eval_only)
        lay_out_hyper(e);
    if (e->blocks == 0) // a model without parameters
        e->blocks = e->slabs[0].blocks = 1;
    for (int i = 0; i < e->num_moments && e->p.optimizer->state_shape; i++)
        BELAY_TRY(place_state(e, i));
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

// Has the arena places of its own?
static bool is_own(const struct belay_engine *e, int arena)
{
    return arena > 0 && arena <= e->num_moments && e->places[arena - 1];
}

static size_t first_of(const struct belay_engine *e, const struct belay_engine_slab *slab, int arena)
{
    return is_own(e, arena) ? slab->state_first[arena - 1] : slab->first;
}

static size_t blocks_in(const struct belay_engine *e, const struct belay_engine_slab *slab,
                        int arena)
{
    return is_own(e, arena) ? slab->state_blocks[arena - 1] : slab->blocks;
}

size_t belay_engine_count_of(const struct belay_engine *e, int arena)
{
    const struct belay_engine_slab *last = &e->slabs[e->num_slabs - 1];
    return (first_of(e, last, arena) + blocks_in(e, last, arena)) * BELAY_BLOCK;
}

const struct belay_engine_param *belay_engine_place(const struct belay_engine *e, int arena,
                                                    size_t param)
{
    if (!is_own(e, arena))
        return &e->params[param];
    const struct belay_engine_param *p = &e->places[arena - 1][param];
    return p->count > 0 ? p : NULL;
}

size_t belay_engine_offset(const struct belay_engine *e, int arena, size_t param)
{
    const struct belay_engine_param *p =
        is_own(e, arena) ? &e->places[arena - 1][param] : &e->params[param];
    return (p->offset - first_of(e, &e->slabs[p->slab], arena) * BELAY_BLOCK) * sizeof(float);
}

// ---- memory ----

static size_t size_of(const struct belay_engine *e, const struct belay_engine_slab *slab, int arena)
{
    return blocks_in(e, slab, arena) * BELAY_BLOCK * sizeof(float);
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
    const size_t size = size_of(e, s, 0);
    BELAY_TRY(belay_buf_create(e->dev, size, 0, &s->arenas[0]));
    if (e->eval_only)
        return BELAY_OK;
    BELAY_TRY(belay_buf_create(e->dev, size, 0, &s->arenas[BELAY_ARENA_GRADS]));
    for (int i = 1; i <= e->num_states; i++)
        BELAY_TRY(belay_buf_create(e->dev, size_of(e, s, i), 0, &s->arenas[i]));
    for (int i = 0; i <= e->num_states; i++)
        BELAY_TRY(belay_buf_create(e->dev, size_of(e, s, i), BELAY_BUF_HOST_VISIBLE,
                                   &s->snapshots[i]));
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
        BELAY_TRY(belay_buf_write(e->dev, &s->arenas[arena], 0,
                                  data + first_of(e, s, arena) * BELAY_BLOCK,
                                  size_of(e, s, arena), true));
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
        BELAY_TRY(belay_buf_read(e->dev, &s->arenas[arena], 0,
                                 out + first_of(e, s, arena) * BELAY_BLOCK,
                                 size_of(e, s, arena)));
    }
    return BELAY_OK;
}
