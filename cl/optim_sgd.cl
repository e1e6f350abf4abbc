// sgd. Reference and formula: src/train/optimizer/sgd.c. A change here is a change there.
// h: lr, momentum, 1 - dampening, weight_decay, sign, share of g, share of momentum.

float sgd_grad(float8 h, float g, float p)
{
    return fma(h.s3, p, h.s4 * g);
}

void sgd_s0_one(float8 h, float g, float *p)
{
    *p = fma(-h.s0, sgd_grad(h, g, *p), *p);
}

void sgd_s1_one(float8 h, float g, float *p, float *s0)
{
    float d = sgd_grad(h, g, *p);
    *s0 = fma(h.s1, *s0, h.s2 * d);
    *p = fma(-h.s0, fma(h.s5, d, h.s6 * *s0), *p);
}

OPTIM_0(sgd_s0)
OPTIM_1(sgd_s1)
