// Measuring what the device can do at best: about a second.
#include <stdio.h>

#include "base/clock.h"
#include "device/opencl/cl.h"

#define TRIES 5          // the best counts
#define LEAST 2e-3       // seconds of a try, so that its end does not count
#define LONGEST 0.15     // … and where one launch takes longer than that, one try is enough

struct bench {
    struct belay_cl *cl;
    cl_program program;
    struct belay_buf buf[3];
    cl_uint width;
    size_t units, group; // work-items that fill the device, of a group
    cl_int error;        // of an argument
};

static size_t round_up(size_t value, size_t unit)
{
    return (value + unit - 1) / unit * unit;
}

static void put(struct bench *b, cl_kernel kernel, cl_uint index, size_t size, const void *value)
{
    cl_int error = clSetKernelArg(kernel, index, size, value);
    if (b->error == CL_SUCCESS)
        b->error = error;
}

static void put_buf(struct bench *b, cl_kernel kernel, cl_uint index, int buf)
{
    cl_mem mem = belay_cl_mem(&b->buf[buf]);
    put(b, kernel, index, sizeof(mem), &mem);
}

// Seconds of `num` launches that are waited for together, or one by one.
static belay_status time_once(struct bench *b, const struct belay_cl_launch *l, int num, bool each,
                              double *out)
{
    double from = belay_clock_now();
    for (int i = 0; i < num; i++) {
        BELAY_TRY(belay_cl_enqueue(b->cl, l));
        if (each)
            BELAY_TRY(belay_cl_finish(b->cl->dev));
    }
    BELAY_TRY(belay_cl_finish(b->cl->dev));
    *out = belay_clock_now() - from;
    return BELAY_OK;
}

// Of one launch; the best of several tries of at least `num`.
static belay_status time_best(struct bench *b, const struct belay_cl_launch *l, int num, bool each,
                              double *out)
{
    double best = 0, seconds;
    BELAY_TRY(belay_cl_check(b->cl, b->error, "clSetKernelArg of the limits"));
    BELAY_TRY(time_once(b, l, num, each, &seconds)); // warms up
    for (int i = 0; i < TRIES && (i == 0 || seconds < LONGEST); i++) {
        BELAY_TRY(time_once(b, l, num, each, &seconds));
        if (seconds < LEAST && num < 1 << 16) {
            num *= 4;
            i = -1;
            best = 0;
            continue;
        }
        if (best <= 0 || seconds / num < best)
            best = seconds / num;
    }
    *out = best > 0 ? best : 1e-9;
    return BELAY_OK;
}

static void shape(const struct bench *b, size_t items, struct belay_cl_launch *l)
{
    l->dims = 1;
    l->local[0] = b->group;
    l->global[0] = round_up(items, b->group);
}

static belay_status measure_flops(struct bench *b, double *out)
{
    struct belay_cl_launch l = { 0 };
    const cl_uint n = b->group > 1 ? 4000 : 50000;
    const float m = 0.999f, q = 0.001f;
    double seconds;
    BELAY_TRY(belay_cl_kernel(b->cl, b->program, "limits_fma", &l.kernel));
    shape(b, b->units, &l);
    put_buf(b, l.kernel, 0, 0);
    put(b, l.kernel, 1, sizeof(n), &n);
    put(b, l.kernel, 2, sizeof(m), &m);
    put(b, l.kernel, 3, sizeof(q), &q);
    belay_status status = time_best(b, &l, 1, false, &seconds);
    clReleaseKernel(l.kernel);
    *out = 24.0 * n * b->width * (double) l.global[0] / seconds;
    return status;
}

static belay_status measure_stream(struct bench *b, size_t bytes, double *out)
{
    struct belay_cl_launch l = { 0 };
    const cl_uint n = (cl_uint) (bytes / 3 / sizeof(float) / b->width);
    const cl_uint per = b->group > 1 ? 1 : (cl_uint) ((n + b->units - 1) / b->units);
    // So often that the launch does not count.
    const cl_uint times = bytes < 64u << 20 ? (cl_uint) ((64u << 20) / bytes) : 1;
    const float m = 0.5f;
    double seconds;
    BELAY_TRY(belay_cl_kernel(b->cl, b->program, "limits_stream", &l.kernel));
    shape(b, (n + per - 1) / per, &l);
    for (int i = 0; i < 3; i++)
        put_buf(b, l.kernel, (cl_uint) i, i);
    put(b, l.kernel, 3, sizeof(n), &n);
    put(b, l.kernel, 4, sizeof(per), &per);
    put(b, l.kernel, 5, sizeof(times), &times);
    put(b, l.kernel, 6, sizeof(m), &m);
    belay_status status = time_best(b, &l, 1, false, &seconds);
    clReleaseKernel(l.kernel);
    *out = 3.0 * sizeof(float) * b->width * n * times / seconds;
    return status;
}

static belay_status measure_launch(struct bench *b, belay_device_limits *out)
{
    struct belay_cl_launch l = { 0 };
    const float m = 0;
    BELAY_TRY(belay_cl_kernel(b->cl, b->program, "limits_nothing", &l.kernel));
    shape(b, 1, &l);
    put_buf(b, l.kernel, 0, 0);
    put(b, l.kernel, 1, sizeof(m), &m);
    belay_status status = time_best(b, &l, 200, false, &out->launch);
    if (status == BELAY_OK)
        status = time_best(b, &l, 40, true, &out->sync);
    clReleaseKernel(l.kernel);
    return status;
}

static belay_status prepare(struct bench *b, size_t most)
{
    struct belay_cl *cl = b->cl;
    const struct belay_profile *p = &cl->dev->profile;
    char options[32];
    b->width = p->cpu ? p->float_width : 1;
    if (b->width & (b->width - 1) || b->width > 16)
        b->width = 4;
    b->group = p->cpu ? 1 : p->max_group < 128 ? p->max_group : 128;
    b->units = p->cpu ? (size_t) p->compute_units * 4 : (size_t) p->compute_units * 16 * b->group;
    snprintf(options, sizeof(options), "-w -DW=%u", (unsigned) b->width);
    BELAY_TRY(belay_cl_program_file(cl, "limits", options, &b->program));
    size_t least = b->units * b->width * sizeof(float), size = most / 3 + 64;
    for (int i = 0; i < 3; i++)
        BELAY_TRY(belay_buf_create(cl->dev, size > least ? size : least, 0, &b->buf[i]));
    return BELAY_OK;
}

belay_status belay_cl_limits(struct belay_device *dev, belay_device_limits *out)
{
    static const double mib[BELAY_BANDWIDTHS] = { 0.25, 4, 96 };
    struct bench b = { .cl = belay_cl_of(dev) };
    belay_device_limits limits = { 0 };
    belay_status status;
    double most = mib[BELAY_BANDWIDTHS - 1];
    if (dev->global_memory && most * 1048576 > (double) (dev->global_memory / 8))
        most = (double) (dev->global_memory / 8) / 1048576;
    BELAY_TRY_DONE(prepare(&b, (size_t) (most * 1048576)));
    limits.float_width = b.width;
    BELAY_TRY_DONE(measure_flops(&b, &limits.flops));
    for (int i = 0; i < BELAY_BANDWIDTHS; i++) {
        limits.working[i] = (mib[i] < most ? mib[i] : most) * 1048576;
        BELAY_TRY_DONE(measure_stream(&b, (size_t) limits.working[i], &limits.bandwidth[i]));
    }
    BELAY_TRY_DONE(measure_launch(&b, &limits));
    *out = limits;
done:
    for (int i = 0; i < 3; i++)
        belay_buf_destroy(dev, &b.buf[i]);
    return status;
}
