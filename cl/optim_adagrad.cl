// adagrad. Reference and formula: src/train/optimizer/adagrad.c. A change here is a change there.
// h: lr / (1 + (t - 1) * lr_decay), initial sum in the first step, eps, weight_decay, sign.
#include "optim.clh"

void adagrad_s1_one(float8 h, float8 g, float8 *p, float8 *v)
{
    float8 d = fma((float8) h.s3, *p, h.s4 * g);
    *v = fma(d, d, *v + h.s1);
    *p = fma((float8) -h.s0, d / (sqrt(*v) + h.s2), *p);
}

OPTIM_1(adagrad_s1)
