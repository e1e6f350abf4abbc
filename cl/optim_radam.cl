// radam. Reference and formula: src/train/optimizer/radam.c. A change here is a change there.
// h: size scaled, size not scaled, 1 - beta1, 1 - beta2, eps, decay, sign.
#include "optim.clh"

void radam_s2_one(float8 h, float8 g, float8 *p, float8 *m, float8 *v)
{
    float8 w = fma((float8) fmin(h.s5, 0.0f), *p, *p);
    float8 d = fma((float8) fmax(h.s5, 0.0f), w, h.s6 * g);
    *m = fma((float8) h.s2, d - *m, *m);
    *v = fma((float8) (1.0f - h.s3), *v, h.s3 * d * d);
    *p = w - *m * (h.s1 + h.s0 / (sqrt(*v) + h.s4));
}

OPTIM_2(radam_s2)
