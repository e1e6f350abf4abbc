// The group metrics: statistics on the device, finished by our descriptors.
#include "golden/metric.h"

#include <math.h>
#include <string.h>

static const struct mapping {
    const char *op, *name;
} mappings[] = {
    { "accuracy_score", "accuracy" },
    { "balanced_accuracy_score", "balanced_accuracy" },
    { "matthews_corrcoef", "mcc" },
    { "cohen_kappa_score", "kappa" },
    { "precision_score", "precision" },
    { "recall_score", "recall" },
    { "f1_score", "f1" },
    { "jaccard_score", "jaccard" },
    { "mean_absolute_error", "mae" },
    { "mean_squared_error", "mse" },
    { "root_mean_squared_error", "rmse" },
    { "r2_score", "r2" },
    { "confusion_matrix", "" },
    { "log_loss", "log_loss" },
    { "top_k_accuracy_score", "top_" },
    { "roc_auc_score", "roc_auc" },
    { "average_precision_score", "average_precision" },
    { "brier_score_loss", "brier" },
    { "perplexity", "perplexity" },
};

static void rows_finish(struct golden_rows *r)
{
    belay_tensor_finish(&r->truth);
    belay_tensor_finish(&r->prediction);
    belay_tensor_finish(&r->weight);
}

static bool rows_load(struct golden_case *c, struct golden_rows *r)
{
    memset(r, 0, sizeof(*r));
    bool tokens = strcmp(c->op, "perplexity") == 0;
    if (!golden_load(c, "y_true", BELAY_F64, &r->truth) ||
        !golden_load(c, golden_text(c, "on", tokens ? "logits" : "y_pred"), BELAY_F64,
                     &r->prediction))
        return false;
    if (golden_flag(c, "sample_weight", false) &&
        !golden_load(c, "sample_weight", BELAY_F64, &r->weight))
        return false;
    const struct belay_shape *s = &r->truth.shape;
    r->count = (size_t) s->dim[0];
    r->columns = s->rank > 1 ? (size_t) s->dim[1] : 1;
    return true;
}

int golden_label_index(const struct golden_rows *r, double value)
{
    for (int i = 0; i < r->classes; i++)
        if ((double) r->labels[i] == value)
            return i;
    return -1;
}

// ---- statistics on the device ----

static belay_status set_weights(struct golden_program *p, belay_value *to,
                                const struct golden_rows *r)
{
    const double *from = r->weight.data;
    float *w = belay_alloc_array(r->count, sizeof(*w));
    for (size_t i = 0; w && i < r->count; i++)
        w[i] = (float) from[i];
    belay_status status =
        w ? belay_program_set(p->program, to, w, (int64_t) r->count) : BELAY_ERR_NOMEM;
    belay_free(w);
    return status;
}

belay_status golden_stats(struct golden_case *c, const char *kind, const float *output,
                          const void *target, const struct golden_rows *r, int64_t columns,
                          float *stats)
{
    const struct belay_stats *s = belay_stats_find(kind);
    bool classes = strcmp(kind, "confusion") == 0;
    int64_t dim[2] = { (int64_t) r->count, columns };
    struct golden_program p;
    belay_status status = golden_program_begin(c, &p);
    if (status != BELAY_OK)
        return status;
    belay_value *x = belay_input(p.graph, "output", BELAY_F32, 2, dim, true);
    belay_value *y = belay_input(p.graph, "target", classes ? BELAY_I32 : BELAY_F32,
                                 classes ? 1 : 2, dim, true);
    belay_value *w = NULL;
    if (r->weight.data)
        w = belay_input(p.graph, "weight", BELAY_F32, 1, dim, true);
    belay_value *out = belay_graph_output(p.graph, s->build(p.graph, x, y, w), "stats");
    BELAY_TRY_DONE(golden_program_ready(c, &p));
    BELAY_TRY_DONE(belay_program_set(p.program, x, output, dim[0]));
    BELAY_TRY_DONE(belay_program_set(p.program, y, target, dim[0]));
    if (w)
        BELAY_TRY_DONE(set_weights(&p, w, r));
    BELAY_TRY_DONE(belay_program_run(p.program, dim[0]));
    BELAY_TRY_DONE(belay_program_get(p.program, out, stats, dim[0]));
done:
    golden_program_finish(&p);
    return status;
}

// ---- against what is expected ----

enum golden_result golden_check_number(struct golden_case *c, double got,
                                       const struct belay_json *want)
{
    const struct belay_json *tolerance = belay_json_get(c->line, "tolerance");
    if (!want || (want->kind != BELAY_JSON_NULL && want->kind != BELAY_JSON_INT &&
                  want->kind != BELAY_JSON_NUMBER))
        return golden_fail(c, "no number is expected");
    if (want->kind == BELAY_JSON_NULL)
        return isnan(got) ? GOLDEN_PASS : golden_fail(c, "got %.9g, want no value", got);
    if (golden_close(got, want->number, belay_json_number_or(tolerance, "atol", 0),
                     belay_json_number_or(tolerance, "rtol", 0)))
        return GOLDEN_PASS;
    return golden_fail(c, "got %.9g, want %.9g", got, want->number);
}

// "variance_weighted" is no metric of ours.
static bool known(const struct golden_case *c)
{
    return golden_only(c, "on labels average zero_division pos_label sample_weight k multi_class "
                          "ignore_index multioutput") &&
           strcmp(golden_text(c, "multioutput", ""), "variance_weighted") != 0;
}

enum golden_result golden_metric(struct golden_case *c)
{
    const struct mapping *m = NULL;
    enum golden_result result = GOLDEN_FAIL;
    struct golden_rows r;
    for (size_t i = 0; i < sizeof(mappings) / sizeof(mappings[0]); i++)
        if (strcmp(mappings[i].op, c->op) == 0)
            m = &mappings[i];
    if (!m || !known(c))
        return GOLDEN_SKIP;
    const struct belay_metric *metric = belay_metric_find(m->name);
    const struct belay_metric *scores = golden_metric_of_scores(c, m->name);
    if (rows_load(c, &r)) {
        if (scores && scores->finish_scores)
            result = golden_metric_scores(c, &r, scores);
        else if (metric && !metric->classes)
            result = golden_metric_values(c, &r, metric);
        else
            result = golden_metric_classes(c, &r, m->name);
    }
    rows_finish(&r);
    return result;
}
