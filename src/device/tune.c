#include "device/tune.h"

#include "base/clock.h"
#include "base/file.h"
#include "device/context.h"
#include "device/tuning.h"

#define BUDGET 60.0 // seconds
#define FILE_MOST (1 << 24)

static struct belay_tuning *tuning_of(struct belay_device *dev)
{
    if (dev->tuning || !(dev->tuning = belay_alloc(sizeof(*dev->tuning))))
        return dev->tuning;
    char *path = belay_tuning_path(dev->cache_dir);
    belay_tuning_load(dev->log, path, dev->tuning);
    belay_free(path);
    return dev->tuning;
}

const char *belay_device_tuned(struct belay_device *dev, const char *kind, const char *shape)
{
    const struct belay_tuning *t = tuning_of(dev);
    const struct belay_tuned *e = t ? belay_tuning_find(t, dev->tune_key, kind, shape) : NULL;
    return e ? e->choice : NULL;
}

void belay_device_take_limits(struct belay_device *dev)
{
    const struct belay_tuning *t = tuning_of(dev);
    const struct belay_tuned *e = t ? belay_tuning_find(t, dev->tune_key, "limits", "") : NULL;
    if (!e)
        return;
    dev->profile.flops = e->limits.flops;
    dev->profile.bandwidth = e->limits.bandwidth[BELAY_BANDWIDTHS - 1];
    dev->profile.launch = e->limits.launch;
    dev->profile.sync = e->limits.sync;
}

void belay_device_forget_tuning(struct belay_device *dev)
{
    if (!dev->tuning)
        return;
    belay_tuning_finish(dev->tuning);
    belay_free(dev->tuning);
    dev->tuning = NULL;
}

// ---- belay_tune ----

static belay_status import_file(struct belay_device *dev, const char *path)
{
    char *text = NULL;
    size_t size;
    BELAY_TRY(belay_file_read(dev->log, path, FILE_MOST, &text, &size));
    belay_status status = belay_tuning_read(dev->log, path, text, size, dev->tuning);
    belay_free(text);
    return status;
}

static belay_status write_file(struct belay_device *dev, const struct belay_tuning *t,
                               const char *device, const char *path)
{
    struct belay_str text = { 0 };
    belay_tuning_write(t, device, &text);
    belay_status status = text.failed ? belay_fail_nomem(dev->log, text.length) : BELAY_OK;
    if (status == BELAY_OK)
        status = belay_file_write(dev->log, path, text.text ? text.text : "", text.length);
    belay_str_free(&text);
    return status;
}

// Lines that another process wrote meanwhile stay; ours go before them.
static belay_status keep(struct belay_device *dev, const char *cache_dir, const char *path)
{
    struct belay_tuning now = { 0 };
    belay_status status = BELAY_OK;
    if (!path)
        return BELAY_OK;
    if (cache_dir && !belay_dir_exists(cache_dir))
        BELAY_TRY_DONE(belay_dir_create_private(dev->log, cache_dir));
    belay_tuning_load(NULL, path, &now);
    for (size_t i = 0; i < dev->tuning->num; i++)
        BELAY_TRY_DONE(belay_tuning_put(dev->log, &now, &dev->tuning->list[i]));
    status = write_file(dev, &now, NULL, path);
done:
    belay_tuning_finish(&now);
    return status;
}

static belay_status find_limits(struct belay_device *dev, bool measure, belay_device_limits *out)
{
    const struct belay_tuned *old = belay_tuning_find(dev->tuning, dev->tune_key, "limits", "");
    struct belay_tuned entry = { .device = dev->tune_key, .kind = "limits", .shape = "",
                                 .choice = "" };
    if (old && !measure) {
        *out = old->limits;
        return BELAY_OK;
    }
    if (!dev->ops->limits)
        return belay_fail(dev->log, BELAY_ERR_UNSUPPORTED,
                          "%s is a reference and has no limits to measure", dev->select);
    BELAY_TRY(dev->ops->limits(dev, &entry.limits));
    entry.gflops = entry.limits.flops / 1e9;
    *out = entry.limits;
    return belay_tuning_put(dev->log, dev->tuning, &entry);
}

static belay_status tune(struct belay_device *dev, const belay_tune_params *params,
                         const char *path)
{
    double until = belay_clock_now() + (params->budget > 0 ? params->budget : BUDGET);
    belay_device_limits limits = { 0 };
    if (params->import_from)
        BELAY_TRY(import_file(dev, params->import_from));
    BELAY_TRY(find_limits(dev, !params->limits_only, &limits));
    if (params->limits)
        *params->limits = limits;
    if (!params->limits_only && dev->ops->tune)
        BELAY_TRY(dev->ops->tune(dev, until, dev->tuning));
    BELAY_TRY(keep(dev, dev->cache_dir, path));
    if (params->export_to)
        BELAY_TRY(write_file(dev, dev->tuning, dev->tune_key, params->export_to));
    return BELAY_OK;
}

belay_status belay_tune(belay_ctx *ctx, const belay_tune_params *params)
{
    static const belay_tune_params defaults;
    BELAY_TRY(belay_ctx_open(ctx));
    struct belay_device *dev = ctx->device;
    if (!tuning_of(dev))
        return belay_fail_nomem(dev->log, sizeof(*dev->tuning));
    char *path = belay_tuning_path(dev->cache_dir);
    belay_status status = tune(dev, params ? params : &defaults, path);
    belay_free(path);
    return status;
}
