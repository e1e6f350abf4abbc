// Weights in the loss: of classes, or of targets that are 1. From the recipe's words to numbers,
// and into model files, so that a model is measured by the loss that it was trained with.
#include <math.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "format/json.h"
#include "train/recipe_inner.h"
#include "train/weights.h"

static const char *option_name(const struct belay_recipe *r)
{
    return belay_loss_weights_option(r->loss)->name;
}

// ---- balanced ----

static belay_status balance_classes(const struct belay_recipe *r, const struct belay_dataset *d,
                                    const struct belay_preprocess *p, float *out)
{
    belay_status status = BELAY_OK;
    size_t *rows = belay_alloc_array(d->classes, sizeof(*rows));
    if (!rows)
        return belay_fail_nomem(r->log, d->classes * sizeof(*rows));
    for (size_t i = 0; i < d->rows; i++)
        rows[d->labels[i]]++;
    for (size_t c = 0; c < d->classes && status == BELAY_OK; c++) {
        if (rows[c] == 0)
            status =
                belay_fail(r->log, BELAY_ERR_RECIPE,
                           "loss.class_weights: balanced has no weight for class '%s', which no "
                           "training row has",
                           c < p->num_classes ? p->classes[c] : "?");
        else
            out[c] = (float) ((double) d->rows / ((double) d->classes * (double) rows[c]));
    }
    belay_free(rows);
    return status;
}

static belay_status balance_targets(const struct belay_recipe *r, const struct belay_dataset *d,
                                    float *out)
{
    for (size_t k = 0; k < d->targets; k++) {
        double ones = 0;
        for (size_t i = 0; i < d->rows; i++) {
            double y = d->y[i * d->targets + k];
            if (!(y >= 0 && y <= 1))
                return belay_fail(
                    r->log, BELAY_ERR_RECIPE,
                    "loss.pos_weight: balanced needs targets from 0 to 1, training row "
                    "%zu has %g",
                    i, y);
            ones += y;
        }
        if (ones == 0 || ones == (double) d->rows)
            return belay_fail(r->log, BELAY_ERR_RECIPE,
                              "loss.pos_weight: balanced has no weight for target %zu, which is %d "
                              "in every training row", k, ones != 0);
        out[k] = (float) (((double) d->rows - ones) / ones);
    }
    return BELAY_OK;
}

// ---- as written ----

static float number_of(const struct belay_yaml *node) // checked when the recipe was read
{
    double value = 1;
    (void) belay_recipe_as_double(node, &value);
    return (float) value;
}

static belay_status from_list(const struct belay_recipe *r, const struct belay_yaml *list,
                              float *out, size_t count)
{
    if (list->count != count)
        return belay_fail(r->log, BELAY_ERR_RECIPE,
                          "loss.%s lists %zu numbers, the data have %zu %s", option_name(r),
                          (size_t) list->count, count, r->loss->classes ? "classes" : "targets");
    size_t i = 0;
    for (const struct belay_yaml *c = list->first; c && i < count; c = c->next)
        out[i++] = number_of(c);
    return BELAY_OK;
}

// Classes that are not named count 1.
static belay_status from_map(const struct belay_recipe *r, const struct belay_yaml *map,
                             const struct belay_preprocess *p, float *out, size_t count)
{
    for (size_t i = 0; i < count; i++)
        out[i] = 1;
    for (const struct belay_yaml *c = map->first; c; c = c->next) {
        size_t i = 0;
        while (i < p->num_classes && strcmp(p->classes[i], c->key) != 0)
            i++;
        if (i >= count || i == p->num_classes) {
            const char *near =
                belay_suggest(c->key, (const char *const *) p->classes, p->num_classes);
            return belay_fail(r->log, BELAY_ERR_RECIPE, "loss.%s: there is no class '%s'%s%s%s",
                              option_name(r), c->key, near ? ", did you mean '" : "",
                              near ? near : "", near ? "'?" : "");
        }
        out[i] = number_of(c);
    }
    return BELAY_OK;
}

static belay_status fill(const struct belay_recipe *r, const struct belay_dataset *d,
                         const struct belay_preprocess *p, float *out, size_t count)
{
    const struct belay_yaml *node = r->loss_weights;
    if (node->kind == BELAY_YAML_LIST)
        return from_list(r, node, out, count);
    if (node->kind == BELAY_YAML_MAP)
        return from_map(r, node, p, out, count);
    if (strcmp(node->text, "balanced") == 0)
        return r->loss->classes ? balance_classes(r, d, p, out) : balance_targets(r, d, out);
    for (size_t i = 0; i < count; i++)
        out[i] = number_of(node);
    return BELAY_OK;
}

belay_status belay_loss_weights_make(const struct belay_recipe *r,
                                     const struct belay_dataset *train,
                                     const struct belay_preprocess *p, float **out, size_t *count)
{
    size_t num = r->loss->classes ? train->classes : train->targets;
    *out = NULL;
    *count = 0;
    // Data of the wrong kind are told of by the engine.
    if (!r->loss_weights || (r->loss->classes ? !train->labels : !train->y))
        return BELAY_OK;
    float *w = belay_alloc_array(num, sizeof(*w));
    if (!w)
        return belay_fail_nomem(r->log, num * sizeof(*w));
    belay_status status = fill(r, train, p, w, num);
    if (status != BELAY_OK) {
        belay_free(w);
        return status;
    }
    *out = w;
    *count = num;
    return BELAY_OK;
}

// ---- in model files ----

char *belay_loss_to_json(const struct belay_loss *loss, const double *options, const float *weights,
                         size_t count)
{
    struct belay_str s = { 0 };
    const char *between = "";
    belay_str_add(&s, "{");
    for (int i = 0; i < BELAY_MAX_OPTIONS && loss->options[i].name; i++) {
        if (strcmp(loss->options[i].type, "weights") == 0)
            continue;
        belay_str_addf(&s, "%s\"%s\": ", between, loss->options[i].name);
        belay_str_add_double(&s, options[i]);
        between = ", ";
    }
    for (size_t i = 0; i < count; i++) {
        belay_str_addf(&s, "%s", i ? ", " : between);
        if (i == 0)
            belay_str_addf(&s, "\"%s\": [", belay_loss_weights_option(loss)->name);
        belay_str_add_double(&s, weights[i]);
    }
    belay_str_add(&s, count ? "]}" : "}");
    if (s.failed)
        belay_str_free(&s);
    return s.text;
}

static belay_status read_weights(struct belay_log *log, const struct belay_json *list, float **out,
                                 size_t *count)
{
    float *w;
    size_t i = 0;
    if (list->kind != BELAY_JSON_ARRAY || list->count == 0)
        return belay_fail(log, BELAY_ERR_DAMAGED, "belay.loss_options: '%s' is no list", list->key);
    w = belay_alloc_array(list->count, sizeof(*w));
    if (!w)
        return belay_fail_nomem(log, list->count * sizeof(*w));
    for (const struct belay_json *v = list->first; v; v = v->next) {
        bool number = v->kind == BELAY_JSON_INT || v->kind == BELAY_JSON_NUMBER;
        if (!number || !(v->number > 0) || !isfinite((float) v->number)) {
            belay_free(w);
            return belay_fail(log, BELAY_ERR_DAMAGED, "belay.loss_options: '%s' holds what is no "
                              "number above 0", list->key);
        }
        w[i++] = (float) v->number;
    }
    *out = w;
    *count = i;
    return BELAY_OK;
}

belay_status belay_loss_from_json(struct belay_log *log, const struct belay_loss *loss,
                                  const char *json, double *options, float **weights,
                                  size_t *count)
{
    const struct belay_option *named = belay_loss_weights_option(loss);
    struct belay_json_doc doc = { 0 };
    belay_status status = BELAY_OK;
    for (int i = 0; i < BELAY_MAX_OPTIONS && loss->options[i].name; i++)
        options[i] = loss->options[i].fallback;
    if (!json)
        return BELAY_OK;
    BELAY_TRY_DONE(belay_json_parse(log, "belay.loss_options", json, strlen(json), &doc));
    for (int i = 0; i < BELAY_MAX_OPTIONS && loss->options[i].name; i++)
        options[i] = belay_json_number_or(doc.root, loss->options[i].name, options[i]);
    const struct belay_json *list = named ? belay_json_get(doc.root, named->name) : NULL;
    if (list)
        status = read_weights(log, list, weights, count);
done:
    belay_json_finish(&doc);
    return status;
}
