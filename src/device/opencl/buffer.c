// Device memory: buffers, views, moving bytes, maps.
#include "device/opencl/cl.h"

belay_status belay_cl_buf_create(struct belay_device *dev, size_t size, unsigned flags,
                                 struct belay_buf *out)
{
    struct belay_cl *cl = belay_cl_of(dev);
    cl_mem_flags mem_flags = CL_MEM_READ_WRITE;
    cl_int error;
    if (flags & BELAY_BUF_HOST_VISIBLE)
        mem_flags |= CL_MEM_ALLOC_HOST_PTR;
    out->priv = clCreateBuffer(cl->context, mem_flags, size, NULL, &error);
    if (error != CL_SUCCESS)
        return belay_fail(cl->log,
                          error == CL_MEM_OBJECT_ALLOCATION_FAILURE ||
                                  error == CL_OUT_OF_HOST_MEMORY
                              ? BELAY_ERR_NOMEM
                              : BELAY_ERR_DEVICE,
                          "%s (%s): clCreateBuffer of %zu bytes: %s (%d)", cl->info.select,
                          cl->info.name, size, belay_cl_error_name(error), (int) error);
    belay_status status = flags & BELAY_BUF_FILLED ? BELAY_OK : belay_cl_zero(dev, out, 0, size);
    if (status != BELAY_OK)
        belay_cl_buf_destroy(dev, out);
    return status;
}

belay_status belay_cl_buf_wrap(struct belay_device *dev, void *data, size_t size,
                               struct belay_buf *out)
{
    struct belay_cl *cl = belay_cl_of(dev);
    cl_int error;
    out->priv = clCreateBuffer(cl->context, CL_MEM_READ_ONLY | CL_MEM_USE_HOST_PTR, size, data,
                               &error);
    return belay_cl_check(cl, error, "clCreateBuffer");
}

// The buffer that a view is part of, and where the view begins in it: OpenCL makes no views of
// views.
static belay_status find_root(struct belay_cl *cl, cl_mem mem, cl_mem *root, size_t *offset)
{
    cl_mem parent = NULL;
    *root = mem;
    BELAY_TRY(belay_cl_check(cl,
                             clGetMemObjectInfo(mem, CL_MEM_ASSOCIATED_MEMOBJECT, sizeof(parent),
                                                &parent, NULL),
                             "clGetMemObjectInfo"));
    if (!parent)
        return BELAY_OK;
    size_t start = 0;
    BELAY_TRY(belay_cl_check(cl,
                             clGetMemObjectInfo(mem, CL_MEM_OFFSET, sizeof(start), &start, NULL),
                             "clGetMemObjectInfo"));
    *root = parent;
    *offset += start;
    return BELAY_OK;
}

belay_status belay_cl_buf_view(struct belay_device *dev, const struct belay_buf *parent,
                               size_t offset, size_t size, struct belay_buf *out)
{
    struct belay_cl *cl = belay_cl_of(dev);
    cl_buffer_region region = { offset, size };
    cl_mem root;
    cl_int error;
    BELAY_TRY(find_root(cl, belay_cl_mem(parent), &root, &region.origin));
    out->priv = clCreateSubBuffer(root, 0, CL_BUFFER_CREATE_TYPE_REGION, &region, &error);
    return belay_cl_check(cl, error, "clCreateSubBuffer");
}

void belay_cl_buf_destroy(struct belay_device *dev, struct belay_buf *buf)
{
    if (buf->priv)
        clReleaseMemObject(belay_cl_mem(buf));
    buf->priv = NULL;
}

belay_status belay_cl_write(struct belay_device *dev, const struct belay_buf *buf, size_t offset,
                            const void *src, size_t size, bool wait)
{
    struct belay_cl *cl = belay_cl_of(dev);
    return belay_cl_check(cl,
                          clEnqueueWriteBuffer(cl->queue, belay_cl_mem(buf), wait, offset, size,
                                               src, 0, NULL, NULL),
                          "clEnqueueWriteBuffer");
}

belay_status belay_cl_read(struct belay_device *dev, const struct belay_buf *buf, size_t offset,
                           void *dst, size_t size)
{
    struct belay_cl *cl = belay_cl_of(dev);
    return belay_cl_check(cl,
                          clEnqueueReadBuffer(cl->queue, belay_cl_mem(buf), CL_TRUE, offset, size,
                                              dst, 0, NULL, NULL),
                          "clEnqueueReadBuffer");
}

belay_status belay_cl_copy(struct belay_device *dev, const struct belay_buf *src,
                           size_t src_offset, const struct belay_buf *dst, size_t dst_offset,
                           size_t size)
{
    struct belay_cl *cl = belay_cl_of(dev);
    return belay_cl_check(cl,
                          clEnqueueCopyBuffer(cl->queue, belay_cl_mem(src), belay_cl_mem(dst),
                                              src_offset, dst_offset, size, 0, NULL, NULL),
                          "clEnqueueCopyBuffer");
}

belay_status belay_cl_zero(struct belay_device *dev, const struct belay_buf *buf, size_t offset,
                           size_t size)
{
    struct belay_cl *cl = belay_cl_of(dev);
    static const cl_uint zero;
    size_t unit = offset % sizeof(zero) == 0 && size % sizeof(zero) == 0 ? sizeof(zero) : 1;
    return belay_cl_check(cl,
                          clEnqueueFillBuffer(cl->queue, belay_cl_mem(buf), &zero, unit, offset,
                                              size, 0, NULL, NULL),
                          "clEnqueueFillBuffer");
}

belay_status belay_cl_map(struct belay_device *dev, const struct belay_buf *buf, size_t size,
                          const void **out, void **ticket)
{
    struct belay_cl *cl = belay_cl_of(dev);
    cl_event before = NULL, done = NULL;
    cl_int error;
    BELAY_TRY(belay_cl_check(cl, clEnqueueMarkerWithWaitList(cl->queue, 0, NULL, &before),
                             "clEnqueueMarkerWithWaitList"));
    clFlush(cl->queue);
    const void *ptr = clEnqueueMapBuffer(cl->map_queue, belay_cl_mem(buf), CL_FALSE, CL_MAP_READ,
                                         0, size, 1, &before, &done, &error);
    clReleaseEvent(before);
    BELAY_TRY(belay_cl_check(cl, error, "clEnqueueMapBuffer"));
    clFlush(cl->map_queue);
    *out = ptr;
    *ticket = done;
    return BELAY_OK;
}

// The ticket is the map's event.
belay_status belay_cl_map_ready(struct belay_device *dev, void **ticket, bool wait, bool *ready)
{
    struct belay_cl *cl = belay_cl_of(dev);
    cl_event event = *ticket;
    cl_int state = CL_COMPLETE, error = CL_SUCCESS;
    *ready = true;
    if (!event)
        return BELAY_OK;
    if (wait)
        error = clWaitForEvents(1, &event);
    if (error == CL_SUCCESS)
        error = clGetEventInfo(event, CL_EVENT_COMMAND_EXECUTION_STATUS, sizeof(state), &state,
                               NULL);
    if (error == CL_SUCCESS && state > CL_COMPLETE) {
        *ready = false;
        return BELAY_OK;
    }
    *ticket = NULL;
    clReleaseEvent(event);
    // A negative state is the error that the command ended with.
    return belay_cl_check(cl, error != CL_SUCCESS ? error : state, "clEnqueueMapBuffer");
}

// Later work on the queue waits until the map is gone.
belay_status belay_cl_unmap(struct belay_device *dev, const struct belay_buf *buf,
                            const void *ptr)
{
    struct belay_cl *cl = belay_cl_of(dev);
    cl_event after = NULL;
    BELAY_TRY(belay_cl_check(cl,
                             clEnqueueUnmapMemObject(cl->map_queue, belay_cl_mem(buf),
                                                     (void *) (uintptr_t) ptr, 0, NULL, &after),
                             "clEnqueueUnmapMemObject"));
    clFlush(cl->map_queue);
    cl_int error = clEnqueueBarrierWithWaitList(cl->queue, 1, &after, NULL);
    clReleaseEvent(after);
    return belay_cl_check(cl, error, "clEnqueueBarrierWithWaitList");
}
