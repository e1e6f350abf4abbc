// The group losses.
#include <string.h>

#include "golden/golden.h"
#include "op/op.h"

static enum belay_reduction reduction_of(const struct golden_case *c)
{
    const char *name = golden_text(c, "reduction", "mean");
    return strcmp(name, "none") == 0  ? BELAY_REDUCE_NONE
           : strcmp(name, "sum") == 0 ? BELAY_REDUCE_SUM
                                      : BELAY_REDUCE_MEAN;
}

static void build_cross_entropy(const struct golden_call *call, belay_value **out)
{
    out[0] = belay_cross_entropy_full(call->graph, golden_in(call, "input"),
                                      golden_in(call, "target"), golden_in(call, "weight"),
                                      golden_number(call->c, "label_smoothing", 0),
                                      (int64_t) golden_number(call->c, "ignore_index", -100),
                                      reduction_of(call->c));
}

static void build_mse_loss(const struct golden_call *call, belay_value **out)
{
    out[0] = belay_mse_loss_full(call->graph, golden_in(call, "input"),
                                 golden_in(call, "target"), reduction_of(call->c));
}

enum golden_result golden_loss(struct golden_case *c)
{
    if (strcmp(c->op, "cross_entropy") == 0
        && golden_only(c, "reduction label_smoothing ignore_index"))
        return golden_run_graph(c, build_cross_entropy);
    if (strcmp(c->op, "mse_loss") == 0 && golden_only(c, "reduction"))
        return golden_run_graph(c, build_mse_loss);
    return GOLDEN_SKIP;
}
