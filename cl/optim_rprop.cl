// rprop. Reference and formula: src/train/optimizer/rprop.c. A change here is a change there.
// h: first step or 0, eta_minus, eta_plus, step_min, step_max, weight_decay, sign.
#include "optim.clh"

void rprop_s2_one(float8 h, float8 g, float8 *p, float8 *prev, float8 *size)
{
    float8 d = fma((float8) h.s5, *p, h.s6 * g);
    float8 same = d * *prev, step = h.s0 > 0.0f ? (float8) h.s0 : *size;
    step *= same > 0.0f ? (float8) h.s2 : (same < 0.0f ? (float8) h.s1 : (float8) 1.0f);
    step = fmin(fmax(step, (float8) h.s3), (float8) h.s4);
    d = same < 0.0f ? (float8) 0.0f : d;
    *p -= d > 0.0f ? step : (d < 0.0f ? -step : (float8) 0.0f);
    *prev = d;
    *size = step;
}

OPTIM_2(rprop_s2)
