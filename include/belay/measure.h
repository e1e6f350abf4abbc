// Measuring: the limits of a device and the time of each kernel; and tuning by it.
#ifndef BELAY_MEASURE_H
#define BELAY_MEASURE_H

#include <belay/context.h>

#ifdef __cplusplus
extern "C" {
#endif

#define BELAY_BANDWIDTHS 3
// What a device was measured to do at best.
typedef struct belay_device_limits {
    double flops;               // of multiply-adds in registers, a second
    double bandwidth[BELAY_BANDWIDTHS]; // bytes a second when as many bytes as in `working` are used
    double working[BELAY_BANDWIDTHS];   // bytes, rising
    double launch;              // seconds that a queued launch costs
    double sync;                // seconds from a launch to its end, when waited for
    uint32_t float_width;       // the vectors that the figures were reached with
} belay_device_limits;

typedef struct belay_op_time {
    const char *name;   // operators of the kernel, joined by '+'
    const char *shape;  // of its result
    int program, index; // which program of those that ran, which kernel of it
    uint64_t runs;
    double seconds;     // median of the runs
    double flops, bytes; // what it does and moves at least, at the largest batch
} belay_op_time;

// With `on` every kernel that runs from now on is timed, which costs time itself. Without, the
// timing ends: *ops are the kernels in the order in which they ran, valid until timing begins again
// or the context goes. With `on` `ops` and `count` may be NULL.
BELAY_API BELAY_MUST_CHECK belay_status belay_measure_ops(belay_ctx *ctx, bool on,
                                                          const belay_op_time **ops,
                                                          size_t *count);

typedef struct belay_tune_params {
    double budget;           // seconds to spend; 0: 60
    const char *import_from; // a tuning file whose lines are taken over first; NULL: none
    const char *export_to;   // the lines of this device are written there at the end; NULL: not
    bool limits_only;        // only what is needed for `limits`, from the file when it has them
    belay_device_limits *limits; // filled; NULL: not wanted
} belay_tune_params;

// Measures the device and which kernels are the fastest of equal results, and keeps that in the
// user's tuning file (BELAY_TUNE, or tune.jsonl in the folder for caches), where later contexts find
// it. Results of a training never depend on it. `params` may be NULL; texts are borrowed.
BELAY_API BELAY_MUST_CHECK belay_status belay_tune(belay_ctx *ctx,
                                                   const belay_tune_params *params);

// What `belay doctor` says of a device, one call each.
typedef enum belay_doctor_verdict {
    BELAY_DOCTOR_FACT, // no check: what is known of the device
    BELAY_DOCTOR_PASSED,
    BELAY_DOCTOR_FAILED,
    BELAY_DOCTOR_SKIPPED,
} belay_doctor_verdict;
typedef void (*belay_doctor_fn)(void *user, belay_doctor_verdict verdict, const char *section,
                                const char *name, const char *text);
typedef struct belay_doctor_counts {
    size_t passed, failed, skipped;
} belay_doctor_counts;

// Checks the context's device against the host reference: every operator's kernels, the products,
// memory, limits, some training steps. A failed check is no error: it is counted and told to `fn`
// (may be NULL). `quick`: fewer sizes.
BELAY_API BELAY_MUST_CHECK belay_status belay_doctor(belay_ctx *ctx, bool quick,
                                                     belay_doctor_fn fn, void *user,
                                                     belay_doctor_counts *counts);

#ifdef __cplusplus
}
#endif
#endif
