// Device: cl/optim_nadam.cl. A change here is a change there.
#include "train/optimizer/adam_decay.h"

#include <math.h>

unsigned belay_decay_states(const double *options)
{
    return 3;
}

void belay_decay_hyper(const double *options, double h[BELAY_HYPER])
{
    double decay = options[BELAY_DECAY_WEIGHT_DECAY];
    h[BELAY_DECAY_H_TAKE1] = 1 - options[BELAY_DECAY_BETA1];
    h[BELAY_DECAY_H_TAKE2] = 1 - options[BELAY_DECAY_BETA2];
    h[BELAY_DECAY_H_EPS] = options[BELAY_DECAY_EPS];
    // Below 0: decoupled, the share of the weight that is taken off.
    h[BELAY_DECAY_H_DECAY] =
        options[BELAY_DECAY_DECOUPLED] != 0 ? -options[BELAY_DECAY_LR] * decay : decay;
    h[BELAY_DECAY_H_SIGN] = options[BELAY_DECAY_MAXIMIZE] != 0 ? -1 : 1;
}

double belay_decay_means(const double *h, double g, double *p, double *s)
{
    double decay = h[BELAY_DECAY_H_DECAY], take = h[BELAY_DECAY_H_TAKE2];
    if (decay < 0)
        *p += decay * *p;
    g = h[BELAY_DECAY_H_SIGN] * g + fmax(decay, 0) * *p;
    s[0] += h[BELAY_DECAY_H_TAKE1] * (g - s[0]);
    s[1] = (1 - take) * s[1] + take * g * g;
    return g;
}
