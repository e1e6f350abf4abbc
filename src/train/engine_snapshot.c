// Snapshots of the arenas: copied on the device in queue order, mapped on the second queue, so that
// training goes on while they are read.
#include "train/engine_internal.h"

static size_t num_arenas(const struct belay_engine *e, enum belay_snap_kind kind)
{
    return kind == BELAY_SNAP_WEIGHTS ? 1 : 1 + (size_t) e->num_states;
}

static belay_status make_maps(struct belay_engine *e, enum belay_snap_kind kind)
{
    const size_t num = e->num_slabs * num_arenas(e, kind) + (kind == BELAY_SNAP_ALL);
    struct belay_snap *s = &e->snaps[kind];
    s->maps = belay_alloc_array(num, sizeof(*s->maps));
    if (!s->maps)
        return belay_fail_nomem(e->log, num * sizeof(*s->maps));
    s->num_maps = num;
    for (size_t i = 0; i < num_arenas(e, kind) * e->num_slabs; i++) {
        struct belay_engine_slab *slab = &e->slabs[i % e->num_slabs];
        s->maps[i].buf = kind == BELAY_SNAP_WEIGHTS ? &slab->weights_snapshot
                                                    : &slab->snapshots[i / e->num_slabs];
    }
    if (kind == BELAY_SNAP_ALL)
        s->maps[num - 1].buf = &e->log_snapshot;
    return BELAY_OK;
}

belay_status belay_engine_make_snaps(struct belay_engine *e)
{
    BELAY_TRY(belay_buf_create(e->dev, BELAY_LOG_SLOTS * e->train.log_width * sizeof(float),
                               BELAY_BUF_HOST_VISIBLE, &e->log_snapshot));
    for (int i = 0; i < BELAY_NUM_SNAPS; i++)
        BELAY_TRY(make_maps(e, (enum belay_snap_kind) i));
    return BELAY_OK;
}

void belay_engine_drop_snaps(struct belay_engine *e)
{
    for (int i = 0; i < BELAY_NUM_SNAPS; i++) {
        (void) belay_engine_snap_drop(e, (enum belay_snap_kind) i);
        belay_free(e->snaps[i].maps);
        e->snaps[i] = (struct belay_snap){ 0 };
    }
}

// What a map shows.
static const struct belay_buf *source_of(const struct belay_engine *e, enum belay_snap_kind kind,
                                         size_t map)
{
    const size_t arena = map / e->num_slabs;
    if (arena == num_arenas(e, kind))
        return &e->train_log;
    return &e->slabs[map % e->num_slabs]
                .arenas[kind == BELAY_SNAP_WEIGHTS ? (size_t) belay_engine_shown(e) : arena];
}

belay_status belay_engine_snap(struct belay_engine *e, enum belay_snap_kind kind)
{
    struct belay_snap *s = &e->snaps[kind];
    s->losses = e->losses;
    for (size_t i = 0; i < s->num_maps; i++)
        BELAY_TRY(belay_buf_copy(e->dev, source_of(e, kind, i), 0, s->maps[i].buf, 0,
                                 s->maps[i].buf->size));
    BELAY_TRY(belay_device_flush(e->dev));
    for (size_t i = 0; i < s->num_maps; i++)
        BELAY_TRY(belay_buf_map_start(e->dev, s->maps[i].buf, s->maps[i].buf->size,
                                      &s->maps[i].map, &s->maps[i].ticket));
    return BELAY_OK;
}

belay_status belay_engine_snap_ready(struct belay_engine *e, enum belay_snap_kind kind, bool wait,
                                     bool *ready)
{
    struct belay_snap *s = &e->snaps[kind];
    *ready = true;
    for (size_t i = 0; i < s->num_maps && *ready; i++)
        if (s->maps[i].ticket)
            BELAY_TRY(belay_buf_map_ready(e->dev, &s->maps[i].ticket, wait, ready));
    return BELAY_OK;
}

const float *belay_engine_snap_param(const struct belay_engine *e, enum belay_snap_kind kind,
                                     int arena, size_t param)
{
    const struct belay_engine_param *p = &e->params[param];
    const size_t map = (size_t) arena * e->num_slabs + (size_t) p->slab;
    const float *slab = e->snaps[kind].maps[map].map;
    return slab + belay_engine_offset(e, arena, param) / sizeof(*slab);
}

void belay_engine_snap_losses(struct belay_engine *e, float *loss, float *norm,
                              size_t *count)
{
    struct belay_snap *s = &e->snaps[BELAY_SNAP_ALL];
    belay_engine_decode_log(&s->losses, s->maps[s->num_maps - 1].map, e->train.log_width);
    belay_loss_log_take(&s->losses, loss, norm, count);
}

belay_status belay_engine_snap_drop(struct belay_engine *e, enum belay_snap_kind kind)
{
    struct belay_snap *s = &e->snaps[kind];
    belay_status status = BELAY_OK;
    for (size_t i = 0; i < s->num_maps; i++) {
        struct belay_snap_map *m = &s->maps[i];
        bool ready;
        belay_status one = BELAY_OK;
        if (m->ticket)
            one = belay_buf_map_ready(e->dev, &m->ticket, true, &ready);
        if (m->map) {
            belay_status unmapped = belay_buf_unmap(e->dev, m->buf, m->map);
            one = one == BELAY_OK ? unmapped : one;
        }
        status = status == BELAY_OK ? one : status;
        m->map = m->ticket = NULL;
    }
    return status;
}
