// The best model of a run on its test data: confusion matrix, classes, worst examples.
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "device/context.h"
#include "format/png.h"
#include "report/report.h"
#include "train/model_file.h"
#include "train/recipe.h"

#define WORST 12
#define MAX_CLASSES 40 // a wider matrix is not readable

struct example {
    size_t row;
    double badness; // -log p of the true class, or the distance
    double shown;   // probability of the prediction, or the predicted value
    int32_t predicted;
    char id[48];
};

struct evaluation {
    struct belay_log *log;
    const struct belay_dataset *rows;
    const struct belay_preprocess *preprocess;
    size_t next;
    struct example worst[WORST]; // the worst first
    size_t count;
};

// ---- the worst ----

static void keep(struct evaluation *e, const struct example *x)
{
    size_t at = e->count;
    while (at > 0 && e->worst[at - 1].badness < x->badness)
        at--;
    if (at == WORST)
        return;
    size_t kept = e->count < WORST ? e->count : WORST - 1;
    memmove(&e->worst[at + 1], &e->worst[at], (kept - at) * sizeof(*e->worst));
    e->worst[at] = *x;
    e->count = kept + 1;
}

// False: the model got it right.
static bool judge_class(const struct evaluation *e, const float *output, size_t count,
                        struct example *x)
{
    int32_t label = e->rows->labels[e->next];
    double truth;
    if (count == 1) { // the probability of class 1
        x->predicted = output[0] > 0.5f;
        truth = label ? output[0] : 1 - output[0];
        x->shown = x->predicted ? output[0] : 1 - output[0];
    } else {
        x->predicted = 0;
        for (size_t i = 1; i < count; i++)
            if (output[i] > output[x->predicted])
                x->predicted = (int32_t) i;
        truth = label >= 0 && (size_t) label < count ? output[label] : 0;
        x->shown = output[x->predicted];
    }
    x->badness = -log(truth > 1e-30 ? truth : 1e-30);
    return x->predicted != label;
}

static double true_value(const struct evaluation *e, size_t row)
{
    const struct belay_preprocess *p = e->preprocess;
    double std = p->target_std != 0 ? p->target_std : 1;
    return e->rows->y[row * e->rows->targets] * std + p->target_mean;
}

static bool judge_row(void *user, const char *id, const float *output, size_t count)
{
    struct evaluation *e = user;
    struct example x = { .row = e->next };
    bool bad = true;
    snprintf(x.id, sizeof(x.id), "%s", id);
    if (e->rows->labels) {
        bad = judge_class(e, output, count, &x);
    } else {
        x.shown = output[0];
        x.badness = fabs(output[0] - true_value(e, e->next));
    }
    if (bad)
        keep(e, &x);
    e->next++;
    return true;
}

// ---- pictures ----

struct picture {
    uint32_t width, height;
    int channels;
};

// Whether the model's input is a picture: [H, W], [1, H, W] or [3, H, W], at least 4 a side.
static bool is_picture(const belay_model *model, size_t features, struct picture *p)
{
    const struct belay_yaml *input = belay_yaml_get(belay_model_layers(model), "input");
    int64_t dim[3] = { 1, 0, 0 };
    if (!input || input->kind != BELAY_YAML_LIST || input->count < 2 || input->count > 3)
        return false;
    int at = input->count == 2;
    for (const struct belay_yaml *n = input->first; n; n = n->next)
        if (n->kind != BELAY_YAML_SCALAR || !belay_parse_i64(n->text, &dim[at++]))
            return false;
    bool good = (dim[0] == 1 || dim[0] == 3) && dim[1] >= 4 && dim[2] >= 4 && dim[1] <= 1024 &&
                dim[2] <= 1024 && (size_t) (dim[0] * dim[1] * dim[2]) == features;
    *p = (struct picture){ (uint32_t) dim[2], (uint32_t) dim[1], (int) dim[0] };
    return good;
}

static double feature(const struct belay_dataset *d, size_t at)
{
    return d->dtype == BELAY_U8 ? ((const uint8_t *) d->x)[at] : ((const float *) d->x)[at];
}

// Bytes as they are; floats from their least to their largest value.
static belay_status add_picture(const struct evaluation *e, const struct picture *p, size_t row,
                                struct belay_str *s)
{
    const struct belay_dataset *d = e->rows;
    size_t plane = (size_t) p->width * p->height, first = row * d->features;
    double low = 0, high = 255;
    uint8_t *pixels = belay_alloc(d->features + 1);
    if (!pixels)
        return belay_fail_nomem(e->log, d->features);
    if (d->dtype != BELAY_U8) {
        low = high = feature(d, first);
        for (size_t i = 0; i < d->features; i++) {
            low = fmin(low, feature(d, first + i));
            high = fmax(high, feature(d, first + i));
        }
    }
    for (size_t i = 0; i < plane; i++)
        for (size_t c = 0; c < (size_t) p->channels; c++)
            pixels[i * (size_t) p->channels + c] =
                (uint8_t) ((feature(d, first + c * plane + i) - low) /
                               (high > low ? high - low : 1) * 255 + 0.5);
    belay_str_add(s, "<img alt=\"\" src=\"data:image/png;base64,");
    belay_status status = belay_png_base64(e->log, pixels, p->width, p->height, p->channels, s);
    belay_str_add(s, "\">");
    belay_free(pixels);
    return status;
}

static const char *class_name(const struct evaluation *e, int32_t class)
{
    const struct belay_preprocess *p = e->preprocess;
    return class >= 0 && (size_t) class < p->num_classes ? p->classes[class] : "?";
}

// What a row should be and what it was taken for, between two texts of HTML.
static void add_verdict(const struct evaluation *e, const struct example *x, const char *between,
                        const char *before_second, struct belay_str *s)
{
    if (e->rows->labels) {
        belay_html_text(s, class_name(e, e->rows->labels[x->row]));
        belay_str_addf(s, "%s%s", between, before_second);
        belay_html_text(s, class_name(e, x->predicted));
        belay_str_addf(s, " (%d&nbsp;%%)", (int) (x->shown * 100 + 0.5));
    } else {
        belay_report_number(s, true_value(e, x->row));
        belay_str_addf(s, "%s%s", between, before_second);
        belay_report_number(s, x->shown);
    }
}

// Rows of a table, with their columns.
static void add_worst_rows(const struct evaluation *e, struct belay_str *s)
{
    const struct belay_dataset *d = e->rows;
    belay_str_addf(s, "<div class=\"scroll\"><table><thead><tr><th scope=\"col\">row</th>"
                      "<th scope=\"col\" class=\"t\">true</th><th scope=\"col\" class=\"t\">%s</th>",
                   d->labels ? "taken for" : "predicted");
    belay_report_columns(s, e->preprocess);
    belay_str_add(s, "</tr></thead><tbody>\n");
    for (size_t i = 0; i < e->count; i++) {
        const struct example *x = &e->worst[i];
        belay_str_add(s, "<tr><td>");
        belay_html_text(s, x->id);
        belay_str_add(s, "</td><td class=\"t\">");
        add_verdict(e, x, "</td><td class=\"t\">", "", s);
        belay_str_add(s, "</td>");
        belay_report_row(s, e->preprocess, (const float *) d->x + x->row * d->features);
        belay_str_add(s, "</tr>\n");
    }
    belay_str_add(s, "</tbody></table></div>\n");
}

static void add_caption(const struct evaluation *e, const struct example *x, struct belay_str *s)
{
    belay_str_add(s, "<figcaption>row ");
    belay_html_text(s, x->id);
    belay_str_add(s, "<br><b>");
    add_verdict(e, x, "</b><br>", e->rows->labels ? "taken for " : "predicted ", s);
    belay_str_add(s, "</figcaption>");
}

static belay_status add_worst(struct evaluation *e, const belay_model *model, struct belay_str *s)
{
    struct picture p = { 0 };
    bool picture = is_picture(model, e->rows->features, &p);
    if (e->count == 0) {
        belay_str_add(s, "<p>No row is predicted wrongly.</p>\n");
        return BELAY_OK;
    }
    belay_str_addf(s, "<h3>Worst examples</h3>\n<p class=\"soft\">%s; rows are counted from 0 in these "
                      "data</p>", e->rows->labels ? "Wrong predictions with the least probability of "
                                                    "the true class" : "The largest errors");
    if (e->preprocess->columns && e->rows->dtype == BELAY_F32) {
        add_worst_rows(e, s);
        return BELAY_OK;
    }
    belay_str_add(s, "<div class=\"worst\">");
    for (size_t i = 0; i < e->count; i++) {
        belay_str_add(s, "<figure>");
        if (picture)
            BELAY_TRY(add_picture(e, &p, e->worst[i].row, s));
        add_caption(e, &e->worst[i], s);
        belay_str_add(s, "</figure>\n");
    }
    belay_str_add(s, "</div>\n");
    return BELAY_OK;
}

// ---- classes ----

static double row_sum(const belay_scores *m, size_t t)
{
    double sum = 0;
    for (size_t p = 0; p < m->classes; p++)
        sum += m->confusion[t * m->classes + p];
    return sum;
}

static void add_matrix(const struct evaluation *e, const belay_scores *m, struct belay_str *s)
{
    belay_str_add(s, "<h3>Confusion matrix</h3>\n<p class=\"soft\">");
    belay_str_add(s, e->rows->weights ? "Weights of the rows" : "Rows");
    belay_str_add(s, " of each true class (down) by prediction (across)</p><div class=\"scroll\">"
                     "<table class=\"matrix\"><thead><tr><th></th>");
    for (size_t p = 0; p < m->classes; p++) {
        belay_str_add(s, "<th scope=\"col\">");
        belay_html_text(s, class_name(e, (int32_t) p));
        belay_str_add(s, "</th>");
    }
    belay_str_add(s, "</tr></thead><tbody>\n");
    for (size_t t = 0; t < m->classes; t++) {
        double sum = row_sum(m, t);
        belay_str_add(s, "<tr><th scope=\"row\" class=\"t\">");
        belay_html_text(s, class_name(e, (int32_t) t));
        belay_str_add(s, "</th>");
        for (size_t p = 0; p < m->classes; p++) {
            double v = m->confusion[t * m->classes + p], share = sum > 0 ? v / sum : 0;
            // Errors are rare: their colour grows faster.
            int alpha = (int) ((p == t ? share * 0.5 : fmin(1, share * 4) * 0.6) * 100);
            belay_str_addf(s, "<td style=\"background:rgba(var(--%s),.%02d)\">",
                           p == t ? "good" : "bad", alpha);
            belay_report_number(s, v);
            belay_str_add(s, "</td>");
        }
        belay_str_add(s, "</tr>\n");
    }
    belay_str_add(s, "</tbody></table></div>\n");
}

// Shares have their digits below each other.
static void cell(struct belay_str *s, double part, double whole)
{
    belay_str_addf(s, "<td>%.4f</td>", whole > 0 ? part / whole : 0);
}

static void add_class(const struct evaluation *e, const belay_scores *m, size_t t,
                      struct belay_str *s)
{
    double tp = m->confusion[t * m->classes + t], rows = row_sum(m, t), predicted = 0;
    for (size_t i = 0; i < m->classes; i++)
        predicted += m->confusion[i * m->classes + t];
    belay_str_add(s, "<tr><th scope=\"row\" class=\"t\">");
    belay_html_text(s, class_name(e, (int32_t) t));
    belay_str_add(s, "</th>");
    belay_str_add(s, "<td>");
    belay_report_number(s, rows);
    belay_str_add(s, "</td>");
    cell(s, tp, predicted);
    cell(s, tp, rows);
    cell(s, 2 * tp, rows + predicted);
    belay_str_add(s, "</tr>\n");
}

static void add_classes(const struct evaluation *e, const belay_scores *m, struct belay_str *s)
{
    belay_str_addf(s, "<h3>Classes</h3>\n<div class=\"scroll\"><table><thead><tr><th scope=\"col\">"
                      "class</th><th scope=\"col\">%s</th><th scope=\"col\">precision</th>"
                      "<th scope=\"col\">recall</th><th scope=\"col\">F1</th></tr></thead><tbody>\n",
                   e->rows->weights ? "weight" : "rows");
    for (size_t t = 0; t < m->classes; t++)
        add_class(e, m, t, s);
    belay_str_add(s, "</tbody></table></div>\n");
}

static void add_scores(const belay_scores *m, struct belay_str *s)
{
    belay_str_addf(s, "<p>%llu rows; loss ", (unsigned long long) m->rows);
    belay_report_number(s, m->loss);
    for (size_t i = 0; i < m->count; i++) {
        belay_str_add(s, ", ");
        belay_html_text(s, m->name[i]);
        belay_str_add(s, " ");
        belay_report_number(s, m->value[i]);
    }
    belay_str_add(s, "</p>\n");
}

// ---- all of it ----

static belay_status measure(struct belay_ctx *ctx, belay_model *model,
                            const struct belay_dataset *rows, struct belay_str *s)
{
    struct evaluation e = { .log = &ctx->log, .rows = rows,
                            .preprocess = belay_model_preprocess(model) };
    belay_scores scores;
    BELAY_TRY(belay_model_score(model, rows, &scores));
    if (e.preprocess->num_heads) { // what is worst of several is nobody's to say
        add_scores(&scores, s);
        return BELAY_OK;
    }
    BELAY_TRY(belay_model_each_row(model, rows, judge_row, &e));
    add_scores(&scores, s);
    if (scores.confusion && scores.classes <= MAX_CLASSES)
        add_matrix(&e, &scores, s);
    if (scores.confusion)
        add_classes(&e, &scores, s);
    return add_worst(&e, model, s);
}

static bool has_test_data(const struct belay_dataset_params *p)
{
    bool made = p->num_train == 0 && p->format;
    return made || p->num_test > 0 || belay_split_has_test(p);
}

// The rows that stopped the run, where there are none that it never saw.
static belay_status validation_rows(struct belay_ctx *ctx, const struct belay_dataset_params *p,
                                    struct belay_dataset *out)
{
    struct belay_datasets data = { 0 };
    BELAY_TRY(belay_datasets_load(&ctx->log, p, &data));
    *out = data.validation;
    data.validation = (struct belay_dataset){ 0 };
    belay_datasets_finish(&data);
    return out->rows ? BELAY_OK
                     : belay_fail(&ctx->log, BELAY_ERR_DATA, "there are no validation rows either");
}

static belay_status open_and_measure(struct belay_ctx *ctx, const char *model_path,
                                     const char *recipe_path, struct belay_str *s)
{
    struct belay_dataset rows = { 0 };
    belay_recipe *recipe = NULL;
    belay_model *model = NULL;
    belay_status status;
    BELAY_TRY_DONE(belay_recipe_load(ctx, recipe_path, NULL, 0, &recipe));
    BELAY_TRY_DONE(belay_model_load(ctx, model_path, 0, &model));
    if (has_test_data(&recipe->data)) {
        BELAY_TRY_DONE(belay_model_test_data(model, recipe, NULL, 0, &rows));
    } else {
        BELAY_TRY_DONE(validation_rows(ctx, &recipe->data, &rows));
        belay_str_add(s, "<p>There are no test data: these are the validation rows, which chose the "
                         "best model, so expect a little less of it elsewhere.</p>\n");
    }
    BELAY_TRY_DONE(measure(ctx, model, &rows, s));
done:
    belay_dataset_finish(&rows);
    belay_model_destroy(&model);
    belay_recipe_destroy(&recipe);
    return status;
}

belay_status belay_report_evaluation(struct belay_ctx *ctx, const struct belay_run *run,
                                     struct belay_str *s)
{
    struct belay_str part = { 0 };
    char *model = belay_path_join(run->dir, "best.safetensors");
    char *recipe = belay_path_join(run->dir, "resolved.yaml");
    belay_status status = BELAY_ERR_NOMEM;
    if (model && recipe)
        status = open_and_measure(ctx, model, recipe, &part);
    belay_str_add(s, "<h2>Best model of ");
    belay_html_text(s, belay_report_name(run));
    belay_str_add(s, " on data that did not train it</h2>\n");
    if (status == BELAY_OK && part.text) {
        belay_str_add(s, part.text);
    } else if (status != BELAY_OK) {
        belay_str_add(s, "<p>It could not be measured: ");
        belay_html_text(s, ctx->log.last);
        belay_str_add(s, "</p>\n");
    }
    s->failed |= part.failed;
    belay_str_free(&part);
    belay_free(model);
    belay_free(recipe);
    return status == BELAY_ERR_NOMEM ? status : BELAY_OK;
}
