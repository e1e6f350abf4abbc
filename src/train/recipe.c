#include "train/recipe_inner.h"

#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "base/str.h"
#include "device/context.h"

#define MAX_RECIPE (1u << 20)
#define MAX_KEYS 128

static bool starts_section(const char *path)
{
    size_t length = strlen(path);
    for (const struct belay_key *key = belay_recipe_keys; key->path; key++)
        if (strncmp(key->path, path, length) == 0 && key->path[length] == '.')
            return true;
    return false;
}

// A key whose last part is the same: "lr" is looked for in all sections.
static const char *same_last_part(const char *path, const char *const *paths, size_t count)
{
    const char *dot = strrchr(path, '.');
    const char *last = dot ? dot + 1 : path;
    for (size_t i = 0; i < count; i++) {
        const char *other = strrchr(paths[i], '.');
        if (other && strcmp(other + 1, last) == 0)
            return paths[i];
    }
    return NULL;
}

// The section, or key without one, that a word is nearest to; NULL when it is one, or far from all.
static const char *near_section(const char *word)
{
    static const char *const named[] = { "model", "data", "split", "loss", "metrics", "optimizer",
                                         "schedule", "train", "check", "stop", "checkpoint", "run",
                                         "sweep", "device", "init" };
    size_t count = sizeof(named) / sizeof(named[0]);
    for (size_t i = 0; i < count; i++)
        if (strcmp(named[i], word) == 0)
            return NULL;
    return belay_suggest(word, named, count);
}

static belay_status unknown_key(struct belay_recipe *r, const struct belay_yaml *node,
                                const char *prefix)
{
    const char *paths[MAX_KEYS];
    size_t count = 0;
    for (const struct belay_key *key = belay_recipe_keys; key->path && count < MAX_KEYS - 2; key++)
        paths[count++] = key->path;
    paths[count++] = "model";
    paths[count++] = "optimizer.lr";
    // For a misspelt section, its first key says more: 'trian.batch'.
    char path[256];
    if (node->kind == BELAY_YAML_MAP && node->first)
        snprintf(path, sizeof(path), "%s%s.%s", prefix, node->key, node->first->key);
    else
        snprintf(path, sizeof(path), "%s%s", prefix, node->key);
    const char *near = belay_suggest(path, paths, count);
    // But not where the table does not have it: 'optimiser.name'.
    const char *section = !*prefix && node->kind == BELAY_YAML_MAP ? near_section(node->key) : NULL;
    const char *dot = near ? strrchr(near, '.') : NULL, *last = strrchr(path, '.');
    if (section && (!dot || !last || strcmp(dot, last) != 0))
        return belay_recipe_bad(r, node, "unknown key '%s', did you mean '%s'?", node->key, section);
    if (!near)
        near = same_last_part(path, paths, count);
    if (near)
        return belay_recipe_bad(r, node, "unknown key '%s', did you mean '%s'?", path, near);
    return belay_recipe_bad(r, node, "unknown key '%s'; `belay config` lists all keys", path);
}

// Every key of `map` must be in the table; `prefix` is "" or "train.".
static belay_status check_keys(struct belay_recipe *r, const struct belay_yaml *map,
                               const char *prefix)
{
    for (const struct belay_yaml *c = map->first; c; c = c->next) {
        char path[256];
        snprintf(path, sizeof(path), "%s%s", prefix, c->key);
        if (belay_recipe_key(path))
            continue;
        if (!starts_section(path))
            return unknown_key(r, c, prefix);
        if (c->kind == BELAY_YAML_MAP) {
            snprintf(path, sizeof(path), "%s%s.", prefix, c->key);
            BELAY_TRY(check_keys(r, c, path));
        } else if (!belay_recipe_is_empty(c) &&
                   !(strcmp(path, "stop") == 0 && belay_recipe_is_off(c))) {
            return belay_recipe_bad(r, c, "%s: want a map", path);
        }
    }
    return BELAY_OK;
}

const struct belay_yaml *belay_recipe_node(const struct belay_recipe *r, const char *path)
{
    const struct belay_yaml *node = r->doc.root;
    char part[64];
    while (node && node->kind == BELAY_YAML_MAP) {
        size_t length = strcspn(path, ".");
        snprintf(part, sizeof(part), "%.*s", (int) length, path);
        node = belay_yaml_get(node, part);
        if (!path[length])
            return node;
        path += length + 1;
    }
    return NULL;
}

static belay_status read_values(struct belay_recipe *r)
{
    for (const struct belay_key *key = belay_recipe_keys; key->path; key++)
        if (key->kind != BELAY_KEY_OWN)
            BELAY_TRY(belay_recipe_value(r, key, belay_recipe_node(r, key->path)));
    const struct belay_yaml *stop = belay_yaml_get(r->doc.root, "stop");
    if (stop && belay_recipe_is_off(stop))
        r->stop.patience.value = -1;
    r->sweep = belay_yaml_get(r->doc.root, "sweep");
    r->also = belay_recipe_node(r, "stop.also");
    r->bests = belay_recipe_node(r, "checkpoint.best");
    const struct belay_yaml *normalize = belay_recipe_node(r, "data.normalize");
    r->data.has_normalize = normalize && normalize->kind == BELAY_YAML_MAP;
    r->has_data = r->data.num_train > 0 || r->data.format;
    return BELAY_OK;
}

// The layers themselves are checked when they are built.
static belay_status read_model(struct belay_recipe *r)
{
    const struct belay_yaml *model = belay_yaml_get(r->doc.root, "model");
    if (!model || belay_recipe_is_empty(model))
        return BELAY_OK;
    if (model->kind != BELAY_YAML_MAP)
        return belay_recipe_bad(r, model, "model: want a map with input and layers");
    const struct belay_yaml *layers = belay_yaml_get(model, "layers");
    if (!layers || layers->kind != BELAY_YAML_LIST || !layers->first)
        return belay_recipe_bad(r, layers ? layers : model, "model.layers: want a list of layers");
    r->model = model;
    return BELAY_OK;
}

static belay_status check_format(struct belay_recipe *r)
{
    size_t count = 0;
    bool known = !r->data.format;
    for (; belay_data_formats[count]; count++)
        known = known || strcmp(r->data.format, belay_data_formats[count]) == 0;
    if (known)
        return BELAY_OK;
    const char *near = belay_suggest(r->data.format, belay_data_formats, count);
    const struct belay_yaml *node = belay_recipe_node(r, "data.format");
    if (near)
        return belay_recipe_bad(r, node, "unknown data.format '%s', did you mean '%s'?",
                                r->data.format, near);
    return belay_recipe_bad(r, node, "unknown data.format '%s'; `belay config format` lists them",
                            r->data.format);
}

// What follows from several keys together.
static belay_status derive(struct belay_recipe *r)
{
    BELAY_TRY(check_format(r));
    BELAY_TRY(belay_recipe_stop(r));
    if (r->sampling && !r->shuffle)
        return belay_recipe_bad(r, belay_recipe_node(r, "data.sampling"),
                                "data.sampling: balanced draws its rows, it does not go with "
                                "data.shuffle: false");
    if (r->eval_batch == 0)
        r->eval_batch = r->batch > 256 ? r->batch : 256;
    const char *first = r->data.num_train > 0 ? r->data.train[0] : "";
    bool csv = r->data.format ? strcmp(r->data.format, "csv") == 0
                              : belay_glob("*.csv", first) || belay_glob("*.csv.gz", first) ||
                                    belay_glob("*.tsv", first) || belay_glob("*.tsv.gz", first);
    r->data.standardize = r->standardize == 1 || (r->standardize == 0 && csv);
    return BELAY_OK;
}

// "optimizer: sgd" to "optimizer: {name: sgd}", so that optimizer.lr=1 on the command line keeps
// the name.
static belay_status spread_names(struct belay_recipe *r)
{
    static const char *const sections[] = { "loss", "optimizer", "schedule" };
    for (struct belay_yaml *c = r->doc.root->first; c; c = c->next) {
        for (size_t i = 0; i < 3; i++) {
            if (strcmp(c->key, sections[i]) != 0 || c->kind != BELAY_YAML_SCALAR ||
                belay_recipe_is_empty(c))
                continue;
            struct belay_yaml *name = belay_arena_alloc(&r->doc.arena, sizeof(*name));
            if (!name)
                return belay_fail_nomem(r->log, sizeof(*name));
            *name = *c;
            name->key = "name";
            name->next = NULL;
            c->kind = BELAY_YAML_MAP;
            c->text = NULL;
            c->first = name;
            c->count = 1;
        }
    }
    return BELAY_OK;
}

static belay_status read_tree(struct belay_recipe *r, const char *const *overrides, size_t num)
{
    BELAY_TRY(belay_yaml_parse(r->log, r->name, r->source, &r->doc));
    for (size_t i = 0; i < num; i++) {
        BELAY_TRY(spread_names(r));
        BELAY_TRY(belay_yaml_override(r->log, &r->doc, overrides[i]));
    }
    BELAY_TRY(check_keys(r, r->doc.root, ""));
    BELAY_TRY(read_model(r));
    BELAY_TRY(read_values(r));
    BELAY_TRY(belay_recipe_named(r));
    BELAY_TRY(belay_recipe_write(r, &r->text));
    return derive(r);
}

belay_status belay_recipe_parse(belay_ctx *ctx, const char *text, const char *name,
                                const char *const *overrides, size_t num, belay_recipe **out)
{
    *out = NULL;
    belay_recipe *r = belay_alloc(sizeof(*r));
    if (!r)
        return belay_fail_nomem(&ctx->log, sizeof(*r));
    r->log = &ctx->log;
    r->name = belay_strdup(name ? name : "recipe");
    r->source = belay_strdup(text);
    belay_status status = r->name && r->source ? read_tree(r, overrides, num)
                                               : belay_fail_nomem(r->log, strlen(text));
    if (status != BELAY_OK)
        belay_recipe_destroy(&r);
    *out = r;
    return status;
}

belay_status belay_recipe_load(belay_ctx *ctx, const char *path, const char *const *overrides,
                               size_t num, belay_recipe **out)
{
    char *text;
    size_t size;
    *out = NULL;
    BELAY_TRY(belay_file_read(&ctx->log, path, MAX_RECIPE, &text, &size));
    belay_status status = strlen(text) == size
                              ? belay_recipe_parse(ctx, text, path, overrides, num, out)
                              : belay_fail(&ctx->log, BELAY_ERR_RECIPE,
                                           "%s: no text: a NUL byte at %zu", path, strlen(text));
    belay_free(text);
    return status;
}

void belay_recipe_destroy(belay_recipe **recipe)
{
    belay_recipe *r = *recipe;
    if (!r)
        return;
    belay_yaml_finish(&r->doc);
    belay_free(r->text);
    belay_free(r->source);
    belay_free(r->name);
    belay_free(r);
    *recipe = NULL;
}

const char *belay_recipe_text(const belay_recipe *recipe)
{
    return recipe->text;
}
