// The queue: flush, finish, and marks that can be waited for.
#include "device/opencl/cl.h"

belay_status belay_cl_flush(struct belay_device *dev)
{
    struct belay_cl *cl = belay_cl_of(dev);
    return belay_cl_check(cl, clFlush(cl->queue), "clFlush");
}

belay_status belay_cl_finish(struct belay_device *dev)
{
    struct belay_cl *cl = belay_cl_of(dev);
    return belay_cl_check(cl, clFinish(cl->queue), "clFinish");
}

static void drop(cl_event *event)
{
    if (*event)
        clReleaseEvent(*event);
    *event = NULL;
}

void belay_cl_drop_marks(struct belay_cl *cl)
{
    for (int i = 0; i < BELAY_CL_MARKS; i++)
        drop(&cl->marks[i]);
}

belay_status belay_cl_mark(struct belay_device *dev, uint64_t *token)
{
    struct belay_cl *cl = belay_cl_of(dev);
    cl_event event = NULL;
    BELAY_TRY(belay_cl_check(cl, clEnqueueMarkerWithWaitList(cl->queue, 0, NULL, &event),
                             "clEnqueueMarkerWithWaitList"));
    cl->last_mark++;
    cl_event *slot = &cl->marks[cl->last_mark % BELAY_CL_MARKS];
    drop(slot);
    *slot = event;
    *token = cl->last_mark;
    // What is marked should run now, not when somebody waits.
    return belay_cl_check(cl, clFlush(cl->queue), "clFlush");
}

belay_status belay_cl_wait(struct belay_device *dev, uint64_t token)
{
    struct belay_cl *cl = belay_cl_of(dev);
    // The queue is in order: for a forgotten mark the oldest one remembered will do.
    if (token + BELAY_CL_MARKS <= cl->last_mark)
        token = cl->last_mark - BELAY_CL_MARKS + 1;
    cl_event *slot = &cl->marks[token % BELAY_CL_MARKS];
    if (token > cl->last_mark || !*slot)
        return BELAY_OK;
    belay_status status = belay_cl_check(cl, clWaitForEvents(1, slot), "clWaitForEvents");
    drop(slot);
    return status;
}
