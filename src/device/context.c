#include "device/context.h"

#include <stdio.h>
#include <string.h>

#include "base/env.h"
#include "base/mem.h"
#include "device/opencl/opencl.h"
#include "device/timer.h"
#include "device/tune.h"

// NULL stays NULL; false when memory is short.
static bool copy_text(const char *text, char **out)
{
    *out = text ? belay_strdup(text) : NULL;
    return !text || *out;
}

static bool choose_cache_dir(const char *given, char **out)
{
    char folder[1024];
    if (!given)
        given = belay_env("BELAY_CACHE_DIR");
    if (!given && belay_env_cache_dir(folder, sizeof(folder)))
        given = folder;
    return copy_text(given, out);
}

belay_status belay_ctx_create(const belay_ctx_params *params, belay_ctx **out)
{
    static const belay_ctx_params defaults;
    *out = NULL;
    if (!params)
        params = &defaults;
    belay_ctx *ctx = belay_alloc(sizeof(*ctx));
    if (!ctx)
        return BELAY_ERR_NOMEM;
    ctx->log.fn = params->log;
    ctx->log.user = params->log_user;
    ctx->memory_limit = params->memory_limit;
    if (!copy_text(params->device, &ctx->device_spec) ||
        !choose_cache_dir(params->cache_dir, &ctx->cache_dir)) {
        belay_ctx_destroy(&ctx);
        return BELAY_ERR_NOMEM;
    }
    *out = ctx;
    return BELAY_OK;
}

belay_status belay_ctx_open(belay_ctx *ctx)
{
    if (ctx->device)
        return BELAY_OK;
    BELAY_TRY(belay_device_open(&ctx->log, ctx->device_spec, ctx->memory_limit, &ctx->device));
    ctx->device->cache_dir = ctx->cache_dir;
    belay_device_take_limits(ctx->device);
    return BELAY_OK;
}

void belay_ctx_destroy(belay_ctx **ctx)
{
    if (!ctx || !*ctx)
        return;
    belay_device_close(&(*ctx)->device);
    belay_free((*ctx)->device_spec);
    belay_free((*ctx)->cache_dir);
    belay_free(*ctx);
    *ctx = NULL;
}

const char *belay_ctx_error(const belay_ctx *ctx)
{
    return ctx->log.last;
}

uint64_t belay_ctx_memory(const belay_ctx *ctx)
{
    return ctx->device ? ctx->device->allocated : 0;
}

belay_status belay_ctx_wait(belay_ctx *ctx)
{
    return ctx->device ? belay_device_finish(ctx->device) : BELAY_OK;
}

const char *belay_ctx_device(const belay_ctx *ctx)
{
    return ctx->device ? ctx->device->select : "";
}

belay_status belay_measure_ops(belay_ctx *ctx, bool on, const belay_op_time **ops, size_t *count)
{
    BELAY_TRY(belay_ctx_open(ctx));
    if (on)
        return belay_timer_start(ctx->device);
    return belay_timer_stop(ctx->device, ops, count);
}

static void describe_host(belay_device_info *info)
{
    snprintf(info->select, sizeof(info->select), "host");
    snprintf(info->name, sizeof(info->name), "host reference (plain C, slow)");
    snprintf(info->kind, sizeof(info->kind), "host");
    info->native_float_width = 1;
    info->compute_units = 1;
    info->base_align = 64;
    info->unified_memory = true;
    info->usable = true;
}

belay_status belay_device_list(belay_ctx *ctx, belay_device_info **out, size_t *count)
{
    belay_device_info *cl = NULL, *all = NULL;
    size_t num = 0;
    belay_status status = BELAY_OK;
    *out = NULL;
    *count = 0;
    BELAY_TRY_DONE(belay_opencl_list(&ctx->log, &cl, &num));
    all = belay_alloc_array(num + 1, sizeof(*all));
    if (!all) {
        status = belay_fail_nomem(&ctx->log, (num + 1) * sizeof(*all));
        goto done;
    }
    if (num)
        memcpy(all, cl, num * sizeof(*all));
    describe_host(&all[num]);
    *out = all;
    *count = num + 1;
done:
    belay_free(cl);
    return status;
}

void belay_device_list_free(belay_device_info **list)
{
    if (!list)
        return;
    belay_free(*list);
    *list = NULL;
}
