// lion. Reference and formula: src/train/optimizer/lion.c. A change here is a change there.
// h: lr, 1 - beta1, 1 - beta2, 1 - lr * weight_decay, sign.
#include "optim.clh"

void lion_s1_one(float8 h, float8 g, float8 *p, float8 *m)
{
    float8 d = h.s4 * g, u = fma((float8) h.s1, d - *m, *m);
    u = u > 0.0f ? (float8) 1.0f : u < 0.0f ? (float8) -1.0f : u;
    *p = fma((float8) -h.s0, u, h.s3 * *p);
    *m = fma((float8) h.s2, d - *m, *m);
}

OPTIM_1(lion_s1)
