// Optimizers: an element expression over the flat parameter arena, one launch a step.
#ifndef BELAY_TRAIN_OPTIMIZER_H
#define BELAY_TRAIN_OPTIMIZER_H

#include "graph/graph.h"
#include "train/schedule.h"

#define BELAY_BLOCK 1024       // elements; a parameter starts on a block
#define BELAY_MAX_MOMENTS 4    // state arenas of an optimizer
#define BELAY_HYPER 8          // floats of the step table for each parameter group

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
    // OPTIM_N (cl/common.clh) for every number N of states that `states` may ask for.
    const char *cl_file;
};
extern const struct belay_optimizer *const belay_optimizers[];
const struct belay_optimizer *belay_optimizer_find(const char *name);

// Nodes for the training graph, all with effects:
//   norm: 2-norm over the whole gradient arena (block, then all, in fixed order) -> [2]:
//         {norm, scale} with scale = min(1, max_norm / (norm + 1e-6)), 1 when max_norm is 0.
//   update: p and states in place.
// num_states: how many states the parameter groups need together (opt->states).
// grads, params, states[]: F32 states of `blocks * BELAY_BLOCK` elements; padding is zero. `blocks_group`: I32
// [blocks], the parameter group of each block (or -1 for frozen). `hyper`: F32
// [groups * BELAY_HYPER], written by the host before every step.
belay_value *belay_grad_norm(belay_graph *g, belay_value *grads, double max_norm);
belay_status belay_optimizer_nodes(belay_graph *g, const struct belay_optimizer *opt,
                                   int num_states, belay_value *params, belay_value *grads,
                                   belay_value *const *states, belay_value *block_group,
                                   belay_value *hyper, belay_value *norm_scale);

#endif
