// Losses with a margin, targets 1 and -1 (but for the last).
// hinge: max(0, 1 - t x); soft_margin: log(1 + exp(-t x));
// hinge_embedding: x where t is 1, max(0, margin - x) where it is -1;
// cosine_embedding: 1 - cos(a, b) where t is 1, max(0, cos(a, b) - margin) where it is -1;
// multi_margin: sum over classes c but the true one y of max(0, margin - x[y] + x[c]), over
// classes.
#include "op/op.h"
#include "op/reduced.h"

belay_value *belay_hinge_loss(belay_graph *g, belay_value *x, belay_value *target,
                              enum belay_reduction reduction)
{
    if (!belay_loss_fits(g, "hinge", x, target))
        return NULL;
    belay_value *loss = belay_sub(g, belay_scalar(g, 1), belay_mul(g, target, x));
    return belay_reduced(g, belay_relu(g, loss), reduction);
}

belay_value *belay_soft_margin_loss(belay_graph *g, belay_value *x, belay_value *target,
                                    enum belay_reduction reduction)
{
    if (!belay_loss_fits(g, "soft_margin", x, target))
        return NULL;
    belay_value *z = belay_neg(g, belay_mul(g, target, x));
    return belay_reduced(g, belay_softplus(g, z, 1, 20), reduction);
}

// `yes` where the target is 1, `no` elsewhere.
static belay_value *by_target(belay_graph *g, belay_value *target, belay_value *yes,
                              belay_value *no)
{
    return belay_where(g, belay_gt(g, target, belay_scalar(g, 0)), yes, no);
}

belay_value *belay_hinge_embedding_loss(belay_graph *g, belay_value *x, belay_value *target,
                                        double margin, enum belay_reduction reduction)
{
    if (!belay_loss_fits(g, "hinge_embedding", x, target))
        return NULL;
    belay_value *no = belay_relu(g, belay_sub(g, belay_scalar(g, margin), x));
    return belay_reduced(g, by_target(g, target, x, no), reduction);
}

belay_value *belay_cosine_embedding_loss(belay_graph *g, belay_value *a, belay_value *b,
                                         belay_value *target, double margin,
                                         enum belay_reduction reduction)
{
    const int axis = -1;
    belay_value *eps = belay_scalar(g, 1e-12);
    if (!belay_loss_fits(g, "cosine_embedding", a, b))
        return NULL;
    belay_value *aa = belay_add(g, belay_sum(g, belay_mul(g, a, a), 1, &axis, false), eps);
    belay_value *bb = belay_add(g, belay_sum(g, belay_mul(g, b, b), 1, &axis, false), eps);
    belay_value *ab = belay_sum(g, belay_mul(g, a, b), 1, &axis, false);
    belay_value *cos = belay_mul(g, ab, belay_rsqrt(g, belay_mul(g, aa, bb)));
    belay_value *yes = belay_sub(g, belay_scalar(g, 1), cos);
    belay_value *no = belay_relu(g, belay_sub(g, cos, belay_scalar(g, margin)));
    return belay_reduced(g, by_target(g, target, yes, no), reduction);
}

belay_value *belay_multi_margin_loss(belay_graph *g, belay_value *x, belay_value *target,
                                     double margin, enum belay_reduction reduction)
{
    const int64_t column[] = { -1, 1 };
    const int axis = 1;
    char text[BELAY_SHAPE_TEXT];
    if (!x || !target)
        return NULL;
    if (belay_value_shape(x)->rank != 2 || belay_value_shape(target)->rank != 1)
        return belay_graph_fail(g, BELAY_ERR_SHAPE, "multi_margin: input %s, want [rows, classes]",
                                belay_shape_text(belay_value_shape(x), text));
    belay_value *of = belay_gather(g, x, belay_reshape(g, target, 2, column), 1);
    belay_value *each = belay_relu(g, belay_add(g, belay_sub(g, x, of), belay_scalar(g, margin)));
    // The true class itself gives the margin.
    belay_value *sum = belay_sub(g, belay_sum(g, each, 1, &axis, false), belay_scalar(g, margin));
    double classes = (double) belay_value_shape(x)->dim[1];
    return belay_reduced(g, belay_mul(g, sum, belay_scalar(g, 1 / classes)), reduction);
}
