// The recipe's layer list to graph nodes.
#include <stdio.h>
#include <string.h>

#include "base/str.h"
#include "model/layer.h"

#define MAX_NAMES 64 // layers and options that can be suggested

struct named {
    const char *name;
    belay_value *value;
    bool layer; // the name of a layer, which an `as` of the same text hides
};
struct walk {
    belay_graph *graph;
    struct belay_model_params *params;
    belay_value *last;      // what the next layer takes by default
    struct named *values;   // "x" and those with `as`
    size_t num_values;
    const char **paths;     // of the layers so far
    size_t num_paths;
    const char *prefix;     // of the block; NULL: outside of blocks
};

// `got` and `near` may be NULL.
static belay_value *fail_at(struct walk *w, const struct belay_yaml *node, const char *what,
                            const char *got, const char *near)
{
    char place[BELAY_PLACE_TEXT];
    if (!got)
        return belay_graph_fail(w->graph, BELAY_ERR_RECIPE, "%s: %s",
                                belay_yaml_place(node, place), what);
    return belay_graph_fail(w->graph, BELAY_ERR_RECIPE, "%s: %s '%.60s'%s%s%s",
                            belay_yaml_place(node, place), what, got,
                            near ? ", did you mean '" : "", near ? near : "", near ? "'?" : "");
}

// ---- Which layer an entry is ----

static bool reserved(const char *key)
{
    return strcmp(key, "name") == 0 || strcmp(key, "as") == 0 || strcmp(key, "from") == 0;
}

static const char *suggest_layer(const char *got)
{
    const char *names[MAX_NAMES];
    size_t n = 0;
    for (; n < MAX_NAMES && belay_layer_at(n); n++)
        names[n] = belay_layer_at(n)->name;
    return belay_suggest(got, names, n);
}

static const struct belay_layer *layer_of(struct walk *w, const struct belay_yaml *entry)
{
    const struct belay_layer *layer;
    const char *got = entry->kind == BELAY_YAML_SCALAR ? entry->text : NULL;
    const struct belay_yaml *at = entry;
    if (got && (layer = belay_layer_find(got)))
        return layer;
    if (entry->kind == BELAY_YAML_MAP) {
        for (const struct belay_yaml *k = entry->first; k; k = k->next) {
            if (reserved(k->key))
                continue;
            if ((layer = belay_layer_find(k->key)))
                return layer;
            if (!got) {
                got = k->key;
                at = k;
            }
        }
    }
    if (got && belay_is_record(entry->from)) {
        char place[BELAY_PLACE_TEXT];
        belay_graph_fail(w->graph, BELAY_ERR_UNSUPPORTED,
                         "%s: the layer '%.60s' is none of Belay's: the program that wrote this had "
                         "registered it, this one has not (belay_register_op)",
                         belay_yaml_place(at, place), got);
        return NULL;
    }
    fail_at(w, at, got ? "unknown layer" : "this entry names no layer", got,
            got ? suggest_layer(got) : NULL);
    return NULL;
}

// ---- Checks of its options ----

static bool has_option(const struct belay_layer *layer, const char *name)
{
    for (int i = 0; i < 8 && layer->options[i].name; i++)
        if (strcmp(layer->options[i].name, name) == 0)
            return true;
    return false;
}

static void unknown_option(struct belay_layer_call *c, const struct belay_yaml *at)
{
    const char *names[8 + 3] = { "name", "as", "from" };
    size_t n = 3;
    for (int i = 0; i < 8 && c->layer->options[i].name; i++)
        names[n++] = c->layer->options[i].name;
    const char *near = belay_suggest(at->key, names, n);
    struct belay_layer_call here = *c;
    here.node = at;
    belay_layer_fail(&here, "unknown option '%.60s'%s%s%s", at->key, near ? ", did you mean '" : "",
                     near ? near : "", near ? "'?" : "");
    c->located = true;
}

static void check_options(struct belay_layer_call *c)
{
    const struct belay_layer *layer = c->layer;
    if (!c->node || c->node->kind != BELAY_YAML_MAP)
        return;
    const struct belay_yaml *own = belay_yaml_get(c->node, layer->name);
    bool nested = own && own->kind == BELAY_YAML_MAP;
    for (const struct belay_yaml *k = nested ? own->first : NULL; k; k = k->next)
        if (!has_option(layer, k->key))
            unknown_option(c, k);
    for (const struct belay_yaml *k = c->node->first; k; k = k->next)
        if (k != own && !reserved(k->key) && (nested || !has_option(layer, k->key)))
            unknown_option(c, k);
    if (nested || belay_yaml_empty(own))
        return;
    if (!layer->main_option)
        belay_layer_fail(c, "takes no value");
    else if (belay_yaml_get(c->node, layer->main_option))
        belay_layer_fail(c, "%s is given twice", layer->main_option);
}

// ---- Names ----

static const char *path_of(struct walk *w, const struct belay_yaml *entry, size_t index)
{
    char number[32];
    const struct belay_yaml *name =
        entry->kind == BELAY_YAML_MAP ? belay_yaml_get(entry, "name") : NULL;
    snprintf(number, sizeof(number), "%zu", index);
    if (name && (name->kind != BELAY_YAML_SCALAR || name->text[0] == '\0')) {
        fail_at(w, name, "name must be a text", NULL, NULL);
        return NULL;
    }
    char joined[256];
    const char *path = name ? name->text : number;
    if (w->prefix) {
        if ((size_t) snprintf(joined, sizeof(joined), "%s.%s", w->prefix, path) >= sizeof(joined)) {
            fail_at(w, entry, "the layer's name is too long", NULL, NULL);
            return NULL;
        }
        path = joined;
    }
    for (size_t i = 0; i < w->num_paths; i++) {
        if (strcmp(w->paths[i], path) == 0) {
            fail_at(w, entry, "two layers are named", path, NULL);
            return NULL;
        }
    }
    char *copy = belay_arena_strdup(&w->graph->arena, path);
    if (!copy)
        belay_graph_fail(w->graph, BELAY_ERR_NOMEM, "out of memory for a layer's name");
    else
        w->paths[w->num_paths++] = copy;
    return copy;
}

static belay_value *value_named(const struct walk *w, const char *name)
{
    belay_value *layer = NULL;
    for (size_t i = 0; i < w->num_values; i++) {
        if (strcmp(w->values[i].name, name) != 0)
            continue;
        if (!w->values[i].layer)
            return w->values[i].value;
        layer = w->values[i].value;
    }
    return layer;
}

static belay_value *find_value(struct walk *w, const struct belay_yaml *at)
{
    const char *names[MAX_NAMES];
    size_t n = 0;
    if (at->kind != BELAY_YAML_SCALAR)
        return fail_at(w, at, "from must list names", NULL, NULL);
    for (size_t i = 0; i < w->num_values && n < MAX_NAMES; i++)
        names[n++] = w->values[i].name;
    belay_value *found = value_named(w, at->text);
    return found ? found
                 : fail_at(w, at, "no earlier layer has `as:`", at->text,
                           belay_suggest(at->text, names, n));
}

// The inputs of a layer into x; returns how many, or -1 after an error.
static int inputs_of(struct walk *w, struct belay_layer_call *c, belay_value **x)
{
    const struct belay_yaml *from =
        c->node->kind == BELAY_YAML_MAP ? belay_yaml_get(c->node, "from") : NULL;
    int num = 0;
    if (!from && !w->last) {
        belay_layer_fail(c, "the model has several inputs: say which one with `from:`");
        return -1;
    }
    if (!from)
        x[num++] = w->last;
    else if (from->kind == BELAY_YAML_SCALAR)
        x[num++] = find_value(w, from);
    for (const struct belay_yaml *i = from ? from->first : NULL; i; i = i->next) {
        if (num == BELAY_MAX_IN) {
            belay_layer_fail(c, "takes at most %d inputs", BELAY_MAX_IN);
            return -1;
        }
        x[num++] = find_value(w, i);
    }
    if (w->graph->status != BELAY_OK)
        return -1;
    if (num >= c->layer->min_x && num <= c->layer->max_x)
        return num;
    if (c->layer->max_x == 1)
        belay_layer_fail(c, "takes one input, `from` lists %d", num);
    else
        belay_layer_fail(c, "takes at least %d inputs, got %d: list them with `from: [a, b]`",
                         c->layer->min_x, num);
    return -1;
}

static void keep_value(struct walk *w, const struct belay_yaml *entry)
{
    const struct belay_yaml *as =
        entry->kind == BELAY_YAML_MAP ? belay_yaml_get(entry, "as") : NULL;
    const struct belay_yaml *name =
        entry->kind == BELAY_YAML_MAP ? belay_yaml_get(entry, "name") : NULL;
    if (name && !w->prefix)
        w->values[w->num_values++] = (struct named){ name->text, w->last, true };
    if (!as)
        return;
    if (as->kind != BELAY_YAML_SCALAR || as->text[0] == '\0') {
        fail_at(w, as, "as must be a text", NULL, NULL);
        return;
    }
    for (size_t i = 0; i < w->num_values; i++) {
        if (!w->values[i].layer && strcmp(w->values[i].name, as->text) == 0) {
            fail_at(w, as, "two values are called", as->text, NULL);
            return;
        }
    }
    w->values[w->num_values++] = (struct named){ as->text, w->last, false };
}

// ---- Layers ----

// Builders' errors know shapes but no place: both are put together here.
static void locate(struct belay_layer_call *c)
{
    char place[BELAY_PLACE_TEXT], shape[BELAY_SHAPE_TEXT];
    belay_graph *g = c->graph;
    if (c->located || g->status == BELAY_OK || g->status == BELAY_ERR_NOMEM)
        return;
    g->status = belay_fail_in(g->log, BELAY_ERR_RECIPE, "%s: layer '%s' (%s, input %s)",
                              belay_yaml_place(c->node, place), c->path, c->layer->name,
                              belay_shape_text(&c->x[0]->shape, shape));
}

static void build_block(struct walk *w, const struct belay_yaml *entry,
                        const struct belay_yaml *layers, size_t index);

static void build_layer(struct walk *w, const struct belay_yaml *entry, size_t index)
{
    const struct belay_yaml *block =
        entry->kind == BELAY_YAML_MAP ? belay_yaml_get(entry, "block") : NULL;
    if (block) {
        build_block(w, entry, block, index);
        return;
    }
    belay_value *x[BELAY_MAX_IN];
    struct belay_layer_call c = { .graph = w->graph, .node = entry, .params = w->params, .x = x };
    c.layer = layer_of(w, entry);
    if (!c.layer || !(c.path = path_of(w, entry, index)))
        return;
    check_options(&c);
    c.num_x = w->graph->status == BELAY_OK ? inputs_of(w, &c, x) : -1;
    if (c.num_x < 0)
        return;
    belay_value *y = c.layer->build(&c);
    if (!y && w->graph->status == BELAY_OK)
        belay_graph_fail(w->graph, BELAY_ERR_ARG, "layer '%s' made nothing", c.path);
    locate(&c);
    w->last = y;
    if (w->graph->status == BELAY_OK)
        keep_value(w, entry);
}

// Layers of their own numbers; their parameters are named BLOCK.0.weight, as in a nested nn.Sequential.
static void build_block(struct walk *w, const struct belay_yaml *entry,
                        const struct belay_yaml *layers, size_t index)
{
    static const struct belay_layer block = { .name = "block", .min_x = 1, .max_x = 1 };
    belay_value *x[BELAY_MAX_IN];
    struct belay_layer_call c = { .graph = w->graph, .node = entry, .layer = &block, .x = x };
    const char *outside = w->prefix;
    size_t inner = 0;
    for (const struct belay_yaml *k = entry->first; k; k = k->next)
        if (k != layers && !reserved(k->key))
            fail_at(w, k, "unknown option of a block", k->key, NULL);
    if (layers->kind != BELAY_YAML_LIST || !layers->first)
        fail_at(w, layers, "block must list layers", NULL, NULL);
    if (w->graph->status != BELAY_OK || !(c.path = path_of(w, entry, index)))
        return;
    c.num_x = inputs_of(w, &c, x);
    if (c.num_x < 0)
        return;
    w->last = x[0];
    w->prefix = c.path;
    for (const struct belay_yaml *e = layers->first; e && w->graph->status == BELAY_OK; e = e->next)
        build_layer(w, e, inner++);
    w->prefix = outside;
    if (w->graph->status == BELAY_OK)
        keep_value(w, entry);
}

// ---- The whole ----

static bool check_keys(struct walk *w, const struct belay_yaml *model)
{
    static const char *const keys[] = { "input", "inputs", "layers" };
    char place[BELAY_PLACE_TEXT];
    if (!model || model->kind != BELAY_YAML_MAP) {
        belay_graph_fail(w->graph, BELAY_ERR_RECIPE, "%s: model must be a map with `layers`",
                         belay_yaml_place(model, place));
        return false;
    }
    for (const struct belay_yaml *k = model->first; k; k = k->next) {
        if (strcmp(k->key, "arch") == 0)
            belay_graph_fail(w->graph, BELAY_ERR_UNSUPPORTED,
                             "%s: model.arch: this version has no named architectures, list the "
                             "layers", belay_yaml_place(k, place));
        else if (strcmp(k->key, keys[0]) != 0 && strcmp(k->key, keys[1]) != 0 &&
                 strcmp(k->key, keys[2]) != 0)
            fail_at(w, k, "unknown key in model:", k->key, belay_suggest(k->key, keys, 3));
    }
    return w->graph->status == BELAY_OK;
}

// model.input into s, with -1 for the rows. False after an error.
static bool read_input(struct walk *w, const struct belay_yaml *input, struct belay_shape *s)
{
    char place[BELAY_PLACE_TEXT];
    bool list = input->kind == BELAY_YAML_LIST;
    const struct belay_yaml *item = list ? input->first : input;
    s->rank = 0;
    s->dim[s->rank++] = -1;
    for (; item; item = list ? item->next : NULL) {
        int64_t dim;
        if (s->rank == BELAY_MAX_RANK || item->kind != BELAY_YAML_SCALAR ||
            !belay_parse_i64(item->text, &dim) || dim < 1 || dim > INT32_MAX)
            break;
        s->dim[s->rank++] = dim;
    }
    if (!item && s->rank > 1)
        return true;
    belay_graph_fail(w->graph, BELAY_ERR_RECIPE,
                     "%s: model.input must be a list of 1 to %d sizes, as [1, 28, 28]",
                     belay_yaml_place(input, place), BELAY_MAX_RANK - 1);
    return false;
}

static belay_value *shaped(struct walk *w, const struct belay_yaml *input, belay_value *x)
{
    char place[BELAY_PLACE_TEXT], text[BELAY_SHAPE_TEXT];
    struct belay_shape s;
    double count = 1; // no overflow
    if (!read_input(w, input, &s))
        return NULL;
    for (int i = 1; i < s.rank; i++)
        count *= (double) s.dim[i];
    int64_t features = belay_shape_count(&x->shape) / x->shape.dim[0];
    if (count != (double) features) {
        struct belay_shape row = { .rank = s.rank - 1 };
        memcpy(row.dim, s.dim + 1, (size_t) row.rank * sizeof(row.dim[0]));
        return belay_graph_fail(w->graph, BELAY_ERR_RECIPE,
                                "%s: model.input %s makes %.0f numbers a row, the data has %lld",
                                belay_yaml_place(input, place), belay_shape_text(&row, text),
                                count, (long long) features);
    }
    return belay_reshape(w->graph, x, s.rank, s.dim);
}

static belay_value *shape_input(struct walk *w, const struct belay_yaml *model, belay_value *x)
{
    const struct belay_yaml *input = belay_yaml_get(model, "input");
    return input ? shaped(w, input, x) : x;
}

// Of each input its columns, in the shape that it says.
static bool add_inputs(struct walk *w, const struct belay_yaml *model, belay_value *x,
                       const struct belay_model_io *io)
{
    const struct belay_yaml *inputs = belay_yaml_get(model, "inputs");
    int64_t at = 0;
    if (belay_yaml_get(model, "input")) {
        fail_at(w, inputs, "model has `input` and `inputs`: one of them is enough", NULL, NULL);
        return false;
    }
    if (!io || io->num_inputs != inputs->count) {
        fail_at(w, inputs, "the data say nothing of several inputs", NULL, NULL);
        return false;
    }
    for (size_t i = 0; i < io->num_inputs; i++) {
        const struct belay_yaml *own = belay_yaml_get(inputs, io->inputs[i].name);
        const struct belay_yaml *shape =
            own && own->kind == BELAY_YAML_MAP ? belay_yaml_get(own, "shape") : NULL;
        int64_t end = at + (int64_t) io->inputs[i].width;
        belay_value *v = belay_slice(w->graph, x, 1, at, end, 1);
        if (v && shape)
            v = shaped(w, shape, v);
        if (!v)
            return false;
        w->values[w->num_values++] = (struct named){ io->inputs[i].name, v, false };
        at = end;
    }
    return true;
}

static size_t count_layers(const struct belay_yaml *layers)
{
    size_t count = 0;
    for (const struct belay_yaml *e = layers->first; e; e = e->next) {
        const struct belay_yaml *block =
            e->kind == BELAY_YAML_MAP ? belay_yaml_get(e, "block") : NULL;
        count += 1 + (block && block->kind == BELAY_YAML_LIST ? count_layers(block) : 0);
    }
    return count;
}

static bool begin(struct walk *w, const struct belay_yaml *layers, const struct belay_yaml *model)
{
    char place[BELAY_PLACE_TEXT];
    if (!layers || layers->kind != BELAY_YAML_LIST || !layers->first) {
        belay_graph_fail(w->graph, BELAY_ERR_RECIPE, "%s: model.layers must list layers",
                         belay_yaml_place(layers ? layers : model, place));
        return false;
    }
    size_t count = count_layers(layers);
    // Each may have two names; and the inputs.
    w->values = belay_arena_array(&w->graph->arena, 2 * count + 9, sizeof(*w->values));
    w->paths = belay_arena_array(&w->graph->arena, count, sizeof(*w->paths));
    if (w->values && w->paths)
        return true;
    belay_graph_fail(w->graph, BELAY_ERR_NOMEM, "out of memory for %zu layers", count);
    return false;
}

static void find_heads(struct walk *w, const struct belay_yaml *layers, struct belay_model_io *io)
{
    for (size_t i = 0; i < io->num_heads && w->graph->status == BELAY_OK; i++) {
        const char *names[MAX_NAMES];
        size_t n = 0;
        for (; n < w->num_values && n < MAX_NAMES; n++)
            names[n] = w->values[n].name;
        io->heads[i] = value_named(w, io->from[i]);
        if (!io->heads[i])
            fail_at(w, layers, "a head comes from a value that no layer has as `as:` or `name:`:",
                    io->from[i], belay_suggest(io->from[i], names, n));
    }
}

belay_value *belay_model_build(belay_graph *g, const struct belay_yaml *model, belay_value *x,
                               struct belay_model_params *params)
{
    return belay_model_build_io(g, model, x, params, NULL);
}

belay_value *belay_model_build_io(belay_graph *g, const struct belay_yaml *model, belay_value *x,
                                  struct belay_model_params *params, struct belay_model_io *io)
{
    struct walk w = { .graph = g, .params = params };
    size_t index = 0;
    if (!check_keys(&w, model))
        return NULL;
    const struct belay_yaml *layers = belay_yaml_get(model, "layers");
    if (!begin(&w, layers, model) || !x)
        return NULL;
    if (belay_yaml_get(model, "inputs")) {
        if (!add_inputs(&w, model, x, io))
            return NULL;
    } else {
        if (!(w.last = shape_input(&w, model, x)))
            return NULL;
        w.values[w.num_values++] = (struct named){ "x", w.last, false };
    }
    for (const struct belay_yaml *e = layers->first; e && g->status == BELAY_OK; e = e->next)
        build_layer(&w, e, index++);
    if (io)
        find_heads(&w, layers, io);
    return g->status == BELAY_OK ? w.last : NULL;
}
