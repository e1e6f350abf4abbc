// var: the mean over axes of (x - mean)², times n / (n - correction).
#include "op/op.h"

belay_value *belay_var(belay_graph *g, belay_value *x, int num, const int *axes, double correction,
                       bool keepdim)
{
    belay_value *d = belay_sub(g, x, belay_mean(g, x, num, axes, true));
    belay_value *squares = belay_mul(g, d, d);
    if (correction == 0)
        return belay_mean(g, squares, num, axes, keepdim);
    // Counted in the graph: a batch may have fewer rows than planned.
    belay_value *ones = belay_expand_like(g, belay_scalar(g, 1), x);
    belay_value *n = belay_sum(g, ones, num, axes, keepdim);
    return belay_div(g, belay_sum(g, squares, num, axes, keepdim),
                     belay_sub(g, n, belay_scalar(g, correction)));
}
