// The losses of the absolute error: with e = |x - target| and m = min(e, delta)
// l1_loss: e; huber_loss: m (e - m / 2), that is e² / 2 up to delta, delta (e - delta / 2) beyond;
// smooth_l1_loss: huber_loss with delta = beta, over beta; l1_loss when beta is 0.
// Huber 1964; PyTorch's forms and defaults. All gradients are 0 where x is the target.
#include "op/op.h"
#include "op/reduced.h"

static belay_value *error(belay_graph *g, const char *loss, belay_value *x, belay_value *target)
{
    return belay_loss_fits(g, loss, x, target) ? belay_abs(g, belay_sub(g, x, target)) : NULL;
}

// Composed of few nodes, which fusion joins.
static belay_value *huber(belay_graph *g, belay_value *e, double delta)
{
    belay_value *m = belay_minimum(g, e, belay_scalar(g, delta));
    return belay_mul(g, m, belay_sub(g, e, belay_mul(g, m, belay_scalar(g, 0.5))));
}

belay_value *belay_l1_loss_full(belay_graph *g, belay_value *x, belay_value *target,
                                enum belay_reduction reduction)
{
    return belay_reduced(g, error(g, "l1_loss", x, target), reduction);
}

belay_value *belay_huber_loss_full(belay_graph *g, belay_value *x, belay_value *target,
                                   double delta, enum belay_reduction reduction)
{
    if (!(delta > 0))
        return belay_graph_fail(g, BELAY_ERR_ARG, "huber_loss: delta is %g, want above 0", delta);
    return belay_reduced(g, huber(g, error(g, "huber_loss", x, target), delta), reduction);
}

belay_value *belay_smooth_l1_loss_full(belay_graph *g, belay_value *x, belay_value *target,
                                       double beta, enum belay_reduction reduction)
{
    if (!(beta >= 0))
        return belay_graph_fail(g, BELAY_ERR_ARG, "smooth_l1_loss: beta is %g, want at least 0",
                                beta);
    belay_value *loss = error(g, "smooth_l1_loss", x, target);
    if (beta > 0)
        loss = belay_mul(g, huber(g, loss, beta), belay_scalar(g, 1 / beta));
    return belay_reduced(g, loss, reduction);
}
