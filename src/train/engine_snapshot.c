// Snapshots of the arenas: copied on the device in queue order, mapped on the second queue, so that
// training goes on while they are read.
#include "train/engine_internal.h"

static int num_arenas(const struct belay_engine *e, enum belay_snap_kind kind)
{
    return kind == BELAY_SNAP_WEIGHTS ? 1 : 1 + e->num_states;
}

static struct belay_buf *snap_buf(struct belay_engine *e, enum belay_snap_kind kind, int arena)
{
    return kind == BELAY_SNAP_WEIGHTS ? &e->weights_snapshot : &e->snapshots[arena];
}

static belay_status start_map(struct belay_engine *e, struct belay_snap *s, int i,
                              const struct belay_buf *buf)
{
    return belay_buf_map_start(e->dev, buf, buf->size, &s->maps[i], &s->tickets[i]);
}

belay_status belay_engine_snap(struct belay_engine *e, enum belay_snap_kind kind)
{
    struct belay_snap *s = &e->snaps[kind];
    int count = num_arenas(e, kind);
    size_t size = belay_engine_arena_count(e) * sizeof(float);
    int first = kind == BELAY_SNAP_WEIGHTS ? belay_engine_shown(e) : 0;
    s->losses = e->losses;
    for (int i = 0; i < count; i++)
        BELAY_TRY(
            belay_buf_copy(e->dev, &e->arenas[first + i], 0, snap_buf(e, kind, i), 0, size));
    if (kind == BELAY_SNAP_ALL)
        BELAY_TRY(belay_buf_copy(e->dev, &e->train_log, 0, &e->log_snapshot, 0,
                                 e->log_snapshot.size));
    BELAY_TRY(belay_device_flush(e->dev));
    for (int i = 0; i < count; i++)
        BELAY_TRY(start_map(e, s, i, snap_buf(e, kind, i)));
    if (kind == BELAY_SNAP_ALL)
        BELAY_TRY(start_map(e, s, BELAY_SNAP_LOG, &e->log_snapshot));
    return BELAY_OK;
}

belay_status belay_engine_snap_ready(struct belay_engine *e, enum belay_snap_kind kind, bool wait,
                                     bool *ready)
{
    struct belay_snap *s = &e->snaps[kind];
    *ready = true;
    for (int i = 0; i < BELAY_SNAP_MAPS && *ready; i++)
        if (s->tickets[i])
            BELAY_TRY(belay_buf_map_ready(e->dev, &s->tickets[i], wait, ready));
    return BELAY_OK;
}

void belay_engine_snap_arenas(const struct belay_engine *e, enum belay_snap_kind kind,
                              const float **arenas)
{
    for (int i = 0; i < num_arenas(e, kind); i++)
        arenas[i] = e->snaps[kind].maps[i];
}

void belay_engine_snap_losses(struct belay_engine *e, float *loss, float *norm,
                              size_t *count)
{
    struct belay_snap *s = &e->snaps[BELAY_SNAP_ALL];
    belay_engine_decode_log(&s->losses, s->maps[BELAY_SNAP_LOG], e->train.log_width);
    belay_loss_log_take(&s->losses, loss, norm, count);
}

belay_status belay_engine_snap_drop(struct belay_engine *e, enum belay_snap_kind kind)
{
    struct belay_snap *s = &e->snaps[kind];
    belay_status status = BELAY_OK;
    for (int i = 0; i < BELAY_SNAP_MAPS; i++) {
        const struct belay_buf *buf =
            i == BELAY_SNAP_LOG ? &e->log_snapshot : snap_buf(e, kind, i);
        bool ready;
        belay_status one = BELAY_OK;
        if (s->tickets[i])
            one = belay_buf_map_ready(e->dev, &s->tickets[i], true, &ready);
        if (s->maps[i]) {
            belay_status unmapped = belay_buf_unmap(e->dev, buf, s->maps[i]);
            one = one == BELAY_OK ? unmapped : one;
        }
        status = status == BELAY_OK ? one : status;
        s->maps[i] = s->tickets[i] = NULL;
    }
    return status;
}

belay_status belay_engine_snapshot(struct belay_engine *e, const float **arenas)
{
    bool ready;
    BELAY_TRY(belay_engine_snap(e, BELAY_SNAP_ALL));
    BELAY_TRY(belay_engine_snap_ready(e, BELAY_SNAP_ALL, true, &ready));
    belay_engine_snap_arenas(e, BELAY_SNAP_ALL, arenas);
    return BELAY_OK;
}

belay_status belay_engine_unmap(struct belay_engine *e)
{
    return belay_engine_snap_drop(e, BELAY_SNAP_ALL);
}
