// Memory and queue of a device: bytes in and out, views, maps and snapshots, marks, refusals.
#include <string.h>

#include "device/check.h"

enum { COUNT = 1000 };

struct memory {
    struct belay_device *dev;
    struct belay_buf a, b; // b is visible to the host
    float data[COUNT], back[COUNT];
};

static belay_status want(struct memory *m, bool right, const char *what)
{
    return right ? BELAY_OK : belay_fail(m->dev->log, BELAY_ERR_DEVICE, "%s", what);
}

static belay_status begin(struct memory *m)
{
    for (int i = 0; i < COUNT; i++)
        m->data[i] = 1.5f * (float) (i + 1);
    BELAY_TRY(belay_buf_create(m->dev, sizeof(m->data), 0, &m->a));
    BELAY_TRY(belay_buf_create(m->dev, sizeof(m->data), BELAY_BUF_HOST_VISIBLE, &m->b));
    BELAY_TRY(belay_buf_read(m->dev, &m->a, 0, m->back, sizeof(m->back)));
    for (int i = 0; i < COUNT; i++)
        BELAY_TRY(want(m, m->back[i] == 0, "new memory is not zero"));
    return belay_buf_write(m->dev, &m->a, 0, m->data, sizeof(m->data), true);
}

static belay_status check_copies(struct memory *m)
{
    BELAY_TRY(begin(m));
    BELAY_TRY(belay_buf_copy(m->dev, &m->a, 40, &m->b, 80, 400));
    BELAY_TRY(belay_buf_zero(m->dev, &m->b, 84, 4));
    BELAY_TRY(belay_buf_read(m->dev, &m->b, 0, m->back, sizeof(m->back)));
    for (int i = 0; i < COUNT; i++) {
        const float value = i >= 20 && i < 120 && i != 21 ? m->data[i - 10] : 0;
        BELAY_TRY(want(m, m->back[i] == value, "a copy gives other bytes"));
    }
    return BELAY_OK;
}

static belay_status check_views(struct memory *m)
{
    const size_t step = m->dev->align;
    struct belay_buf view = { 0 };
    if (2 * step + 8 > sizeof(m->data))
        return BELAY_OK;
    BELAY_TRY(begin(m));
    BELAY_TRY(belay_buf_view(m->dev, &m->a, step, step, &view));
    belay_status status = belay_buf_zero(m->dev, &view, 4, step - 4);
    belay_buf_destroy(m->dev, &view);
    BELAY_TRY(status);
    BELAY_TRY(belay_buf_read(m->dev, &m->a, 0, m->back, sizeof(m->back)));
    for (size_t i = 0; i < COUNT; i++) {
        const bool inside = i > step / 4 && i < step / 2;
        BELAY_TRY(want(m, m->back[i] == (inside ? 0 : m->data[i]), "a view has the wrong place"));
    }
    return BELAY_OK;
}

// A snapshot is copied and mapped while later work changes what it was copied from.
static belay_status check_maps(struct memory *m)
{
    BELAY_TRY(begin(m));
    for (int round = 0; round < 5; round++) {
        const void *map;
        m->data[0] = (float) round;
        BELAY_TRY(belay_buf_write(m->dev, &m->a, 0, m->data, sizeof(m->data), true));
        BELAY_TRY(belay_buf_copy(m->dev, &m->a, 0, &m->b, 0, sizeof(m->data)));
        BELAY_TRY(belay_buf_map(m->dev, &m->b, sizeof(m->data), &map));
        bool before = memcmp(map, m->data, sizeof(m->data)) == 0;
        belay_status status = belay_buf_zero(m->dev, &m->a, 0, sizeof(m->data));
        if (status == BELAY_OK)
            status = belay_device_finish(m->dev);
        bool after = memcmp(map, m->data, sizeof(m->data)) == 0;
        BELAY_TRY(belay_buf_unmap(m->dev, &m->b, map));
        BELAY_TRY(status);
        BELAY_TRY(want(m, before, "a map does not see the work before it"));
        BELAY_TRY(want(m, after, "a map sees the work after it"));
        BELAY_TRY(belay_buf_copy(m->dev, &m->a, 0, &m->b, 0, sizeof(m->data)));
        BELAY_TRY(belay_buf_read(m->dev, &m->b, 0, m->back, sizeof(m->back)));
        BELAY_TRY(want(m, m->back[3] == 0, "work after a map is lost"));
    }
    return BELAY_OK;
}

static belay_status check_marks(struct memory *m)
{
    uint64_t token[100];
    BELAY_TRY(begin(m));
    for (int i = 0; i < 100; i++) {
        BELAY_TRY(belay_buf_zero(m->dev, &m->a, 0, sizeof(m->data)));
        BELAY_TRY(belay_device_mark(m->dev, &token[i]));
    }
    BELAY_TRY(belay_device_wait(m->dev, token[3]));
    return belay_device_wait(m->dev, token[99]);
}

// More than the device allows in one piece is refused, and what comes after works.
static belay_status check_refusal(struct memory *m)
{
    struct belay_buf huge = { 0 };
    if (!m->dev->max_alloc)
        return BELAY_OK;
    belay_status status = belay_buf_create(m->dev, (size_t) m->dev->max_alloc + 1, 0, &huge);
    if (status == BELAY_OK)
        belay_buf_destroy(m->dev, &huge);
    BELAY_TRY(want(m, status == BELAY_ERR_NOMEM && m->dev->failed == BELAY_OK,
                   "a buffer above CL_DEVICE_MAX_MEM_ALLOC_SIZE is not refused as it should be"));
    return begin(m);
}

static void check(struct belay_device *dev, struct belay_checks *c, const char *name,
                  belay_status (*fn)(struct memory *m))
{
    struct memory m = { .dev = dev };
    const uint64_t before = dev->allocated;
    belay_status status = fn(&m);
    belay_buf_destroy(dev, &m.a);
    belay_buf_destroy(dev, &m.b);
    if (status == BELAY_OK && dev->allocated != before)
        status = belay_fail(dev->log, BELAY_ERR_DEVICE, "memory is not given back");
    belay_checks_end(c, dev, "memory", name, status, "");
}

void belay_check_memory(struct belay_device *dev, struct belay_checks *c)
{
    check(dev, c, "copies", check_copies);
    check(dev, c, "views", check_views);
    check(dev, c, "maps and snapshots", check_maps);
    check(dev, c, "marks", check_marks);
    check(dev, c, "too much", check_refusal);
}
