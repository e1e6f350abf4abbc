// Checks of a device, for `belay doctor` and the tests: each op, memory, products, limits.
#ifndef BELAY_DEVICE_CHECK_H
#define BELAY_DEVICE_CHECK_H

#include <belay/measure.h>

#include "device/device.h"

// Where results go. A check that fails with NOMEM counts as failed like any other.
struct belay_checks {
    bool quick;
    belay_doctor_fn fn; // may be NULL
    void *user;
    belay_doctor_counts counts;
};
// What is known, not judged.
void belay_checks_fact(struct belay_checks *c, const char *section, const char *name,
                       const char *format, ...) BELAY_PRINTF(4, 5);
// The end of a check: with a status other than OK the log's last message says why. A driver error
// that stuck to the device is taken back, so that later checks run.
void belay_checks_end(struct belay_checks *c, struct belay_device *dev, const char *section,
                      const char *name, belay_status status, const char *text);
void belay_checks_skip(struct belay_checks *c, const char *section, const char *name,
                       const char *why);

// ---- Operators: any of the table, by its own ranges and sizes ----

// The first output of a node at a size class; *y NULL when there are no more classes.
belay_status belay_op_check_make(belay_graph *g, const struct belay_op *op, int size_class,
                                 belay_value **y);
// Random numbers in [lo, hi]. With `avoid` input k of 4 takes numbers of residue class k, so that
// no two inputs come nearer to each other, nor one to 0, than `avoid`. Exact in float32.
void belay_op_check_fill(const struct belay_op *op, const belay_value *v, int k, uint64_t seed,
                         double *x);
// One node at a size class on both devices with guards round every buffer: the values agree, the
// guards stand, a second run gives the same bits. `fuse`: with something after it that fuses.
// *made false: there is no such class.
belay_status belay_op_check(struct belay_device *host, struct belay_device *dev,
                            const struct belay_op *op, int size_class, bool fuse, bool *made);

// ---- The rest of a device ----

void belay_check_memory(struct belay_device *dev, struct belay_checks *c);

#endif
