// Preprocessing to JSON and back. Doubles are written so that they read back to the same bits.
#include <math.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "data/data.h"
#include "format/json.h"

static void add_key(struct belay_str *s, const char *key)
{
    belay_str_addf(s, "%s\"%s\": ", s->length > 1 && s->text[s->length - 1] != '{' ? ", " : "",
                   key);
}

static void add_text(struct belay_str *s, const char *key, const char *value)
{
    if (!value)
        return;
    add_key(s, key);
    belay_str_add_json(s, value);
}

static void add_double(struct belay_str *s, const char *key, double value)
{
    add_key(s, key);
    belay_str_add_double(s, value);
}

static void add_count(struct belay_str *s, const char *key, size_t value)
{
    add_key(s, key);
    belay_str_addf(s, "%zu", value);
}

static void add_texts(struct belay_str *s, const char *key, char **values, size_t count)
{
    add_key(s, key);
    belay_str_add(s, "[");
    for (size_t i = 0; i < count; i++) {
        belay_str_add(s, i ? ", " : "");
        belay_str_add_json(s, values[i]);
    }
    belay_str_add(s, "]");
}

static void add_column(struct belay_str *s, const struct belay_column *c)
{
    belay_str_add(s, "{");
    add_text(s, "name", c->name);
    if (c->kind == BELAY_COLUMN_CATEGORY) {
        add_texts(s, "values", c->values, c->num_values);
    } else {
        add_double(s, "mean", c->mean);
        add_double(s, "std", c->std);
        add_double(s, "fill", c->fill);
    }
    belay_str_add(s, "}");
}

static void add_columns(struct belay_str *s, const struct belay_preprocess *p)
{
    char delimiter[2] = { p->delimiter, 0 };
    add_key(s, "columns");
    belay_str_add(s, "[");
    for (size_t i = 0; i < p->num_columns; i++) {
        belay_str_add(s, i ? ", " : "");
        add_column(s, &p->columns[i]);
    }
    belay_str_add(s, "]");
    add_key(s, "header");
    belay_str_add(s, p->header ? "true" : "false");
    add_text(s, "delimiter", p->delimiter ? delimiter : NULL);
    add_text(s, "missing", p->missing);
}

static void add_parts(struct belay_str *s, const struct belay_preprocess *p)
{
    add_key(s, "inputs");
    belay_str_add(s, "[");
    for (size_t i = 0; i < p->num_inputs; i++) {
        belay_str_add(s, i ? ", {" : "{");
        add_text(s, "name", p->inputs[i].name);
        add_text(s, "array", p->inputs[i].array);
        add_count(s, "width", p->inputs[i].width);
        belay_str_add(s, "}");
    }
    belay_str_add(s, "]");
    add_key(s, "heads");
    belay_str_add(s, "[");
    for (size_t i = 0; i < p->num_heads; i++) {
        const struct belay_head_part *h = &p->heads[i];
        belay_str_add(s, i ? ", {" : "{");
        add_text(s, "name", h->name);
        add_texts(s, "targets", h->targets, h->num_targets);
        add_count(s, "count", h->count);
        if (h->classes)
            add_texts(s, "classes", h->classes, h->num_classes);
        belay_str_add(s, "}");
    }
    belay_str_add(s, "]");
}

char *belay_preprocess_to_json(const struct belay_preprocess *p)
{
    struct belay_str s = { 0 };
    belay_str_add(&s, "{");
    add_text(&s, "format", p->format);
    add_count(&s, "raw_count", p->raw_count);
    add_count(&s, "input_count", p->input_count);
    add_double(&s, "scale", p->scale);
    add_double(&s, "mean", p->mean);
    add_double(&s, "std", p->std);
    if (p->columns)
        add_columns(&s, p);
    add_text(&s, "target", p->target);
    add_text(&s, "weight", p->weight);
    if (p->classes)
        add_texts(&s, "classes", p->classes, p->num_classes);
    if (p->num_inputs || p->num_heads)
        add_parts(&s, p);
    add_double(&s, "target_mean", p->target_mean);
    add_double(&s, "target_std", p->target_std);
    belay_str_add(&s, "}");
    if (s.failed) {
        belay_str_free(&s);
        return NULL;
    }
    return s.text;
}

static belay_status bad(struct belay_log *log, const char *key, const char *want)
{
    return belay_fail(log, BELAY_ERR_DAMAGED, "preprocessing: '%s' is not %s", key, want);
}

static belay_status get_text(struct belay_log *log, const struct belay_json *o, const char *key,
                             char **out)
{
    const char *text = belay_json_string_or(o, key, NULL);
    if (!text)
        return BELAY_OK;
    *out = belay_strdup(text);
    return *out ? BELAY_OK : belay_fail_nomem(log, strlen(text));
}

static belay_status get_texts(struct belay_log *log, const struct belay_json *o, const char *key,
                              char ***values, size_t *count)
{
    const struct belay_json *list = belay_json_get(o, key);
    if (!list)
        return BELAY_OK;
    if (list->kind != BELAY_JSON_ARRAY)
        return bad(log, key, "a list of texts");
    *values = belay_alloc_array(list->count, sizeof(**values));
    if (!*values)
        return belay_fail_nomem(log, list->count * sizeof(**values));
    *count = list->count;
    size_t i = 0;
    for (const struct belay_json *v = list->first; v; v = v->next, i++) {
        if (v->kind != BELAY_JSON_STRING)
            return bad(log, key, "a list of texts");
        (*values)[i] = belay_strdup(v->string);
        if (!(*values)[i])
            return belay_fail_nomem(log, strlen(v->string));
    }
    return BELAY_OK;
}

// `spread`: the number divides, so it must not be 0.
static belay_status get_double(struct belay_log *log, const struct belay_json *o, const char *key,
                               double fallback, bool spread, double *out)
{
    double value = belay_json_number_or(o, key, fallback);
    if (!isfinite(value) || (spread && !(value > 0)))
        return bad(log, key, spread ? "a number above 0" : "a finite number");
    *out = value;
    return BELAY_OK;
}

static belay_status get_column(struct belay_log *log, const struct belay_json *o,
                               struct belay_column *c)
{
    if (o->kind != BELAY_JSON_OBJECT || !belay_json_string_or(o, "name", NULL))
        return bad(log, "columns", "a list of objects with names");
    BELAY_TRY(get_text(log, o, "name", &c->name));
    BELAY_TRY(get_double(log, o, "mean", 0, false, &c->mean));
    BELAY_TRY(get_double(log, o, "std", 1, true, &c->std));
    BELAY_TRY(get_double(log, o, "fill", c->mean, false, &c->fill));
    c->kind = belay_json_get(o, "values") ? BELAY_COLUMN_CATEGORY : BELAY_COLUMN_NUMBER;
    return get_texts(log, o, "values", &c->values, &c->num_values);
}

static belay_status get_columns(struct belay_log *log, const struct belay_json *o,
                                struct belay_preprocess *p)
{
    const struct belay_json *list = belay_json_get(o, "columns");
    const char *delimiter = belay_json_string_or(o, "delimiter", "");
    p->header = belay_json_bool_or(o, "header", false);
    p->delimiter = delimiter[0];
    if (!list)
        return BELAY_OK;
    if (list->kind != BELAY_JSON_ARRAY)
        return bad(log, "columns", "a list");
    p->columns = belay_alloc_array(list->count, sizeof(*p->columns));
    if (!p->columns)
        return belay_fail_nomem(log, list->count * sizeof(*p->columns));
    p->num_columns = list->count;
    size_t i = 0;
    for (const struct belay_json *c = list->first; c; c = c->next, i++)
        BELAY_TRY(get_column(log, c, &p->columns[i]));
    return BELAY_OK;
}

static belay_status get_input(struct belay_log *log, const struct belay_json *o,
                              struct belay_input_part *out)
{
    if (o->kind != BELAY_JSON_OBJECT || !belay_json_string_or(o, "name", NULL))
        return bad(log, "inputs", "a list of objects with names");
    BELAY_TRY(get_text(log, o, "name", &out->name));
    BELAY_TRY(get_text(log, o, "array", &out->array));
    out->width = belay_json_int_or(o, "width", 0);
    return BELAY_OK;
}

static belay_status get_head(struct belay_log *log, const struct belay_json *o,
                             struct belay_head_part *out)
{
    if (o->kind != BELAY_JSON_OBJECT || !belay_json_string_or(o, "name", NULL))
        return bad(log, "heads", "a list of objects with names");
    BELAY_TRY(get_text(log, o, "name", &out->name));
    BELAY_TRY(get_texts(log, o, "targets", &out->targets, &out->num_targets));
    BELAY_TRY(get_texts(log, o, "classes", &out->classes, &out->num_classes));
    out->count = belay_json_int_or(o, "count", 0);
    if (out->count < 1 || out->count > 65536 || (out->classes && out->num_classes < 1))
        return bad(log, "heads", "a list of heads with targets");
    return BELAY_OK;
}

static belay_status get_parts(struct belay_log *log, const struct belay_json *o,
                              struct belay_preprocess *p)
{
    const struct belay_json *inputs = belay_json_get(o, "inputs");
    const struct belay_json *heads = belay_json_get(o, "heads");
    size_t i = 0, width = 0, first = 0;
    if ((inputs && (inputs->kind != BELAY_JSON_ARRAY || inputs->count > BELAY_MAX_INPUTS)) ||
        (heads && (heads->kind != BELAY_JSON_ARRAY || heads->count > BELAY_MAX_HEADS)))
        return bad(log, "inputs or heads", "a short list");
    if (inputs && inputs->count && !(p->inputs = belay_alloc_array(inputs->count, sizeof(*p->inputs))))
        return belay_fail_nomem(log, inputs->count * sizeof(*p->inputs));
    p->num_inputs = inputs ? inputs->count : 0;
    for (const struct belay_json *c = inputs ? inputs->first : NULL; c; c = c->next, i++) {
        BELAY_TRY(get_input(log, c, &p->inputs[i]));
        if (p->inputs[i].width > p->input_count)
            return bad(log, "inputs", "within a row");
        width += p->inputs[i].width;
    }
    if (p->num_inputs && width != p->input_count)
        return bad(log, "inputs", "as wide as a row");
    if (heads && heads->count && !(p->heads = belay_alloc_array(heads->count, sizeof(*p->heads))))
        return belay_fail_nomem(log, heads->count * sizeof(*p->heads));
    p->num_heads = heads ? heads->count : 0;
    i = 0;
    for (const struct belay_json *c = heads ? heads->first : NULL; c; c = c->next, i++) {
        BELAY_TRY(get_head(log, c, &p->heads[i]));
        p->heads[i].first = first;
        first += p->heads[i].count;
    }
    return BELAY_OK;
}

static belay_status check_counts(struct belay_log *log, const struct belay_preprocess *p)
{
    size_t count = 0;
    for (size_t i = 0; i < p->num_columns; i++)
        count += p->columns[i].kind == BELAY_COLUMN_CATEGORY ? p->columns[i].num_values : 1;
    if (!p->columns)
        count = p->raw_count;
    if (p->classes && !p->num_classes)
        return bad(log, "classes", "a list with something in it");
    if (count != p->input_count || (p->columns && p->raw_count != p->num_columns))
        return belay_fail(log, BELAY_ERR_DAMAGED,
                          "preprocessing: %zu raw columns give %zu inputs, not %zu",
                          p->columns ? p->num_columns : p->raw_count, count, p->input_count);
    return BELAY_OK;
}

static belay_status get_all(struct belay_log *log, const struct belay_json *o,
                            struct belay_preprocess *p)
{
    if (o->kind != BELAY_JSON_OBJECT || !belay_json_string_or(o, "format", NULL))
        return bad(log, "format", "given");
    BELAY_TRY(get_text(log, o, "format", &p->format));
    p->raw_count = belay_json_int_or(o, "raw_count", 0);
    p->input_count = belay_json_int_or(o, "input_count", 0);
    BELAY_TRY(get_double(log, o, "scale", 1, false, &p->scale));
    BELAY_TRY(get_double(log, o, "mean", 0, false, &p->mean));
    BELAY_TRY(get_double(log, o, "std", 1, true, &p->std));
    BELAY_TRY(get_columns(log, o, p));
    BELAY_TRY(get_text(log, o, "missing", &p->missing));
    BELAY_TRY(get_text(log, o, "target", &p->target));
    BELAY_TRY(get_text(log, o, "weight", &p->weight));
    BELAY_TRY(get_texts(log, o, "classes", &p->classes, &p->num_classes));
    BELAY_TRY(get_parts(log, o, p));
    BELAY_TRY(get_double(log, o, "target_mean", 0, false, &p->target_mean));
    BELAY_TRY(get_double(log, o, "target_std", 1, true, &p->target_std));
    return check_counts(log, p);
}

belay_status belay_preprocess_from_json(struct belay_log *log, const char *json,
                                        struct belay_preprocess *out)
{
    struct belay_json_doc doc = { 0 };
    struct belay_preprocess p = { 0 };
    belay_status status;
    BELAY_TRY_DONE(belay_json_parse(log, "preprocessing", json, strlen(json), &doc));
    BELAY_TRY_DONE(get_all(log, doc.root, &p));
    *out = p;
    p = (struct belay_preprocess){ 0 };
done:
    belay_preprocess_finish(&p);
    belay_json_finish(&doc);
    return status;
}
