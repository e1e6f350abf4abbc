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

static void build_l1_loss(const struct golden_call *call, belay_value **out)
{
    out[0] = belay_l1_loss_full(call->graph, golden_in(call, "input"), golden_in(call, "target"),
                                reduction_of(call->c));
}

static void build_smooth_l1_loss(const struct golden_call *call, belay_value **out)
{
    out[0] = belay_smooth_l1_loss_full(call->graph, golden_in(call, "input"),
                                       golden_in(call, "target"),
                                       golden_number(call->c, "beta", 1), reduction_of(call->c));
}

static void build_huber_loss(const struct golden_call *call, belay_value **out)
{
    out[0] = belay_huber_loss_full(call->graph, golden_in(call, "input"),
                                   golden_in(call, "target"),
                                   golden_number(call->c, "delta", 1), reduction_of(call->c));
}

static void build_bce_with_logits(const struct golden_call *call, belay_value **out)
{
    out[0] = belay_bce_with_logits_full(call->graph, golden_in(call, "input"),
                                        golden_in(call, "target"), golden_in(call, "weight"),
                                        golden_in(call, "pos_weight"), reduction_of(call->c));
}

static const struct {
    const char *op, *attributes;
    golden_build_fn build;
} table[] = {
    { "binary_cross_entropy_with_logits", "reduction", build_bce_with_logits },
    { "cross_entropy", "reduction label_smoothing ignore_index", build_cross_entropy },
    { "huber_loss", "reduction delta", build_huber_loss },
    { "l1_loss", "reduction", build_l1_loss },
    { "mse_loss", "reduction", build_mse_loss },
    { "smooth_l1_loss", "reduction beta", build_smooth_l1_loss },
};

enum golden_result golden_loss(struct golden_case *c)
{
    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++)
        if (strcmp(c->op, table[i].op) == 0 && golden_only(c, table[i].attributes))
            return golden_run_graph(c, table[i].build);
    return GOLDEN_SKIP;
}
