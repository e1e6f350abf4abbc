#include "format/safetensors.h"

#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "base/str.h"
#include "format/st_types.h"

// Sorted copies of what is written, and the header.
struct writer {
    struct belay_log *log;
    const char *path;
    struct belay_st_item *items;
    struct belay_st_meta_item *meta;
    size_t count, meta_count;
    bool digest;
    struct belay_str digests; // of each tensor, as JSON
    struct belay_str header;
    size_t digest_at; // in the header
    uint64_t total;   // bytes of data
};

// Other types are numbered behind ours, from 1 on.
belay_dtype belay_st_other_type(const char *name)
{
    return (belay_dtype) (BELAY_DTYPE_COUNT + 1 + belay_st_type_find(name));
}

const char *belay_st_item_type(const struct belay_st_item *item)
{
    int other = (int) item->dtype - BELAY_DTYPE_COUNT - 1;

    return other >= 0 ? belay_st_types[other].name : belay_dtype_name(item->dtype);
}

size_t belay_st_item_size(const struct belay_st_item *item)
{
    int type = belay_st_type_find(belay_st_item_type(item));
    uint64_t bits = type < 0 ? 0 : belay_st_types[type].bits;

    return (size_t) ((uint64_t) belay_shape_count(&item->shape) * bits / 8);
}

static int compare_items(const void *a, const void *b)
{
    const struct belay_st_item *x = a, *y = b;
    int rank_x = belay_st_type_find(belay_st_item_type(x));
    int rank_y = belay_st_type_find(belay_st_item_type(y));
    return rank_x != rank_y ? rank_y - rank_x : strcmp(x->name, y->name);
}

static int compare_names(const void *a, const void *b)
{
    const struct belay_st_item *x = *(struct belay_st_item *const *) a;
    const struct belay_st_item *y = *(struct belay_st_item *const *) b;
    return strcmp(x->name, y->name);
}

static int compare_meta(const void *a, const void *b)
{
    const struct belay_st_meta_item *x = a, *y = b;
    return strcmp(x->key, y->key);
}

static bool is_utf8(const char *text)
{
    size_t size = strlen(text);

    while (size) {
        size_t step = belay_utf8_next(text, size, NULL);
        if (!step)
            return false;
        text += step;
        size -= step;
    }
    return true;
}

static belay_status check_items(const struct writer *w)
{
    for (size_t i = 0; i < w->count; i++) {
        const char *name = w->items[i].name;
        if (!is_utf8(name) || strcmp(name, "__metadata__") == 0)
            return belay_fail(w->log, BELAY_ERR_ARG, "%s: '%s' cannot be a tensor's name", w->path,
                              name);
    }
    for (size_t i = 0; i < w->meta_count; i++)
        if (!is_utf8(w->meta[i].key) || !is_utf8(w->meta[i].value))
            return belay_fail(w->log, BELAY_ERR_ARG, "%s: metadata '%s' is not UTF-8", w->path,
                              w->meta[i].key);
    return BELAY_OK;
}

static belay_status refuse_duplicates(const struct writer *w)
{
    belay_status status = BELAY_OK;
    const struct belay_st_item **list = belay_alloc_array(w->count, sizeof(void *));

    if (!list)
        return belay_fail_nomem(w->log, w->count * sizeof(*list));
    for (size_t i = 0; i < w->count; i++)
        list[i] = &w->items[i];
    if (w->count)
        qsort(list, w->count, sizeof(*list), compare_names);
    for (size_t i = 1; i < w->count && status == BELAY_OK; i++)
        if (strcmp(list[i - 1]->name, list[i]->name) == 0)
            status = belay_fail(w->log, BELAY_ERR_ARG, "%s: two tensors are named '%s'", w->path,
                                list[i]->name);
    belay_free(list);
    for (size_t i = 1; i < w->meta_count && status == BELAY_OK; i++)
        if (strcmp(w->meta[i - 1].key, w->meta[i].key) == 0)
            status = belay_fail(w->log, BELAY_ERR_ARG, "%s: metadata '%s' occurs twice", w->path,
                                w->meta[i].key);
    return status;
}

static belay_status check_item(const struct writer *w, const struct belay_st_item *item)
{
    struct belay_shape checked;

    BELAY_TRY(belay_shape_make(w->log, item->shape.rank, item->shape.dim, &checked));
    if (belay_st_type_find(belay_st_item_type(item)) < 0)
        return belay_fail(w->log, BELAY_ERR_ARG, "%s: tensor '%s': unknown type %s", w->path,
                          item->name, belay_st_item_type(item));
    return BELAY_OK;
}

// {"name":"32 hex digits",...} in the order of the data. It stands in the header, which the digest
// of the file covers: damage to a tensor's bytes can be told from damage to the header, and named.
static belay_status make_digests(struct writer *w)
{
    struct belay_str *s = &w->digests;
    struct belay_digest digest;

    belay_str_add(s, "{");
    for (size_t i = 0; i < w->count; i++) {
        BELAY_TRY(check_item(w, &w->items[i]));
        belay_digest_of(w->items[i].data, belay_st_item_size(&w->items[i]), &digest);
        belay_str_add(s, i ? "," : "");
        belay_str_add_json(s, w->items[i].name);
        belay_str_addf(s, ":\"%s\"", digest.hex);
    }
    belay_str_add(s, "}");
    return s->failed ? belay_fail_nomem(w->log, s->capacity) : BELAY_OK;
}

static belay_status sort_all(struct writer *w, const struct belay_st_item *items,
                             const struct belay_st_meta_item *meta, size_t meta_count)
{
    static const struct belay_st_meta_item digest = { BELAY_ST_DIGEST_KEY,
                                                      "00000000000000000000000000000000" };

    w->items = belay_alloc_array(w->count, sizeof(*items));
    w->meta = belay_alloc_array(meta_count + 2, sizeof(*meta));
    if (!w->items || !w->meta)
        return belay_fail_nomem(w->log, w->count * sizeof(*items));
    if (w->count) {
        memcpy(w->items, items, w->count * sizeof(*items));
        qsort(w->items, w->count, sizeof(*items), compare_items);
    }
    if (meta_count)
        memcpy(w->meta, meta, meta_count * sizeof(*meta));
    w->meta_count = meta_count;
    BELAY_TRY(check_items(w));
    if (w->digest) {
        BELAY_TRY(make_digests(w));
        w->meta[w->meta_count++] = digest;
        w->meta[w->meta_count++] =
            (struct belay_st_meta_item){ BELAY_ST_DIGESTS_KEY, w->digests.text };
    }
    if (w->meta_count)
        qsort(w->meta, w->meta_count, sizeof(*meta), compare_meta);
    return refuse_duplicates(w);
}

static void write_meta(struct writer *w)
{
    struct belay_str *h = &w->header;

    if (!w->meta_count)
        return;
    belay_str_add(h, "\"__metadata__\":{");
    for (size_t i = 0; i < w->meta_count; i++) {
        if (i)
            belay_str_add(h, ",");
        belay_str_add_json(h, w->meta[i].key);
        belay_str_add(h, ":");
        if (w->digest && strcmp(w->meta[i].key, BELAY_ST_DIGEST_KEY) == 0)
            w->digest_at = h->length + 1;
        belay_str_add_json(h, w->meta[i].value);
    }
    belay_str_add(h, "}");
}

static belay_status write_item(struct writer *w, const struct belay_st_item *item)
{
    struct belay_str *h = &w->header;
    uint64_t size;

    BELAY_TRY(check_item(w, item));
    size = belay_st_item_size(item);
    if (size > INT64_MAX - w->total)
        return belay_fail(w->log, BELAY_ERR_ARG, "%s: the tensors are too large together", w->path);
    belay_str_add_json(h, item->name);
    belay_str_addf(h, ":{\"dtype\":\"%s\",\"shape\":[", belay_st_item_type(item));
    for (int i = 0; i < item->shape.rank; i++)
        belay_str_addf(h, "%s%lld", i ? "," : "", (long long) item->shape.dim[i]);
    belay_str_addf(h, "],\"data_offsets\":[%llu,%llu]}", (unsigned long long) w->total,
                   (unsigned long long) (w->total + size));
    w->total += size;
    return BELAY_OK;
}

static belay_status make_header(struct writer *w)
{
    struct belay_str *h = &w->header;

    belay_str_add(h, "{");
    write_meta(w);
    for (size_t i = 0; i < w->count; i++) {
        if (i || w->meta_count)
            belay_str_add(h, ",");
        BELAY_TRY(write_item(w, &w->items[i]));
    }
    belay_str_add(h, "}");
    while (h->length % 8 && !h->failed)
        belay_str_add(h, " ");
    return h->failed ? belay_fail_nomem(w->log, h->capacity) : BELAY_OK;
}

// XXH3-128 over the header, where the digest is still zeros, and the data.
static belay_status put_digest(struct writer *w, char digest_out[33])
{
    struct belay_digest digest;
    struct belay_hash hash;

    if (!w->digest && !digest_out)
        return BELAY_OK;
    if (!belay_hash_begin(&hash))
        return belay_fail_nomem(w->log, 0);
    belay_hash_add(&hash, w->header.text, w->header.length);
    for (size_t i = 0; i < w->count; i++)
        belay_hash_add(&hash, w->items[i].data, belay_st_item_size(&w->items[i]));
    belay_hash_end(&hash, &digest);
    if (w->digest)
        memcpy(w->header.text + w->digest_at, digest.hex, BELAY_ST_DIGEST_LENGTH);
    if (digest_out)
        memcpy(digest_out, digest.hex, sizeof(digest.hex));
    return BELAY_OK;
}

static belay_status write_file(struct writer *w)
{
    struct belay_commit c = { .fd = -1 };
    unsigned char length[8];
    belay_status status;

    for (int i = 0; i < 8; i++)
        length[i] = (unsigned char) ((uint64_t) w->header.length >> (8 * i));
    BELAY_TRY(belay_commit_begin(&c, w->log, w->path, 8 + w->header.length + w->total));
    BELAY_TRY_DONE(belay_commit_write(&c, length, sizeof(length)));
    BELAY_TRY_DONE(belay_commit_write(&c, w->header.text, w->header.length));
    for (size_t i = 0; i < w->count; i++)
        BELAY_TRY_DONE(belay_commit_write(&c, w->items[i].data, belay_st_item_size(&w->items[i])));
    status = belay_commit_finish(&c);
done:
    belay_commit_abort(&c);
    return status;
}

belay_status belay_st_write(struct belay_log *log, const char *path,
                            const struct belay_st_item *items, size_t count,
                            const struct belay_st_meta_item *meta, size_t meta_count, bool digest,
                            char digest_out[33])
{
    struct writer w = { .log = log, .path = path, .count = count, .digest = digest };
    char hex[33];
    belay_status status;

    BELAY_TRY_DONE(sort_all(&w, items, meta, meta_count));
    BELAY_TRY_DONE(make_header(&w));
    BELAY_TRY_DONE(put_digest(&w, digest || digest_out ? hex : NULL));
    BELAY_TRY_DONE(write_file(&w));
    if (digest_out)
        memcpy(digest_out, hex, sizeof(hex));
done:
    belay_str_free(&w.header);
    belay_str_free(&w.digests);
    belay_free(w.items);
    belay_free(w.meta);
    return status;
}
