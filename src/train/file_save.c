// Named states and values into one file of any format.
#include <stdlib.h>
#include <string.h>

#include <belay/file.h>

#include "base/str.h"
#include "device/context.h"
#include "format/json.h"
#include "format/pth.h"
#include "format/st_types.h"
#include "format/weights.h"
#include "train/file_rename.h"

struct saver {
    struct belay_log *log;
    const char *path;
    const belay_file_params *params;
    const struct belay_weights_format *format;
    bool convert;
    belay_dtype to;
    struct belay_arena arena; // names and converted tensors
    struct belay_st_item *items;
    struct belay_st_meta_item *meta;
    size_t count, meta_count;
    size_t infinite; // elements that the new type cannot hold
};

static belay_status find_format(struct saver *s)
{
    const char *name = s->params->format;

    if (name) {
        s->format = belay_weights_format_named(name);
        if (!s->format)
            return belay_fail(s->log, BELAY_ERR_ARG, "%s: unknown format '%s', want safetensors, "
                              "shards, pth or npz", s->path, name);
        return BELAY_OK;
    }
    s->format = belay_weights_format_of(s->path);
    if (!s->format)
        return belay_fail(s->log, BELAY_ERR_ARG, "%s: no format has this suffix: want .safetensors, "
                          ".safetensors.index.json, .pth, .pt, .bin, .ckpt or .npz", s->path);
    return BELAY_OK;
}

static belay_status find_dtype(struct saver *s)
{
    const char *name = s->params->dtype;

    if (!name)
        return BELAY_OK;
    s->convert = true;
    if (strcmp(name, "f16") == 0 || strcmp(name, "F16") == 0)
        s->to = BELAY_F16;
    else if (strcmp(name, "bf16") == 0 || strcmp(name, "BF16") == 0)
        s->to = BELAY_BF16;
    else if (strcmp(name, "f32") == 0 || strcmp(name, "F32") == 0)
        s->to = BELAY_F32;
    else
        return belay_fail(s->log, BELAY_ERR_ARG, "%s: unknown type '%s', want f16, bf16 or f32",
                          s->path, name);
    return BELAY_OK;
}

// "model" and "fc.weight" to "model.fc.weight"; either may be NULL.
static belay_status join(struct saver *s, const char *state, const char *name, const char **out)
{
    size_t a = state ? strlen(state) : 0, b = name ? strlen(name) : 0;
    char *made = belay_arena_alloc(&s->arena, a + b + 2);

    if (!made)
        return belay_fail_nomem(s->log, a + b + 2);
    memcpy(made, state ? state : "", a);
    if (state && name)
        made[a++] = '.';
    memcpy(made + a, name ? name : "", b + 1);
    if (!name)
        made[a] = '\0';
    *out = made;
    return BELAY_OK;
}

static size_t count_infinite(const struct belay_st_item *item)
{
    size_t count = (size_t) belay_shape_count(&item->shape), step = belay_dtype_size(item->dtype);
    size_t found = 0;

    for (size_t i = 0; i < count; i++) {
        double v = belay_dtype_load(item->dtype, (const char *) item->data + i * step);
        found += v - v != 0;
    }
    return found;
}

static belay_status convert(struct saver *s, struct belay_st_item *item)
{
    bool floating = item->dtype == BELAY_F32 || item->dtype == BELAY_F64 ||
                    item->dtype == BELAY_F16 || item->dtype == BELAY_BF16;
    size_t count = (size_t) belay_shape_count(&item->shape), size;

    if (!s->convert || !floating || item->dtype == s->to)
        return BELAY_OK;
    struct belay_st_item made = *item;
    made.dtype = s->to;
    if (!belay_mul_size(count, belay_dtype_size(s->to), &size))
        return belay_fail_nomem(s->log, SIZE_MAX);
    void *data = belay_arena_alloc(&s->arena, size);
    if (!data)
        return belay_fail_nomem(s->log, size);
    belay_dtype_convert(item->dtype, item->data, s->to, data, count);
    made.data = data;
    s->infinite += count_infinite(&made) - count_infinite(item);
    *item = made;
    return BELAY_OK;
}

static belay_status add_tensor(struct saver *s, const char *name, const belay_file_entry *e)
{
    struct belay_st_item *item = &s->items[s->count];

    if (!e->dtype || belay_st_type_find(e->dtype) < 0)
        return belay_fail(s->log, BELAY_ERR_ARG, "%s: tensor '%s': unknown type '%s'", s->path,
                          name, e->dtype ? e->dtype : "");
    *item = (struct belay_st_item){ .name = name, .data = e->data };
    if (!belay_dtype_parse(e->dtype, &item->dtype))
        item->dtype = belay_st_other_type(e->dtype);
    belay_status status = belay_shape_make(s->log, e->rank, e->dim, &item->shape);
    if (status != BELAY_OK)
        return belay_fail_in(s->log, status, "%s: tensor '%s'", s->path, name);
    s->count++;
    return convert(s, item);
}

static belay_status add_entry(struct saver *s, const char *state, const belay_file_entry *e)
{
    const char *name = NULL;

    BELAY_TRY(join(s, state, e->name, &name));
    if (!e->text)
        return add_tensor(s, name, e);
    // Digests are made anew.
    if (strcmp(name, "belay.digest") != 0 && strcmp(name, "belay.digests") != 0)
        s->meta[s->meta_count++] = (struct belay_st_meta_item){ name, e->text };
    return BELAY_OK;
}

static belay_status add_all(struct saver *s, const belay_file_state *states, size_t num)
{
    size_t total = 0;

    for (size_t i = 0; i < num; i++)
        total += states[i].count;
    s->items = belay_alloc_array(total + 1, sizeof(*s->items));
    s->meta = belay_alloc_array(total + 3, sizeof(*s->meta));
    if (!s->items || !s->meta)
        return belay_fail_nomem(s->log, total * sizeof(*s->items));
    for (size_t i = 0; i < num; i++)
        for (size_t e = 0; e < states[i].count; e++)
            BELAY_TRY(add_entry(s, states[i].name, &states[i].entries[e]));
    return BELAY_OK;
}

// ---- the tree of states ----

static void add_key(struct belay_str *tree, const char *name)
{
    struct belay_str key = { 0 };

    if (name[0] == '#' || strcmp(name, BELAY_TREE_TUPLE) == 0)
        belay_str_add(&key, BELAY_TREE_TEXT);
    belay_str_add(&key, name);
    belay_str_add_json(tree, key.text ? key.text : "");
    belay_str_add(tree, ":");
    tree->failed = tree->failed || key.failed;
    belay_str_free(&key);
}

static belay_status add_state(struct saver *s, struct belay_str *tree, const belay_file_state *state)
{
    bool lone = state->count == 1 && !state->entries[0].name;

    if (state->name && !lone) {
        add_key(tree, state->name);
        belay_str_add(tree, "{");
    }
    for (size_t e = 0; e < state->count; e++) {
        const char *name = lone ? state->name : state->entries[e].name;
        if (!name)
            return belay_fail(s->log, BELAY_ERR_ARG, "%s: entry %zu of state '%s' has no name",
                              s->path, e, state->name ? state->name : "");
        belay_str_add(tree, e ? "," : "");
        add_key(tree, name);
        belay_str_add(tree, "null");
    }
    if (state->name && !lone)
        belay_str_add(tree, "}");
    return BELAY_OK;
}

// {"model": {"fc.weight": null, …}, "epoch": null}; nothing for one state without a name.
static belay_status add_tree(struct saver *s, const belay_file_state *states, size_t num)
{
    struct belay_str tree = { 0 };
    belay_status status = BELAY_OK;

    if (num == 1 && !states[0].name)
        return BELAY_OK;
    belay_str_add(&tree, "{");
    for (size_t i = 0; i < num; i++) {
        belay_str_add(&tree, i ? "," : "");
        BELAY_TRY_DONE(add_state(s, &tree, &states[i]));
    }
    belay_str_add(&tree, "}");
    char *copy = tree.failed ? NULL : belay_arena_strdup(&s->arena, tree.text);
    if (!copy)
        BELAY_TRY_DONE(belay_fail_nomem(s->log, tree.length));
    s->meta[s->meta_count++] = (struct belay_st_meta_item){ BELAY_TREE_KEY, copy };
done:
    belay_str_free(&tree);
    return status;
}

// ---- weights alone, other names ----

static const char *meta_of(const struct saver *s, const char *key)
{
    for (size_t i = 0; i < s->meta_count; i++)
        if (strcmp(s->meta[i].key, key) == 0)
            return s->meta[i].value;
    return NULL;
}

// Of PyTorch's checkpoints the model's state; of ours what is not the optimizer's.
static belay_status keep_weights(struct saver *s)
{
    const char *prefix = belay_weights_prefix(meta_of(s, BELAY_TREE_KEY));
    bool ours = meta_of(s, "belay.state") != NULL;
    size_t length = strlen(prefix), kept = 0;

    for (size_t i = 0; i < s->count; i++) {
        if (strncmp(s->items[i].name, prefix, length) != 0 ||
            (ours && strncmp(s->items[i].name, "optim.", 6) == 0))
            continue;
        s->items[kept] = s->items[i];
        s->items[kept++].name += length;
    }
    if (!kept && s->count)
        return belay_fail(s->log, BELAY_ERR_MISMATCH, "%s: no tensors in the model's state '%s'",
                          s->path, prefix);
    s->count = kept;
    s->meta_count = 0;
    return BELAY_OK;
}

static belay_status rename_one(struct saver *s, struct belay_st_item *item, bool *used)
{
    struct belay_str name = { 0 };
    belay_status status = BELAY_OK;

    for (size_t i = 0; i < s->params->num_rename; i++) {
        if (!belay_rename_apply(s->params->rename[i], item->name, &name))
            continue;
        used[i] = true;
        item->name = name.failed ? NULL
                                 : belay_arena_strdup(&s->arena, name.text ? name.text : "");
        if (!item->name)
            status = belay_fail_nomem(s->log, name.length);
        break;
    }
    belay_str_free(&name);
    return status;
}

// The nesting names tensors as they were: it goes.
static void drop_tree(struct saver *s)
{
    for (size_t i = 0; i < s->meta_count; i++)
        if (strcmp(s->meta[i].key, BELAY_TREE_KEY) == 0)
            s->meta[i--] = s->meta[--s->meta_count];
}

static belay_status rename_all(struct saver *s)
{
    size_t num = s->params->num_rename;
    bool *used = belay_alloc_array(num + 1, sizeof(*used));
    belay_status status = used ? BELAY_OK : belay_fail_nomem(s->log, num);

    for (size_t i = 0; i < num && status == BELAY_OK; i++)
        status = belay_rename_check(s->log, s->params->rename[i]);
    for (size_t i = 0; i < s->count && num && status == BELAY_OK; i++)
        status = rename_one(s, &s->items[i], used);
    for (size_t i = 0; i < num && status == BELAY_OK; i++)
        if (!used[i])
            status = belay_fail(s->log, BELAY_ERR_ARG, "rename '%s' fits no tensor",
                                s->params->rename[i]);
    if (num)
        drop_tree(s);
    belay_free(used);
    return status;
}

static int compare_names(const void *a, const void *b)
{
    return strcmp(*(const char *const *) a, *(const char *const *) b);
}

static belay_status refuse_duplicates(struct saver *s)
{
    const char **names = belay_alloc_array(s->count + 1, sizeof(*names));
    belay_status status = BELAY_OK;

    if (!names)
        return belay_fail_nomem(s->log, s->count * sizeof(*names));
    for (size_t i = 0; i < s->count; i++)
        names[i] = s->items[i].name;
    qsort(names, s->count, sizeof(*names), compare_names);
    for (size_t i = 1; i < s->count && status == BELAY_OK; i++)
        if (strcmp(names[i - 1], names[i]) == 0)
            status = belay_fail(s->log, BELAY_ERR_ARG, "%s: two tensors are named '%s'", s->path,
                                names[i]);
    belay_free(names);
    return status;
}

// Readers of safetensors look for it.
static void add_format(struct saver *s)
{
    for (size_t i = 0; i < s->meta_count; i++)
        if (strcmp(s->meta[i].key, "format") == 0)
            return;
    s->meta[s->meta_count++] = (struct belay_st_meta_item){ "format", "pt" };
}

static belay_status write(struct saver *s)
{
    bool plain = s->params->plain;
    struct belay_weights w = { .items = s->items, .count = s->count, .meta = s->meta,
                               .digest = !plain, .shard_size = s->params->shard_size };

    if (s->format->meta && !plain)
        add_format(s);
    w.meta_count = plain ? 0 : s->meta_count;
    if (s->infinite)
        belay_say(s->log, BELAY_LOG_WARN, "%s: %zu values are too large for %s: they became "
                  "infinite", s->path, s->infinite, s->params->dtype);
    bool kept = s->format->meta || (meta_of(s, BELAY_TREE_KEY) && strcmp(s->format->name, "pth") == 0);
    if (s->meta_count && !kept && !plain)
        belay_say(s->log, BELAY_LOG_WARN, "%s: %zu values of metadata are left out: a %s file "
                  "of tensors has no place for them", s->path, s->meta_count, s->format->name);
    return belay_weights_write(s->log, s->path, s->format, &w);
}

belay_status belay_file_save(belay_ctx *ctx, const char *path, const belay_file_state *states,
                             size_t num, const belay_file_params *params)
{
    static const belay_file_params defaults = { 0 };
    struct saver s = { .log = &ctx->log, .path = path, .params = params ? params : &defaults };
    belay_status status;

    BELAY_TRY_DONE(find_format(&s));
    BELAY_TRY_DONE(find_dtype(&s));
    BELAY_TRY_DONE(add_all(&s, states, num));
    BELAY_TRY_DONE(add_tree(&s, states, num));
    if (s.params->weights_only)
        BELAY_TRY_DONE(keep_weights(&s));
    BELAY_TRY_DONE(rename_all(&s));
    BELAY_TRY_DONE(refuse_duplicates(&s));
    BELAY_TRY_DONE(write(&s));
done:
    belay_arena_free(&s.arena);
    belay_free(s.items);
    belay_free(s.meta);
    return status;
}
