// What adam and adamw share: they differ in how the weights decay.
#ifndef BELAY_TRAIN_OPTIMIZER_ADAM_INNER_H
#define BELAY_TRAIN_OPTIMIZER_ADAM_INNER_H

#include "train/optimizer.h"

enum { BELAY_ADAM_LR, BELAY_ADAM_BETA1, BELAY_ADAM_BETA2, BELAY_ADAM_EPS, BELAY_ADAM_WEIGHT_DECAY,
       BELAY_ADAM_AMSGRAD, BELAY_ADAM_MAXIMIZE };
enum { BELAY_ADAM_H_SIZE, BELAY_ADAM_H_TAKE1, BELAY_ADAM_H_KEEP, BELAY_ADAM_H_TAKE2,
       BELAY_ADAM_H_ROOT2, BELAY_ADAM_H_EPS, BELAY_ADAM_H_DECAY, BELAY_ADAM_H_SIGN };

// max_exp_avg_sq is the third state, with amsgrad only.
unsigned belay_adam_states(const double *options);
// All but BELAY_ADAM_H_DECAY.
void belay_adam_hyper(const double *options, uint64_t step, double h[BELAY_HYPER]);
// The move for a gradient that has its sign and decay already.
void belay_adam_move(const double *h, int num_states, double g, double *p, double *s);

#endif
