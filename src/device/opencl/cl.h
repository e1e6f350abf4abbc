// The OpenCL backend's inside, shared by its files.
#ifndef BELAY_DEVICE_OPENCL_CL_H
#define BELAY_DEVICE_OPENCL_CL_H

#include <CL/cl.h>

#include "base/str.h"
#include "device/device.h"

#define BELAY_CL_MARKS 64

struct belay_cl_cache;
struct belay_cl_gemm;
struct belay_cl_timing;

struct belay_cl {
    struct belay_device *dev;
    struct belay_log *log;
    cl_platform_id platform;
    cl_device_id device;
    cl_context context;
    cl_command_queue queue;     // in order, for everything
    cl_command_queue map_queue; // maps and unmaps, ordered after `queue` by events
    cl_event marks[BELAY_CL_MARKS]; // of token t at t % 64; NULL: waited for
    uint64_t last_mark;             // token
    belay_device_info info;
    struct belay_cl_cache *cache; // of programs
    struct belay_cl_gemm *gemm;   // NULL before the first product
    struct belay_buf *scratch;    // the last one is the largest; older ones may still be arguments
    size_t num_scratch, cap_scratch;
    int num_plans;                // prepared and not released
    struct belay_cl_timing *timing; // NULL: launches are not timed
};

static inline struct belay_cl *belay_cl_of(struct belay_device *dev)
{
    return (struct belay_cl *) dev->priv;
}

static inline cl_mem belay_cl_mem(const struct belay_buf *buf)
{
    return (cl_mem) buf->priv;
}

// Errors: "clCreateBuffer: CL_OUT_OF_HOST_MEMORY (-6)" and what it was about.
const char *belay_cl_error_name(cl_int error);
// BELAY_OK for CL_SUCCESS, else reports and gives BELAY_ERR_NOMEM or BELAY_ERR_DEVICE.
belay_status belay_cl_check(struct belay_cl *cl, cl_int error, const char *call);

// Finding devices: an entry a device, with its handles.
struct belay_cl_entry {
    cl_platform_id platform;
    cl_device_id device;
    cl_device_type type;
    unsigned char uuid[16];
    bool has_uuid;
    uint32_t bus[4]; // PCI domain, bus, device, function
    bool has_bus;
    belay_device_info info;
};
// *out is owned (belay_free); same_as and best are filled in.
belay_status belay_cl_find(struct belay_log *log, struct belay_cl_entry **out, size_t *count);
// Picks by what stands after "opencl:" ("" or NULL: the best). Says in the log what and why.
belay_status belay_cl_select(struct belay_log *log, const struct belay_cl_entry *list,
                             size_t count, const char *spec, size_t *out);

// Buffers (backend entries).
belay_status belay_cl_buf_create(struct belay_device *dev, size_t size, unsigned flags,
                                 struct belay_buf *out);
belay_status belay_cl_buf_view(struct belay_device *dev, const struct belay_buf *parent,
                               size_t offset, size_t size, struct belay_buf *out);
belay_status belay_cl_buf_wrap(struct belay_device *dev, void *data, size_t size,
                               struct belay_buf *out);
void belay_cl_buf_destroy(struct belay_device *dev, struct belay_buf *buf);
belay_status belay_cl_write(struct belay_device *dev, const struct belay_buf *buf, size_t offset,
                            const void *src, size_t size, bool wait);
belay_status belay_cl_read(struct belay_device *dev, const struct belay_buf *buf, size_t offset,
                           void *dst, size_t size);
belay_status belay_cl_copy(struct belay_device *dev, const struct belay_buf *src,
                           size_t src_offset, const struct belay_buf *dst, size_t dst_offset,
                           size_t size);
belay_status belay_cl_zero(struct belay_device *dev, const struct belay_buf *buf, size_t offset,
                           size_t size);
belay_status belay_cl_map(struct belay_device *dev, const struct belay_buf *buf, size_t size,
                          const void **out, void **ticket);
belay_status belay_cl_map_ready(struct belay_device *dev, void **ticket, bool wait, bool *ready);
belay_status belay_cl_unmap(struct belay_device *dev, const struct belay_buf *buf,
                            const void *ptr);

// Scratch (scratch.c): memory of at least `size` bytes that a step's kernels may use while they run;
// all steps share it. It lives until the last prepared plan is released.
belay_status belay_cl_scratch(struct belay_cl *cl, size_t size, cl_mem *out);
void belay_cl_scratch_drop(struct belay_cl *cl);
// As much as steps of these plans will ask for.
belay_status belay_cl_scratch_reserve(struct belay_cl *cl, const struct belay_plan *const *plans,
                                      size_t num);
belay_status belay_cl_plan_memory(struct belay_device *dev, const struct belay_plan *const *plans,
                                  size_t num, uint64_t *bytes, uint64_t *largest);

// The queue (backend entries).
belay_status belay_cl_flush(struct belay_device *dev);
belay_status belay_cl_finish(struct belay_device *dev);
belay_status belay_cl_mark(struct belay_device *dev, uint64_t *token);
belay_status belay_cl_wait(struct belay_device *dev, uint64_t token);
void belay_cl_drop_marks(struct belay_cl *cl);

// Programs, kept by their text and options for the life of the device.
belay_status belay_cl_cache_create(struct belay_cl *cl);
void belay_cl_cache_destroy(struct belay_cl *cl);
// Programs on disk (binary.c). False: there is no cache, or it has no such program.
bool belay_cl_binary_path(struct belay_cl *cl, const char *text_key, char *out, size_t size);
bool belay_cl_binary_load(struct belay_cl *cl, const char *path, const char *options,
                          cl_program *out);
void belay_cl_binary_store(struct belay_cl *cl, const char *path, cl_program program);
// Where a file of the cache is: "DIR/folder/KEY.ending", KEY of these parts and the device; false: there
// is no cache.
bool belay_cl_cache_path(struct belay_cl *cl, const char *folder, const char *ending,
                         const char *key, char *out, size_t size);
// A file of the cache with its digest before it; belay_free. False: not there, or damaged.
bool belay_cl_cache_read(const char *path, char **data, const char **from, size_t *length);
bool belay_cl_cache_write(const char *path, const void *data, size_t size);
// Programs of an earlier process (recall.c; backend entries).
void belay_cl_remember(struct belay_device *dev, const char *name);
void belay_cl_recall(struct belay_device *dev, const char *name);
// What was asked for so far, each: options, text. The n-th; false behind the last.
bool belay_cl_built(const struct belay_cl *cl, size_t n, const char **options, const char **text);
// Builds a whole text that will be asked for. Failure is silent.
void belay_cl_build_early(struct belay_cl *cl, const char *options, const char *text);
// Builds `text` (after common.clh) or gives the program built before. Borrowed from the cache.
// `label` names it in messages (NULL: BELAY_ERR_UNSUPPORTED, silently, when it does not build);
// `options` may be NULL.
belay_status belay_cl_program_text(struct belay_cl *cl, const char *label, const char *text,
                                   const char *options, cl_program *out);
// The same for a kernel file: "softmax" for softmax.cl. BELAY_CL_DIR is looked at first.
belay_status belay_cl_program_file(struct belay_cl *cl, const char *file, const char *options,
                                   cl_program *out);
// Appends a kernel file's text with its #include lines replaced.
belay_status belay_cl_source(struct belay_cl *cl, const char *file, struct belay_str *out);
// The same for a file named in full ("fused.clh").
belay_status belay_cl_source_header(struct belay_cl *cl, const char *name, struct belay_str *out);
// Kernels that were built beside those of other files: where each is. Generated ones are of the
// file "" and named by a digest of their text.
bool belay_cl_place_find(struct belay_cl *cl, const char *file, const char *kernel,
                         cl_program *out);
belay_status belay_cl_place_keep(struct belay_cl *cl, const char *file, const char *kernel,
                                 cl_program program);
// A kernel of a file: from where it was built, else the whole file is built.
belay_status belay_cl_file_kernel(struct belay_cl *cl, const char *file, const char *name,
                                  cl_kernel *out);
belay_status belay_cl_kernel(struct belay_cl *cl, cl_program program, const char *name,
                             cl_kernel *out);

// One kernel launch ready to be enqueued.
struct belay_cl_launch {
    cl_kernel kernel; // owned
    cl_uint dims;
    size_t global[3], local[3];
    bool skip; // nothing to do
};
belay_status belay_cl_enqueue(struct belay_cl *cl, const struct belay_cl_launch *l);

// Timing of launches: backend entries …
belay_status belay_cl_timing(struct belay_device *dev, bool on);
belay_status belay_cl_times(struct belay_device *dev, double *seconds, int num);
belay_status belay_cl_limits(struct belay_device *dev, belay_device_limits *out);
belay_status belay_cl_tune(struct belay_device *dev, double until, struct belay_tuning *tuning);
void belay_cl_timing_destroy(struct belay_cl *cl);
belay_status belay_cl_enqueue_timed(struct belay_cl *cl, const struct belay_cl_launch *l);
// … and for libraries that enqueue themselves, by the host's clock. Nothing when it is off.
belay_status belay_cl_timing_begin(struct belay_cl *cl, double *from);
belay_status belay_cl_timing_end(struct belay_cl *cl, double from);

// Plans and steps (backend entries).
belay_status belay_cl_plan_prepare(struct belay_device *dev, const struct belay_plan *plan,
                                   void **out);
void belay_cl_plan_release(struct belay_device *dev, void *prepared);
belay_status belay_cl_preload(struct belay_device *dev, const struct belay_plan *const *plans,
                              size_t num);
belay_status belay_cl_step_create(struct belay_device *dev, void *prepared,
                                  const struct belay_step_desc *desc, struct belay_step **out);
belay_status belay_cl_step_bind(struct belay_device *dev, struct belay_step *step,
                                const struct belay_shape *shapes);
belay_status belay_cl_step_run(struct belay_device *dev, struct belay_step *step);
void belay_cl_step_destroy(struct belay_device *dev, struct belay_step **step);

// Checks of products and limits, and what was used (backend entries).
void belay_cl_check_all(struct belay_device *dev, struct belay_checks *c);
void belay_cl_describe(struct belay_device *dev, struct belay_checks *c);
// Names of the kernels made so far, separated by spaces (generated ones are counted).
void belay_cl_kernel_names(struct belay_cl *cl, struct belay_str *out);

#endif
