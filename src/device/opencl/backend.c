// The OpenCL backend: opening and closing, and its table.
#include <stdio.h>
#include <string.h>

#include "base/env.h"
#include "base/mem.h"
#include "device/opencl/cl.h"
#include "device/opencl/gemm.h"

// Before anything was measured: what devices of the kind do at least.
static void estimate(struct belay_profile *p, double clock_mhz)
{
    const double clock = (clock_mhz > 0 ? clock_mhz : 1500) * 1e6;
    const double lanes = p->cpu ? p->float_width : 64;
    p->flops = 2 * lanes * clock * p->compute_units;
    p->bandwidth = p->cpu ? 1e10 * p->compute_units : 1e11;
    p->launch = p->cpu ? 3e-6 : 5e-6;
    p->sync = 4e-5;
}

static belay_status fill_profile(struct belay_cl *cl, bool is_cpu)
{
    struct belay_profile *p = &cl->dev->profile;
    const char *forced = belay_env("BELAY_PROFILE");
    if (forced && strcmp(forced, "cpu") != 0 && strcmp(forced, "gpu") != 0)
        return belay_fail(cl->log, BELAY_ERR_ARG, "BELAY_PROFILE is '%s', want cpu or gpu",
                          forced);
    p->cpu = forced ? strcmp(forced, "cpu") == 0 : is_cpu;
    p->compute_units = cl->info.compute_units ? cl->info.compute_units : 1;
    p->float_width = cl->info.native_float_width ? cl->info.native_float_width : 1;
    p->max_group = (size_t) cl->info.max_group;
    p->local_memory = (size_t) cl->info.local_memory;
    estimate(p, cl->info.clock_mhz);
    return BELAY_OK;
}

static void fill_device(struct belay_cl *cl)
{
    struct belay_device *dev = cl->dev;
    const belay_device_info *info = &cl->info;
    snprintf(dev->select, sizeof(dev->select), "%s", info->select);
    snprintf(dev->description, sizeof(dev->description), "%.80s on %.60s, driver %.60s",
             info->name, info->platform, info->driver);
    const char *products = belay_env("BELAY_GEMM");
    snprintf(dev->identity, sizeof(dev->identity),
             "opencl; %.64s; %.48s; %.48s; %.32s; %s %s; products %.16s", info->name,
             info->version, info->driver, info->platform, dev->profile.cpu ? "cpu" : "gpu",
             BELAY_VERSION, products ? products : "default");
    snprintf(dev->tune_key, sizeof(dev->tune_key), "%.90s; %.60s; %.60s; %s", info->name,
             info->platform, info->driver, dev->profile.cpu ? "cpu" : "gpu");
    // Belay's own alignment too: rows of vectors start on a cache line.
    dev->align = info->base_align > 64 ? info->base_align : 64;
    dev->max_alloc = info->max_alloc;
    dev->global_memory = info->global_memory;
}

static belay_status make_queues(struct belay_cl *cl)
{
    cl_context_properties properties[] = { CL_CONTEXT_PLATFORM,
                                           (cl_context_properties) cl->platform, 0 };
    cl_int error;
    cl->context = clCreateContext(properties, 1, &cl->device, NULL, NULL, &error);
    BELAY_TRY(belay_cl_check(cl, error, "clCreateContext"));
    cl->queue = clCreateCommandQueue(cl->context, cl->device, 0, &error);
    BELAY_TRY(belay_cl_check(cl, error, "clCreateCommandQueue"));
    cl->map_queue = clCreateCommandQueue(cl->context, cl->device, 0, &error);
    return belay_cl_check(cl, error, "clCreateCommandQueue");
}

static void destroy(struct belay_cl *cl)
{
    if (cl->queue)
        clFinish(cl->queue);
    if (cl->map_queue)
        clFinish(cl->map_queue);
    belay_cl_drop_marks(cl);
    belay_cl_timing_destroy(cl);
    belay_cl_gemm_destroy(cl);
    belay_cl_scratch_drop(cl);
    belay_cl_cache_destroy(cl);
    if (cl->map_queue)
        clReleaseCommandQueue(cl->map_queue);
    if (cl->queue)
        clReleaseCommandQueue(cl->queue);
    if (cl->context)
        clReleaseContext(cl->context);
    belay_free(cl);
}

static belay_status open_entry(struct belay_device *dev, const struct belay_cl_entry *e)
{
    struct belay_cl *cl = belay_alloc(sizeof(*cl));
    if (!cl)
        return belay_fail_nomem(dev->log, sizeof(*cl));
    belay_status status;
    cl->dev = dev;
    cl->log = dev->log;
    cl->platform = e->platform;
    cl->device = e->device;
    cl->info = e->info;
    BELAY_TRY_DONE(fill_profile(cl, (e->type & CL_DEVICE_TYPE_CPU) != 0));
    fill_device(cl);
    // llvmpipe says it is a processor too, but its driver moves the data.
    dev->shares_memory = (e->type & CL_DEVICE_TYPE_CPU) && e->info.unified_memory &&
                         !strstr(e->info.platform, "rusticl");
    BELAY_TRY_DONE(make_queues(cl));
    BELAY_TRY_DONE(belay_cl_cache_create(cl));
    dev->priv = cl;
    cl = NULL;
done:
    if (cl)
        destroy(cl);
    return status;
}

static belay_status open_device(struct belay_device *dev, const char *spec)
{
    struct belay_cl_entry *list = NULL;
    size_t count = 0, index = 0;
    belay_status status;
    BELAY_TRY_DONE(belay_cl_find(dev->log, &list, &count));
    BELAY_TRY_DONE(belay_cl_select(dev->log, list, count, spec, &index));
    BELAY_TRY_DONE(open_entry(dev, &list[index]));
done:
    belay_free(list);
    return status;
}

static void close_device(struct belay_device *dev)
{
    destroy(belay_cl_of(dev));
    dev->priv = NULL;
}

const struct belay_backend_ops belay_backend_opencl = {
    .name = "opencl",
    .open = open_device,
    .close = close_device,
    .buf_create = belay_cl_buf_create,
    .buf_view = belay_cl_buf_view,
    .buf_wrap = belay_cl_buf_wrap,
    .buf_destroy = belay_cl_buf_destroy,
    .write = belay_cl_write,
    .read = belay_cl_read,
    .copy = belay_cl_copy,
    .zero = belay_cl_zero,
    .map = belay_cl_map,
    .map_ready = belay_cl_map_ready,
    .unmap = belay_cl_unmap,
    .flush = belay_cl_flush,
    .finish = belay_cl_finish,
    .mark = belay_cl_mark,
    .wait = belay_cl_wait,
    .remember = belay_cl_remember,
    .recall = belay_cl_recall,
    .plan_memory = belay_cl_plan_memory,
    .preload = belay_cl_preload,
    .plan_prepare = belay_cl_plan_prepare,
    .plan_release = belay_cl_plan_release,
    .step_create = belay_cl_step_create,
    .step_bind = belay_cl_step_bind,
    .step_run = belay_cl_step_run,
    .step_destroy = belay_cl_step_destroy,
    .check = belay_cl_check_all,
    .describe = belay_cl_describe,
    .timing = belay_cl_timing,
    .times = belay_cl_times,
    .limits = belay_cl_limits,
    .tune = belay_cl_tune,
};
