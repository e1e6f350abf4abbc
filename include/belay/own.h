// A program's own operators, losses and optimizers: registered once, then used by their names in
// recipes and graphs as Belay's are.
//
// A name is a C identifier of lower-case letters, digits and '_', at most 31 long, and taken once:
// registering what is there already does nothing when the two are equal, else it is
// BELAY_ERR_EXISTS. What is registered is known to all contexts and stays until the process ends:
// the struct and the texts in it are copied, functions must stay. Registering may be done from any
// thread, before the first use; functions are called from the thread of the context that needs
// them, several contexts may call at once, so they keep no state. Equal nodes may be computed once,
// so what they give follows from what they are given alone. A model file holds names, not code:
// a program that opens it must register the same, else it is BELAY_ERR_UNSUPPORTED.
#ifndef BELAY_OWN_H
#define BELAY_OWN_H

#include <belay/graph.h>

#ifdef __cplusplus
extern "C" {
#endif

#define BELAY_OWN_VERSION 1 // of the structs below: put it into `version`
#define BELAY_OWN_INPUTS 8
#define BELAY_OWN_SETTINGS 4
#define BELAY_OWN_OPTIONS 11
#define BELAY_OWN_STATES 3
#define BELAY_OWN_HYPER 8

typedef struct belay_own_shape {
    int rank; // 0: one number
    int64_t dim[BELAY_MAX_RANK];
} belay_own_shape;

// A number by name, in recipes: {swirl: {turn: 2}}.
typedef struct belay_own_option {
    const char *name; // NULL: none, and none after it
    double fallback;
    const char *help; // one line, or NULL
} belay_own_option;

// One call of an operator. The shapes are those of the run: the last batch has fewer rows.
typedef struct belay_own_call {
    int num_x;
    belay_own_shape x[BELAY_OWN_INPUTS], y; // y is not set while its shape is asked for
    const double *setting; // in the order of the table
} belay_own_call;

// A kernel launch: its arguments are y, the inputs, the numbers (uint) and the settings (float).
typedef struct belay_own_launch {
    int dims;                   // 1 to 3
    size_t global[3], local[3]; // global is a multiple of local; 0: nothing to do
    int num_numbers;
    uint32_t number[8];
} belay_own_launch;

// From the gradient `dy` of the output to those of the inputs, by builders (belay_mul, …,
// belay_named). dx[i] must have the shape of x[i], or one that broadcasting made of it: then it is
// summed. Where it is left NULL it is zero.
typedef struct belay_own_grad {
    belay_graph *graph;
    int num_x;
    belay_value *x[BELAY_OWN_INPUTS], *y, *dy;
    const double *setting;
    bool want[BELAY_OWN_INPUTS]; // whose gradient is needed
    belay_value *dx[BELAY_OWN_INPUTS];
} belay_own_grad;

// An operator with one output of float32. Element-wise with `eval` and `expression` (inputs
// broadcast, and it is fused with its neighbours), or with `host` and `source`.
typedef struct belay_own_op {
    int version; // BELAY_OWN_VERSION
    const char *name, *help;
    int num_x;               // 1 to BELAY_OWN_INPUTS
    unsigned int_inputs;     // bit i: input i is int32, else float32
    belay_own_option settings[BELAY_OWN_SETTINGS];

    // Element-wise: one element of the output, and the same in OpenCL C: $0, $1, … are the inputs,
    // @0, @1, … the settings, numbers are written 1.0f. Values may be vectors (float16): `a < b ? c : d`,
    // arithmetic and built-in functions work on them.
    double (*eval)(const double *x, const double *setting);
    const char *expression;

    // All others. The shape of y from those of x; false: they do not fit, which is an error that
    // says so. NULL: what broadcasting the inputs gives.
    bool (*shape)(const belay_own_call *call, belay_own_shape *y);
    // The definition, row-major, from x to y: what the device "host" runs.
    void (*host)(const belay_own_call *call, const double *const *x, double *y);
    // OpenCL C 1.2 with a kernel of the operator's name:
    //     kernel void swirl(global float *y, global const float *x0, …, uint number0, …, float setting0, …)
    // (global const int * for an int32 input). No atomics on floats: results must repeat.
    const char *source;
    // NULL: one number, the elements of y, and as many work-items, rounded up to groups of 64.
    void (*launch)(const belay_own_call *call, belay_own_launch *out);

    // NULL: a training that needs its gradient is refused, unless `no_gradient`, which says that
    // gradients end here (as behind a comparison).
    void (*grad)(belay_own_grad *grad);
    bool no_gradient;
} belay_own_op;

// Makes an operator: as a layer `- swirl`, `- {swirl: 2}` (the first setting), `- {swirl: {turn: 2},
// from: [a, b]}`, and by belay_named. One whose name ends with "_grad" is no layer.
BELAY_API BELAY_MUST_CHECK belay_status belay_register_op(belay_ctx *ctx, const belay_own_op *op);

// `loss: {name: margin, gap: 2}`.
typedef struct belay_own_loss {
    int version; // BELAY_OWN_VERSION
    const char *name, *help;
    belay_own_option options[BELAY_OWN_OPTIONS];
    bool classes; // `target` is int32 [rows], the class of each row; else float32 [rows, targets]
    // One number, the mean over the rows of the batch, of the model's output [rows, …]; NULL after
    // an error.
    belay_value *(*build)(belay_graph *graph, belay_value *output, belay_value *target,
                          const double *options);
    // The model's output to what prediction gives (probabilities); NULL: as it is.
    belay_value *(*predict)(belay_graph *graph, belay_value *output);
} belay_own_loss;
BELAY_API BELAY_MUST_CHECK belay_status belay_register_loss(belay_ctx *ctx,
                                                            const belay_own_loss *loss);

// `optimizer: {name: swing, lr: 0.1}`: an element-wise rule. All parameters and their states are
// updated by one launch.
typedef struct belay_own_optimizer {
    int version; // BELAY_OWN_VERSION
    const char *name, *help;
    belay_own_option options[BELAY_OWN_OPTIONS]; // "lr" must be one, which schedules change
    int num_states; // numbers kept for each weight, at first 0; they are saved in checkpoints
    const char *state_names[BELAY_OWN_STATES];
    // The numbers h of one step (counted from 1), from the options with this step's lr; made in
    // double, used as float.
    void (*hyper)(const double *options, uint64_t step, double h[BELAY_OWN_HYPER]);
    // One weight p with its gradient g (clipped already) and its states s.
    void (*update)(const double *h, int num_states, double g, double *p, double *s);
    // The same in OpenCL C, for eight weights:
    //     void swing_one(float8 h, float8 g, float8 *p, float8 *s0, …)
    const char *source;
} belay_own_optimizer;
BELAY_API BELAY_MUST_CHECK belay_status belay_register_optimizer(belay_ctx *ctx,
                                                                 const belay_own_optimizer *optimizer);

#ifdef __cplusplus
}
#endif
#endif
