// nadam, radam. Reference and formula: src/train/optimizer/nadam.c, radam.c, adam_decay.c. A change
// here is a change there.
// h: three of each (nadam: share of g, share of m, 1 / sqrt(1 - beta2^t); radam: size scaled, size
// not scaled), 1 - beta1, 1 - beta2, eps, decay, sign.
#include "optim.clh"

// The decay, and the gradient into the means; returns the gradient with sign and decay.
float8 decay_means(float8 h, float8 g, float8 *p, float8 *m, float8 *v)
{
    *p = fma((float8) fmin(h.s6, 0.0f), *p, *p);
    float8 d = fma((float8) fmax(h.s6, 0.0f), *p, h.s7 * g);
    *m = fma((float8) h.s3, d - *m, *m);
    *v = fma((float8) (1.0f - h.s4), *v, h.s4 * d * d);
    return d;
}

void nadam_s2_one(float8 h, float8 g, float8 *p, float8 *m, float8 *v)
{
    float8 d = decay_means(h, g, p, m, v);
    *p -= fma((float8) h.s0, d, h.s1 * *m) / fma(sqrt(*v), (float8) h.s2, (float8) h.s5);
}

void radam_s2_one(float8 h, float8 g, float8 *p, float8 *m, float8 *v)
{
    decay_means(h, g, p, m, v);
    *p -= *m * (h.s1 + h.s0 / (sqrt(*v) + h.s5));
}

OPTIM_2(nadam_s2)
OPTIM_2(radam_s2)
