// For layers: options, parameters, errors. Inside the model room.
#ifndef BELAY_MODEL_LAYER_H
#define BELAY_MODEL_LAYER_H

#include "model/model.h"

// The value of an option, or NULL when it is not given.
const struct belay_yaml *belay_layer_option(const struct belay_layer_call *c, const char *name);
// Typed; the fallback when not given. A wrong type is reported and gives the fallback.
int64_t belay_layer_int(struct belay_layer_call *c, const char *name, int64_t fallback);
double belay_layer_float(struct belay_layer_call *c, const char *name, double fallback);
bool belay_layer_bool(struct belay_layer_call *c, const char *name, bool fallback);
const char *belay_layer_text(struct belay_layer_call *c, const char *name, const char *fallback);
// Returns how many numbers there are; -1 after an error.
int belay_layer_ints(struct belay_layer_call *c, const char *name, int max, int64_t *out);
// The option `axis`; the batch's (0) is refused.
int belay_layer_axis(struct belay_layer_call *c, int fallback);

// "FILE:LINE: layer 'PATH' (KIND): …"; returns NULL. The error sticks to the graph.
belay_value *belay_layer_fail(struct belay_layer_call *c, const char *format, ...)
    BELAY_PRINTF(2, 3);
// "FILE:LINE", or the override's text.
#define BELAY_PLACE_TEXT 256
const char *belay_yaml_place(const struct belay_yaml *node, char out[BELAY_PLACE_TEXT]);
bool belay_yaml_empty(const struct belay_yaml *node); // NULL, nothing after the colon, ~, null

// The parameter PATH.suffix, noted with its initialiser.
belay_value *belay_layer_param(struct belay_layer_call *c, const char *suffix, int rank,
                               const int64_t *dim, struct belay_init init);

// Initialisers by name.
struct belay_initializer {
    const char *name, *help;
    // `std` is the layer's option of that name.
    struct belay_init (*weight)(double fan_in, double fan_out, double std);
    struct belay_init (*bias)(double fan_in);
};
extern const struct belay_initializer *const belay_initializers[]; // ends with NULL
const struct belay_initializer *belay_initializer_find(const char *name);

#endif
