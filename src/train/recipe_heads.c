// Models with several inputs and several outputs in a recipe: model.inputs and heads.
#include <math.h>
#include <string.h>

#include "base/str.h"
#include "train/recipe_inner.h"

static belay_value *no_build(belay_graph *g, belay_value *output, belay_value *target,
                             const double *options)
{
    return NULL; // the engine sums the losses of the heads
}

const struct belay_loss belay_loss_heads = {
    .name = "heads",
    .help = "the weighted sum of the heads' losses",
    .build = no_build,
};

const struct belay_metric belay_metric_head_loss = {
    .name = "loss",
    .help = "the loss of one head, without its weight",
    .stats = "loss",
};

// ---- Inputs ----

static belay_status unknown_key(struct belay_recipe *r, const struct belay_yaml *node,
                                const char *prefix, const char *name, const char *const *names,
                                size_t count)
{
    const char *near = belay_suggest(node->key, names, count);
    return belay_recipe_bad(r, node, "unknown key '%s.%s.%s'%s%s%s", prefix, name, node->key,
                            near ? ", did you mean '" : "", near ? near : "", near ? "'?" : "");
}

// One text or a list of them.
static belay_status read_texts(struct belay_recipe *r, const char *what, const char *name,
                               const struct belay_yaml *node, const char ***out, size_t *count)
{
    bool list = node->kind == BELAY_YAML_LIST;
    const char **texts =
        belay_arena_array(&r->doc.arena, list ? node->count + 1 : 1, sizeof(*texts));
    size_t num = 0;
    if (!texts)
        return belay_fail_nomem(r->log, node->count * sizeof(*texts));
    for (const struct belay_yaml *c = list ? node->first : node; c; c = list ? c->next : NULL) {
        if (c->kind != BELAY_YAML_SCALAR || !c->text[0])
            return belay_recipe_bad(r, c, "%s of '%s': want names of columns", what, name);
        texts[num++] = c->text;
    }
    if (num == 0)
        return belay_recipe_bad(r, node, "%s of '%s': it is empty", what, name);
    *out = texts;
    *count = num;
    return BELAY_OK;
}

static belay_status read_input(struct belay_recipe *r, const struct belay_yaml *node,
                               struct belay_input_group *out)
{
    static const char *const names[] = { "columns", "array", "shape", "width" };
    const struct belay_yaml *columns = node->kind == BELAY_YAML_LIST ? node : NULL;
    const char **texts = NULL;
    double width;
    out->name = node->key;
    if (node->kind == BELAY_YAML_SCALAR && !belay_recipe_is_empty(node))
        columns = node;
    for (const struct belay_yaml *c = node->kind == BELAY_YAML_MAP ? node->first : NULL; c;
         c = c->next) {
        if (strcmp(c->key, "columns") == 0)
            columns = c;
        else if (strcmp(c->key, "array") == 0 && c->kind == BELAY_YAML_SCALAR && c->text[0])
            out->array = c->text;
        else if (strcmp(c->key, "array") == 0)
            return belay_recipe_bad(r, c, "model.inputs.%s.array: want the name of an array", node->key);
        else if (strcmp(c->key, "width") == 0) {
            if (!belay_recipe_as_double(c, &width) || !(width >= 1 && width <= 1e9) ||
                width != floor(width))
                return belay_recipe_bad(r, c, "model.inputs.%s.width: want a whole number above 0",
                                        node->key);
            out->width = (size_t) width;
        } else if (strcmp(c->key, "shape") != 0) {
            return unknown_key(r, c, "model.inputs", node->key, names, 4);
        }
    }
    if (columns)
        BELAY_TRY(read_texts(r, "model.inputs: columns", node->key, columns, &texts,
                             &out->num_columns));
    out->columns = texts;
    return BELAY_OK;
}

belay_status belay_recipe_inputs(struct belay_recipe *r)
{
    const struct belay_yaml *inputs = r->model ? belay_yaml_get(r->model, "inputs") : NULL;
    if (!inputs)
        return BELAY_OK;
    if (inputs->kind != BELAY_YAML_MAP || !inputs->first)
        return belay_recipe_bad(r, inputs, "model.inputs: want a map, such as {a: [column, ...], b: ...}");
    for (const struct belay_yaml *c = inputs->first; c; c = c->next) {
        if (r->data.num_inputs == BELAY_MAX_INPUTS)
            return belay_recipe_bad(r, c, "model.inputs: more than %d", BELAY_MAX_INPUTS);
        BELAY_TRY(read_input(r, c, &r->data.inputs[r->data.num_inputs]));
        r->data.num_inputs++;
    }
    return BELAY_OK;
}

// ---- Heads ----

static belay_status read_weight(struct belay_recipe *r, const struct belay_yaml *node,
                                struct belay_head *h)
{
    h->weight = 1;
    if (!node || belay_recipe_is_empty(node))
        return BELAY_OK;
    if (belay_recipe_as_double(node, &h->weight) && h->weight >= 0 && isfinite((float) h->weight))
        return BELAY_OK;
    return belay_recipe_bad(r, node, "heads.%s.weight: want a number that is not negative", h->name);
}

static belay_status read_target(struct belay_recipe *r, const struct belay_yaml *map,
                                struct belay_head *h)
{
    h->target = map->kind == BELAY_YAML_MAP ? belay_yaml_get(map, "target") : NULL;
    if (h->target && !belay_recipe_is_empty(h->target)) {
        BELAY_TRY(read_texts(r, "heads: target", h->name, h->target, &h->targets, &h->num_targets));
    } else {
        h->target = NULL;
        h->targets = belay_arena_array(&r->doc.arena, 1, sizeof(*h->targets));
        if (!h->targets)
            return belay_fail_nomem(r->log, sizeof(*h->targets));
        h->targets[h->num_targets++] = h->name;
    }
    if (h->loss->classes && h->num_targets > 1)
        return belay_recipe_bad(r, h->target, "heads.%s: %zu targets, but the loss '%s' is for one with "
                                "classes", h->name, h->num_targets, h->loss->name);
    return BELAY_OK;
}

// They belong to the only loss of a recipe.
static belay_status refuse_weights(struct belay_recipe *r, const char *head,
                                   const struct belay_yaml *loss)
{
    static const char *const keys[] = { "class_weights", "pos_weight" };
    for (size_t i = 0; loss && loss->kind == BELAY_YAML_MAP && i < 2; i++) {
        const struct belay_yaml *at = belay_yaml_get(loss, keys[i]);
        if (at)
            return belay_recipe_bad(r, at, "heads.%s.loss.%s: the losses of heads take no such weights; "
                                    "a recipe with one loss does", head, keys[i]);
    }
    return BELAY_OK;
}

static belay_status read_head(struct belay_recipe *r, const struct belay_yaml *node, int number)
{
    static const char *const names[] = { "from", "target", "loss", "weight", "metrics" };
    static const char *const extra[] = { "name", NULL };
    struct belay_head *h = &r->heads[number];
    struct belay_str prefix = { 0 };
    h->name = h->from = node->key;
    if (node->kind != BELAY_YAML_MAP)
        return belay_recipe_bad(r, node, "heads.%s: want {from: VALUE, target: COLUMN, loss: ...}",
                                h->name);
    if (strlen(h->name) > 48 || strpbrk(h->name, "./ ") || strcmp(h->name, "loss") == 0 ||
        belay_metric_find(h->name))
        return belay_recipe_bad(r, node, "heads: '%.60s' cannot be a name: want a short one without "
                                "'.', '/' and spaces that is no metric's", h->name);
    for (const struct belay_yaml *c = node->first; c; c = c->next) {
        bool known = false;
        for (size_t i = 0; i < 5; i++)
            known = known || strcmp(c->key, names[i]) == 0;
        if (!known)
            return unknown_key(r, c, "heads", h->name, names, 5);
    }
    const struct belay_yaml *from = belay_yaml_get(node, "from");
    if (from && (from->kind != BELAY_YAML_SCALAR || !from->text[0]))
        return belay_recipe_bad(r, from, "heads.%s.from: want the name of a value of the model", h->name);
    h->from = from ? from->text : h->name;
    BELAY_TRY(refuse_weights(r, h->name, belay_yaml_get(node, "loss")));
    belay_str_addf(&prefix, "heads.%s.loss", h->name);
    belay_status status =
        prefix.failed ? belay_fail_nomem(r->log, 64)
                      : belay_recipe_loss(r, prefix.text, belay_yaml_get(node, "loss"), extra,
                                          &h->loss, h->loss_options);
    belay_str_free(&prefix);
    BELAY_TRY(status);
    BELAY_TRY(read_weight(r, belay_yaml_get(node, "weight"), h));
    BELAY_TRY(read_target(r, node, h));
    BELAY_TRY(belay_recipe_add_metric(r, node, "loss", h->loss, h->name, number));
    return belay_recipe_read_metrics(r, belay_yaml_get(node, "metrics"), h->loss, h->name, number);
}

static belay_status refuse_beside(struct belay_recipe *r, const char *key)
{
    const struct belay_yaml *node = belay_recipe_node(r, key);
    if (!node || belay_recipe_is_empty(node) || (node->kind != BELAY_YAML_SCALAR && !node->first))
        return BELAY_OK;
    return belay_recipe_bad(r, node, "%s: the recipe has heads, each of which has its own", key);
}

belay_status belay_recipe_heads(struct belay_recipe *r)
{
    const struct belay_yaml *map = belay_yaml_get(r->doc.root, "heads");
    double sum = 0;
    if (map->kind != BELAY_YAML_MAP)
        return belay_recipe_bad(r, map, "heads: want a map, such as {kind: {from: a, target: b, loss: mse}}");
    BELAY_TRY(refuse_beside(r, "loss"));
    BELAY_TRY(refuse_beside(r, "metrics"));
    BELAY_TRY(refuse_beside(r, "data.target"));
    r->head_map = map;
    r->loss = &belay_loss_heads;
    for (const struct belay_yaml *c = map->first; c; c = c->next) {
        if (r->num_heads == BELAY_MAX_HEADS)
            return belay_recipe_bad(r, c, "heads: more than %d", BELAY_MAX_HEADS);
        BELAY_TRY(read_head(r, c, (int) r->num_heads));
        struct belay_head *h = &r->heads[r->num_heads];
        r->data.heads[r->num_heads++] = (struct belay_target_group){
            h->name, (const char *const *) h->targets, h->num_targets, h->loss->classes };
        sum += h->weight;
    }
    r->data.num_heads = r->num_heads;
    return sum > 0 ? BELAY_OK : belay_recipe_bad(r, map, "heads: every weight is 0");
}

void belay_recipe_write_heads(const struct belay_recipe *r, struct belay_str *out)
{
    for (size_t i = 0; i < r->num_heads; i++) {
        const struct belay_head *h = &r->heads[i];
        const char *between = "";
        belay_str_add(out, i ? ", " : "{");
        belay_str_add_yaml(out, h->name, false);
        belay_str_add(out, ": {from: ");
        belay_str_add_yaml(out, h->from, false);
        belay_str_add(out, ", target: [");
        for (size_t k = 0; k < h->num_targets; k++) {
            belay_str_add(out, k ? ", " : "");
            belay_str_add_yaml(out, h->targets[k], true);
        }
        belay_str_addf(out, "], loss: {name: %s", h->loss->name);
        belay_str_add_options(out, h->loss->options, h->loss_options);
        belay_str_add(out, "}, weight: ");
        belay_str_add_double(out, h->weight);
        belay_str_add(out, ", metrics: [");
        for (int k = 0; k < r->num_metrics; k++) {
            if (r->metric_heads[k] != (int) i)
                continue;
            belay_str_addf(out, "%s%s", between, r->metrics[k]->name);
            between = ", ";
        }
        belay_str_add(out, "]}");
    }
    belay_str_add(out, "}");
}
