// Models from recipes: layers that append nodes, parameters with their initialisers.
#ifndef BELAY_MODEL_INTERNAL_H
#define BELAY_MODEL_INTERNAL_H

#include "format/yaml.h"
#include "graph/graph.h"

// How a parameter starts.
enum belay_init_kind { BELAY_INIT_ZEROS, BELAY_INIT_UNIFORM, BELAY_INIT_NORMAL,
                       BELAY_INIT_CONSTANT };
struct belay_init {
    enum belay_init_kind kind;
    double scale; // UNIFORM: in [-scale, scale); NORMAL: standard deviation; CONSTANT
};
// The parameters of a model in the order in which they were made: name -> initialiser.
// (Shape and identity are the graph's: belay_param.)
struct belay_model_param {
    const char *name; // in the arena
    struct belay_shape shape;
    struct belay_init init;
};
struct belay_model_params {
    struct belay_arena arena;
    struct belay_model_param *params;
    size_t count, capacity;
};
void belay_model_params_finish(struct belay_model_params *p);

// Appends the layers of `model` (the recipe's `model` map: `input`, `layers`) to the graph and
// returns the output. `x` is [rows, features]; it is reshaped to [rows, input...]. params
// collects each parameter once; it may be NULL (evaluation graphs). Errors name file, line, layer
// and both shapes.
belay_value *belay_model_build(belay_graph *g, const struct belay_yaml *model, belay_value *x,
                               struct belay_model_params *params);
// Several inputs and heads: a model's inputs are columns of x, one after the other, in the order of
// `model.inputs`; its heads are values by their names.
struct belay_model_input {
    const char *name;
    size_t width;
};
struct belay_model_io {
    size_t num_inputs, num_heads;
    struct belay_model_input inputs[8];
    const char *from[8];   // of each head: a value's or a layer's name
    belay_value *heads[8]; // what stands there
};
// `io` NULL: belay_model_build. Without heads the last layer's output is returned.
belay_value *belay_model_build_io(belay_graph *g, const struct belay_yaml *model, belay_value *x,
                                  struct belay_model_params *params, struct belay_model_io *io);
// For models made by a callback: all parameters of a graph with PyTorch's default initialisers
// (weights of rank >= 2: uniform +-1/sqrt(fan_in); rank 1 beside a weight of the same prefix: the
// weight's bound).
belay_status belay_model_params_of(const belay_graph *g, struct belay_model_params *params);
// Fills one parameter: a function of seed and name alone.
void belay_init_fill(const struct belay_model_param *param, uint64_t seed, float *out);

// Layers: one descriptor each, one file each.
struct belay_layer_call {
    belay_graph *graph;
    const struct belay_yaml *node; // options, or NULL
    const char *path;              // "1", or its name: prefix of parameter names
    struct belay_model_params *params;
    int num_x;
    belay_value **x;
    const struct belay_layer *layer;
    bool located; // an error that names its place has been reported
};
struct belay_layer_option {
    const char *name, *type; // type: "int", "float", "bool", "text", "ints"
    const char *help;        // ends with the default in brackets, where there is one
};
struct belay_layer {
    const char *name, *help;
    const char *main_option;        // what `- linear: 256` sets; NULL: none
    struct belay_layer_option options[8];
    int min_x, max_x;
    belay_value *(*build)(struct belay_layer_call *call);
};
extern const struct belay_layer *const belay_layers[]; // ends with NULL
const struct belay_layer *belay_layer_find(const char *name);
// The list, then those that the program registered; NULL past the last.
const struct belay_layer *belay_layer_at(size_t index);
const struct belay_layer *belay_own_layer_at(size_t index);
// Is `from` (of a node) a file that a run or a trainer wrote? Names in it were known then.
bool belay_is_record(const char *from);

#endif
