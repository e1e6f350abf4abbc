// adam, adamw. Reference and formula: src/train/optimizer/adam.c, adamw.c. A change here is a
// change there.
// h: lr / (1 - beta1^t), 1 - beta1, beta2, 1 - beta2, sqrt(1 - beta2^t), eps, decay, sign.

// The direction for the mean m and the mean of squares v.
float adam_step(float8 h, float m, float v)
{
    return m / (sqrt(v) / h.s4 + h.s5);
}

void adam_moments(float8 h, float g, float *m, float *v)
{
    *m = fma(h.s1, g - *m, *m);
    *v = fma(h.s2, *v, h.s3 * g * g);
}

void adam_s2_one(float8 h, float g, float *p, float *m, float *v)
{
    adam_moments(h, fma(h.s6, *p, h.s7 * g), m, v);
    *p = fma(-h.s0, adam_step(h, *m, *v), *p);
}

void adam_s3_one(float8 h, float g, float *p, float *m, float *v, float *most)
{
    adam_moments(h, fma(h.s6, *p, h.s7 * g), m, v);
    *most = fmax(*most, *v);
    *p = fma(-h.s0, adam_step(h, *m, *most), *p);
}

void adamw_s2_one(float8 h, float g, float *p, float *m, float *v)
{
    adam_moments(h, h.s7 * g, m, v);
    *p = fma(-h.s0, adam_step(h, *m, *v), *p * h.s6);
}

void adamw_s3_one(float8 h, float g, float *p, float *m, float *v, float *most)
{
    adam_moments(h, h.s7 * g, m, v);
    *most = fmax(*most, *v);
    *p = fma(-h.s0, adam_step(h, *m, *most), *p * h.s6);
}

OPTIM_2(adam_s2)
OPTIM_3(adam_s3)
OPTIM_2(adamw_s2)
OPTIM_3(adamw_s3)
