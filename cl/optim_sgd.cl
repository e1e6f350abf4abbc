// sgd. Reference and formula: src/train/optimizer/sgd.c. A change here is a change there.
// h: lr, momentum, 1 - dampening, weight_decay, sign, share of g, share of momentum.
#include "optim.clh"

float8 sgd_grad(float8 h, float8 g, float8 p)
{
    return fma((float8) h.s3, p, h.s4 * g);
}

void sgd_s0_one(float8 h, float8 g, float8 *p)
{
    *p = fma((float8) -h.s0, sgd_grad(h, g, *p), *p);
}

void sgd_s1_one(float8 h, float8 g, float8 *p, float8 *m)
{
    float8 d = sgd_grad(h, g, *p);
    *m = fma((float8) h.s1, *m, h.s2 * d);
    *p = fma((float8) -h.s0, fma((float8) h.s5, d, h.s6 * *m), *p);
}

OPTIM_0(sgd_s0)
OPTIM_1(sgd_s1)
