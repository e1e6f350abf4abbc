#include "device/device.h"

#include <assert.h>
#include <string.h>

#include "base/env.h"
#include "base/mem.h"
#include "base/str.h"
#include "device/timer.h"
#include "device/tune.h"
#include "tensor/dtype.h"

// ---- Opening ----

// Smaller buffers than the device would give: to see several of them at work.
static void limit_alloc(struct belay_device *dev)
{
    const char *text = belay_env("BELAY_MAX_ALLOC");
    int64_t most;
    if (text && belay_parse_i64(text, &most) && most > 0 &&
        (dev->max_alloc == 0 || (uint64_t) most < dev->max_alloc))
        dev->max_alloc = (uint64_t) most / dev->align * dev->align;
}

static belay_status open_backend(struct belay_log *log, const struct belay_backend_ops *ops,
                                 const char *spec, uint64_t memory_limit, bool f64,
                                 struct belay_device **out)
{
    struct belay_device *dev = belay_alloc(sizeof(*dev));
    if (!dev)
        return belay_fail_nomem(log, sizeof(*dev));
    dev->ops = ops;
    dev->log = log;
    dev->memory_limit = memory_limit;
    dev->f64 = f64;
    belay_status status = ops->open(dev, spec);
    if (status != BELAY_OK) {
        belay_free(dev);
        return status;
    }
    assert(dev->align > 0);
    limit_alloc(dev);
    *out = dev;
    return BELAY_OK;
}

// "opencl" and "opencl:rest" give "" and "rest"; NULL when `spec` is of another backend.
static const char *backend_rest(const char *spec, const char *name)
{
    size_t length = strlen(name);
    if (strncmp(spec, name, length) != 0)
        return NULL;
    if (spec[length] == '\0')
        return spec + length;
    return spec[length] == ':' ? spec + length + 1 : NULL;
}

belay_status belay_device_open(struct belay_log *log, const char *spec, uint64_t memory_limit,
                               struct belay_device **out)
{
    *out = NULL;
    if (!spec)
        spec = belay_env("BELAY_DEVICE");
    if (!spec)
        return open_backend(log, &belay_backend_opencl, NULL, memory_limit, false, out);
    const char *rest = backend_rest(spec, "host");
    if (rest && *rest == '\0')
        return open_backend(log, &belay_backend_host, rest, memory_limit, false, out);
    rest = backend_rest(spec, "opencl");
    if (rest)
        return open_backend(log, &belay_backend_opencl, rest, memory_limit, false, out);
    return belay_fail(log, BELAY_ERR_NO_DEVICE,
                      "device '%s': want host, opencl, opencl:N, opencl:PLATFORM:DEVICE, "
                      "opencl:gpu, opencl:cpu or opencl:PART-OF-A-NAME",
                      spec);
}

belay_status belay_device_open_f64(struct belay_log *log, struct belay_device **out)
{
    *out = NULL;
    return open_backend(log, &belay_backend_host, "", 0, true, out);
}

void belay_device_close(struct belay_device **dev)
{
    if (!*dev)
        return;
    belay_timer_destroy(*dev);
    belay_device_forget_tuning(*dev);
    (*dev)->ops->close(*dev);
    belay_free(*dev);
    *dev = NULL;
}

size_t belay_device_dtype_size(const struct belay_device *dev, belay_dtype dtype)
{
    return belay_dtype_size(dev->f64 && dtype == BELAY_F32 ? BELAY_F64 : dtype);
}

// ---- Calls ----

void belay_device_fail_at(struct belay_device *dev, int64_t n)
{
    dev->fail_in = n < 0 ? 0 : n + 1;
}

// Before each call: once the device has failed nothing more is sent to it.
static belay_status enter(struct belay_device *dev, const char *what)
{
    if (dev->failed != BELAY_OK)
        return dev->failed;
    if (dev->fail_in > 0 && --dev->fail_in == 0) {
        dev->failed = BELAY_ERR_DEVICE;
        return belay_fail(dev->log, BELAY_ERR_DEVICE, "%s: %s failed (injected by a test)",
                          dev->description, what);
    }
    return BELAY_OK;
}

// After each call: a driver error sticks.
static belay_status leave(struct belay_device *dev, belay_status status)
{
    if (status == BELAY_ERR_DEVICE)
        dev->failed = status;
    return status;
}

#define ENTER(dev) BELAY_TRY(enter(dev, __func__))

static uint64_t memory_most(const struct belay_device *dev)
{
    return dev->memory_limit ? dev->memory_limit : dev->global_memory;
}

static belay_status check_size(struct belay_device *dev, size_t size)
{
    if (dev->max_alloc && size > dev->max_alloc)
        return belay_fail(dev->log, BELAY_ERR_NOMEM,
                          "%s: a buffer of %llu bytes is wanted, its largest is %llu", dev->select,
                          (unsigned long long) size, (unsigned long long) dev->max_alloc);
    uint64_t most = memory_most(dev);
    if (most && (size > most || dev->allocated > most - size))
        return belay_fail(dev->log, BELAY_ERR_NOMEM,
                          "%s: %llu more bytes are wanted with %llu in use, %s is %llu bytes",
                          dev->select, (unsigned long long) size,
                          (unsigned long long) dev->allocated,
                          dev->memory_limit ? "the limit" : "its memory",
                          (unsigned long long) most);
    return BELAY_OK;
}

belay_status belay_buf_create(struct belay_device *dev, size_t size, unsigned flags,
                              struct belay_buf *out)
{
    ENTER(dev);
    if (size == 0)
        size = dev->align; // drivers refuse empty buffers
    BELAY_TRY(check_size(dev, size));
    struct belay_buf buf = { .size = size };
    BELAY_TRY(leave(dev, dev->ops->buf_create(dev, size, flags, &buf)));
    dev->allocated += size;
    dev->counters.allocs++;
    dev->counters.alloc_bytes += size;
    *out = buf;
    return BELAY_OK;
}

bool belay_device_shares_memory(const struct belay_device *dev)
{
    return dev->ops->buf_wrap && dev->shares_memory;
}

belay_status belay_buf_wrap(struct belay_device *dev, void *data, size_t size,
                            struct belay_buf *out)
{
    ENTER(dev);
    BELAY_TRY(check_size(dev, size));
    struct belay_buf buf = { .size = size };
    BELAY_TRY(leave(dev, dev->ops->buf_wrap(dev, data, size, &buf)));
    dev->allocated += size;
    *out = buf;
    return BELAY_OK;
}

static bool inside(const struct belay_buf *buf, size_t offset, size_t size)
{
    return offset <= buf->size && size <= buf->size - offset;
}

belay_status belay_buf_view(struct belay_device *dev, const struct belay_buf *parent,
                            size_t offset, size_t size, struct belay_buf *out)
{
    ENTER(dev);
    assert(offset % dev->align == 0 && size > 0 && inside(parent, offset, size));
    struct belay_buf buf = { .size = size, .view = true };
    BELAY_TRY(leave(dev, dev->ops->buf_view(dev, parent, offset, size, &buf)));
    *out = buf;
    return BELAY_OK;
}

void belay_buf_destroy(struct belay_device *dev, struct belay_buf *buf)
{
    if (!buf->priv)
        return;
    const size_t size = buf->view ? 0 : buf->size; // a backend may clear it
    dev->ops->buf_destroy(dev, buf);
    dev->allocated -= size;
    *buf = (struct belay_buf){ 0 };
}

belay_status belay_buf_write(struct belay_device *dev, const struct belay_buf *buf, size_t offset,
                             const void *src, size_t size, bool wait)
{
    ENTER(dev);
    assert(inside(buf, offset, size));
    dev->counters.writes++;
    return size ? leave(dev, dev->ops->write(dev, buf, offset, src, size, wait)) : BELAY_OK;
}

belay_status belay_buf_read(struct belay_device *dev, const struct belay_buf *buf, size_t offset,
                            void *dst, size_t size)
{
    ENTER(dev);
    assert(inside(buf, offset, size));
    dev->counters.reads++;
    return size ? leave(dev, dev->ops->read(dev, buf, offset, dst, size)) : BELAY_OK;
}

belay_status belay_buf_copy(struct belay_device *dev, const struct belay_buf *src,
                            size_t src_offset, const struct belay_buf *dst, size_t dst_offset,
                            size_t size)
{
    ENTER(dev);
    assert(inside(src, src_offset, size) && inside(dst, dst_offset, size));
    if (!size)
        return BELAY_OK;
    return leave(dev, dev->ops->copy(dev, src, src_offset, dst, dst_offset, size));
}

belay_status belay_buf_zero(struct belay_device *dev, const struct belay_buf *buf, size_t offset,
                            size_t size)
{
    ENTER(dev);
    assert(inside(buf, offset, size));
    return size ? leave(dev, dev->ops->zero(dev, buf, offset, size)) : BELAY_OK;
}

belay_status belay_buf_map_start(struct belay_device *dev, const struct belay_buf *buf, size_t size,
                                 const void **out, void **ticket)
{
    ENTER(dev);
    assert(size > 0 && inside(buf, 0, size));
    return leave(dev, dev->ops->map(dev, buf, size, out, ticket));
}

// Not refused after a failure: the ticket must be given back.
belay_status belay_buf_map_ready(struct belay_device *dev, void **ticket, bool wait, bool *ready)
{
    return leave(dev, dev->ops->map_ready(dev, ticket, wait, ready));
}

belay_status belay_buf_map(struct belay_device *dev, const struct belay_buf *buf, size_t size,
                           const void **out)
{
    void *ticket = NULL;
    const void *map = NULL;
    bool ready;
    BELAY_TRY(belay_buf_map_start(dev, buf, size, &map, &ticket));
    BELAY_TRY(belay_buf_map_ready(dev, &ticket, true, &ready));
    *out = map;
    return BELAY_OK;
}

// Not refused after a failure: what is mapped must be given back.
belay_status belay_buf_unmap(struct belay_device *dev, const struct belay_buf *buf,
                             const void *ptr)
{
    return leave(dev, dev->ops->unmap(dev, buf, ptr));
}

belay_status belay_device_flush(struct belay_device *dev)
{
    ENTER(dev);
    return leave(dev, dev->ops->flush(dev));
}

void belay_device_drain(struct belay_device *dev)
{
    (void) dev->ops->finish(dev);
}

belay_status belay_device_finish(struct belay_device *dev)
{
    ENTER(dev);
    return leave(dev, dev->ops->finish(dev));
}

belay_status belay_device_mark(struct belay_device *dev, uint64_t *token)
{
    ENTER(dev);
    return leave(dev, dev->ops->mark(dev, token));
}

belay_status belay_device_wait(struct belay_device *dev, uint64_t token)
{
    ENTER(dev);
    return leave(dev, dev->ops->wait(dev, token));
}

void belay_device_recall(struct belay_device *dev, const char *name)
{
    if (dev->ops->recall && dev->failed == BELAY_OK)
        dev->ops->recall(dev, name);
}

void belay_device_remember(struct belay_device *dev, const char *name)
{
    if (dev->ops->remember && dev->failed == BELAY_OK)
        dev->ops->remember(dev, name);
}

belay_status belay_device_plan_memory(struct belay_device *dev,
                                      const struct belay_plan *const *plans, size_t num,
                                      uint64_t *bytes, uint64_t *largest)
{
    *bytes = *largest = 0;
    if (!dev->ops->plan_memory)
        return BELAY_OK;
    ENTER(dev);
    return leave(dev, dev->ops->plan_memory(dev, plans, num, bytes, largest));
}

belay_status belay_device_preload(struct belay_device *dev, const struct belay_plan *const *plans,
                                  size_t num)
{
    ENTER(dev);
    return dev->ops->preload ? leave(dev, dev->ops->preload(dev, plans, num)) : BELAY_OK;
}

belay_status belay_device_prepare(struct belay_device *dev, const struct belay_plan *plan,
                                  void **out)
{
    ENTER(dev);
    *out = NULL;
    return dev->ops->plan_prepare ? leave(dev, dev->ops->plan_prepare(dev, plan, out)) : BELAY_OK;
}

belay_status belay_step_create(struct belay_device *dev, void *prepared,
                               const struct belay_step_desc *desc, struct belay_step **out)
{
    ENTER(dev);
    return leave(dev, dev->ops->step_create(dev, prepared, desc, out));
}

belay_status belay_step_bind(struct belay_device *dev, struct belay_step *step,
                             const struct belay_shape *shapes)
{
    ENTER(dev);
    return leave(dev, dev->ops->step_bind(dev, step, shapes));
}

belay_status belay_device_run_step(struct belay_device *dev, struct belay_step *step)
{
    ENTER(dev);
    belay_status status = dev->ops->step_run(dev, step);
    if (status != BELAY_OK)
        dev->failed = status; // half a step was run
    return status;
}
