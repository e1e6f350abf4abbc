// nadam. Reference and formula: src/train/optimizer/nadam.c. A change here is a change there.
// h: share of g, share of m, 1 - beta1, 1 - beta2, sqrt(1 - beta2^t), eps, decay, sign.
#include "optim.clh"

void nadam_s2_one(float8 h, float8 g, float8 *p, float8 *m, float8 *v)
{
    float8 w = fma((float8) fmin(h.s6, 0.0f), *p, *p);
    float8 d = fma((float8) fmax(h.s6, 0.0f), w, h.s7 * g);
    *m = fma((float8) h.s2, d - *m, *m);
    *v = fma((float8) (1.0f - h.s3), *v, h.s3 * d * d);
    *p = w - fma((float8) h.s0, d, h.s1 * *m) / (sqrt(*v) / h.s4 + h.s5);
}

OPTIM_2(nadam_s2)
