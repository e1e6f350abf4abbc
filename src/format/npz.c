#include "format/npz.h"

#include <string.h>

#include "base/str.h"
#include "format/npy.h"
#include "format/weights.h"
#include "format/zip.h"
#include "format/zip_write.h"

#define SUFFIX ".npy"

static bool is_npy_name(const char *name)
{
    size_t length = strlen(name);
    return length >= 4 && strcmp(name + length - 4, SUFFIX) == 0;
}

static belay_status as_damage(belay_status status)
{
    return status == BELAY_ERR_DATA ? BELAY_ERR_DAMAGED : status;
}

static belay_status read_member(struct belay_log *log, const char *name, struct belay_zip *zip,
                                struct belay_zip_entry *member, struct belay_st *st,
                                struct belay_st_entry *entry)
{
    struct belay_tensor t = { 0 };
    const char *content = NULL;
    char *own;

    if (!is_npy_name(member->name))
        return belay_fail(log, BELAY_ERR_UNSUPPORTED, "%s: the member '%.200s' is no array", name,
                          member->name);
    BELAY_TRY(belay_zip_content(log, name, zip, member, &content));
    BELAY_TRY(belay_npy_parse(log, name, content, member->size, &t));
    own = belay_arena_strdup(&st->arena, member->name);
    entry->data = belay_arena_alloc(&st->arena, t.size + 1);
    if (!own || !entry->data) {
        belay_tensor_finish(&t);
        return belay_fail_nomem(log, t.size);
    }
    own[strlen(own) - strlen(SUFFIX)] = '\0';
    memcpy((char *) entry->data, t.data, t.size);
    entry->name = own;
    entry->known = true;
    entry->dtype = t.dtype;
    entry->dtype_name = belay_dtype_name(t.dtype);
    entry->shape = t.shape;
    entry->size = t.size;
    belay_tensor_finish(&t);
    return BELAY_OK;
}

static belay_status read_all(struct belay_log *log, const char *name, struct belay_zip *zip,
                             struct belay_st *st)
{
    BELAY_TRY(belay_zip_open(log, name, st->bytes, st->size, zip));
    st->entries = belay_arena_array(&st->arena, zip->count, sizeof(*st->entries));
    if (!st->entries)
        return belay_fail_nomem(log, zip->count * sizeof(*st->entries));
    for (size_t i = 0; i < zip->count; i++)
        BELAY_TRY(read_member(log, name, zip, &zip->entries[i], st, &st->entries[st->count++]));
    return BELAY_OK;
}

belay_status belay_npz_parse_all(struct belay_log *log, const char *name, char *bytes, size_t size,
                                 struct belay_st *st)
{
    struct belay_zip zip = { 0 };
    belay_status status;

    *st = (struct belay_st){ .bytes = bytes, .size = size };
    status = as_damage(read_all(log, name, &zip, st));
    belay_zip_finish(&zip);
    // Every array was copied: the archive is not needed any more.
    belay_free(st->bytes);
    st->bytes = NULL;
    if (status != BELAY_OK)
        belay_st_finish(st);
    return status;
}

bool belay_npz_is(const char *bytes, size_t size)
{
    struct belay_zip zip = { 0 };
    bool all;

    if (size < 2 || memcmp(bytes, "PK", 2) != 0 ||
        belay_zip_open(NULL, "", bytes, size, &zip) != BELAY_OK)
        return false;
    all = zip.count > 0;
    for (size_t i = 0; i < zip.count && all; i++)
        all = is_npy_name(zip.entries[i].name);
    belay_zip_finish(&zip);
    return all;
}

// ---- writing ----

// {'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }, padded to 64 with what is before it.
static belay_status make_header(struct belay_log *log, const char *path,
                                const struct belay_st_item *item, struct belay_str *h)
{
    const char *descr = belay_npy_descr(belay_st_item_type(item));

    if (!descr)
        return belay_fail(log, BELAY_ERR_UNSUPPORTED, "%s: tensor '%s': NumPy has no type %s: "
                          "convert it to f32", path, item->name, belay_st_item_type(item));
    belay_str_add_bytes(h, "\x93NUMPY\1\0\0\0", 10);
    belay_str_addf(h, "{'descr': '%c%s', 'fortran_order': False, 'shape': (",
                   descr[1] == '1' ? '|' : '<', descr);
    for (int i = 0; i < item->shape.rank; i++)
        belay_str_addf(h, i ? " %lld," : "%lld,", (long long) item->shape.dim[i]);
    if (item->shape.rank > 1 && h->text)
        h->text[--h->length] = '\0'; // one dimension keeps its comma
    belay_str_add(h, "), }");
    while (!h->failed && (h->length + 1) % 64)
        belay_str_add(h, " ");
    belay_str_add(h, "\n");
    if (h->failed)
        return belay_fail_nomem(log, h->capacity);
    h->text[8] = (char) ((h->length - 10) & 0xFF);
    h->text[9] = (char) ((h->length - 10) >> 8);
    return BELAY_OK;
}

static belay_status write_item(struct belay_zip_writer *z, const struct belay_st_item *item)
{
    struct belay_str header = { 0 }, name = { 0 };
    belay_status status;

    BELAY_TRY_DONE(make_header(z->log, z->path, item, &header));
    belay_str_addf(&name, "%s" SUFFIX, item->name);
    if (name.failed)
        BELAY_TRY_DONE(belay_fail_nomem(z->log, strlen(item->name)));
    const struct belay_zip_part parts[] = { { header.text, header.length },
                                            { item->data, belay_st_item_size(item) } };
    BELAY_TRY_DONE(belay_zip_write_add(z, name.text, parts, 2, 64));
done:
    belay_str_free(&header);
    belay_str_free(&name);
    return status;
}

belay_status belay_npz_write(struct belay_log *log, const char *path,
                             const struct belay_st_item *items, size_t count)
{
    struct belay_zip_writer z = { .commit.fd = -1 };
    uint64_t expect = 0;
    belay_status status;

    for (size_t i = 0; i < count; i++)
        expect += belay_st_item_size(&items[i]);
    BELAY_TRY_DONE(belay_zip_write_begin(&z, log, path, expect));
    for (size_t i = 0; i < count; i++)
        BELAY_TRY_DONE(write_item(&z, &items[i]));
    BELAY_TRY_DONE(belay_zip_write_finish(&z));
done:
    belay_zip_write_abort(&z);
    return status;
}

static belay_status write_weights(struct belay_log *log, const char *path,
                                  const struct belay_weights *w)
{
    return belay_npz_write(log, path, w->items, w->count);
}

const struct belay_weights_format belay_format_npz = {
    .name = "npz",
    .suffixes = { ".npz" },
    .is = belay_npz_is,
    .parse = belay_npz_parse_all,
    .write = write_weights,
};
