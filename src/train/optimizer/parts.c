#include "train/optimizer/parts.h"

belay_value *belay_signed_grad(belay_graph *g, const struct belay_update_param *p, double maximize)
{
    return maximize != 0 ? belay_neg(g, p->grad) : p->grad;
}

belay_value *belay_lerp(belay_graph *g, belay_value *a, belay_value *b, belay_value *share)
{
    return belay_add(g, a, belay_mul(g, share, belay_sub(g, b, a)));
}

belay_value *belay_norm2(belay_graph *g, belay_value *x)
{
    belay_value *sum = belay_sum(g, belay_mul(g, x, x), 0, NULL, false);
    return belay_reshape(g, belay_sqrt(g, sum), 1, (const int64_t[]){ 1 });
}
