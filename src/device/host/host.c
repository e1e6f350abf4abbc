// The host backend: runs the reference functions one after the other, in plain C. It is the
// definition of right, not of fast.
#include "device/host/host.h"

#include <string.h>

#include "base/mem.h"

static belay_status host_open(struct belay_device *dev, const char *spec)
{
    if (spec && *spec)
        return belay_fail(dev->log, BELAY_ERR_NO_DEVICE, "device 'host:%s': the host has no parts",
                          spec);
    strcpy(dev->select, "host");
    strcpy(dev->description, "the host's plain C reference (slow)");
    strcpy(dev->identity, "host " BELAY_VERSION);
    dev->profile = (struct belay_profile){ .cpu = true, .compute_units = 1, .float_width = 1,
                                           .max_group = 1, .local_memory = 0 };
    dev->align = 64;
    return BELAY_OK;
}

static void host_close(struct belay_device *dev)
{
    (void) dev;
}

static belay_status host_buf_create(struct belay_device *dev, size_t size, unsigned flags,
                                    struct belay_buf *out)
{
    (void) flags;
    out->priv = belay_alloc_aligned(size);
    if (!out->priv)
        return belay_fail_nomem(dev->log, size);
    out->size = size;
    out->view = false;
    return BELAY_OK;
}

static belay_status host_buf_view(struct belay_device *dev, const struct belay_buf *parent,
                                  size_t offset, size_t size, struct belay_buf *out)
{
    (void) dev;
    out->priv = (char *) parent->priv + offset;
    out->size = size;
    out->view = true;
    return BELAY_OK;
}

static void host_buf_destroy(struct belay_device *dev, struct belay_buf *buf)
{
    (void) dev;
    if (!buf->view)
        belay_free_aligned(buf->priv);
    memset(buf, 0, sizeof(*buf));
}

static belay_status host_write(struct belay_device *dev, const struct belay_buf *buf,
                               size_t offset, const void *src, size_t size, bool wait)
{
    (void) dev;
    (void) wait;
    memcpy((char *) buf->priv + offset, src, size);
    return BELAY_OK;
}

static belay_status host_read(struct belay_device *dev, const struct belay_buf *buf, size_t offset,
                              void *dst, size_t size)
{
    (void) dev;
    memcpy(dst, (const char *) buf->priv + offset, size);
    return BELAY_OK;
}

static belay_status host_copy(struct belay_device *dev, const struct belay_buf *src,
                              size_t src_offset, const struct belay_buf *dst, size_t dst_offset,
                              size_t size)
{
    (void) dev;
    memmove((char *) dst->priv + dst_offset, (const char *) src->priv + src_offset, size);
    return BELAY_OK;
}

static belay_status host_zero(struct belay_device *dev, const struct belay_buf *buf, size_t offset,
                              size_t size)
{
    (void) dev;
    memset((char *) buf->priv + offset, 0, size);
    return BELAY_OK;
}

static belay_status host_map(struct belay_device *dev, const struct belay_buf *buf, size_t size,
                             const void **out, void **ticket)
{
    (void) dev;
    (void) size;
    *out = buf->priv;
    *ticket = NULL;
    return BELAY_OK;
}

static belay_status host_map_ready(struct belay_device *dev, void **ticket, bool wait, bool *ready)
{
    (void) dev;
    (void) ticket;
    (void) wait;
    *ready = true;
    return BELAY_OK;
}

static belay_status host_unmap(struct belay_device *dev, const struct belay_buf *buf,
                               const void *ptr)
{
    (void) dev;
    (void) buf;
    (void) ptr;
    return BELAY_OK;
}

static belay_status host_nothing(struct belay_device *dev)
{
    (void) dev;
    return BELAY_OK;
}

static belay_status host_mark(struct belay_device *dev, uint64_t *token)
{
    (void) dev;
    *token = 0;
    return BELAY_OK;
}

static belay_status host_wait(struct belay_device *dev, uint64_t token)
{
    (void) dev;
    (void) token;
    return BELAY_OK;
}

const struct belay_backend_ops belay_backend_host = {
    .name = "host",
    .open = host_open,
    .close = host_close,
    .buf_create = host_buf_create,
    .buf_view = host_buf_view,
    .buf_destroy = host_buf_destroy,
    .write = host_write,
    .read = host_read,
    .copy = host_copy,
    .zero = host_zero,
    .map = host_map,
    .map_ready = host_map_ready,
    .unmap = host_unmap,
    .flush = host_nothing,
    .finish = host_nothing,
    .mark = host_mark,
    .wait = host_wait,
    .step_create = belay_host_step_create,
    .step_bind = belay_host_step_bind,
    .step_run = belay_host_step_run,
    .step_destroy = belay_host_step_destroy,
};
