// NAME.safetensors.index.json: which tensor is in which of several safetensors files beside it.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "format/json.h"
#include "format/weights.h"

#define SUFFIX ".safetensors.index.json"
#define MAX_SHARDS 10000
#define SHARD_SIZE 5000000000u

// ---- reading ----

struct reader {
    struct belay_log *log;
    const char *path;
    struct belay_st *st;
    const struct belay_json *map; // name -> file
    const char **files;           // sorted, unique
    size_t num_files;
    struct belay_json_doc doc;
};

// Below the index's folder, whatever the names are.
static bool stays_inside(const char *file)
{
    size_t length = strlen(file);

    if (!length || length > 1000 || strchr(file, '\\') || strchr(file, ':') || file[0] == '/' ||
        file[length - 1] == '/' || strstr(file, "//"))
        return false;
    for (const char *part = file; part; part = strchr(part, '/')) {
        part += *part == '/';
        size_t size = strcspn(part, "/");
        if ((size == 1 && part[0] == '.') || (size == 2 && part[0] == '.' && part[1] == '.'))
            return false;
    }
    return true;
}

static int compare_texts(const void *a, const void *b)
{
    return strcmp(*(const char *const *) a, *(const char *const *) b);
}

static belay_status list_files(struct reader *r)
{
    size_t count = 0;

    r->files = belay_alloc_array(r->map->count + 1, sizeof(*r->files));
    if (!r->files)
        return belay_fail_nomem(r->log, r->map->count * sizeof(*r->files));
    for (const struct belay_json *t = r->map->first; t; t = t->next) {
        if (t->kind != BELAY_JSON_STRING)
            return belay_fail(r->log, BELAY_ERR_DAMAGED, "%s: weight_map: '%.200s' names no file",
                              r->path, t->key);
        if (!stays_inside(t->string))
            return belay_fail(r->log, BELAY_ERR_DAMAGED, "%s: weight_map: '%.200s' is in '%.200s', "
                              "outside the folder", r->path, t->key, t->string);
        r->files[count++] = t->string;
    }
    qsort(r->files, count, sizeof(*r->files), compare_texts);
    for (size_t i = 0; i < count; i++)
        if (i == 0 || strcmp(r->files[i], r->files[r->num_files - 1]) != 0)
            r->files[r->num_files++] = r->files[i];
    if (r->num_files > MAX_SHARDS)
        return belay_fail(r->log, BELAY_ERR_DAMAGED, "%s: %zu files, at most %d are read", r->path,
                          r->num_files, MAX_SHARDS);
    return BELAY_OK;
}

static char *beside(const char *path, const char *file)
{
    const char *slash = strrchr(path, '/');
    struct belay_str s = { 0 };

    if (slash)
        belay_str_add_bytes(&s, path, (size_t) (slash - path) + 1);
    belay_str_add(&s, file);
    if (!s.failed)
        return s.text;
    belay_str_free(&s);
    return NULL;
}

static belay_status read_files(struct reader *r)
{
    r->st->parts = belay_alloc_array(r->num_files + 1, sizeof(*r->st->parts));
    if (!r->st->parts)
        return belay_fail_nomem(r->log, r->num_files * sizeof(*r->st->parts));
    for (size_t i = 0; i < r->num_files; i++) {
        char *path = beside(r->path, r->files[i]);
        if (!path)
            return belay_fail_nomem(r->log, strlen(r->files[i]));
        belay_status status = belay_st_read(r->log, path, &r->st->parts[i]);
        r->st->num_parts += status == BELAY_OK;
        belay_free(path);
        if (status != BELAY_OK)
            return status;
    }
    return BELAY_OK;
}

static int compare_entries(const void *a, const void *b)
{
    return strcmp(((const struct belay_st_entry *) a)->name,
                  ((const struct belay_st_entry *) b)->name);
}

static int compare_members(const void *a, const void *b)
{
    return strcmp((*(const struct belay_json *const *) a)->key,
                  (*(const struct belay_json *const *) b)->key);
}

// Tensors of all files, sorted by name.
static belay_status gather(struct reader *r)
{
    struct belay_st *st = r->st;
    size_t count = 0, at = 0;

    for (size_t i = 0; i < st->num_parts; i++)
        count += st->parts[i].count;
    st->entries = belay_arena_array(&st->arena, count, sizeof(*st->entries));
    if (!st->entries)
        return belay_fail_nomem(r->log, count * sizeof(*st->entries));
    for (size_t i = 0; i < st->num_parts; i++) {
        if (st->parts[i].count)
            memcpy(st->entries + at, st->parts[i].entries,
                   st->parts[i].count * sizeof(*st->entries));
        at += st->parts[i].count;
    }
    qsort(st->entries, count, sizeof(*st->entries), compare_entries);
    st->count = count;
    for (size_t i = 1; i < count; i++)
        if (strcmp(st->entries[i - 1].name, st->entries[i].name) == 0)
            return belay_fail(r->log, BELAY_ERR_DAMAGED, "%s: tensor '%.200s' is in two files",
                              r->path, st->entries[i].name);
    return BELAY_OK;
}

// Both lists are sorted by name; they must be the same.
static belay_status compare_lists(struct reader *r, const struct belay_json **members)
{
    const struct belay_st *st = r->st;
    size_t i = 0, j = 0;

    while (i < r->map->count || j < st->count) {
        int order = i == r->map->count ? 1
                    : j == st->count   ? -1
                                       : strcmp(members[i]->key, st->entries[j].name);
        if (order < 0)
            return belay_fail(r->log, BELAY_ERR_DAMAGED, "%s: tensor '%.200s' is missing: '%.200s' "
                              "should hold it", r->path, members[i]->key, members[i]->string);
        if (order > 0)
            return belay_fail(r->log, BELAY_ERR_DAMAGED, "%s: tensor '%.200s' of its files is not "
                              "in weight_map", r->path, st->entries[j].name);
        i++;
        j++;
    }
    return BELAY_OK;
}

// Each tensor lies in the file that the map names.
static belay_status check_places(struct reader *r, const struct belay_json **members)
{
    for (size_t p = 0; p < r->st->num_parts; p++) {
        const struct belay_st *part = &r->st->parts[p];
        for (size_t i = 0; i < part->count; i++) {
            const struct belay_json key = { .key = part->entries[i].name }, *wanted = &key;
            const struct belay_json **found = bsearch(&wanted, members, r->map->count,
                                                      sizeof(*members), compare_members);
            if (!found || strcmp((*found)->string, r->files[p]) != 0)
                return belay_fail(r->log, BELAY_ERR_DAMAGED,
                                  "%s: tensor '%.200s' lies in '%.200s', "
                                  "weight_map says '%.200s'",
                                  r->path, part->entries[i].name, r->files[p],
                                  found ? (*found)->string : "nothing");
        }
    }
    return BELAY_OK;
}

static belay_status check_tensors(struct reader *r)
{
    const struct belay_json **members = belay_alloc_array(r->map->count + 1, sizeof(*members));
    belay_status status;
    size_t count = 0;

    if (!members)
        return belay_fail_nomem(r->log, r->map->count * sizeof(*members));
    for (const struct belay_json *t = r->map->first; t; t = t->next)
        members[count++] = t;
    qsort(members, count, sizeof(*members), compare_members);
    status = compare_lists(r, members);
    if (status == BELAY_OK)
        status = check_places(r, members);
    belay_free(members);
    return status;
}

// Metadata of all files; of keys in several the first file's. Digests are of single files.
static belay_status gather_meta(struct reader *r)
{
    struct belay_st *st = r->st;
    size_t count = 0;

    for (size_t i = 0; i < st->num_parts; i++)
        count += st->parts[i].meta_count;
    st->meta_keys = belay_arena_array(&st->arena, count, sizeof(*st->meta_keys));
    st->meta_values = belay_arena_array(&st->arena, count, sizeof(*st->meta_values));
    if (!st->meta_keys || !st->meta_values)
        return belay_fail_nomem(r->log, count * sizeof(*st->meta_keys));
    for (size_t i = 0; i < st->num_parts; i++) {
        const struct belay_st *part = &st->parts[i];
        for (size_t m = 0; m < part->meta_count; m++) {
            if (strcmp(part->meta_keys[m], "belay.digest") == 0 ||
                strcmp(part->meta_keys[m], "belay.digests") == 0 ||
                (i > 0 && belay_st_meta(st, part->meta_keys[m])))
                continue;
            st->meta_keys[st->meta_count] = part->meta_keys[m];
            st->meta_values[st->meta_count++] = part->meta_values[m];
        }
    }
    return BELAY_OK;
}

static belay_status read_all(struct reader *r)
{
    BELAY_TRY(belay_json_parse(r->log, r->path, r->st->bytes, r->st->size, &r->doc));
    r->map = r->doc.root->kind == BELAY_JSON_OBJECT ? belay_json_get(r->doc.root, "weight_map")
                                                    : NULL;
    if (!r->map || r->map->kind != BELAY_JSON_OBJECT || !r->map->count)
        return belay_fail(r->log, BELAY_ERR_DAMAGED, "%s: no weight_map with tensors in it",
                          r->path);
    BELAY_TRY(list_files(r));
    BELAY_TRY(read_files(r));
    BELAY_TRY(gather(r));
    BELAY_TRY(check_tensors(r));
    return gather_meta(r);
}

static belay_status parse(struct belay_log *log, const char *path, char *bytes, size_t size,
                          struct belay_st *st)
{
    struct reader r = { .log = log, .path = path, .st = st };
    belay_status status;

    *st = (struct belay_st){ .bytes = bytes, .size = size };
    status = read_all(&r);
    belay_json_finish(&r.doc);
    belay_free(r.files);
    if (status != BELAY_OK)
        belay_st_finish(st);
    return status;
}

// ---- writing ----

struct writer {
    struct belay_log *log;
    const char *path;
    const struct belay_weights *w;
    struct belay_st_item *items; // sorted by name
    size_t *shard;               // of each
    size_t num_shards;
    uint64_t total;
};

static int compare_items(const void *a, const void *b)
{
    return strcmp(((const struct belay_st_item *) a)->name,
                  ((const struct belay_st_item *) b)->name);
}

// By name, a new shard when the next tensor would not fit.
static belay_status divide(struct writer *s)
{
    uint64_t most = s->w->shard_size ? s->w->shard_size : SHARD_SIZE, used = 0;

    s->items = belay_alloc_array(s->w->count + 1, sizeof(*s->items));
    s->shard = belay_alloc_array(s->w->count + 1, sizeof(*s->shard));
    if (!s->items || !s->shard)
        return belay_fail_nomem(s->log, s->w->count * sizeof(*s->items));
    if (s->w->count) {
        memcpy(s->items, s->w->items, s->w->count * sizeof(*s->items));
        qsort(s->items, s->w->count, sizeof(*s->items), compare_items);
    }
    s->num_shards = 1;
    for (size_t i = 0; i < s->w->count; i++) {
        uint64_t size = belay_st_item_size(&s->items[i]);
        if (used && size > most - (used < most ? used : most)) {
            s->num_shards++;
            used = 0;
        }
        used += size;
        s->total += size;
        s->shard[i] = s->num_shards;
    }
    if (s->num_shards > MAX_SHARDS)
        return belay_fail(s->log, BELAY_ERR_ARG, "%s: %zu shards, at most %d are written", s->path,
                          s->num_shards, MAX_SHARDS);
    return BELAY_OK;
}

// "model-00001-of-00003.safetensors" beside the index.
static char *shard_name(const struct writer *s, size_t shard, bool whole)
{
    const char *slash = strrchr(s->path, '/');
    const char *from = whole || !slash ? s->path : slash + 1;
    size_t length = strlen(from) - strlen(SUFFIX);
    struct belay_str name = { 0 };

    belay_str_add_bytes(&name, from, length);
    belay_str_addf(&name, "-%05zu-of-%05zu.safetensors", shard, s->num_shards);
    if (!name.failed)
        return name.text;
    belay_str_free(&name);
    return NULL;
}

// All metadata stands in the first shard, "format" in each.
static belay_status write_shard(struct writer *s, size_t shard, size_t first, size_t count)
{
    const struct belay_weights *w = s->w;
    const struct belay_st_meta_item *meta = w->meta;
    size_t meta_count = w->meta_count;
    char *path = shard_name(s, shard, true);

    if (!path)
        return belay_fail_nomem(s->log, strlen(s->path));
    for (size_t i = 0; shard > 1 && i < w->meta_count; i++)
        if (strcmp(w->meta[i].key, "format") == 0)
            meta = &w->meta[i];
    if (shard > 1)
        meta_count = w->meta_count && strcmp(meta->key, "format") == 0;
    belay_status status = belay_st_write(s->log, path, s->items + first, count, meta, meta_count,
                                         w->digest, NULL);
    belay_free(path);
    return status;
}

static belay_status write_shards(struct writer *s)
{
    size_t first = 0;

    for (size_t shard = 1; shard <= s->num_shards; shard++) {
        size_t end = first;
        while (end < s->w->count && s->shard[end] == shard)
            end++;
        BELAY_TRY(write_shard(s, shard, first, end - first));
        first = end;
    }
    return BELAY_OK;
}

// As Hugging Face's writers lay it out: two spaces, names sorted.
static belay_status write_index(struct writer *s)
{
    struct belay_str out = { 0 };
    belay_status status = BELAY_OK;

    belay_str_addf(&out,
                   "{\n  \"metadata\": {\n    \"total_size\": %llu\n  },\n  \"weight_map\": {",
                   (unsigned long long) s->total);
    for (size_t i = 0; i < s->w->count && status == BELAY_OK; i++) {
        char *file = shard_name(s, s->shard[i], false);
        belay_str_add(&out, i ? ",\n    " : "\n    ");
        belay_str_add_json(&out, s->items[i].name);
        belay_str_add(&out, ": ");
        belay_str_add_json(&out, file ? file : "");
        if (!file)
            status = belay_fail_nomem(s->log, strlen(s->path));
        belay_free(file);
    }
    belay_str_add(&out, "\n  }\n}\n");
    if (status == BELAY_OK && out.failed)
        status = belay_fail_nomem(s->log, out.capacity);
    if (status == BELAY_OK)
        status = belay_file_write(s->log, s->path, out.text, out.length);
    belay_str_free(&out);
    return status;
}

// The index last: until then an older one still names its own files.
static belay_status write(struct belay_log *log, const char *path, const struct belay_weights *w)
{
    struct writer s = { .log = log, .path = path, .w = w };
    size_t length = strlen(path), tail = strlen(SUFFIX);
    belay_status status;

    if (length < tail || strcmp(path + length - tail, SUFFIX) != 0)
        return belay_fail(log, BELAY_ERR_ARG, "%s: an index of shards must end in " SUFFIX, path);
    BELAY_TRY_DONE(divide(&s));
    BELAY_TRY_DONE(write_shards(&s));
    BELAY_TRY_DONE(write_index(&s));
done:
    belay_free(s.items);
    belay_free(s.shard);
    return status;
}

const struct belay_weights_format belay_format_shards = {
    .name = "shards",
    .suffixes = { SUFFIX },
    .meta = true,
    .parse = parse,
    .write = write,
};
