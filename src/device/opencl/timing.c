// Launches timed on the device: a queue with profiling, in that mode only, and an event a launch.
#include "base/clock.h"
#include "base/mem.h"
#include "device/opencl/cl.h"

struct timed {
    cl_event event; // NULL: `seconds` say it
    double seconds;
    int tag;
};

struct belay_cl_timing {
    struct timed *list;
    size_t num, capacity;
};

static belay_status change_queue(struct belay_cl *cl, cl_command_queue_properties properties)
{
    cl_int error;
    BELAY_TRY(belay_cl_check(cl, clFinish(cl->queue), "clFinish"));
    cl_command_queue queue = clCreateCommandQueue(cl->context, cl->device, properties, &error);
    BELAY_TRY(belay_cl_check(cl, error, "clCreateCommandQueue"));
    clReleaseCommandQueue(cl->queue);
    cl->queue = queue;
    return BELAY_OK;
}

void belay_cl_timing_destroy(struct belay_cl *cl)
{
    if (!cl->timing)
        return;
    for (size_t i = 0; i < cl->timing->num; i++)
        if (cl->timing->list[i].event)
            clReleaseEvent(cl->timing->list[i].event);
    belay_free(cl->timing->list);
    belay_free(cl->timing);
    cl->timing = NULL;
}

belay_status belay_cl_timing(struct belay_device *dev, bool on)
{
    struct belay_cl *cl = belay_cl_of(dev);
    if (on == (cl->timing != NULL))
        return BELAY_OK;
    BELAY_TRY(change_queue(cl, on ? CL_QUEUE_PROFILING_ENABLE : 0));
    if (!on) {
        belay_cl_timing_destroy(cl);
        return BELAY_OK;
    }
    cl->timing = belay_alloc(sizeof(*cl->timing));
    return cl->timing ? BELAY_OK : belay_fail_nomem(cl->log, sizeof(*cl->timing));
}

static belay_status add(struct belay_cl *cl, cl_event event, double seconds)
{
    struct belay_cl_timing *t = cl->timing;
    if (!belay_grow((void **) &t->list, t->num, &t->capacity, sizeof(*t->list)))
        return belay_fail_nomem(cl->log, sizeof(*t->list));
    t->list[t->num++] = (struct timed){ event, seconds, cl->dev->timing_tag };
    return BELAY_OK;
}

belay_status belay_cl_enqueue_timed(struct belay_cl *cl, const struct belay_cl_launch *l)
{
    cl_event event = NULL;
    cl_int error = clEnqueueNDRangeKernel(cl->queue, l->kernel, l->dims, NULL, l->global, l->local,
                                          0, NULL, &event);
    BELAY_TRY(belay_cl_check(cl, error, "clEnqueueNDRangeKernel"));
    belay_status status = add(cl, event, 0);
    if (status != BELAY_OK)
        clReleaseEvent(event);
    return status;
}

belay_status belay_cl_timing_begin(struct belay_cl *cl, double *from)
{
    if (!cl->timing)
        return BELAY_OK;
    BELAY_TRY(belay_cl_check(cl, clFinish(cl->queue), "clFinish"));
    *from = belay_clock_now();
    return BELAY_OK;
}

belay_status belay_cl_timing_end(struct belay_cl *cl, double from)
{
    if (!cl->timing)
        return BELAY_OK;
    BELAY_TRY(belay_cl_check(cl, clFinish(cl->queue), "clFinish"));
    return add(cl, NULL, belay_clock_now() - from);
}

static belay_status seconds_of(struct belay_cl *cl, cl_event event, double *out)
{
    cl_ulong from = 0, to = 0;
    BELAY_TRY(belay_cl_check(cl,
                             clGetEventProfilingInfo(event, CL_PROFILING_COMMAND_START,
                                                     sizeof(from), &from, NULL),
                             "clGetEventProfilingInfo"));
    BELAY_TRY(belay_cl_check(
        cl, clGetEventProfilingInfo(event, CL_PROFILING_COMMAND_END, sizeof(to), &to, NULL),
        "clGetEventProfilingInfo"));
    *out += to > from ? (double) (to - from) * 1e-9 : 0;
    return BELAY_OK;
}

belay_status belay_cl_times(struct belay_device *dev, double *seconds, int num)
{
    struct belay_cl *cl = belay_cl_of(dev);
    struct belay_cl_timing *t = cl->timing;
    belay_status status = belay_cl_check(cl, clFinish(cl->queue), "clFinish");
    for (size_t i = 0; i < t->num; i++) {
        struct timed *one = &t->list[i];
        if (status == BELAY_OK && one->event && one->tag < num)
            status = seconds_of(cl, one->event, &seconds[one->tag]);
        else if (status == BELAY_OK && one->tag < num)
            seconds[one->tag] += one->seconds;
        if (one->event)
            clReleaseEvent(one->event);
    }
    t->num = 0;
    return status;
}
