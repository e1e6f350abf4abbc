// The plan: what runs in which order, and where every value lies. No device is needed to make or
// to print one.
#ifndef BELAY_GRAPH_PLAN_H
#define BELAY_GRAPH_PLAN_H

#include "graph/graph.h"

// What is launched together: one node, or element-wise nodes that become one kernel.
struct belay_group {
    bool elementwise;
    int num_nodes;
    struct belay_node **nodes; // in order; exactly one unless elementwise
    // Values with memory that it reads and writes. For one node these are node->x (scalars and
    // shape-only inputs included) and node->y; for elementwise they are distinct, outside inputs
    // first used first, and outputs that somebody outside needs.
    int num_x, num_y;
    struct belay_value **x, **y;
    struct belay_value *space; // elementwise: a value whose shape all nodes of the group have
    // elementwise: a sum of what the last of `nodes` that it reads makes, in the same kernel; its
    // output is the last of y. NULL: none.
    struct belay_node *sum;
    int segment;               // between effects
    // Element-wise work on what the product right before it makes: a device may do both at once,
    // so the product's inputs live on until here.
    bool tail;
};

enum belay_place_kind {
    BELAY_PLACE_NONE,     // inside a fused group, or a scalar: no memory
    BELAY_PLACE_ARENA,    // at `offset` of the activation arena
    BELAY_PLACE_EXTERNAL, // bound by the caller: inputs, parameters, states, outputs
    BELAY_PLACE_ALIAS,    // where `root` lies: a view, or a result written over its input
};
struct belay_place {
    enum belay_place_kind kind;
    size_t offset, size; // bytes, for the largest batch; offset in its slab
    int slab;
    int root;            // value id that owns the memory
    int first, last;     // first and last group that touch it
};

struct belay_plan_params {
    bool no_fusion;      // every node by itself
    bool no_reuse;       // every value its own memory
    size_t max_slab;     // bytes that a device gives in one piece; 0: any
    bool large_values;   // what is larger gets a slab of its own, which the caller refuses
    size_t align;        // bytes, power of two; 0: 64
    size_t float_size;   // bytes of a float in memory; 0: 4 (8 on the F64 reference)
    size_t max_inputs;   // of a fused kernel, with outputs; 0: 24
};

struct belay_plan {
    const struct belay_graph *graph;
    struct belay_arena arena_mem;
    int num_groups;
    struct belay_group *groups;
    struct belay_place *places; // by value id
    size_t arena_size;          // bytes of activations, in all slabs
    int num_slabs;
    size_t *slab_sizes;         // bytes, at most max_slab each but for large_values
    int num_in_place;           // results that are written over an input
    size_t naive_size;          // without reuse
    size_t align, float_size;
};

// The graph must have been optimized, and outlive the plan.
belay_status belay_plan_create(struct belay_log *log, const struct belay_graph *graph,
                               const struct belay_plan_params *params, struct belay_plan **out);
void belay_plan_destroy(struct belay_plan **plan);
// Where the bytes of a value lie after following views.
const struct belay_place *belay_plan_place(const struct belay_plan *plan,
                                           const struct belay_value *v);
size_t belay_plan_value_size(const struct belay_plan *plan, const belay_value *v); // bytes
// What a group does and moves at its planned shapes, and its operators' names joined by '+'.
struct belay_cost {
    double flops, bytes;
};
void belay_plan_cost(const struct belay_plan *plan, int group, struct belay_cost *out);
struct belay_str;
void belay_plan_group_name(const struct belay_plan *plan, int group, struct belay_str *out);
// A table of groups with bytes and flops, and the memory in all.
void belay_plan_print(const struct belay_plan *plan, struct belay_str *out);
// Checks that no two values overlap while both live: tests, and a debug build after planning.
belay_status belay_plan_verify(struct belay_log *log, const struct belay_plan *plan);

#endif
