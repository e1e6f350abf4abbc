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

static belay_value *x_of(const struct golden_call *call)
{
    return golden_in(call, "input");
}

static belay_value *target_of(const struct golden_call *call)
{
    return golden_in(call, "target");
}

static void build_nll(const struct golden_call *call, belay_value **out)
{
    out[0] = belay_nll_loss(call->graph, x_of(call), target_of(call), golden_in(call, "weight"),
                            (int64_t) golden_number(call->c, "ignore_index", -100),
                            reduction_of(call->c));
}

static void build_bce(const struct golden_call *call, belay_value **out)
{
    out[0] = belay_bce_loss(call->graph, x_of(call), target_of(call), golden_in(call, "weight"),
                            reduction_of(call->c));
}

static void build_kl_div(const struct golden_call *call, belay_value **out)
{
    bool batch = strcmp(golden_text(call->c, "reduction", "mean"), "batchmean") == 0;
    out[0] = belay_kl_div(call->graph, x_of(call), target_of(call),
                          golden_flag(call->c, "log_target", false), batch, reduction_of(call->c));
}

static void build_hinge(const struct golden_call *call, belay_value **out)
{
    out[0] = belay_hinge_loss(call->graph, x_of(call), target_of(call), reduction_of(call->c));
}

static void build_soft_margin(const struct golden_call *call, belay_value **out)
{
    out[0] = belay_soft_margin_loss(call->graph, x_of(call), target_of(call),
                                    reduction_of(call->c));
}

static void build_hinge_embedding(const struct golden_call *call, belay_value **out)
{
    out[0] = belay_hinge_embedding_loss(call->graph, x_of(call), target_of(call),
                                        golden_number(call->c, "margin", 1),
                                        reduction_of(call->c));
}

static void build_cosine_embedding(const struct golden_call *call, belay_value **out)
{
    out[0] = belay_cosine_embedding_loss(call->graph, golden_in(call, "input1"),
                                         golden_in(call, "input2"), target_of(call),
                                         golden_number(call->c, "margin", 0),
                                         reduction_of(call->c));
}

static void build_multi_margin(const struct golden_call *call, belay_value **out)
{
    out[0] = belay_multi_margin_loss(call->graph, x_of(call), target_of(call),
                                     golden_number(call->c, "margin", 1), reduction_of(call->c));
}

static const struct {
    const char *op, *attributes;
    golden_build_fn build;
} table[] = {
    { "binary_cross_entropy", "reduction", build_bce },
    { "binary_cross_entropy_with_logits", "reduction", build_bce_with_logits },
    { "cross_entropy", "reduction label_smoothing ignore_index", build_cross_entropy },
    { "huber_loss", "reduction delta", build_huber_loss },
    { "l1_loss", "reduction", build_l1_loss },
    { "mse_loss", "reduction", build_mse_loss },
    { "cosine_embedding_loss", "reduction margin", build_cosine_embedding },
    { "hinge", "reduction", build_hinge },
    { "hinge_embedding_loss", "reduction margin", build_hinge_embedding },
    { "kl_div", "reduction log_target", build_kl_div },
    { "multi_margin_loss", "reduction margin", build_multi_margin },
    { "nll_loss", "reduction ignore_index", build_nll },
    { "soft_margin_loss", "reduction", build_soft_margin },
    { "smooth_l1_loss", "reduction beta", build_smooth_l1_loss },
};

enum golden_result golden_loss(struct golden_case *c)
{
    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++)
        if (strcmp(c->op, table[i].op) == 0 && golden_only(c, table[i].attributes))
            return golden_run_graph(c, table[i].build);
    return GOLDEN_SKIP;
}
