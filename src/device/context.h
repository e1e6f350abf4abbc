// The context's inside. The only place where log, device and settings meet.
#ifndef BELAY_CONTEXT_INTERNAL_H
#define BELAY_CONTEXT_INTERNAL_H

#include <belay/context.h>

#include "device/device.h"

struct belay_ctx {
    struct belay_log log;
    char *device_spec; // NULL: chosen
    char *cache_dir;
    uint64_t memory_limit;
    struct belay_device *device; // NULL before it is opened
};

#endif
