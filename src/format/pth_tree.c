#include "format/pth_tree.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "format/meta_value.h"
#include "format/pickle_machine.h"
#include "format/swap.h"

#define MAX_NAME 4096
#define VIEW_BYTES (16u << 20) // what views may take in memory beside 16 times the file's size

typedef struct belay_pickle_object object;

struct flat {
    struct belay_pickle *p;
    struct belay_st *st;
    bool swap;
    struct belay_str name; // of the object at hand
    struct belay_str tree;
    bool nested; // a flat dict of tensors would not say all
    size_t visits, name_bytes, view_bytes;
    size_t entries_room, meta_room, values_room;
};

static belay_status refuse(const struct flat *f, const char *why)
{
    return belay_fail(f->p->log, BELAY_ERR_UNSUPPORTED, "%s: '%.200s' %s", f->p->file,
                      f->name.text ? f->name.text : "", why);
}

static belay_status take_name(struct flat *f, const char **out)
{
    const char *name = f->name.text ? f->name.text : "";

    if (f->name.length > MAX_NAME)
        return refuse(f, "is a name of more than 4096 bytes");
    f->name_bytes += f->name.length;
    if (f->name_bytes > (16u << 20) + 64 * f->p->size)
        return refuse(f, "and all names before take too much memory");
    *out = belay_arena_strdup(&f->st->arena, name);
    return *out ? BELAY_OK : belay_fail_nomem(f->p->log, f->name.length + 1);
}

// ---- tensors ----

static bool is_contiguous(const struct belay_pickle_tensor *t)
{
    uint64_t want = 1;

    for (int i = t->rank - 1; i >= 0; i--) {
        if (t->dim[i] == 0)
            return true;
        if (t->dim[i] != 1 && t->stride[i] != want)
            return false;
        want *= t->dim[i];
    }
    return true;
}

static void copy_view(const struct belay_pickle_tensor *t, const char *from, uint64_t count,
                      char *to)
{
    uint64_t at[BELAY_PICKLE_MAX_RANK] = { 0 }, place = 0;
    size_t size = t->type->size;

    for (uint64_t i = 0; i < count; i++, to += size) {
        memcpy(to, from + place * size, size);
        for (int d = t->rank - 1; d >= 0; d--) {
            place += t->stride[d];
            if (++at[d] < t->dim[d])
                break;
            place -= t->stride[d] * t->dim[d];
            at[d] = 0;
        }
    }
}

static belay_status make_view(struct flat *f, const struct belay_pickle_tensor *t, uint64_t count,
                              const char *from, const void **out)
{
    uint64_t most = VIEW_BYTES + 16 * (uint64_t) f->st->size;
    uint64_t left = most - f->view_bytes;

    if (count > left / t->type->size)
        return refuse(f, "repeats so few elements so often that it was not read");
    size_t size = (size_t) count * t->type->size;
    char *made = belay_arena_alloc(&f->st->arena, size + 1);
    if (!made)
        return belay_fail_nomem(f->p->log, size + 1);
    f->view_bytes += size;
    copy_view(t, from, count, made);
    if (f->swap)
        belay_swap_elements(made, size / t->type->swap, t->type->swap);
    *out = made;
    return BELAY_OK;
}

static belay_status new_entry(struct flat *f, const char *type, struct belay_st_entry **out)
{
    struct belay_st *st = f->st;
    const char *name;

    BELAY_TRY(take_name(f, &name));
    if (st->count == f->entries_room) {
        size_t room = f->entries_room ? 2 * f->entries_room : 64;
        struct belay_st_entry *grown = belay_arena_array(&st->arena, room, sizeof(*grown));
        if (!grown)
            return belay_fail_nomem(f->p->log, room * sizeof(*grown));
        if (st->count)
            memcpy(grown, st->entries, st->count * sizeof(*grown));
        st->entries = grown;
        f->entries_room = room;
    }
    *out = &st->entries[st->count++];
    (*out)->name = name;
    (*out)->dtype_name = type;
    (*out)->known = belay_dtype_parse(type, &(*out)->dtype);
    return BELAY_OK;
}

static belay_status add_tensor(struct flat *f, const struct belay_pickle_tensor *t)
{
    struct belay_st_entry *entry = NULL;
    int64_t dim[BELAY_PICKLE_MAX_RANK] = { 0 };
    uint64_t count = 1;

    if (!t->type->name)
        return belay_fail(f->p->log, BELAY_ERR_UNSUPPORTED, "%s: '%.200s' is of type %s: it cannot "
                          "be held", f->p->file, f->name.text ? f->name.text : "", t->type->torch);
    for (int i = 0; i < t->rank; i++) {
        dim[i] = (int64_t) t->dim[i];
        count *= t->dim[i]; // cannot overflow: checked when it was read
    }
    BELAY_TRY(new_entry(f, t->type->name, &entry));
    if (belay_shape_make(NULL, t->rank, dim, &entry->shape) != BELAY_OK)
        return refuse(f, "has a shape that overflows");
    entry->size = (size_t) count * t->type->size;
    entry->data = f->st->bytes;
    if (!count)
        return BELAY_OK;
    const char *from = t->storage->data + t->offset * t->type->size;
    entry->data = from;
    if (is_contiguous(t) && (!f->swap || t->type->swap == 1))
        return BELAY_OK;
    return make_view(f, t, count, from, &entry->data);
}

static belay_status add_bytes(struct flat *f, const object *o)
{
    struct belay_st_entry *entry = NULL;

    BELAY_TRY(belay_pickle_pay(f->p, o->size));
    char *copy = belay_arena_alloc(&f->st->arena, o->size + 1);
    if (!copy)
        return belay_fail_nomem(f->p->log, o->size + 1);
    if (o->size)
        memcpy(copy, o->text, o->size);
    BELAY_TRY(new_entry(f, "U8", &entry));
    entry->shape.rank = 1;
    entry->shape.dim[0] = (int64_t) o->size;
    entry->data = copy;
    entry->size = o->size;
    return BELAY_OK;
}

// ---- values ----

static belay_status add_meta(struct flat *f, const char *value)
{
    struct belay_st *st = f->st;
    const char *key, *copy = belay_arena_strdup(&st->arena, value);

    BELAY_TRY(take_name(f, &key));
    if (!copy)
        return belay_fail_nomem(f->p->log, strlen(value) + 1);
    if (st->meta_count == f->meta_room) {
        size_t room = f->meta_room ? 2 * f->meta_room : 64;
        const char **keys = belay_arena_array(&st->arena, room, sizeof(*keys));
        const char **values = belay_arena_array(&st->arena, room, sizeof(*values));
        if (!keys || !values)
            return belay_fail_nomem(f->p->log, room * sizeof(*keys));
        if (st->meta_count) {
            memcpy(keys, st->meta_keys, st->meta_count * sizeof(*keys));
            memcpy(values, st->meta_values, st->meta_count * sizeof(*values));
        }
        st->meta_keys = keys;
        st->meta_values = values;
        f->meta_room = room;
    }
    st->meta_keys[st->meta_count] = key;
    st->meta_values[st->meta_count++] = copy;
    return BELAY_OK;
}

// Decimal digits of a little-endian two's complement number.
static void add_big(struct belay_str *s, const object *o)
{
    unsigned char bytes[256];
    char digits[640];
    size_t size = o->size, at = sizeof(digits) - 1, carry = 1;
    bool negative = (unsigned char) o->text[size - 1] & 0x80;

    memcpy(bytes, o->text, size);
    for (size_t i = 0; i < size && negative; i++) {
        carry += (unsigned char) ~bytes[i];
        bytes[i] = (unsigned char) carry;
        carry >>= 8;
    }
    digits[at] = '\0';
    while (size && at > 1) {
        unsigned rest = 0;
        for (size_t i = size; i > 0; i--) {
            unsigned value = rest << 8 | bytes[i - 1];
            bytes[i - 1] = (unsigned char) (value / 10);
            rest = value % 10;
        }
        digits[--at] = (char) ('0' + rest);
        while (size && !bytes[size - 1])
            size--;
    }
    if (negative)
        digits[--at] = '-';
    belay_str_add(s, digits + at);
}

// A double that cannot be mistaken for a whole number.
static void add_float(struct belay_str *s, double value)
{
    size_t start = s->length;

    belay_str_add_double(s, value);
    if (isfinite(value) && s->text && !strpbrk(s->text + start, ".e"))
        belay_str_add(s, ".0");
}

static belay_status add_text(struct flat *f, struct belay_str *s, const object *o)
{
    if (memchr(o->text, 0, o->size))
        return refuse(f, "is a text with a NUL in it");
    BELAY_TRY(belay_pickle_pay(f->p, o->size));
    char *text = belay_strndup(o->text, o->size);
    if (!text)
        return belay_fail_nomem(f->p->log, o->size + 1);
    belay_meta_add_text(s, text);
    belay_free(text);
    return BELAY_OK;
}

static belay_status add_value(struct flat *f, const object *o)
{
    struct belay_str s = { 0 };
    belay_status status = BELAY_OK;

    switch (o->kind) {
    case BELAY_PICKLE_NONE:
        belay_str_add(&s, "null");
        break;
    case BELAY_PICKLE_BOOL:
        belay_str_add(&s, o->boolean ? "true" : "false");
        break;
    case BELAY_PICKLE_INT:
        belay_str_addf(&s, "%lld", (long long) o->integer);
        break;
    case BELAY_PICKLE_BIG:
        add_big(&s, o);
        break;
    case BELAY_PICKLE_FLOAT:
        add_float(&s, o->number);
        break;
    case BELAY_PICKLE_TEXT:
        BELAY_TRY_DONE(add_text(f, &s, o));
        break;
    default:
        belay_str_addf(&s, "torch.%s", o->name->type ? o->name->type->torch : "?");
        break;
    }
    if (s.failed)
        BELAY_TRY_DONE(belay_fail_nomem(f->p->log, s.capacity));
    BELAY_TRY_DONE(add_meta(f, s.text ? s.text : ""));
done:
    belay_str_free(&s);
    return status;
}

// ---- the tree ----

static belay_status visit(struct flat *f, const object *o, int depth);

// Appends the key to the name at hand, and to the tree.
static belay_status enter(struct flat *f, const object *key, bool first)
{
    char number[32];
    const char *text = number;
    size_t size;

    if (key->kind == BELAY_PICKLE_TEXT) {
        text = key->text;
        size = key->size;
    } else if (key->kind == BELAY_PICKLE_INT) {
        size = (size_t) snprintf(number, sizeof(number), "%lld", (long long) key->integer);
    } else {
        return refuse(f, "is a dict with a key that is neither text nor number");
    }
    if (memchr(text, 0, size))
        return refuse(f, "is a dict with a NUL in a key");
    if (size > MAX_NAME)
        return refuse(f, "is a dict with a key of more than 4096 bytes");
    size_t start = f->name.length;
    belay_str_add_bytes(&f->name, text, size);
    struct belay_str shown = { 0 };
    if (key->kind == BELAY_PICKLE_INT)
        belay_str_add(&shown, BELAY_TREE_INT);
    else if ((size && text[0] == '#') || (size == 2 && memcmp(text, BELAY_TREE_TUPLE, 2) == 0))
        belay_str_add(&shown, BELAY_TREE_TEXT);
    belay_str_add(&shown, f->name.text ? f->name.text + start : "");
    if (!first)
        belay_str_add(&f->tree, ",");
    belay_str_add_json(&f->tree, shown.text ? shown.text : "");
    belay_str_add(&f->tree, ":");
    bool failed = shown.failed || f->tree.failed || f->name.failed;
    belay_str_free(&shown);
    return failed ? belay_fail_nomem(f->p->log, size) : BELAY_OK;
}

static void leave(struct flat *f, size_t length)
{
    f->name.length = length;
    if (f->name.text)
        f->name.text[length] = '\0';
}

static belay_status visit_dict(struct flat *f, const object *o, int depth)
{
    size_t length = f->name.length;

    belay_str_add(&f->tree, "{");
    for (size_t i = 0; i + 1 < o->count; i += 2) {
        if (depth > 1)
            belay_str_add(&f->name, ".");
        BELAY_TRY(enter(f, o->items[i], i == 0));
        f->nested = f->nested || o->items[i]->kind != BELAY_PICKLE_TEXT;
        BELAY_TRY(visit(f, o->items[i + 1], depth));
        leave(f, length);
    }
    belay_str_add(&f->tree, "}");
    f->nested = f->nested || depth > 1;
    return BELAY_OK;
}

static belay_status visit_list(struct flat *f, const object *o, int depth)
{
    size_t length = f->name.length;
    bool tuple = o->kind == BELAY_PICKLE_TUPLE;

    f->nested = true;
    belay_str_add(&f->tree, tuple ? "{\"" BELAY_TREE_TUPLE "\":[" : "[");
    for (size_t i = 0; i < o->count; i++) {
        belay_str_addf(&f->name, "%s%zu", depth > 1 ? "." : "", i);
        belay_str_add(&f->tree, i ? "," : "");
        BELAY_TRY(visit(f, o->items[i], depth));
        leave(f, length);
    }
    belay_str_add(&f->tree, tuple ? "]}" : "]");
    return BELAY_OK;
}

static belay_status visit_leaf(struct flat *f, const object *o)
{
    belay_str_add(&f->tree, "null");
    if (o->kind == BELAY_PICKLE_TENSOR)
        return add_tensor(f, o->tensor);
    f->nested = true;
    if (o->kind == BELAY_PICKLE_BYTES)
        return add_bytes(f, o);
    if (o->kind == BELAY_PICKLE_STORAGE)
        return refuse(f, "is a bare storage: save tensors");
    if (o->kind == BELAY_PICKLE_NAME && o->name->type == NULL)
        return refuse(f, "is a class, no value");
    return add_value(f, o);
}

// Every object was paid for by a byte of the pickle; shared ones are visited again, so a count
// above that is a bomb.
static belay_status visit(struct flat *f, const object *o, int depth)
{
    if (++f->visits > 1024 + f->p->size)
        return refuse(f, "and what is before unpack to many times the file's size");
    if (depth >= BELAY_TREE_DEPTH)
        return refuse(f, "is nested more than 24 deep");
    if (f->tree.length > (16u << 20) + 64 * f->p->size)
        return refuse(f, "and all names before take too much memory");
    if (o->kind == BELAY_PICKLE_DICT)
        return visit_dict(f, o, depth + 1);
    if (o->kind == BELAY_PICKLE_LIST || o->kind == BELAY_PICKLE_TUPLE)
        return visit_list(f, o, depth + 1);
    return visit_leaf(f, o);
}

static int compare_names(const void *a, const void *b)
{
    return strcmp(*(const char *const *) a, *(const char *const *) b);
}

// {"a": {"b": x}, "a.b": y} and a key twice in one dict.
static belay_status refuse_duplicates(struct flat *f)
{
    struct belay_st *st = f->st;
    size_t count = st->count + st->meta_count;
    const char **names = belay_alloc_array(count + 1, sizeof(*names));
    belay_status status = BELAY_OK;

    if (!names)
        return belay_fail_nomem(f->p->log, count * sizeof(*names));
    for (size_t i = 0; i < st->count; i++)
        names[i] = st->entries[i].name;
    for (size_t i = 0; i < st->meta_count; i++)
        names[st->count + i] = st->meta_keys[i];
    qsort(names, count, sizeof(*names), compare_names);
    for (size_t i = 1; i < count && status == BELAY_OK; i++)
        if (strcmp(names[i - 1], names[i]) == 0)
            status = belay_fail(f->p->log, BELAY_ERR_UNSUPPORTED,
                                "%s: two values are named '%.200s'", f->p->file, names[i]);
    belay_free(names);
    return status;
}

static belay_status keep_tree(struct flat *f)
{
    if (!f->nested)
        return BELAY_OK;
    belay_str_clear(&f->name);
    belay_str_add(&f->name, BELAY_TREE_KEY);
    return add_meta(f, f->tree.text ? f->tree.text : "");
}

belay_status belay_pth_flatten(struct belay_pickle *p, const object *root, bool swap,
                               struct belay_st *st)
{
    struct flat f = { .p = p, .st = st, .swap = swap };
    belay_status status;

    p->copied = 0;
    BELAY_TRY_DONE(visit(&f, root, 0));
    if (f.name.failed || f.tree.failed)
        BELAY_TRY_DONE(belay_fail_nomem(p->log, f.tree.capacity));
    BELAY_TRY_DONE(keep_tree(&f));
    BELAY_TRY_DONE(refuse_duplicates(&f));
done:
    belay_str_free(&f.name);
    belay_str_free(&f.tree);
    return status;
}
