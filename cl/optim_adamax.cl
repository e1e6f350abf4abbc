// adamax. Reference and formula: src/train/optimizer/adamax.c. A change here is a change there.
// h: lr / (1 - beta1^t), 1 - beta1, beta2, eps, weight_decay, sign.
#include "optim.clh"

void adamax_s2_one(float8 h, float8 g, float8 *p, float8 *m, float8 *u)
{
    float8 d = fma((float8) h.s4, *p, h.s5 * g);
    *m = fma((float8) h.s1, d - *m, *m);
    float8 kept = h.s2 * *u, size = fabs(d) + h.s3;
    *u = size < kept ? kept : size;
    *p = fma((float8) -h.s0, *m / *u, *p);
}

OPTIM_2(adamax_s2)
