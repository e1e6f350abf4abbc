// adam, adamw. Reference and formula: src/train/optimizer/adam.c, adamw.c. A change here is a
// change there.
// h: lr / (1 - beta1^t), 1 - beta1, amsgrad, 1 - beta2, 1 / sqrt(1 - beta2^t), eps, decay, sign.
#include "optim.clh"

void adam_moments(float8 h, float8 g, float8 *m, float8 *v)
{
    *m = fma((float8) h.s1, g - *m, *m);
    *v = fma((float8) (1.0f - h.s3), *v, h.s3 * g * g);
}

// p moves by the mean m and the mean of squares v.
float8 adam_moved(float8 h, float8 p, float8 m, float8 v)
{
    return fma((float8) -h.s0, m / fma(sqrt(v), (float8) h.s4, (float8) h.s5), p);
}

// The largest mean of squares so far.
float8 adam_most(float8 h, float8 v, float8 most)
{
    most *= h.s2;
    return v > most ? v : most;
}

void adam_s2_one(float8 h, float8 g, float8 *p, float8 *m, float8 *v)
{
    adam_moments(h, fma((float8) h.s6, *p, h.s7 * g), m, v);
    *p = adam_moved(h, *p, *m, *v);
}

void adam_s3_one(float8 h, float8 g, float8 *p, float8 *m, float8 *v, float8 *most)
{
    adam_moments(h, fma((float8) h.s6, *p, h.s7 * g), m, v);
    *most = adam_most(h, *v, *most);
    *p = adam_moved(h, *p, *m, *most);
}

void adamw_s2_one(float8 h, float8 g, float8 *p, float8 *m, float8 *v)
{
    adam_moments(h, h.s7 * g, m, v);
    *p = adam_moved(h, *p * h.s6, *m, *v);
}

void adamw_s3_one(float8 h, float8 g, float8 *p, float8 *m, float8 *v, float8 *most)
{
    adam_moments(h, h.s7 * g, m, v);
    *most = adam_most(h, *v, *most);
    *p = adam_moved(h, *p * h.s6, *m, *most);
}

OPTIM_2(adam_s2)
OPTIM_3(adam_s3)
OPTIM_2(adamw_s2)
OPTIM_3(adamw_s3)
