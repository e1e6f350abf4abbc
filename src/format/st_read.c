#include "format/safetensors.h"

#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "format/json.h"
#include "format/st_types.h"

#define MAX_HEADER 100000000u
#define MAX_NAME 4096

// One parse. Ranges are kept apart from the entries, which hold pointers.
struct reader {
    struct belay_log *log;
    const char *file;
    struct belay_st *st;
    struct belay_json_doc doc;
    const char *header;
    size_t header_size;
    uint64_t data_size;
    struct range {
        uint64_t begin, end;
        struct belay_st_entry entry;
    } * ranges;
    size_t digest_at; // of the digest's first digit in the header
    const char *digest;
};

static belay_status refuse(struct reader *r, const char *error_name)
{
    r->st->error_name = error_name;
    return BELAY_ERR_DAMAGED;
}

// The message is given first, so that the stable name stands beside it.
#define REFUSE(r, error_name, ...)                                                                 \
    (belay_fail((r)->log, BELAY_ERR_DAMAGED, __VA_ARGS__), refuse(r, error_name))

static belay_status read_length(struct reader *r, const char *bytes, size_t size)
{
    uint64_t n = 0;

    if (size < 8)
        return REFUSE(r, "E_HDR_SHORT", "%s: has %zu bytes, the length alone takes 8", r->file,
                      size);
    for (int i = 7; i >= 0; i--)
        n = n << 8 | (unsigned char) bytes[i];
    if (n > MAX_HEADER)
        return REFUSE(r, "E_HDR_TOO_LARGE", "%s: a header of %llu bytes, at most %u are read; "
                      "is it a safetensors file?", r->file, (unsigned long long) n, MAX_HEADER);
    if (n > size - 8)
        return REFUSE(r, "E_HDR_LEN", "%s: a header of %llu bytes, only %zu follow", r->file,
                      (unsigned long long) n, size - 8);
    r->header = bytes + 8;
    r->header_size = (size_t) n;
    r->data_size = size - 8 - n;
    return BELAY_OK;
}

static const char *json_error_name(const struct belay_json_doc *doc)
{
    bool meta = strcmp(doc->error_member, "__metadata__") == 0;

    switch (doc->error) {
    case BELAY_JSON_NOT_UTF8:
        return "E_HDR_UTF8";
    case BELAY_JSON_NUL:
        return meta && doc->error_depth > 1 ? "E_META" : "E_NAME";
    case BELAY_JSON_DUPLICATE:
        if (doc->error_depth == 1)
            return meta ? "E_HDR_JSON" : "E_DUP_NAME";
        return meta && doc->error_depth == 2 ? "E_DUP_META" : "E_HDR_JSON";
    case BELAY_JSON_MEMORY:
        return NULL;
    case BELAY_JSON_SYNTAX:
        break;
    }
    return "E_HDR_JSON";
}

static belay_status read_header(struct reader *r)
{
    belay_status status = belay_json_parse(r->log, r->file, r->header, r->header_size, &r->doc);

    if (status != BELAY_OK) {
        r->st->error_name = json_error_name(&r->doc);
        return status;
    }
    if (r->doc.root->kind != BELAY_JSON_OBJECT)
        return REFUSE(r, "E_HDR_JSON", "%s: the header is not a JSON object", r->file);
    return BELAY_OK;
}

static belay_status read_meta(struct reader *r, const struct belay_json *meta)
{
    struct belay_st *st = r->st;

    if (meta->kind == BELAY_JSON_NULL)
        return REFUSE(r, "E_META", "%s: __metadata__ is null", r->file);
    if (meta->kind != BELAY_JSON_OBJECT)
        return REFUSE(r, "E_HDR_JSON", "%s: __metadata__ is not an object", r->file);
    st->meta_keys = belay_arena_array(&st->arena, meta->count, sizeof(*st->meta_keys));
    st->meta_values = belay_arena_array(&st->arena, meta->count, sizeof(*st->meta_values));
    if (!st->meta_keys || !st->meta_values)
        return belay_fail_nomem(r->log, meta->count * sizeof(*st->meta_keys));
    for (const struct belay_json *c = meta->first; c; c = c->next) {
        if (c->kind != BELAY_JSON_STRING)
            return REFUSE(r, "E_HDR_JSON", "%s: __metadata__: '%s' is not a text", r->file, c->key);
        st->meta_keys[st->meta_count] = belay_arena_strdup(&st->arena, c->key);
        st->meta_values[st->meta_count] = belay_arena_strdup(&st->arena, c->string);
        if (!st->meta_keys[st->meta_count] || !st->meta_values[st->meta_count])
            return belay_fail_nomem(r->log, strlen(c->string) + 1);
        if (strcmp(c->key, BELAY_ST_DIGEST_KEY) == 0) {
            r->digest = st->meta_values[st->meta_count];
            r->digest_at = c->offset + 1;
        }
        st->meta_count++;
    }
    return BELAY_OK;
}

static bool all_ints(const struct belay_json *array)
{
    if (!array || array->kind != BELAY_JSON_ARRAY)
        return false;
    for (const struct belay_json *c = array->first; c; c = c->next)
        if (c->kind != BELAY_JSON_INT)
            return false;
    return true;
}

// The product of dimensions and bits from left to right, as the format's own reader takes it: a
// zero saves what follows it, not what stands before.
static belay_status checked_size(struct reader *r, const struct belay_json *shape, const char *name,
                                 unsigned bits, uint64_t *size)
{
    uint64_t count = 1;

    for (const struct belay_json *d = shape->first; d; d = d->next) {
        if (d->integer && count > UINT64_MAX / d->integer)
            return REFUSE(r, "E_OVERFLOW", "%s: tensor '%s': the shape overflows", r->file, name);
        count *= d->integer;
    }
    if (count > UINT64_MAX / bits)
        return REFUSE(r, "E_OVERFLOW", "%s: tensor '%s': %llu elements of %u bits overflow",
                      r->file, name, (unsigned long long) count, bits);
    if (count * bits % 8)
        return REFUSE(r, "E_SUBBYTE",
                      "%s: tensor '%s': %llu elements of %u bits do not fill "
                      "whole bytes",
                      r->file, name, (unsigned long long) count, bits);
    *size = count * bits / 8;
    return BELAY_OK;
}

// Shapes with a zero may hold dimensions that our tensors cannot: such an entry is listed only.
static void set_shape(struct belay_st_entry *entry, const struct belay_json *shape)
{
    struct belay_shape checked;
    int i = 0;

    entry->shape.rank = (int) shape->count;
    for (const struct belay_json *d = shape->first; d; d = d->next)
        entry->shape.dim[i++] = d->integer > INT64_MAX ? INT64_MAX : (int64_t) d->integer;
    if (belay_shape_make(NULL, entry->shape.rank, entry->shape.dim, &checked) != BELAY_OK)
        entry->known = false;
}

static belay_status check_fields(struct reader *r, const struct belay_json *t)
{
    const struct belay_json *dtype = belay_json_get(t, "dtype");
    const struct belay_json *offsets = belay_json_get(t, "data_offsets");

    if (t->kind != BELAY_JSON_OBJECT)
        return REFUSE(r, "E_HDR_JSON", "%s: tensor '%s' is not an object", r->file, t->key);
    if (!dtype || dtype->kind != BELAY_JSON_STRING)
        return REFUSE(r, "E_HDR_JSON", "%s: tensor '%s': dtype is not a text", r->file, t->key);
    if (!all_ints(belay_json_get(t, "shape")))
        return REFUSE(r, "E_HDR_JSON", "%s: tensor '%s': shape is not a list of whole numbers",
                      r->file, t->key);
    if (!all_ints(offsets) || offsets->count != 2)
        return REFUSE(r, "E_HDR_JSON", "%s: tensor '%s': data_offsets is not two whole numbers",
                      r->file, t->key);
    if (belay_st_type_find(dtype->string) < 0)
        return REFUSE(r, "E_HDR_JSON", "%s: tensor '%s': unknown dtype '%s'", r->file, t->key,
                      dtype->string);
    return BELAY_OK;
}

static belay_status read_tensor(struct reader *r, const struct belay_json *t, struct range *out)
{
    const struct belay_json *shape = belay_json_get(t, "shape");
    const struct belay_json *offsets = belay_json_get(t, "data_offsets");
    struct belay_st_entry *e = &out->entry;
    int type = belay_st_type_find(belay_json_get(t, "dtype")->string);
    uint64_t size;

    if (strlen(t->key) > MAX_NAME)
        return REFUSE(r, "E_NAME", "%s: a tensor's name has %zu bytes, at most %d are read",
                      r->file, strlen(t->key), MAX_NAME);
    if (shape->count > BELAY_MAX_RANK)
        return REFUSE(r, "E_RANK", "%s: tensor '%s' has %zu dimensions, at most %d are read",
                      r->file, t->key, shape->count, BELAY_MAX_RANK);
    BELAY_TRY(checked_size(r, shape, t->key, belay_st_types[type].bits, &size));
    out->begin = offsets->first->integer;
    out->end = offsets->first->next->integer;
    if (out->begin > out->end)
        return REFUSE(r, "E_OFFSET", "%s: tensor '%s' ends before it begins", r->file, t->key);
    if (out->end - out->begin != size)
        return REFUSE(r, "E_SIZE", "%s: tensor '%s' takes %llu bytes, has %llu", r->file, t->key,
                      (unsigned long long) size, (unsigned long long) (out->end - out->begin));
    e->name = belay_arena_strdup(&r->st->arena, t->key);
    if (!e->name)
        return belay_fail_nomem(r->log, strlen(t->key) + 1);
    e->dtype_name = belay_st_types[type].name;
    e->known = belay_dtype_parse(e->dtype_name, &e->dtype);
    set_shape(e, shape);
    return BELAY_OK;
}

static belay_status read_tensors(struct reader *r)
{
    const struct belay_json *root = r->doc.root;
    size_t count = 0;

    r->ranges = belay_alloc_array(root->count, sizeof(*r->ranges));
    if (!r->ranges)
        return belay_fail_nomem(r->log, root->count * sizeof(*r->ranges));
    for (const struct belay_json *t = root->first; t; t = t->next) {
        if (strcmp(t->key, "__metadata__") == 0)
            BELAY_TRY(read_meta(r, t));
        else
            BELAY_TRY(check_fields(r, t));
    }
    for (const struct belay_json *t = root->first; t; t = t->next)
        if (strcmp(t->key, "__metadata__") != 0)
            BELAY_TRY(read_tensor(r, t, &r->ranges[count++]));
    r->st->count = count;
    return BELAY_OK;
}

static int compare_ranges(const void *a, const void *b)
{
    const struct range *x = a, *y = b;

    if (x->begin != y->begin)
        return x->begin < y->begin ? -1 : 1;
    if (x->end != y->end)
        return x->end < y->end ? -1 : 1;
    return strcmp(x->entry.name, y->entry.name);
}

// Sorted, each tensor must begin where the last one ended, and the last end where the file does.
static belay_status place_tensors(struct reader *r)
{
    struct belay_st *st = r->st;
    const char *data = r->header + r->header_size;
    uint64_t at = 0;

    if (st->count)
        qsort(r->ranges, st->count, sizeof(*r->ranges), compare_ranges);
    for (size_t i = 0; i < st->count; i++) {
        if (r->ranges[i].begin != at)
            return REFUSE(r, "E_OFFSET", "%s: tensor '%s' begins at %llu, want %llu", r->file,
                          r->ranges[i].entry.name, (unsigned long long) r->ranges[i].begin,
                          (unsigned long long) at);
        at = r->ranges[i].end;
    }
    if (at != r->data_size)
        return REFUSE(r, "E_COVERAGE", "%s: the tensors take %llu bytes, the file holds %llu",
                      r->file, (unsigned long long) at, (unsigned long long) r->data_size);
    st->entries = belay_arena_array(&st->arena, st->count, sizeof(*st->entries));
    if (!st->entries)
        return belay_fail_nomem(r->log, st->count * sizeof(*st->entries));
    for (size_t i = 0; i < st->count; i++) {
        st->entries[i] = r->ranges[i].entry;
        st->entries[i].data = data + r->ranges[i].begin;
        st->entries[i].size = (size_t) (r->ranges[i].end - r->ranges[i].begin);
    }
    return BELAY_OK;
}

// The first tensor whose bytes are not those that were written; NULL: none, or the file cannot
// tell.
static const char *find_damaged(struct reader *r)
{
    const char *digests = belay_st_meta(r->st, BELAY_ST_DIGESTS_KEY), *name = NULL;
    struct belay_json_doc doc = { 0 };
    struct belay_log quiet = { 0 };

    if (!digests ||
        belay_json_parse(&quiet, r->file, digests, strlen(digests), &doc) != BELAY_OK)
        return NULL;
    for (size_t i = 0; i < r->st->count && !name; i++) {
        const struct belay_st_entry *e = &r->st->entries[i];
        const char *want = belay_json_string_or(doc.root, e->name, NULL);
        struct belay_digest found;
        belay_digest_of(e->data, e->size, &found);
        if (want && strcmp(want, found.hex) != 0)
            name = e->name;
    }
    belay_json_finish(&doc);
    return name;
}

static belay_status refuse_digest(struct reader *r, const char *found)
{
    const char *name = find_damaged(r);

    if (name)
        return REFUSE(r, "E_DIGEST",
                      "%s: tensor '%s' is damaged: the file's digest is %s, it says %s", r->file,
                      name, found, r->digest);
    return REFUSE(r, "E_DIGEST", "%s: damaged: the digest is %s, the file says %s", r->file, found,
                  r->digest);
}

static belay_status verify_digest(struct reader *r)
{
    static const char zeros[] = "00000000000000000000000000000000";
    struct belay_digest found;
    struct belay_hash hash;
    size_t behind = r->digest_at + BELAY_ST_DIGEST_LENGTH;

    if (!r->digest)
        return BELAY_OK;
    // Unescaped it must be what stands in the header, else what was hashed cannot be rebuilt.
    if (strlen(r->digest) != BELAY_ST_DIGEST_LENGTH || behind > r->header_size ||
        memcmp(r->header + r->digest_at, r->digest, BELAY_ST_DIGEST_LENGTH) != 0)
        return REFUSE(r, "E_DIGEST", "%s: the digest is not %d hex digits", r->file,
                      BELAY_ST_DIGEST_LENGTH);
    if (!belay_hash_begin(&hash))
        return belay_fail_nomem(r->log, 0);
    belay_hash_add(&hash, r->header, r->digest_at);
    belay_hash_add(&hash, zeros, BELAY_ST_DIGEST_LENGTH);
    belay_hash_add(&hash, r->header + behind, r->header_size - behind + (size_t) r->data_size);
    belay_hash_end(&hash, &found);
    if (strcmp(found.hex, r->digest) != 0)
        return refuse_digest(r, found.hex);
    return BELAY_OK;
}

static belay_status read_all(struct reader *r, const char *bytes, size_t size)
{
    BELAY_TRY(read_length(r, bytes, size));
    BELAY_TRY(read_header(r));
    BELAY_TRY(read_tensors(r));
    BELAY_TRY(place_tensors(r));
    return verify_digest(r);
}

belay_status belay_st_parse(struct belay_log *log, const char *name, char *bytes, size_t size,
                            struct belay_st *st)
{
    struct reader r = { .log = log, .file = name, .st = st };
    belay_status status;

    *st = (struct belay_st){ .bytes = bytes, .size = size };
    status = read_all(&r, bytes, size);
    belay_json_finish(&r.doc);
    belay_free(r.ranges);
    if (status != BELAY_OK) {
        const char *error_name = st->error_name;
        belay_st_finish(st);
        st->error_name = error_name;
    }
    return status;
}

belay_status belay_st_read(struct belay_log *log, const char *path, struct belay_st *st)
{
    char *bytes;
    size_t size;

    *st = (struct belay_st){ 0 };
    BELAY_TRY(belay_file_read(log, path, 0, &bytes, &size));
    return belay_st_parse(log, path, bytes, size, st);
}

void belay_st_finish(struct belay_st *st)
{
    for (size_t i = 0; i < st->num_parts; i++)
        belay_st_finish(&st->parts[i]);
    belay_free(st->parts);
    belay_free(st->bytes);
    belay_arena_free(&st->arena);
    *st = (struct belay_st){ 0 };
}

const struct belay_st_entry *belay_st_find(const struct belay_st *st, const char *name)
{
    for (size_t i = 0; i < st->count; i++)
        if (strcmp(st->entries[i].name, name) == 0)
            return &st->entries[i];
    return NULL;
}

const char *belay_st_meta(const struct belay_st *st, const char *key)
{
    for (size_t i = 0; i < st->meta_count; i++)
        if (strcmp(st->meta_keys[i], key) == 0)
            return st->meta_values[i];
    return NULL;
}

belay_status belay_st_load(struct belay_log *log, const struct belay_st_entry *entry,
                           struct belay_tensor *out, belay_dtype as)
{
    struct belay_tensor made;

    if (!entry->known)
        return belay_fail(log, BELAY_ERR_UNSUPPORTED, "tensor '%s': %s cannot be loaded",
                          entry->name, entry->dtype_name);
    BELAY_TRY(belay_tensor_init(log, &made, as, &entry->shape));
    belay_dtype_convert(entry->dtype, entry->data, as, made.data,
                        (size_t) belay_shape_count(&entry->shape));
    *out = made;
    return BELAY_OK;
}
