#include "train/loss.h"

#include <string.h>

#include "op/op.h"
#include "train/own.h"

#define BELAY_LOSS(name) extern const struct belay_loss belay_loss_##name;
#include "train/loss/list.h"
#undef BELAY_LOSS

#define BELAY_LOSS(name) &belay_loss_##name,
const struct belay_loss *const belay_losses[] = {
#include "train/loss/list.h"
    NULL
};
#undef BELAY_LOSS

const struct belay_loss *belay_loss_at(size_t index)
{
    size_t num = sizeof(belay_losses) / sizeof(belay_losses[0]) - 1;
    return index < num ? belay_losses[index] : belay_own_loss_at(index - num);
}

const struct belay_loss *belay_loss_find(const char *name)
{
    const struct belay_loss *at;
    for (size_t i = 0; (at = belay_loss_at(i)); i++)
        if (strcmp(at->name, name) == 0)
            return at;
    return NULL;
}

const struct belay_option *belay_loss_weights_option(const struct belay_loss *loss)
{
    for (int i = 0; i < BELAY_MAX_OPTIONS && loss->options[i].name; i++)
        if (strcmp(loss->options[i].type, "weights") == 0)
            return &loss->options[i];
    return NULL;
}

// A batch in which no row counts has the loss 0, not 0 / 0.
#define LEAST_TOTAL 1e-37

static belay_value *weighted_mean(belay_graph *g, belay_value *each, belay_value *rows,
                                  belay_value *total)
{
    const int axis = 1;
    if (each && belay_value_shape(each)->rank == 2)
        each = belay_mean(g, each, 1, &axis, false);
    belay_value *sum = belay_sum(g, belay_mul(g, each, rows), 0, NULL, false);
    return belay_div(g, sum, belay_maximum(g, total, belay_scalar(g, LEAST_TOTAL)));
}

belay_value *belay_loss_build(belay_graph *g, const struct belay_loss *loss, belay_value *output,
                              belay_value *target, const double *options,
                              const struct belay_loss_weights *weights, belay_value **total)
{
    belay_value *parts = weights->parts, *rows = weights->rows, *of = rows;
    *total = NULL;
    if (!parts && !rows)
        return loss->build(g, output, target, options);
    if (!loss->weighted)
        return belay_graph_fail(g, BELAY_ERR_RECIPE, "loss %s takes no weights", loss->name);
    if (parts && loss->classes) {
        belay_value *of_class = belay_index_select(g, parts, target, 0);
        of = rows ? belay_mul(g, rows, of_class) : of_class;
    }
    *total = of ? belay_sum(g, of, 0, NULL, false) : NULL;
    if (!rows)
        return loss->weighted(g, output, target, options, parts, false);
    return weighted_mean(g, loss->weighted(g, output, target, options, parts, true), rows, *total);
}
