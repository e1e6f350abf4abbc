// asgd. Reference and formula: src/train/optimizer/asgd.c. A change here is a change there.
// h: eta, 1 - lambd * eta, weight_decay, mu, sign.
#include "optim.clh"

void asgd_s1_one(float8 h, float8 g, float8 *p, float8 *ax)
{
    float8 d = fma((float8) h.s2, *p, h.s4 * g);
    *p = fma((float8) -h.s0, d, *p * h.s1);
    *ax = h.s3 == 1.0f ? *p : fma((float8) h.s3, *p - *ax, *ax);
}

OPTIM_1(asgd_s1)
