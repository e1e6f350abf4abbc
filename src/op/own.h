// A program's own operators, and the kernel texts of its own operators and optimizers.
#ifndef BELAY_OP_OWN_H
#define BELAY_OP_OWN_H

#include <belay/own.h>

#include "base/own.h"
#include "op/op.h"

struct belay_own_op_entry {
    struct belay_op op; // first: a call's op is this struct
    struct belay_own own;
    belay_own_op def;   // as given, with texts of its own
    int num_settings;
};

// Checks the definition and adds it. *added NULL: an equal one is there already.
belay_status belay_own_op_add(struct belay_log *log, const belay_own_op *def,
                              const struct belay_own_op_entry **added);
const struct belay_own_op_entry *belay_own_op_find(const char *name);
const struct belay_own_op_entry *belay_own_op_at(size_t index);
// The node of one; settings as many as it has, or NULL for the fallbacks.
belay_value *belay_own_op_apply(belay_graph *g, const struct belay_own_op_entry *e, int num_x,
                                belay_value *const *x, const double *settings);

// A table of options that ends with a NULL name: how many, or -1 when a name is none or is there
// twice (reported).
int belay_own_options(struct belay_log *log, const char *what, const char *name,
                      const belay_own_option *options, int max);
belay_status belay_own_check_version(struct belay_log *log, const char *what, int version);
belay_status belay_own_exists(struct belay_log *log, const char *what, const char *name);

// Kernel files that are no files: `file` without ".cl". The text is kept.
belay_status belay_own_source_add(struct belay_log *log, const char *file, const char *text);
const char *belay_own_source(const char *file); // or NULL

#endif
