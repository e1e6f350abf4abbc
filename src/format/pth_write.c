// Pickles as torch.save writes them, for torch.load(weights_only=True).
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "format/json.h"
#include "format/meta_value.h"
#include "format/pth.h"
#include "format/pth_types.h"
#include "format/weights.h"
#include "format/zip_write.h"

#define FOLDER "archive/"

struct writer {
    struct belay_log *log;
    const char *path;
    const struct belay_st_item *items;
    const struct belay_st_meta_item *meta;
    size_t count, meta_count;
    size_t *items_by_name, *meta_by_name; // sorted places
    size_t *by_data;                      // the same for storages
    size_t *storage;                      // of each item
    size_t used;                          // items that the tree named
    struct belay_str pickle;
    struct belay_str name; // of the place in the tree
};

// ---- sorted places ----

struct place {
    const char *name;
    const void *data;
    size_t size, index;
};

static int by_name(const void *a, const void *b)
{
    return strcmp(((const struct place *) a)->name, ((const struct place *) b)->name);
}

static int by_data(const void *a, const void *b)
{
    const struct place *x = a, *y = b;
    uintptr_t p = (uintptr_t) x->data, q = (uintptr_t) y->data;

    if (p != q)
        return p < q ? -1 : 1;
    if (x->size != y->size)
        return x->size < y->size ? -1 : 1;
    if (x->name != y->name && strcmp(x->name, y->name) != 0)
        return strcmp(x->name, y->name);
    return x->index < y->index ? -1 : x->index > y->index;
}

static belay_status sorted(struct writer *w, struct place *places, size_t count,
                           int (*compare)(const void *, const void *), size_t **out)
{
    *out = belay_alloc_array(count + 1, sizeof(**out));
    if (!*out)
        return belay_fail_nomem(w->log, count * sizeof(**out));
    if (count)
        qsort(places, count, sizeof(*places), compare);
    for (size_t i = 0; i < count; i++)
        (*out)[i] = places[i].index;
    return BELAY_OK;
}

// Tensors of the same bytes, size and type share a storage, as tied weights do.
static void share_storages(struct writer *w)
{
    for (size_t i = 0; i < w->count; i++) {
        const struct belay_st_item *a = &w->items[w->by_data[i]];
        const struct belay_st_item *b = i ? &w->items[w->by_data[i - 1]] : NULL;
        size_t size = belay_st_item_size(a);
        bool same = b && size && a->data == b->data && size == belay_st_item_size(b) &&
                    strcmp(belay_st_item_type(a), belay_st_item_type(b)) == 0;
        w->storage[w->by_data[i]] = same ? w->storage[w->by_data[i - 1]] : w->by_data[i];
    }
}

static belay_status sort_all(struct writer *w)
{
    size_t most = w->count > w->meta_count ? w->count : w->meta_count;
    struct place *places = belay_alloc_array(most + 1, sizeof(*places));
    belay_status status = BELAY_OK;

    w->storage = belay_alloc_array(w->count + 1, sizeof(*w->storage));
    if (!places || !w->storage)
        BELAY_TRY_DONE(belay_fail_nomem(w->log, most * sizeof(*places)));
    for (size_t i = 0; i < w->meta_count; i++)
        places[i] = (struct place){ .name = w->meta[i].key, .index = i };
    BELAY_TRY_DONE(sorted(w, places, w->meta_count, by_name, &w->meta_by_name));
    for (size_t i = 0; i < w->count; i++)
        places[i] = (struct place){ .name = w->items[i].name, .index = i };
    BELAY_TRY_DONE(sorted(w, places, w->count, by_name, &w->items_by_name));
    for (size_t i = 0; i < w->count; i++)
        places[i] = (struct place){ belay_st_item_type(&w->items[i]), w->items[i].data,
                                    belay_st_item_size(&w->items[i]), i };
    BELAY_TRY_DONE(sorted(w, places, w->count, by_data, &w->by_data));
    share_storages(w);
done:
    belay_free(places);
    return status;
}

// ---- opcodes ----

static void op(struct writer *w, unsigned char code)
{
    belay_str_add_bytes(&w->pickle, &code, 1);
}

static void little(struct writer *w, uint64_t value, int bytes)
{
    for (int i = 0; i < bytes; i++)
        op(w, (unsigned char) (value >> (8 * i)));
}

static void text(struct writer *w, const char *value)
{
    size_t size = strlen(value);
    op(w, 'X');
    little(w, size, 4);
    belay_str_add_bytes(&w->pickle, value, size);
}

static void global(struct writer *w, const char *module, const char *name)
{
    belay_str_addf(&w->pickle, "c%s\n%s\n", module, name);
}

static void integer(struct writer *w, int64_t value)
{
    if (value >= INT32_MIN && value <= INT32_MAX) {
        op(w, 'J');
        little(w, (uint64_t) value, 4);
    } else {
        op(w, 0x8a);
        op(w, 8);
        little(w, (uint64_t) value, 8);
    }
}

// Decimal digits to two's complement of as many bytes as it takes.
static belay_status big_integer(struct writer *w, const char *digits)
{
    unsigned char bytes[256] = { 0 };
    bool negative = digits[0] == '-';
    size_t size = strlen(digits) / 2 + 2; // more than log10(256) digits a byte
    unsigned carry = 1;

    if (size > 255)
        return belay_fail(w->log, BELAY_ERR_UNSUPPORTED, "%s: a number of %zu digits", w->path,
                          strlen(digits));
    for (const char *d = digits + negative; *d; d++) {
        unsigned rest = (unsigned) (*d - '0');
        for (size_t i = 0; i < size; i++) {
            rest += bytes[i] * 10u;
            bytes[i] = (unsigned char) rest;
            rest >>= 8;
        }
    }
    for (size_t i = 0; i < size && negative; i++) {
        carry += (unsigned char) ~bytes[i];
        bytes[i] = (unsigned char) carry;
        carry >>= 8;
    }
    op(w, 0x8a);
    op(w, (unsigned char) size);
    belay_str_add_bytes(&w->pickle, bytes, size);
    return BELAY_OK;
}

static void floating(struct writer *w, double value)
{
    uint64_t bits;
    memcpy(&bits, &value, sizeof(bits));
    op(w, 'G');
    for (int i = 7; i >= 0; i--)
        op(w, (unsigned char) (bits >> (8 * i)));
}

// ---- values ----

static belay_status meta_value(struct writer *w, const char *value)
{
    struct belay_meta_value v;
    belay_status status = BELAY_OK;

    if (!belay_meta_parse(value, &v))
        return belay_fail_nomem(w->log, strlen(value) + 1);
    switch (v.kind) {
    case BELAY_META_NULL:
        op(w, 'N');
        break;
    case BELAY_META_BOOL:
        op(w, v.boolean ? 0x88 : 0x89);
        break;
    case BELAY_META_INT:
        integer(w, v.integer);
        break;
    case BELAY_META_BIG:
        status = big_integer(w, v.text);
        break;
    case BELAY_META_FLOAT:
        floating(w, v.number);
        break;
    case BELAY_META_TEXT:
    case BELAY_META_QUOTED:
        text(w, v.text);
        break;
    }
    belay_free(v.text);
    return status;
}

// Row-major strides behind the sizes.
static void shape(struct writer *w, const struct belay_shape *s)
{
    int64_t stride[BELAY_MAX_RANK];

    belay_shape_strides(s, stride);
    for (int pass = 0; pass < 2; pass++) {
        op(w, '(');
        for (int i = 0; i < s->rank; i++)
            integer(w, pass ? stride[i] : s->dim[i]);
        op(w, 't');
    }
}

static belay_status tensor(struct writer *w, size_t index)
{
    const struct belay_st_item *item = &w->items[index];
    const struct belay_pth_type *type = belay_pth_type_by_name(belay_st_item_type(item));
    char key[32];

    if (!type)
        return belay_fail(w->log, BELAY_ERR_UNSUPPORTED, "%s: tensor '%s': PyTorch's files do not "
                          "hold %s", w->path, item->name, belay_st_item_type(item));
    snprintf(key, sizeof(key), "%zu", w->storage[index]);
    global(w, "torch._utils", type->storage ? "_rebuild_tensor_v2" : "_rebuild_tensor_v3");
    belay_str_add(&w->pickle, "((");
    text(w, "storage");
    global(w, type->storage ? "torch" : "torch.storage",
           type->storage ? type->storage : "UntypedStorage");
    text(w, key);
    text(w, "cpu");
    integer(w, (int64_t) (belay_st_item_size(item) / (type->storage ? type->size : 1)));
    belay_str_add(&w->pickle, "tQ");
    integer(w, 0);
    shape(w, &item->shape);
    op(w, 0x89);
    global(w, "collections", "OrderedDict");
    belay_str_add(&w->pickle, ")R");
    if (!type->storage)
        global(w, "torch", type->torch);
    belay_str_add(&w->pickle, "tR");
    return BELAY_OK;
}

static belay_status flat_dict(struct writer *w)
{
    belay_str_add(&w->pickle, "}(");
    for (size_t i = 0; i < w->count; i++) {
        text(w, w->items[i].name);
        BELAY_TRY(tensor(w, i));
    }
    op(w, 'u');
    w->used = w->count;
    return BELAY_OK;
}

// ---- the tree ----

static size_t find_item(const struct writer *w, const char *name)
{
    size_t low = 0, high = w->count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = strcmp(w->items[w->items_by_name[middle]].name, name);
        if (order == 0)
            return w->items_by_name[middle];
        *(order < 0 ? &low : &high) = order < 0 ? middle + 1 : middle;
    }
    return SIZE_MAX;
}

static const char *find_meta(const struct writer *w, const char *name)
{
    size_t low = 0, high = w->meta_count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = strcmp(w->meta[w->meta_by_name[middle]].key, name);
        if (order == 0)
            return w->meta[w->meta_by_name[middle]].value;
        *(order < 0 ? &low : &high) = order < 0 ? middle + 1 : middle;
    }
    return NULL;
}

static belay_status leaf(struct writer *w)
{
    const char *name = w->name.text ? w->name.text : "";
    size_t index = find_item(w, name);
    const char *value = find_meta(w, name);

    if (index != SIZE_MAX) {
        w->used++;
        return tensor(w, index);
    }
    if (value)
        return meta_value(w, value);
    return belay_fail(w->log, BELAY_ERR_MISMATCH, "%s: '%s' of its %s is not there", w->path, name,
                      BELAY_TREE_KEY);
}

static belay_status node(struct writer *w, const struct belay_json *n, bool root);

static belay_status below(struct writer *w, const struct belay_json *n, const char *key, bool root)
{
    size_t length = w->name.length;

    belay_str_addf(&w->name, "%s%s", root ? "" : ".", key);
    if (w->name.failed)
        return belay_fail_nomem(w->log, length);
    BELAY_TRY(node(w, n, false));
    w->name.length = length;
    w->name.text[length] = '\0';
    return BELAY_OK;
}

static belay_status list(struct writer *w, const struct belay_json *n, bool root)
{
    char number[32];
    size_t i = 0;

    for (const struct belay_json *c = n->first; c; c = c->next) {
        snprintf(number, sizeof(number), "%zu", i++);
        BELAY_TRY(below(w, c, number, root));
    }
    return BELAY_OK;
}

static belay_status dict(struct writer *w, const struct belay_json *n, bool root)
{
    for (const struct belay_json *c = n->first; c; c = c->next) {
        bool number = strncmp(c->key, BELAY_TREE_INT, 2) == 0;
        const char *key = c->key + (number || strncmp(c->key, BELAY_TREE_TEXT, 2) == 0 ? 2 : 0);
        int64_t value = 0;
        if (number && !belay_parse_i64(key, &value))
            return belay_fail(w->log, BELAY_ERR_MISMATCH, "%s: '%s' in %s is no number", w->path,
                              c->key, BELAY_TREE_KEY);
        if (number)
            integer(w, value);
        else
            text(w, key);
        BELAY_TRY(below(w, c, key, root));
    }
    return BELAY_OK;
}

static belay_status node(struct writer *w, const struct belay_json *n, bool root)
{
    const struct belay_json *tuple =
        n->kind == BELAY_JSON_OBJECT ? belay_json_get(n, BELAY_TREE_TUPLE) : NULL;

    if (tuple && tuple->kind == BELAY_JSON_ARRAY) {
        op(w, '(');
        BELAY_TRY(list(w, tuple, root));
        op(w, 't');
    } else if (n->kind == BELAY_JSON_OBJECT) {
        belay_str_add(&w->pickle, "}(");
        BELAY_TRY(dict(w, n, root));
        op(w, 'u');
    } else if (n->kind == BELAY_JSON_ARRAY) {
        belay_str_add(&w->pickle, "](");
        BELAY_TRY(list(w, n, root));
        op(w, 'e');
    } else {
        return leaf(w);
    }
    return BELAY_OK;
}

static belay_status nested_dict(struct writer *w, const char *tree)
{
    struct belay_json_doc doc = { 0 };
    belay_status status;

    BELAY_TRY_DONE(belay_json_parse(w->log, BELAY_TREE_KEY, tree, strlen(tree), &doc));
    BELAY_TRY_DONE(node(w, doc.root, true));
    if (w->used < w->count)
        BELAY_TRY_DONE(belay_fail(w->log, BELAY_ERR_MISMATCH, "%s: %zu tensors, but its %s names "
                                  "%zu", w->path, w->count, BELAY_TREE_KEY, w->used));
done:
    belay_json_finish(&doc);
    return status;
}

// ---- the file ----

static belay_status make_pickle(struct writer *w)
{
    const char *tree = find_meta(w, BELAY_TREE_KEY);

    belay_str_add_bytes(&w->pickle, "\x80\x02", 2);
    BELAY_TRY(tree ? nested_dict(w, tree) : flat_dict(w));
    op(w, '.');
    return w->pickle.failed ? belay_fail_nomem(w->log, w->pickle.capacity) : BELAY_OK;
}

static belay_status add(struct belay_zip_writer *z, const char *name, const void *data, size_t size)
{
    const struct belay_zip_part part = { data, size };
    return belay_zip_write_add(z, name, &part, 1, 64);
}

static belay_status write_records(struct writer *w, struct belay_zip_writer *z)
{
    char name[64];

    BELAY_TRY(add(z, FOLDER "data.pkl", w->pickle.text, w->pickle.length));
    BELAY_TRY(add(z, FOLDER "byteorder", "little", 6));
    for (size_t i = 0; i < w->count; i++) {
        if (w->storage[i] != i)
            continue;
        snprintf(name, sizeof(name), FOLDER "data/%zu", i);
        BELAY_TRY(add(z, name, w->items[i].data, belay_st_item_size(&w->items[i])));
    }
    return add(z, FOLDER "version", "3\n", 2);
}

static belay_status write_file(struct writer *w)
{
    struct belay_zip_writer z = { .commit.fd = -1 };
    uint64_t expect = w->pickle.length;
    belay_status status;

    for (size_t i = 0; i < w->count; i++)
        expect += w->storage[i] == i ? belay_st_item_size(&w->items[i]) : 0;
    BELAY_TRY_DONE(belay_zip_write_begin(&z, w->log, w->path, expect));
    BELAY_TRY_DONE(write_records(w, &z));
    BELAY_TRY_DONE(belay_zip_write_finish(&z));
done:
    belay_zip_write_abort(&z);
    return status;
}

belay_status belay_pth_write(struct belay_log *log, const char *path,
                             const struct belay_st_item *items, size_t count,
                             const struct belay_st_meta_item *meta, size_t meta_count)
{
    struct writer w = { .log = log, .path = path, .items = items, .meta = meta, .count = count,
                        .meta_count = meta_count };
    belay_status status;

    BELAY_TRY_DONE(sort_all(&w));
    BELAY_TRY_DONE(make_pickle(&w));
    BELAY_TRY_DONE(write_file(&w));
done:
    belay_str_free(&w.pickle);
    belay_str_free(&w.name);
    belay_free(w.items_by_name);
    belay_free(w.meta_by_name);
    belay_free(w.by_data);
    belay_free(w.storage);
    return status;
}

static belay_status write_weights(struct belay_log *log, const char *path,
                                  const struct belay_weights *w)
{
    return belay_pth_write(log, path, w->items, w->count, w->meta, w->meta_count);
}

const struct belay_weights_format belay_format_pth = {
    .name = "pth",
    .suffixes = { ".pth", ".pt", ".bin", ".ckpt" },
    .is = belay_pth_is,
    .parse = belay_pth_parse,
    .write = write_weights,
};
