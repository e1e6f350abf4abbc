// What nadam and radam share: adam's means, with weight decay in the gradient or apart from it.
#ifndef BELAY_TRAIN_OPTIMIZER_ADAM_DECAY_H
#define BELAY_TRAIN_OPTIMIZER_ADAM_DECAY_H

#include "train/optimizer.h"

// Options from the first on; others follow.
enum { BELAY_DECAY_LR, BELAY_DECAY_BETA1, BELAY_DECAY_BETA2, BELAY_DECAY_EPS,
       BELAY_DECAY_WEIGHT_DECAY, BELAY_DECAY_DECOUPLED, BELAY_DECAY_MAXIMIZE, BELAY_DECAY_MORE };
// Numbers of a step, the first of them the optimizer's own.
enum { BELAY_DECAY_H_TAKE1 = 3, BELAY_DECAY_H_TAKE2, BELAY_DECAY_H_EPS, BELAY_DECAY_H_DECAY,
       BELAY_DECAY_H_SIGN };

#define BELAY_DECAY_OPTIONS(rate)                                                                  \
    [BELAY_DECAY_LR] = { "lr", "float", rate, "learning rate" },                                   \
    [BELAY_DECAY_BETA1] = { "beta1", "float", 0.9, "decay of the mean of gradients" },             \
    [BELAY_DECAY_BETA2] = { "beta2", "float", 0.999, "decay of the mean of squares" },             \
    [BELAY_DECAY_EPS] = { "eps", "float", 1e-8, "added to the denominator" },                      \
    [BELAY_DECAY_WEIGHT_DECAY] = { "weight_decay", "float", 0,                                     \
                                   "times the weight, added to the gradient" },                    \
    [BELAY_DECAY_DECOUPLED] = { "decoupled_weight_decay", "bool", 0,                               \
                                "take lr * weight_decay off the weight, as adamw" },               \
    [BELAY_DECAY_MAXIMIZE] = { "maximize", "bool", 0, "go up instead of down" }

// exp_avg and exp_avg_sq.
unsigned belay_decay_states(const double *options);
void belay_decay_hyper(const double *options, double h[BELAY_HYPER]);
// The decay, and the gradient into the means s[0] and s[1]. Returns the gradient with sign and decay.
double belay_decay_means(const double *h, double g, double *p, double *s);

#endif
