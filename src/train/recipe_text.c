#include "train/recipe_inner.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/str.h"

// Words that plain YAML would read as something else than a text.
static bool plain_is_safe(const char *text)
{
    static const char first[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_/.";
    static const char rest[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_/.0123456789-";
    return strchr(first, text[0]) && text[0] && text[strspn(text, rest)] == '\0' &&
           strcmp(text, "null") != 0;
}

void belay_str_add_yaml(struct belay_str *s, const char *text, bool quoted)
{
    if (quoted || !plain_is_safe(text))
        belay_str_add_json(s, text);
    else
        belay_str_add(s, text);
}

void belay_str_add_yaml_tree(struct belay_str *s, const struct belay_yaml *node)
{
    if (node->kind == BELAY_YAML_SCALAR) {
        double number;
        if (!node->quoted && belay_parse_double(node->text, &number))
            belay_str_add(s, node->text);
        else if (belay_recipe_is_empty(node))
            belay_str_add(s, "null");
        else
            belay_str_add_yaml(s, node->text, node->quoted);
        return;
    }
    bool map = node->kind == BELAY_YAML_MAP;
    belay_str_add(s, map ? "{" : "[");
    for (const struct belay_yaml *c = node->first; c; c = c->next) {
        if (map) {
            belay_str_add_yaml(s, c->key, false);
            belay_str_add(s, ": ");
        }
        belay_str_add_yaml_tree(s, c);
        belay_str_add(s, c->next ? ", " : "");
    }
    belay_str_add(s, map ? "}" : "]");
}

static void add_files(struct belay_str *s, const char *const *files, size_t count)
{
    belay_str_add(s, "[");
    for (size_t i = 0; i < count; i++) {
        belay_str_add(s, i ? ", " : "");
        belay_str_add_yaml(s, files[i], false);
    }
    belay_str_add(s, "]");
}

static void add_choice(struct belay_str *s, const char *choices, int index)
{
    const char *c = choices;
    for (; index > 0; index--)
        c += strcspn(c, "|") + 1;
    belay_str_add_bytes(s, c, strcspn(c, "|"));
}

static bool is_off(const struct belay_key *key, double value)
{
    return key->can_off && (value == key->off || (isnan(value) && isnan(key->off)));
}

static void add_number(struct belay_str *s, const struct belay_key *key, double value)
{
    if (is_off(key, value))
        belay_str_add(s, "off");
    else
        belay_str_add_double(s, value);
}

static void add_length(struct belay_str *s, const struct belay_key *key,
                       const struct belay_length *l)
{
    if (is_off(key, l->value))
        belay_str_add(s, "off");
    else
        belay_str_add_length(s, l);
}

static bool add_text(struct belay_str *s, const char *text)
{
    if (!text)
        return false;
    belay_str_add_yaml(s, text, false);
    return true;
}

// Lists that are kept as they were written.
static bool add_tree(const struct belay_recipe *r, const char *path, struct belay_str *out)
{
    const struct belay_yaml *node = strcmp(path, "stop.also") == 0         ? r->also
                                    : strcmp(path, "checkpoint.best") == 0 ? r->bests
                                    : strcmp(path, "sweep") == 0           ? r->sweep
                                                                           : NULL;
    bool map = strcmp(path, "sweep") == 0;
    if (!map && strcmp(path, "stop.also") != 0 && strcmp(path, "checkpoint.best") != 0)
        return false;
    if (!node || belay_recipe_is_empty(node))
        belay_str_add(out, map ? "{}" : "[]");
    else
        belay_str_add_yaml_tree(out, node);
    return true;
}

bool belay_recipe_value_text(const struct belay_recipe *r, const struct belay_key *key,
                             struct belay_str *out)
{
    const void *at = (const char *) r + key->offset;
    switch (key->kind) {
    case BELAY_KEY_INT:
        belay_str_addf(out, "%d", *(const int *) at);
        return true;
    case BELAY_KEY_I64:
        belay_str_addf(out, "%lld", (long long) *(const int64_t *) at);
        return true;
    case BELAY_KEY_U64:
        belay_str_addf(out, "%llu", (unsigned long long) *(const uint64_t *) at);
        return true;
    case BELAY_KEY_SIZE:
        belay_str_addf(out, "%zu", *(const size_t *) at);
        return true;
    case BELAY_KEY_FLOAT:
        add_number(out, key, *(const double *) at);
        return true;
    case BELAY_KEY_BOOL:
        belay_str_add(out, *(const bool *) at ? "true" : "false");
        return true;
    case BELAY_KEY_TEXT:
    case BELAY_KEY_WORD:
        return add_text(out, *(const char *const *) at);
    case BELAY_KEY_CHAR:
        belay_str_add_json(out, (char[]){ *(const char *) at, '\0' });
        return true;
    case BELAY_KEY_CHOICE:
        add_choice(out, key->type, *(const int *) at);
        return true;
    case BELAY_KEY_LENGTH:
        add_length(out, key, at);
        return true;
    case BELAY_KEY_BYTES:
        if (is_off(key, (double) *(const uint64_t *) at))
            belay_str_add(out, "off");
        else
            belay_str_addf(out, "%llu", (unsigned long long) *(const uint64_t *) at);
        return true;
    case BELAY_KEY_FILES:
        if (*(const size_t *) ((const char *) r + key->count_offset) == 0)
            return false;
        add_files(out, *(const char *const *const *) at,
                  *(const size_t *) ((const char *) r + key->count_offset));
        return true;
    case BELAY_KEY_OWN:
        return add_tree(r, key->path, out);
    }
    return false;
}

static void add_options(struct belay_str *s, const struct belay_option *options,
                        const double *values, const enum belay_unit *units)
{
    for (int i = 0; i < BELAY_MAX_OPTIONS && options[i].name; i++) {
        if (strcmp(options[i].type, "weights") == 0) // written by add_loss
            continue;
        belay_str_addf(s, ", %s: ", options[i].name);
        if (strcmp(options[i].type, "bool") == 0)
            belay_str_add(s, values[i] != 0 ? "true" : "false");
        else if (strcmp(options[i].type, "steps") == 0 && units)
            belay_str_add_length(s, &(struct belay_length){ values[i], units[i] });
        else if (strchr(options[i].type, '|'))
            add_choice(s, options[i].type, (int) values[i]);
        else
            belay_str_add_double(s, values[i]);
    }
}

// Only what differs, so that an override of optimizer.lr reaches the groups too.
static void add_group(struct belay_str *s, const struct belay_recipe *r,
                      const struct belay_group_rule *group)
{
    const struct belay_option *options = r->optimizer->options;
    belay_str_add(s, "{match: ");
    belay_str_add_json(s, group->match);
    if (group->frozen)
        belay_str_add(s, ", frozen: true");
    for (int i = 0; i < BELAY_MAX_OPTIONS && options[i].name; i++) {
        if (group->options[i] == r->optimizer_options[i])
            continue;
        struct belay_option one[BELAY_MAX_OPTIONS] = { options[i] };
        add_options(s, one, &group->options[i], NULL);
    }
    belay_str_add(s, "}");
}

static void add_optimizer(struct belay_str *s, const struct belay_recipe *r)
{
    belay_str_addf(s, "optimizer: {name: %s", r->optimizer->name);
    add_options(s, r->optimizer->options, r->optimizer_options, NULL);
    for (int i = 0; belay_clip_keys[i]; i++) {
        const struct belay_key *key = belay_recipe_key(belay_clip_keys[i]);
        belay_str_addf(s, ", %s: ", strchr(key->path, '.') + 1);
        belay_recipe_value_text(r, key, s);
    }
    belay_str_add(s, ", groups: [");
    for (int i = 0; i < r->num_groups - 1; i++) {
        belay_str_add(s, i ? ", " : "");
        add_group(s, r, &r->groups[i]);
    }
    belay_str_add(s, "]}\n");
}

static void add_loss(struct belay_str *s, const struct belay_recipe *r)
{
    const struct belay_option *weights = belay_loss_weights_option(r->loss);
    belay_str_addf(s, "loss: {name: %s", r->loss->name);
    add_options(s, r->loss->options, r->loss_options, NULL);
    if (weights) {
        belay_str_addf(s, ", %s: ", weights->name);
        if (r->loss_weights)
            belay_str_add_yaml_tree(s, r->loss_weights);
        else
            belay_str_add(s, "off");
    }
    belay_str_add(s, "}\n");
}

void belay_schedule_text(struct belay_str *s, const struct belay_recipe *r)
{
    const struct belay_schedule_parts *parts = &r->parts;
    belay_str_addf(s, "{name: %s", r->schedule->name);
    add_options(s, r->schedule->options, r->schedule_options, r->schedule_units);
    belay_str_add(s, ", parts: [");
    for (int i = 0; i < parts->num; i++) {
        belay_str_addf(s, "%s{name: %s", i ? ", " : "", parts->part[i].schedule->name);
        add_options(s, parts->part[i].schedule->options, parts->part[i].options, r->part_units[i]);
        belay_str_add(s, "}");
    }
    belay_str_add(s, "], at: [");
    for (int i = 1; i < parts->num && r->schedule->starts; i++) {
        belay_str_add(s, i > 1 ? ", " : "");
        belay_str_add_length(s, &r->part_at[i]);
    }
    belay_str_add(s, "], warmup: ");
    belay_recipe_value_text(r, belay_recipe_key("schedule.warmup"), s);
    belay_str_add(s, "}");
}

void belay_str_add_options(struct belay_str *s, const struct belay_option *options,
                           const double *values)
{
    add_options(s, options, values, NULL);
}

static void add_loss_and_metrics(struct belay_str *s, const struct belay_recipe *r)
{
    if (r->num_heads) {
        belay_str_add(s, "heads: ");
        belay_recipe_write_heads(r, s);
        belay_str_add(s, "\n");
        return;
    }
    add_loss(s, r);
    belay_str_add(s, "metrics: [");
    for (int i = 0; i < r->num_metrics; i++)
        belay_str_addf(s, "%s%s", i ? ", " : "", r->metrics[i]->name);
    belay_str_add(s, "]\n");
}

static void add_named(struct belay_str *s, const struct belay_recipe *r)
{
    add_loss_and_metrics(s, r);
    add_optimizer(s, r);
    belay_str_add(s, "schedule: ");
    belay_schedule_text(s, r);
    belay_str_add(s, "\n");
}

static void add_model(struct belay_str *s, const struct belay_yaml *model)
{
    belay_str_add(s, "model:\n");
    for (const struct belay_yaml *c = model->first; c; c = c->next) {
        belay_str_addf(s, "  %s:", c->key);
        if (c->kind == BELAY_YAML_LIST && strcmp(c->key, "layers") == 0 && c->first) {
            for (const struct belay_yaml *layer = c->first; layer; layer = layer->next) {
                belay_str_add(s, "\n    - ");
                belay_str_add_yaml_tree(s, layer);
            }
        } else {
            belay_str_add(s, " ");
            belay_str_add_yaml_tree(s, c);
        }
        belay_str_add(s, "\n");
    }
}

static bool skipped(const struct belay_recipe *r, const struct belay_key *key)
{
    if (strncmp(key->path, "data.normalize.", 15) == 0)
        return !r->data.has_normalize;
    // Written on one line with the name.
    return strncmp(key->path, "schedule.", 9) == 0 || strncmp(key->path, "optimizer.", 10) == 0;
}

// "a.b.c" after "a.x": the sections that are not open yet, then "c: ".
static void add_path(struct belay_str *s, const char *path, const char *before)
{
    int depth = 0;
    const char *part = path;
    bool same = true;
    for (const char *dot; (dot = strchr(part, '.')); part = dot + 1, depth++) {
        size_t length = (size_t) (dot - path) + 1;
        same = same && strncmp(path, before, length) == 0;
        if (!same)
            belay_str_addf(s, "%*s%.*s:\n", depth * 2, "", (int) (dot - part), part);
    }
    belay_str_addf(s, "%*s%s: ", depth * 2, "", part);
}

belay_status belay_recipe_write(const struct belay_recipe *r, char **text)
{
    struct belay_str s = { 0 }, value = { 0 };
    const char *before = "";
    bool failed = false;
    if (r->model)
        add_model(&s, r->model);
    for (const struct belay_key *key = belay_recipe_keys; key->path; key++) {
        if (strcmp(key->path, "loss") == 0)
            add_named(&s, r);
        belay_str_clear(&value);
        if (skipped(r, key) || !belay_recipe_value_text(r, key, &value))
            continue;
        add_path(&s, key->path, before);
        belay_str_addf(&s, "%s\n", value.text ? value.text : "\"\"");
        before = key->path;
        failed = failed || value.failed;
    }
    failed = failed || s.failed;
    belay_str_free(&value);
    if (failed) {
        belay_str_free(&s);
        return belay_fail_nomem(r->log, s.length);
    }
    *text = s.text;
    return BELAY_OK;
}
