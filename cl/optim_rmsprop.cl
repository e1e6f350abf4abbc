// rmsprop. Reference and formula: src/train/optimizer/rmsprop.c. A change here is a change there.
// h: lr, 1 - alpha, eps, weight_decay, momentum, centered, sign.
#include "optim.clh"

float8 rmsprop_grad(float8 h, float8 g, float8 p)
{
    return fma((float8) h.s3, p, h.s6 * g);
}

float8 rmsprop_square(float8 h, float8 g, float8 v)
{
    return fma((float8) (1.0f - h.s1), v, h.s1 * g * g);
}

void rmsprop_s1_one(float8 h, float8 g, float8 *p, float8 *v)
{
    float8 d = rmsprop_grad(h, g, *p);
    *v = rmsprop_square(h, d, *v);
    *p = fma((float8) -h.s0, d / (sqrt(*v) + h.s2), *p);
}

void rmsprop_s2_one(float8 h, float8 g, float8 *p, float8 *v, float8 *b)
{
    float8 d = rmsprop_grad(h, g, *p);
    *v = rmsprop_square(h, d, *v);
    *b = fma((float8) h.s4, *b, d / (sqrt(*v) + h.s2));
    *p = fma((float8) -h.s0, *b, *p);
}

void rmsprop_s3_one(float8 h, float8 g, float8 *p, float8 *v, float8 *b, float8 *mean)
{
    float8 d = rmsprop_grad(h, g, *p);
    *v = rmsprop_square(h, d, *v);
    *mean = fma((float8) h.s1, d - *mean, *mean);
    float8 w = fma(-h.s5 * *mean, *mean, *v);
    w = w < 0.0f ? (float8) 0.0f : w;
    *b = fma((float8) h.s4, *b, d / (sqrt(w) + h.s2));
    *p = fma((float8) -h.s0, *b, *p);
}

OPTIM_1(rmsprop_s1)
OPTIM_2(rmsprop_s2)
OPTIM_3(rmsprop_s3)
