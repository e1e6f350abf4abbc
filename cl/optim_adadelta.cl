// adadelta. Reference and formula: src/train/optimizer/adadelta.c. A change here is a change there.
// h: lr, 1 - rho, eps, weight_decay, sign.
#include "optim.clh"

void adadelta_s2_one(float8 h, float8 g, float8 *p, float8 *v, float8 *u)
{
    float8 d = fma((float8) h.s3, *p, h.s4 * g);
    *v = fma((float8) (1.0f - h.s1), *v, h.s1 * d * d);
    float8 move = sqrt(*u + h.s2) / sqrt(*v + h.s2) * d;
    *u = fma((float8) (1.0f - h.s1), *u, h.s1 * move * move);
    *p = fma((float8) -h.s0, move, *p);
}

OPTIM_2(adadelta_s2)
