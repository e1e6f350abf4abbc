// layer_norm: (x - mean) / sqrt(variance + eps) over the last `num` axes, times weight plus bias
// (either may be NULL). rms_norm: x / sqrt(mean x² + eps), times weight. Ba et al. 2016; Zhang and
// Sennrich 2019. Composed of sums and of element-wise nodes, which fusion joins.
#include "op/op.h"

static int last_axes(int num, int *axes)
{
    for (int i = 0; i < num; i++)
        axes[i] = i - num;
    return num;
}

static bool fits(belay_graph *g, const char *name, belay_value *x, int num)
{
    char text[BELAY_SHAPE_TEXT];
    if (!x)
        return false;
    if (num >= 1 && num <= belay_value_shape(x)->rank)
        return true;
    belay_graph_fail(g, BELAY_ERR_ARG, "%s: %d axes of %s", name, num,
                     belay_shape_text(belay_value_shape(x), text));
    return false;
}

static belay_value *scaled(belay_graph *g, belay_value *x, belay_value *squares, double eps)
{
    return belay_mul(g, x, belay_rsqrt(g, belay_add(g, squares, belay_scalar(g, eps))));
}

belay_value *belay_layer_norm(belay_graph *g, belay_value *x, int num, belay_value *weight,
                              belay_value *bias, double eps)
{
    int axes[BELAY_MAX_RANK];
    if (!fits(g, "layer_norm", x, num))
        return NULL;
    last_axes(num, axes);
    belay_value *d = belay_sub(g, x, belay_mean(g, x, num, axes, true));
    belay_value *y = scaled(g, d, belay_mean(g, belay_mul(g, d, d), num, axes, true), eps);
    if (weight)
        y = belay_mul(g, y, weight);
    return bias ? belay_add(g, y, bias) : y;
}

belay_value *belay_rms_norm(belay_graph *g, belay_value *x, int num, belay_value *weight,
                            double eps)
{
    int axes[BELAY_MAX_RANK];
    if (!fits(g, "rms_norm", x, num))
        return NULL;
    last_axes(num, axes);
    belay_value *y = scaled(g, x, belay_mean(g, belay_mul(g, x, x), num, axes, true), eps);
    return weight ? belay_mul(g, y, weight) : y;
}
