// The graph: values and nodes in one arena, in the order in which they were made (which is a
// topological order and, without fusion, the order of execution).
#ifndef BELAY_GRAPH_GRAPH_H
#define BELAY_GRAPH_GRAPH_H

#include "base/mem.h"
#include "op/op.h"

enum belay_value_kind {
    BELAY_VALUE_NODE,   // made by a node
    BELAY_VALUE_INPUT,  // bound to memory by the caller, constant during a run
    BELAY_VALUE_PARAM,  // a trained parameter
    BELAY_VALUE_STATE,  // memory that lives across runs (moments, tables, data sets, logs)
    BELAY_VALUE_SCALAR, // a number, printed into kernels
};

struct belay_value {
    struct belay_graph *graph;
    int id; // index into graph->values
    enum belay_value_kind kind;
    belay_dtype dtype;
    struct belay_shape shape; // planned: the largest
    const char *name;         // "" when it has none
    struct belay_node *node;  // producer, NULL unless kind is NODE
    int out;                  // which output of it
    double scalar;
    bool rows;                // INPUT: dim[0] is the rows of a batch
    bool output;              // belay_graph_output: kept, memory bound by the caller
    bool adds;                // an output that is added to what its memory holds
    bool trainable;           // PARAM
};

struct belay_node {
    int id; // index into graph->nodes
    const struct belay_op *op;
    struct belay_attrs attrs;
    int num_x, num_y;
    struct belay_value **x, **y;
    bool backward; // made by belay_gradient
    bool dead;     // by a pass
};

struct belay_graph {
    struct belay_log *log;
    struct belay_arena arena;
    struct belay_value **values;
    size_t num_values, cap_values;
    struct belay_node **nodes;
    size_t num_nodes, cap_nodes;
    belay_status status; // the first error
    bool training;       // dropout is on
    bool backward;       // belay_gradient is at work
    struct belay_ctx *ctx; // of belay_graph_create, NULL otherwise
    uint64_t seed;       // of the random streams, set before the nodes are made
    belay_value *step;   // belay_graph_step_table
    size_t num_outputs;
};

// With a log alone (no context): what trainer, tests and belay_graph_create use.
belay_status belay_graph_new(struct belay_log *log, bool training, struct belay_graph **out);

// Memory that lives across runs, bound by the caller; shape and type are fixed.
belay_value *belay_state(belay_graph *g, const char *name, belay_dtype dtype, int rank,
                         const int64_t *dim);
// Marks a value as an output of the program: it gets memory bound by the caller. Returns the
// value to bind, which is a copy when `v` is no plain node output or is an output already.
belay_value *belay_graph_output(belay_graph *g, belay_value *v, const char *name);
// The same, but what is computed is added to what the memory holds: products do it as they store
// (beta), element-wise kernels too; after other nodes, and where somebody reads the value, a copy
// does it.
belay_value *belay_graph_adding_output(belay_graph *g, belay_value *v, const char *name);

// Gradients of the scalar `loss` by the values of `of`, as new nodes: grads[i] has of[i]'s shape,
// or is NULL where loss does not depend on it. Stops at values that are not on the way.
belay_status belay_gradient(belay_graph *g, belay_value *loss, int num, belay_value *const *of,
                            belay_value **grads);
// The same from several outputs with given output gradients (tests, golden cases).
belay_status belay_gradient_from(belay_graph *g, int num_y, belay_value *const *y,
                                 belay_value *const *dy, int num, belay_value *const *of,
                                 belay_value **grads);

// Passes, in this order: scalar folding, common sub-expressions, dead nodes.
belay_status belay_graph_optimize(belay_graph *g);

// The shapes of all values when a batch has `rows` rows: shapes[value id]. Checks nothing that
// the builders did not check for the largest batch.
belay_status belay_graph_shapes(const belay_graph *g, int64_t rows, struct belay_shape *shapes);
// Fills a call from a node and such shapes (NULL: planned shapes).
void belay_node_call(const struct belay_node *node, const struct belay_shape *shapes,
                     struct belay_call *call);
// One line a node, for people.
struct belay_str;
void belay_graph_print(const belay_graph *g, struct belay_str *out);

#endif
