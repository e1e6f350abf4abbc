// A device and its backend. Two backends: host (plain C reference, the definition of right) and
// opencl. Above this header nobody knows which.
#ifndef BELAY_DEVICE_DEVICE_H
#define BELAY_DEVICE_DEVICE_H

#include <belay/measure.h>

#include "graph/plan.h"

struct belay_checks; // check.h
struct belay_device;

// Device memory. `priv` belongs to the backend: a cl_mem, or a pointer.
struct belay_buf {
    size_t size; // bytes
    void *priv;
    bool view;   // part of another buffer
};

enum belay_buf_flags {
    BELAY_BUF_HOST_VISIBLE = 1, // for mapping: staging and snapshots
    BELAY_BUF_FILLED = 2,       // need not be zeroed: the caller writes all of it
};

// What a step (one group bound to memory) is made of.
struct belay_step_desc {
    const struct belay_group *group;
    const struct belay_buf *const *x; // group->num_x entries; NULL for scalars and shape-only
    const struct belay_buf *const *y; // group->num_y entries
};
struct belay_step; // the backend's
struct belay_tuning;

struct belay_counters { // since the device was opened; tests assert on their differences
    uint64_t launches, builds, allocs, alloc_bytes, writes, reads;
};

struct belay_backend_ops {
    const char *name;
    // `spec` is what stands after "opencl:" or "host:", "" for none; NULL: choose the best.
    // Fills dev->priv, select, description, profile, align, max_alloc, global_memory.
    belay_status (*open)(struct belay_device *dev, const char *spec);
    void (*close)(struct belay_device *dev);

    // Zero-filled but with BELAY_BUF_FILLED.
    belay_status (*buf_create)(struct belay_device *dev, size_t size, unsigned flags,
                               struct belay_buf *out);
    // Part of a buffer; offset is a multiple of dev->align. Does not keep the parent alive.
    belay_status (*buf_view)(struct belay_device *dev, const struct belay_buf *parent,
                             size_t offset, size_t size, struct belay_buf *out);
    void (*buf_destroy)(struct belay_device *dev, struct belay_buf *buf); // safe on zeroed
    // A buffer that is the host's memory, which stays as it is and only read. Optional: there where
    // the device is the processor.
    belay_status (*buf_wrap)(struct belay_device *dev, void *data, size_t size,
                             struct belay_buf *out);

    // In queue order. With wait false, `src` must stay as it is until the work is done.
    belay_status (*write)(struct belay_device *dev, const struct belay_buf *buf, size_t offset,
                          const void *src, size_t size, bool wait);
    belay_status (*read)(struct belay_device *dev, const struct belay_buf *buf, size_t offset,
                         void *dst, size_t size); // waits
    belay_status (*copy)(struct belay_device *dev, const struct belay_buf *src, size_t src_offset,
                         const struct belay_buf *dst, size_t dst_offset, size_t size);
    belay_status (*zero)(struct belay_device *dev, const struct belay_buf *buf, size_t offset,
                         size_t size);
    // Maps for reading on a second queue, after all work enqueued so far. One map a buffer. Does
    // not wait: *out may be read when map_ready says so; it frees the ticket then, or when it
    // fails.
    belay_status (*map)(struct belay_device *dev, const struct belay_buf *buf, size_t size,
                        const void **out, void **ticket);
    belay_status (*map_ready)(struct belay_device *dev, void **ticket, bool wait, bool *ready);
    belay_status (*unmap)(struct belay_device *dev, const struct belay_buf *buf, const void *ptr);

    belay_status (*flush)(struct belay_device *dev);  // starts what is enqueued
    belay_status (*finish)(struct belay_device *dev); // waits for all
    // A point in the queue, and waiting for it. At most 64 marks are remembered.
    belay_status (*mark)(struct belay_device *dev, uint64_t *token);
    belay_status (*wait)(struct belay_device *dev, uint64_t token);

    // Keeps the texts of the programs that were used under a name on disk, and builds those that a
    // process before kept, when nobody asked for them yet. Nothing here fails. Optional.
    void (*remember)(struct belay_device *dev, const char *name);
    void (*recall)(struct belay_device *dev, const char *name);
    // Bytes that steps of these plans will take beside their values, together, and the largest of
    // them that must be one piece. Asks for no memory. Optional: none.
    belay_status (*plan_memory)(struct belay_device *dev, const struct belay_plan *const *plans,
                                size_t num, uint64_t *bytes, uint64_t *largest);
    // Builds what several plans need together, before they are prepared. Optional.
    belay_status (*preload)(struct belay_device *dev, const struct belay_plan *const *plans,
                            size_t num);
    // Called once a plan before its steps are made: builds all kernels together. *out is handed to
    // step_create and freed by plan_release when the program goes. Optional.
    belay_status (*plan_prepare)(struct belay_device *dev, const struct belay_plan *plan,
                                 void **out);
    void (*plan_release)(struct belay_device *dev, void *prepared);
    belay_status (*step_create)(struct belay_device *dev, void *prepared,
                                const struct belay_step_desc *desc, struct belay_step **out);
    // Sets all arguments for these shapes (by value id).
    belay_status (*step_bind)(struct belay_device *dev, struct belay_step *step,
                              const struct belay_shape *shapes);
    belay_status (*step_run)(struct belay_device *dev, struct belay_step *step); // enqueues
    void (*step_destroy)(struct belay_device *dev, struct belay_step **step);

    // Measuring. Optional: without these the host's clock round each step counts.
    // Whether launches are timed on the device.
    belay_status (*timing)(struct belay_device *dev, bool on);
    // Waits, and adds the device seconds of the launches since the last call: seconds[t] of those
    // that were enqueued with dev->timing_tag t.
    belay_status (*times)(struct belay_device *dev, double *seconds, int num);
    // What the device can do at best, measured now.
    belay_status (*limits)(struct belay_device *dev, belay_device_limits *out);
    // Times candidates until the clock (belay_clock_now) shows `until` and puts the best into *t.
    belay_status (*tune)(struct belay_device *dev, double until, struct belay_tuning *t);
    // Checks of what only the backend knows (check.h), and what it used so far. Optional.
    void (*check)(struct belay_device *dev, struct belay_checks *c);
    void (*describe)(struct belay_device *dev, struct belay_checks *c);
};

struct belay_device {
    const struct belay_backend_ops *ops;
    struct belay_log *log; // kept
    void *priv;
    char select[64];       // the string that opens it again
    char description[256]; // "Intel(R) ... on Intel(R) OpenCL, driver ..."
    char identity[256];    // name, driver and build: results are bit-equal where it is equal
    struct belay_profile profile;
    size_t align;          // of sub-buffers, bytes
    uint64_t max_alloc, global_memory, memory_limit, allocated;
    const char *cache_dir; // folder for built programs, kept; NULL: none
    belay_status failed;   // the first driver error; nothing computed after it is saved
    struct belay_counters counters;
    int64_t fail_in;       // tests: 1 + calls until one fails; 0: off
    bool shares_memory;    // its memory is the host's
    bool f64;              // host: floats are stored as F64 (finite differences); else false
    char tune_key[256];    // name, platform, driver and family: of lines in the tuning file
    struct belay_tuning *tuning; // NULL before belay_device_tuned is called (device/tune.h)
    struct belay_timer *timer; // NULL: steps were never timed (device/timer.h)
    int timing_tag;
};

// spec as in belay_ctx_params.device; NULL: chosen, loudly. `memory_limit` 0: what there is.
belay_status belay_device_open(struct belay_log *log, const char *spec, uint64_t memory_limit,
                               struct belay_device **out);
void belay_device_close(struct belay_device **dev);
// The host reference storing F64.
belay_status belay_device_open_f64(struct belay_log *log, struct belay_device **out);

extern const struct belay_backend_ops belay_backend_host;
extern const struct belay_backend_ops belay_backend_opencl;

// Wrappers: check, count, remember the first device error, then call the backend.
belay_status belay_buf_create(struct belay_device *dev, size_t size, unsigned flags,
                              struct belay_buf *out);
belay_status belay_buf_view(struct belay_device *dev, const struct belay_buf *parent,
                            size_t offset, size_t size, struct belay_buf *out);
void belay_buf_destroy(struct belay_device *dev, struct belay_buf *buf);
// Whether belay_buf_wrap can be called. The memory goes after the buffer.
bool belay_device_shares_memory(const struct belay_device *dev);
belay_status belay_buf_wrap(struct belay_device *dev, void *data, size_t size,
                            struct belay_buf *out);
belay_status belay_buf_write(struct belay_device *dev, const struct belay_buf *buf, size_t offset,
                             const void *src, size_t size, bool wait);
belay_status belay_buf_read(struct belay_device *dev, const struct belay_buf *buf, size_t offset,
                            void *dst, size_t size);
belay_status belay_buf_copy(struct belay_device *dev, const struct belay_buf *src,
                            size_t src_offset, const struct belay_buf *dst, size_t dst_offset,
                            size_t size);
belay_status belay_buf_zero(struct belay_device *dev, const struct belay_buf *buf, size_t offset,
                            size_t size);
// Waits until the map can be read.
belay_status belay_buf_map(struct belay_device *dev, const struct belay_buf *buf, size_t size,
                           const void **out);
// The same in two parts; with `wait` the second waits. A ticket that is not ready must be asked for
// again, after a failure too.
belay_status belay_buf_map_start(struct belay_device *dev, const struct belay_buf *buf, size_t size,
                                 const void **out, void **ticket);
belay_status belay_buf_map_ready(struct belay_device *dev, void **ticket, bool wait, bool *ready);
belay_status belay_buf_unmap(struct belay_device *dev, const struct belay_buf *buf,
                             const void *ptr);
belay_status belay_device_flush(struct belay_device *dev);
belay_status belay_device_finish(struct belay_device *dev);
// The same after an error too: before host memory goes that writes without waiting still read.
void belay_device_drain(struct belay_device *dev);
belay_status belay_device_mark(struct belay_device *dev, uint64_t *token);
belay_status belay_device_wait(struct belay_device *dev, uint64_t token);
// The backend's plan and step entries behind the same checks; run through these.
belay_status belay_device_plan_memory(struct belay_device *dev,
                                      const struct belay_plan *const *plans, size_t num,
                                      uint64_t *bytes, uint64_t *largest);
belay_status belay_device_preload(struct belay_device *dev, const struct belay_plan *const *plans,
                                  size_t num);
belay_status belay_device_prepare(struct belay_device *dev, const struct belay_plan *plan,
                                  void **out);
belay_status belay_step_create(struct belay_device *dev, void *prepared,
                               const struct belay_step_desc *desc, struct belay_step **out);
belay_status belay_step_bind(struct belay_device *dev, struct belay_step *step,
                             const struct belay_shape *shapes);
belay_status belay_device_run_step(struct belay_device *dev, struct belay_step *step);
// Programs of an earlier process with the same name (hex digits), while there is nothing else to do.
void belay_device_recall(struct belay_device *dev, const char *name);
void belay_device_remember(struct belay_device *dev, const char *name);
// Tests: the n-th call to a backend entry from now (0: the next) fails as a driver error;
// negative: off.
void belay_device_fail_at(struct belay_device *dev, int64_t n);

// Bytes of a value of this type on this device (F32 is 8 bytes with dev->f64).
size_t belay_device_dtype_size(const struct belay_device *dev, belay_dtype dtype);

#endif
