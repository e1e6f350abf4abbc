// What was measured on the user's devices, one line each: limits, and choices among kernels of equal
// results. The file is JSON lines, so that files are merged by putting them one behind the other;
// of lines with one key the last counts. Nothing in it changes a result: a choice is a name that
// the kernel's owner looks up among candidates of one order of summation, or ignores.
#ifndef BELAY_DEVICE_TUNING_H
#define BELAY_DEVICE_TUNING_H

#include <belay/measure.h>

#include "base/mem.h"
#include "base/str.h"

struct belay_tuned {
    const char *device; // belay_device.tune_key
    const char *kind;   // "limits", "product", …
    const char *shape;  // class of shapes; "" for limits
    const char *choice; // candidate's name; "" for limits
    double gflops;      // of the choice when it was measured; limits: the peak
    belay_device_limits limits;
};
struct belay_tuning {
    struct belay_arena texts;
    struct belay_tuned *list;
    size_t num, capacity;
};

void belay_tuning_finish(struct belay_tuning *t); // safe on zeroed
// Replaces the entry of the same device, kind and shape, or adds it. Texts are copied.
belay_status belay_tuning_put(struct belay_log *log, struct belay_tuning *t,
                              const struct belay_tuned *entry);
const struct belay_tuned *belay_tuning_find(const struct belay_tuning *t, const char *device,
                                            const char *kind, const char *shape);

// Lines as text; only those of `device` unless it is NULL.
void belay_tuning_write(const struct belay_tuning *t, const char *device, struct belay_str *out);
// Adds the lines of a text. BELAY_ERR_DAMAGED names file, line and what is wrong; *t is then as
// before. `what` names the file.
belay_status belay_tuning_read(struct belay_log *log, const char *what, const char *text,
                               size_t size, struct belay_tuning *t);

// The user's file: NULL (switched off, or no folder) or its path, owned.
char *belay_tuning_path(const char *cache_dir);
// Reads it; absent is fine. A damaged one is warned of and left out: defaults count then.
void belay_tuning_load(struct belay_log *log, const char *path, struct belay_tuning *t);

#endif
