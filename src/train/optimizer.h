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
    // Which states these options need (momentum 0 needs none): bit mask.
    unsigned (*states)(const double *options);
    // The numbers of one step for one group, from options with this step's lr in place; `step`
    // counts from 1. Computed in double, stored as float.
    void (*hyper)(const double *options, uint64_t step, double h[BELAY_HYPER]);
    // One element: p and s[] are changed; g is clipped already. `first`: step 1.
    void (*update)(const double *h, double g, double *p, double *s);
    // The same in OpenCL C: statements over float p, g, s0, s1, s2, s3 and constant float h0…h7.
    const char *cl;
};
extern const struct belay_optimizer *const belay_optimizers[];
const struct belay_optimizer *belay_optimizer_find(const char *name);

// Nodes for the training graph, all with effects:
//   norm: 2-norm over the whole gradient arena (block, then all, in fixed order) -> [2]:
//         {norm, scale} with scale = min(1, max_norm / (norm + 1e-6)), 1 when max_norm is 0.
//   update: p and states in place.
// grads, params, states[]: F32 states of `blocks * BELAY_BLOCK` elements. `blocks_group`: I32
// [blocks], the parameter group of each block (or -1 for frozen). `hyper`: F32
// [groups * BELAY_HYPER], written by the host before every step.
belay_value *belay_grad_norm(belay_graph *g, belay_value *grads, double max_norm);
belay_status belay_optimizer_nodes(belay_graph *g, const struct belay_optimizer *opt,
                                   const double *options, belay_value *params, belay_value *grads,
                                   belay_value *const *states, belay_value *block_group,
                                   belay_value *hyper, belay_value *norm_scale);

#endif
