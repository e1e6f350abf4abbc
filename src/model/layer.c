// The list of layers, and what each of them needs.
#include "model/layer.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/str.h"

#define BELAY_LAYER(name) extern const struct belay_layer belay_layer_##name;
#include "model/list.h"
#undef BELAY_LAYER

#define BELAY_LAYER(name) &belay_layer_##name,
const struct belay_layer *const belay_layers[] = {
#include "model/list.h"
    NULL
};
#undef BELAY_LAYER

const struct belay_layer *belay_layer_at(size_t index)
{
    size_t num = sizeof(belay_layers) / sizeof(belay_layers[0]) - 1;
    return index < num ? belay_layers[index] : belay_own_layer_at(index - num);
}

const struct belay_layer *belay_layer_find(const char *name)
{
    const struct belay_layer *layer;
    for (size_t i = 0; (layer = belay_layer_at(i)); i++)
        if (strcmp(layer->name, name) == 0)
            return layer;
    return NULL;
}

static bool ends_with(const char *text, const char *end)
{
    size_t length = strlen(text), tail = strlen(end);
    return length >= tail && strcmp(text + length - tail, end) == 0;
}

bool belay_is_record(const char *from)
{
    return from && (ends_with(from, "resolved.yaml") || ends_with(from, ".safetensors"));
}

const char *belay_yaml_place(const struct belay_yaml *node, char out[BELAY_PLACE_TEXT])
{
    if (!node)
        snprintf(out, BELAY_PLACE_TEXT, "recipe");
    else if (node->line > 0)
        snprintf(out, BELAY_PLACE_TEXT, "%.230s:%d", node->from ? node->from : "recipe",
                 node->line);
    else
        snprintf(out, BELAY_PLACE_TEXT, "%.250s", node->from ? node->from : "recipe");
    return out;
}

bool belay_yaml_empty(const struct belay_yaml *node)
{
    if (!node)
        return true;
    return node->kind == BELAY_YAML_SCALAR && !node->quoted &&
           (node->text[0] == '\0' || strcmp(node->text, "~") == 0 ||
            strcmp(node->text, "null") == 0);
}

belay_value *belay_layer_fail(struct belay_layer_call *c, const char *format, ...)
{
    char text[512], place[BELAY_PLACE_TEXT];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    c->located = true;
    return belay_graph_fail(c->graph, BELAY_ERR_RECIPE, "%s: layer '%s' (%s): %s",
                            belay_yaml_place(c->node, place), c->path, c->layer->name, text);
}

// ---- Options ----

const struct belay_yaml *belay_layer_option(const struct belay_layer_call *c, const char *name)
{
    if (!c->node || c->node->kind != BELAY_YAML_MAP)
        return NULL;
    const struct belay_yaml *own = belay_yaml_get(c->node, c->layer->name);
    const char *main_option = c->layer->main_option;
    if (own && own->kind == BELAY_YAML_MAP)
        return belay_yaml_get(own, name);
    if (!belay_yaml_empty(own) && main_option && strcmp(main_option, name) == 0)
        return own;
    return belay_yaml_get(c->node, name);
}

static void wrong_type(struct belay_layer_call *c, const char *name, const struct belay_yaml *got,
                       const char *want)
{
    static const char *const kinds[] = { "", "a list", "a map" };
    if (got->kind == BELAY_YAML_SCALAR)
        belay_layer_fail(c, "%s must be %s, not '%.60s'", name, want, got->text);
    else
        belay_layer_fail(c, "%s must be %s, not %s", name, want, kinds[got->kind]);
}

int64_t belay_layer_int(struct belay_layer_call *c, const char *name, int64_t fallback)
{
    const struct belay_yaml *v = belay_layer_option(c, name);
    int64_t out;
    if (!v)
        return fallback;
    if (v->kind == BELAY_YAML_SCALAR && belay_parse_i64(v->text, &out))
        return out;
    wrong_type(c, name, v, "a whole number");
    return fallback;
}

double belay_layer_float(struct belay_layer_call *c, const char *name, double fallback)
{
    const struct belay_yaml *v = belay_layer_option(c, name);
    double out;
    if (!v)
        return fallback;
    if (v->kind == BELAY_YAML_SCALAR && belay_parse_double(v->text, &out) && out == out)
        return out;
    wrong_type(c, name, v, "a number");
    return fallback;
}

bool belay_layer_bool(struct belay_layer_call *c, const char *name, bool fallback)
{
    const struct belay_yaml *v = belay_layer_option(c, name);
    if (!v)
        return fallback;
    if (v->kind == BELAY_YAML_SCALAR && strcmp(v->text, "true") == 0)
        return true;
    if (v->kind == BELAY_YAML_SCALAR && strcmp(v->text, "false") == 0)
        return false;
    wrong_type(c, name, v, "true or false");
    return fallback;
}

const char *belay_layer_text(struct belay_layer_call *c, const char *name, const char *fallback)
{
    const struct belay_yaml *v = belay_layer_option(c, name);
    if (!v)
        return fallback;
    if (v->kind == BELAY_YAML_SCALAR)
        return v->text;
    wrong_type(c, name, v, "a text");
    return fallback;
}

int belay_layer_ints(struct belay_layer_call *c, const char *name, int max, int64_t *out)
{
    const struct belay_yaml *v = belay_layer_option(c, name);
    int num = 0;
    if (!v)
        return 0;
    if (v->kind == BELAY_YAML_SCALAR && belay_parse_i64(v->text, &out[0]))
        return 1;
    const struct belay_yaml *item = v->kind == BELAY_YAML_LIST ? v->first : NULL;
    for (; item; item = item->next, num++) {
        if (num == max || item->kind != BELAY_YAML_SCALAR ||
            !belay_parse_i64(item->text, &out[num]))
            break;
    }
    if (v->kind == BELAY_YAML_LIST && !item)
        return num;
    wrong_type(c, name, v, "a short list of whole numbers");
    return -1;
}

int belay_layer_axis(struct belay_layer_call *c, int fallback)
{
    const struct belay_shape *x = &c->x[0]->shape;
    char text[BELAY_SHAPE_TEXT];
    int64_t axis = belay_layer_int(c, "axis", fallback);
    int at = 0;
    if (axis < -BELAY_MAX_RANK || axis > BELAY_MAX_RANK ||
        !belay_shape_axis(x, (int) axis, &at))
        belay_layer_fail(c, "there is no axis %lld in %s", (long long) axis,
                         belay_shape_text(x, text));
    else if (at == 0)
        belay_layer_fail(c, "axis %lld is the batch, whose rows are kept apart", (long long) axis);
    return at;
}
