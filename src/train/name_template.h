// Names of files made from numbers: "{epoch:03d}-{val.loss:.4f}".
#ifndef BELAY_TRAIN_NAME_TEMPLATE_H
#define BELAY_TRAIN_NAME_TEMPLATE_H

#include "base/log.h"

struct belay_str;

struct belay_name_value {
    const char *name;
    double value;
    bool whole; // a whole number: without format it has no point
};
struct belay_name_options {
    bool names;        // "{epoch}" becomes "epoch=3", not "3"
    bool missing_zero; // a name that there is not counts as 0; else it is an error
    const char *prefix; // "prefix-" before all; NULL or "": none
};
// Appends to `out`. After the colon: 0, width, .precision and one of d, f, e, g. "" stands for
// "{epoch}-{step}". BELAY_ERR_RECIPE when the template cannot be read.
belay_status belay_name_expand(struct belay_log *log, const char *template,
                               const struct belay_name_options *options,
                               const struct belay_name_value *values, size_t count,
                               struct belay_str *out);

#endif
