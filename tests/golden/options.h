// PyTorch's optimizers and their attributes as ours.
#ifndef BELAY_TESTS_GOLDEN_OPTIONS_H
#define BELAY_TESTS_GOLDEN_OPTIONS_H

#include "format/json.h"
#include "train/optimizer.h"

// NULL for an optimizer or an attribute that we do not have.
const struct belay_optimizer *golden_optimizer_of(const char *op,
                                                  const struct belay_json *attributes);
// Sets the options that `attributes` names; NULL sets all to their defaults.
void golden_options(const struct belay_optimizer *opt, const struct belay_json *attributes,
                    double *options);
void golden_option(const struct belay_optimizer *opt, const char *name, double value,
                   double *options);

#endif
