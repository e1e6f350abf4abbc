// Optimizers: an element expression over the flat parameter arena, one launch a step; or, where the
// step of one element depends on others, a small graph for each parameter.
#ifndef BELAY_TRAIN_OPTIMIZER_H
#define BELAY_TRAIN_OPTIMIZER_H

#include "graph/graph.h"
#include "train/schedule.h"

#define BELAY_BLOCK 1024       // elements; a parameter starts on a block
#define BELAY_MAX_MOMENTS 4    // state arenas of an optimizer
#define BELAY_HYPER 8          // floats of the step table for each parameter group

struct belay_update_param { // one parameter, for `build`
    struct belay_shape shape;
    const double *options;            // of its group; the rate of the step is in h alone
    belay_value *param, *grad;        // grad is clipped already
    belay_value *h[BELAY_HYPER];      // the group's numbers of the step, [1] each
    belay_value *states[BELAY_MAX_MOMENTS]; // NULL: it has not this one. `build` sets what they become
};

struct belay_optimizer {
    const char *name, *help;
    struct belay_option options[BELAY_MAX_OPTIONS]; // "lr" and "weight_decay" are among them
    int num_states;
    const char *state_names[BELAY_MAX_MOMENTS]; // as in checkpoints: "exp_avg"
    // Which states these options need (momentum 0 needs none): bit mask, the low bits set first, so
    // that the number of states says which they are.
    unsigned (*states)(const double *options);
    // The numbers of one step for one group, from options with this step's lr in place; `step`
    // counts from 1. Computed in double, stored as float.
    void (*hyper)(const double *options, uint64_t step, double h[BELAY_HYPER]);
    // One element: p and the num_states values of s are changed; g is scaled (clipped) already.
    // The host reference. s has room for BELAY_MAX_MOMENTS.
    void (*update)(const double *h, int num_states, double g, double *p, double *s);
    // The same for a device: "optim_sgd" for cl/optim_sgd.cl, which makes a kernel NAME_sN with
    // OPTIM_N (cl/optim.clh) for every number N of states that `states` may ask for.
    const char *cl_file;
    // Or, in place of `update` and `cl_file`: the shape of a state of a parameter of a group with
    // these options, no larger than the parameter; false: it has not this one …
    bool (*state_shape)(const double *options, int state, const struct belay_shape *param,
                        struct belay_shape *out);
    // … and the nodes of a step: returns what the parameter moves by: h[BELAY_H_KEEP] * param - that.
    belay_value *(*build)(belay_graph *g, struct belay_update_param *p);
    bool own; // registered by the program
};
#define BELAY_H_KEEP (BELAY_HYPER - 1) // with `build`: the share of the weight that stays
extern const struct belay_optimizer *const belay_optimizers[];
// The list, then those that the program registered; NULL past the last.
const struct belay_optimizer *belay_optimizer_at(size_t index);
const struct belay_optimizer *belay_optimizer_find(const char *name);
int belay_optimizer_option(const struct belay_optimizer *opt, const char *name); // -1: it has none
// The option that schedules may move as the momentum, "beta1" or "momentum"; -1: it has none.
int belay_optimizer_momentum(const struct belay_optimizer *opt);

// Nodes for the training graph, all with effects. Arenas are F32 states of `blocks * BELAY_BLOCK`
// elements; padding is zero.
struct belay_update {
    const struct belay_optimizer *optimizer;
    int num_states; // how many the parameter groups need together (optimizer->states)
    belay_value *params, *grads, *states[BELAY_MAX_MOMENTS];
    belay_value *ema;         // arena of the weights' mean over steps; NULL: none
    belay_value *block_group; // I32 [blocks]: the parameter group of each block, -1 for frozen
    belay_value *hyper;       // F32 [groups * BELAY_HYPER], written by the host before every step
    belay_value *common;      // F32 [BELAY_COMMON], as well
    belay_value *norm;        // of belay_grad_norm, to scale by; NULL: no clipping by the norm
    double clip_value;        // then each element is brought into ±this; 0: not
    bool clear;               // zero the gradients: they are added up over batches
};
enum { // places in `common`
    BELAY_COMMON_WEIGHT, // share of this batch in the rows of the step
    BELAY_COMMON_EMA,    // the mean of weights moves by this share of the difference
    BELAY_COMMON_LAST,   // 1: the last batch of the step; 0: another follows, nothing is updated
    BELAY_COMMON = 8,
};
// Everything in place, in one launch. Without norm, *squares is what belay_grad_sums gives for 2.
belay_status belay_optimizer_nodes(belay_graph *g, const struct belay_update *update,
                                   belay_value **squares);
// For an optimizer with `build`, the nodes of one parameter: its gradient, clipped as `update` says,
// the optimizer's nodes, the states put back, and the move put into the gradient's place.
struct belay_update_slot { // its places in the arenas as values of its shape
    struct belay_update_param p; // without h; grad and states are memory
    int group;                   // -1: frozen
};
belay_status belay_optimizer_graph(belay_graph *g, const struct belay_update *update,
                                   const struct belay_update_slot *slot);
// Then one launch moves the arena.
belay_status belay_optimizer_move(belay_graph *g, const struct belay_update *update);
struct belay_norm {
    double power; // 2; 1; any other above 0; HUGE_VAL: the largest element
    double max;   // 0: no limit
};
// [blocks]: the sum of |g|^power of each block of the gradients, or its largest |g|.
belay_value *belay_grad_sums(belay_graph *g, belay_value *grads, belay_value *common, double power);
// Of them all, in fixed order: [2] {norm, scale} with scale = min(1, max / (norm + 1e-6)), 1 when
// max is 0. The second form also writes {loss, norm, scale} to row step[3] of `log`.
belay_value *belay_grad_norm(belay_graph *g, belay_value *sums, struct belay_norm norm);
belay_value *belay_grad_norm_log(belay_graph *g, belay_value *sums, struct belay_norm norm,
                                 belay_value *log, belay_value *loss);

#endif
