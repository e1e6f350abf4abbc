// The library's context: log, device, folders. Everything else is made from one.
#ifndef BELAY_CONTEXT_H
#define BELAY_CONTEXT_H

#include <belay/status.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct belay_ctx belay_ctx;

typedef struct belay_ctx_params {
    // Which device: "host", "opencl", "opencl:1", "opencl:gpu", "opencl:cpu", "opencl:0:1"
    // (platform:device) or "opencl:<part of a platform's or device's name>". NULL reads
    // BELAY_DEVICE; without it the best device is chosen and named in the log. Copied.
    const char *device;
    belay_log_fn log;     // NULL is silent; the last error is kept all the same
    void *log_user;       // handed to `log`; kept
    const char *cache_dir; // folder for caches; NULL reads BELAY_CACHE_DIR, then XDG. Copied.
    uint64_t memory_limit; // most device memory to ask for, in bytes; 0: what the device has
} belay_ctx_params;

// Makes a context. `params` may be NULL. The device is opened when it is first needed, or by
// belay_ctx_open. *out is owned on BELAY_OK, NULL otherwise.
// Thread rule: a context and all that is made from it belong to one thread at a time.
BELAY_API BELAY_MUST_CHECK belay_status belay_ctx_create(const belay_ctx_params *params,
                                                         belay_ctx **out);

// Opens the device now. BELAY_ERR_NO_DEVICE when none or several fit the name; the message lists
// what there is. Does nothing when it is open.
BELAY_API BELAY_MUST_CHECK belay_status belay_ctx_open(belay_ctx *ctx);

// Closes the device. Objects made from the context must be gone. Safe on NULL; sets *ctx NULL.
BELAY_API void belay_ctx_destroy(belay_ctx **ctx);

// The text of the last failure, "" if there was none. Valid until the next call with `ctx`.
BELAY_API const char *belay_ctx_error(const belay_ctx *ctx);

// The string that selects the open device again ("host", "opencl:0:1"); "" before it is open.
BELAY_API const char *belay_ctx_device(const belay_ctx *ctx);

// Bytes of device memory that are allocated now; 0 before the device is open.
BELAY_API uint64_t belay_ctx_memory(const belay_ctx *ctx);
// Waits until the device has done all that was asked of it: for timings.
BELAY_API BELAY_MUST_CHECK belay_status belay_ctx_wait(belay_ctx *ctx);

typedef struct belay_device_info {
    char select[32];        // what to put in BELAY_DEVICE: "host", "opencl:0:0"
    char name[128];         // the device's name
    char platform[128];     // the platform's name
    char vendor[128];
    char driver[128];       // driver version
    char version[128];      // device version, "OpenCL 3.0 ..."
    char kind[16];          // "gpu", "cpu", "accelerator", "host"
    char uuid[40];          // hexadecimal, "" when the driver does not tell
    char extensions[512];   // those that matter to Belay, separated by spaces
    char same_as[32];       // `select` of the same device seen through another platform, or ""
    uint64_t global_memory; // bytes
    uint64_t max_alloc;     // bytes, largest buffer
    uint64_t local_memory;  // bytes
    uint64_t max_group;     // work-items in a group
    uint32_t compute_units;
    uint32_t clock_mhz;
    uint32_t native_float_width;
    uint32_t base_align;    // bytes, sub-buffer alignment
    bool unified_memory;
    bool usable;            // has what Belay needs
    bool best;              // what is chosen when no device is named
} belay_device_info;

// Lists all devices of all platforms and the host. *out is owned, freed by
// belay_device_list_free; *count is its length. An absent driver is not an error.
BELAY_API BELAY_MUST_CHECK belay_status belay_device_list(belay_ctx *ctx, belay_device_info **out,
                                                          size_t *count);
BELAY_API void belay_device_list_free(belay_device_info **list);

#ifdef __cplusplus
}
#endif
#endif
