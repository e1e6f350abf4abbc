// A plan bound to a device. A run is a loop of enqueues: nothing is allocated, built or waited
// for after the first run at each number of rows.
#ifndef BELAY_DEVICE_PROGRAM_H
#define BELAY_DEVICE_PROGRAM_H

#include "device/device.h"

struct belay_program;

struct belay_program_params {
    struct belay_device *device;    // kept
    const struct belay_plan *plan;  // kept
    const struct belay_buf *slabs;  // activations: plan->num_slabs buffers of at least its sizes,
                                    // kept; NULL: own
    bool poison; // tests: a value's memory is filled with NaN when it dies
};

belay_status belay_program_create(const struct belay_program_params *params,
                                  struct belay_program **out);
void belay_program_destroy(struct belay_program **program);
// Where an external value lies. The buffer is kept and must be at least the value's size; offset
// is a multiple of the device's alignment. Must be called before belay_program_finish_binding.
belay_status belay_program_bind(struct belay_program *p, const belay_value *v,
                                const struct belay_buf *buf, size_t offset);
// Gives memory to every external value not bound, and makes the steps.
belay_status belay_program_ready(struct belay_program *p);
// Enqueues all groups for a batch of `rows` rows (ignored when no input has rows).
belay_status belay_program_run(struct belay_program *p, int64_t rows);
// The memory of an external value, after belay_program_ready.
const struct belay_buf *belay_program_buf(const struct belay_program *p, const belay_value *v);
struct belay_device *belay_program_device(const struct belay_program *p);
// Copies a whole value in or out at its shape for `rows` rows (0: planned); waits. Data are F32
// for float values (whatever the device stores), I32 for I32 and so on.
belay_status belay_program_set(struct belay_program *p, const belay_value *v, const void *data,
                               int64_t rows);
belay_status belay_program_get(struct belay_program *p, const belay_value *v, void *data,
                               int64_t rows);
// The same as double, for finite differences.
belay_status belay_program_set_f64(struct belay_program *p, const belay_value *v,
                                   const double *data);
belay_status belay_program_get_f64(struct belay_program *p, const belay_value *v, double *data);

#endif
