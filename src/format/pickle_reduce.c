// Python's names that a state dict needs, and what they make of their arguments.
#include <stdio.h>
#include <string.h>

#include "base/hash.h"
#include "base/str.h"
#include "format/pickle_machine.h"

#define NAME_SHOWN 100
#define MAX_KEY 256

static const struct known {
    const char *module, *name;
    struct belay_pickle_name value;
} known[] = {
    { "collections", "OrderedDict", { BELAY_TAG_DICT, NULL } },
    { "collections", "Counter", { BELAY_TAG_DICT, NULL } },
    { "torch", "Size", { BELAY_TAG_LIST, NULL } },
    { "__builtin__", "set", { BELAY_TAG_LIST, NULL } },
    { "builtins", "set", { BELAY_TAG_LIST, NULL } },
    { "__builtin__", "bytearray", { BELAY_TAG_BYTES, NULL } },
    { "builtins", "bytearray", { BELAY_TAG_BYTES, NULL } },
    { "_codecs", "encode", { BELAY_TAG_ENCODE, NULL } },
    { "torch", "device", { BELAY_TAG_DEVICE, NULL } },
    { "torch._utils", "_rebuild_tensor", { BELAY_TAG_TENSOR, NULL } },
    { "torch._utils", "_rebuild_tensor_v2", { BELAY_TAG_TENSOR, NULL } },
    { "torch._utils", "_rebuild_tensor_v3", { BELAY_TAG_TENSOR_V3, NULL } },
    { "torch._utils", "_rebuild_parameter", { BELAY_TAG_PARAMETER, NULL } },
    { "torch._utils", "_rebuild_parameter_with_state", { BELAY_TAG_PARAMETER, NULL } },
    { "torch.storage", "UntypedStorage", { BELAY_TAG_STORAGE, NULL } },
};

static bool equals(const char *name, const char *text, size_t size)
{
    return strlen(name) == size && memcmp(name, text, size) == 0;
}

static belay_status make_name(struct belay_pickle *p, const struct belay_pickle_name *value,
                              struct belay_pickle_object **out)
{
    struct belay_pickle_name *copy = belay_arena_alloc(&p->arena, sizeof(*copy));

    if (!copy)
        return belay_fail_nomem(p->log, sizeof(*copy));
    *copy = *value;
    BELAY_TRY(belay_pickle_new(p, BELAY_PICKLE_NAME, out));
    (*out)->name = copy;
    return BELAY_OK;
}

// Printable ASCII of a name from the file.
static const char *shown(char out[NAME_SHOWN + 1], const char *text, size_t size)
{
    size_t n = 0;
    for (; n < size && n < NAME_SHOWN; n++)
        out[n] = text[n] >= 0x20 && text[n] < 0x7F ? text[n] : '?';
    out[n] = '\0';
    return out;
}

belay_status belay_pickle_find_name(struct belay_pickle *p, const char *module, size_t module_size,
                                    const char *name, size_t name_size,
                                    struct belay_pickle_object **out)
{
    char a[NAME_SHOWN + 1], b[NAME_SHOWN + 1];
    struct belay_pickle_name value = { BELAY_TAG_STORAGE, NULL };
    bool torch = equals("torch", module, module_size);

    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
        if (equals(known[i].module, module, module_size) &&
            equals(known[i].name, name, name_size))
            return make_name(p, &known[i].value, out);
    if (torch || equals("torch.cuda", module, module_size))
        value.type = belay_pth_type_by_storage(name, name_size);
    if (value.type)
        return make_name(p, &value, out);
    value.tag = BELAY_TAG_DTYPE;
    if (torch)
        value.type = belay_pth_type_by_torch(name, name_size);
    if (value.type)
        return make_name(p, &value, out);
    return belay_pickle_refuse(
        p,
        "names %s.%s, and no code in a file is ever run. Only state dicts and plain values can be "
        "read; of a whole pickled model save the state dict: "
        "torch.save(model.state_dict(), \"model.pth\")",
        shown(a, module, module_size), shown(b, name, name_size));
}

static const struct belay_pickle_object *arg(const struct belay_pickle_object *args, size_t i,
                                             enum belay_pickle_kind kind)
{
    if (i >= args->count || args->items[i]->kind != kind)
        return NULL;
    return args->items[i];
}

// ---- tensors ----

static belay_status read_numbers(struct belay_pickle *p, const struct belay_pickle_object *list,
                                 const char *what, uint64_t *out, int *count)
{
    if (!list || list->count > BELAY_PICKLE_MAX_RANK)
        return belay_pickle_damaged(p, "the %s of a tensor is no tuple of at most %d", what,
                                    BELAY_PICKLE_MAX_RANK);
    for (size_t i = 0; i < list->count; i++) {
        if (list->items[i]->kind != BELAY_PICKLE_INT || list->items[i]->integer < 0)
            return belay_pickle_damaged(p, "the %s of a tensor holds what is no number from 0",
                                        what);
        out[i] = (uint64_t) list->items[i]->integer;
    }
    *count = (int) list->count;
    return BELAY_OK;
}

// The last element's place must lie in the storage; the count must fit too.
static belay_status check_extent(const struct belay_pickle *p, const struct belay_pickle_tensor *t)
{
    const struct belay_pickle_storage *s = t->storage;
    uint64_t room = s->type ? s->count : s->count / t->type->size;
    uint64_t last = t->offset, elements = 1;
    bool fits = true, empty = false;

    for (int i = 0; i < t->rank; i++)
        empty = empty || t->dim[i] == 0;
    for (int i = 0; i < t->rank && fits; i++) {
        uint64_t steps = t->dim[i] ? t->dim[i] - 1 : 0;
        fits = !t->dim[i] || elements <= (uint64_t) INT64_MAX / t->dim[i];
        elements *= fits && t->dim[i] ? t->dim[i] : 1;
        if (steps && !empty)
            fits = fits && t->stride[i] <= ((uint64_t) INT64_MAX - last) / steps;
        last += fits && !empty ? steps * t->stride[i] : 0;
    }
    if (fits && (empty ? t->offset <= (uint64_t) INT64_MAX : last < room))
        return BELAY_OK;
    return belay_pickle_damaged(p, "a tensor reaches beyond storage '%s' of %llu elements", s->key,
                                (unsigned long long) room);
}

static belay_status set_type(struct belay_pickle *p, const struct belay_pickle_object *args,
                             bool v3, struct belay_pickle_tensor *t)
{
    const struct belay_pickle_object *dtype = arg(args, 6, BELAY_PICKLE_NAME);

    t->type = t->storage->type;
    if (!v3 && t->type)
        return BELAY_OK;
    if (!v3 || t->storage->type || !dtype || dtype->name->tag != BELAY_TAG_DTYPE)
        return belay_pickle_damaged(p, "a tensor's type and its storage do not fit");
    t->type = dtype->name->type;
    return BELAY_OK;
}

// (storage, offset, size, stride, requires_grad, hooks, [dtype,] [metadata])
static belay_status rebuild_tensor(struct belay_pickle *p, const struct belay_pickle_object *args,
                                   bool v3, struct belay_pickle_object **out)
{
    const struct belay_pickle_object *storage = arg(args, 0, BELAY_PICKLE_STORAGE);
    const struct belay_pickle_object *offset = arg(args, 1, BELAY_PICKLE_INT);
    struct belay_pickle_tensor *t;
    size_t extra = v3 ? 7 : 6;
    int strides = 0;

    if (!storage || !offset || offset->integer < 0 || args->count > extra + 1)
        return belay_pickle_damaged(p, "a tensor's arguments are not its storage, offset, size "
                                       "and stride");
    if (args->count > extra && args->items[extra]->kind != BELAY_PICKLE_NONE &&
        !(args->items[extra]->kind == BELAY_PICKLE_DICT && args->items[extra]->count == 0))
        return belay_pickle_refuse(p, "a tensor is stored conjugated or negated: save a copy "
                                      "(tensor.resolve_conj().resolve_neg())");
    t = belay_arena_alloc(&p->arena, sizeof(*t));
    if (!t)
        return belay_fail_nomem(p->log, sizeof(*t));
    t->storage = storage->storage;
    t->offset = (uint64_t) offset->integer + (uint64_t) storage->integer; // both below 2^63
    BELAY_TRY(read_numbers(p, arg(args, 2, BELAY_PICKLE_TUPLE), "size", t->dim, &t->rank));
    BELAY_TRY(read_numbers(p, arg(args, 3, BELAY_PICKLE_TUPLE), "stride", t->stride, &strides));
    if (strides != t->rank)
        return belay_pickle_damaged(p, "a tensor has %d sizes and %d strides", t->rank, strides);
    BELAY_TRY(set_type(p, args, v3, t));
    BELAY_TRY(check_extent(p, t));
    BELAY_TRY(belay_pickle_new(p, BELAY_PICKLE_TENSOR, out));
    (*out)->tensor = t;
    return BELAY_OK;
}

// ---- storages ----

static belay_status check_same(const struct belay_pickle *p, const struct belay_pickle_storage *old,
                               const struct belay_pth_type *type, uint64_t count)
{
    if (old->type == type && old->count == count)
        return BELAY_OK;
    return belay_pickle_damaged(p, "storage '%s' has two types or sizes", old->key);
}

static belay_status add_storage(struct belay_pickle *p, const char *key,
                                const struct belay_pth_type *type, uint64_t count,
                                struct belay_pickle_storage **out)
{
    struct belay_pickle_storage *s = belay_arena_alloc(&p->arena, sizeof(*s));

    if (!s)
        return belay_fail_nomem(p->log, sizeof(*s));
    s->key = key;
    s->type = type;
    s->count = count;
    s->size = count * (type ? type->size : 1);
    s->next = p->storages;
    p->storages = s;
    *out = s;
    return BELAY_OK;
}

// In old files a tensor may hold a part of a storage: (view key, offset, size).
static belay_status view_offset(struct belay_pickle *p, const struct belay_pickle_object *view,
                                const struct belay_pickle_storage *s, int64_t *out)
{
    const struct belay_pickle_object *offset, *size;

    if (view->kind == BELAY_PICKLE_NONE)
        return BELAY_OK;
    offset = view->kind == BELAY_PICKLE_TUPLE ? arg(view, 1, BELAY_PICKLE_INT) : NULL;
    size = view->kind == BELAY_PICKLE_TUPLE ? arg(view, 2, BELAY_PICKLE_INT) : NULL;
    if (!offset || !size || offset->integer < 0 || size->integer < 0 ||
        (uint64_t) offset->integer > s->count ||
        (uint64_t) size->integer > s->count - (uint64_t) offset->integer)
        return belay_pickle_damaged(p, "a view of storage '%s' lies outside it", s->key);
    *out = offset->integer;
    return BELAY_OK;
}

// The place of `key` in the table: taken by it, or free. The table is never full.
static struct belay_pickle_storage **place_of(struct belay_pickle *p, const char *key)
{
    size_t at = (size_t) belay_hash_text(key);

    for (;; at++) {
        struct belay_pickle_storage **place = &p->table[at & (p->table_room - 1)];
        if (!*place || strcmp((*place)->key, key) == 0)
            return place;
    }
}

static belay_status grow_table(struct belay_pickle *p)
{
    size_t room = p->table_room ? 2 * p->table_room : 64;

    if (2 * p->num_storages < p->table_room)
        return BELAY_OK;
    belay_free(p->table);
    p->table_room = 0;
    p->table = belay_alloc_array(room, sizeof(*p->table));
    if (!p->table)
        return belay_fail_nomem(p->log, room * sizeof(*p->table));
    p->table_room = room;
    for (struct belay_pickle_storage *s = p->storages; s; s = s->next)
        *place_of(p, s->key) = s;
    return BELAY_OK;
}

struct belay_pickle_storage *belay_pickle_find_storage(struct belay_pickle *p, const char *key,
                                                       size_t size)
{
    char name[MAX_KEY + 1];

    if (!p->table_room || size > MAX_KEY || memchr(key, 0, size))
        return NULL;
    memcpy(name, key, size);
    name[size] = '\0';
    return *place_of(p, name);
}

static belay_status find_storage(struct belay_pickle *p, const char *key,
                                 const struct belay_pth_type *type, uint64_t count,
                                 struct belay_pickle_storage **out)
{
    BELAY_TRY(grow_table(p));
    struct belay_pickle_storage **place = place_of(p, key);
    *out = *place;
    if (*place)
        return check_same(p, *place, type, count);
    BELAY_TRY(add_storage(p, key, type, count, out));
    *place = *out;
    p->num_storages++;
    return BELAY_OK;
}

// ('storage', type, key, location, count[, view])
belay_status belay_pickle_persistent(struct belay_pickle *p, const struct belay_pickle_object *id,
                                     bool legacy, struct belay_pickle_object **out)
{
    bool tuple = id->kind == BELAY_PICKLE_TUPLE && id->count == (legacy ? 6u : 5u);
    const struct belay_pickle_object *word = tuple ? arg(id, 0, BELAY_PICKLE_TEXT) : NULL;
    const struct belay_pickle_object *type = tuple ? arg(id, 1, BELAY_PICKLE_NAME) : NULL;
    const struct belay_pickle_object *key = tuple ? arg(id, 2, BELAY_PICKLE_TEXT) : NULL;
    const struct belay_pickle_object *count = tuple ? arg(id, 4, BELAY_PICKLE_INT) : NULL;
    struct belay_pickle_storage *storage;
    uint64_t elements;

    if (!word || !equals("storage", word->text, word->size) || !type ||
        type->name->tag != BELAY_TAG_STORAGE || !key || !count)
        return belay_pickle_damaged(p, "a persistent id is no storage with its type, key and size");
    if (key->size == 0 || key->size > MAX_KEY || memchr(key->text, '/', key->size) || memchr(key->text, 0, key->size))
        return belay_pickle_damaged(p, "the key of a storage is no plain name");
    elements = (uint64_t) count->integer;
    if (count->integer < 0 || elements > INT64_MAX / 16)
        return belay_pickle_damaged(p, "a storage of %lld elements", (long long) count->integer);
    char *name = belay_arena_alloc(&p->arena, key->size + 1);
    if (!name)
        return belay_fail_nomem(p->log, key->size + 1);
    memcpy(name, key->text, key->size);
    BELAY_TRY(find_storage(p, name, type->name->type, elements, &storage));
    BELAY_TRY(belay_pickle_new(p, BELAY_PICKLE_STORAGE, out));
    (*out)->storage = storage;
    return legacy ? view_offset(p, id->items[5], storage, &(*out)->integer) : BELAY_OK;
}

// ---- the rest ----

// () or ([[key, value], …]) or ({…})
static belay_status rebuild_dict(struct belay_pickle *p, const struct belay_pickle_object *args,
                                 struct belay_pickle_object **out)
{
    const struct belay_pickle_object *from = args->count ? args->items[0] : NULL;

    BELAY_TRY(belay_pickle_new(p, BELAY_PICKLE_DICT, out));
    if (args->count > 1 || (from && from->kind != BELAY_PICKLE_DICT &&
                            from->kind != BELAY_PICKLE_LIST))
        return belay_pickle_damaged(p, "a dict is made of what is neither dict nor list");
    for (size_t i = 0; from && i < from->count; i++) {
        const struct belay_pickle_object *pair = from->items[i];
        if (from->kind == BELAY_PICKLE_DICT) {
            BELAY_TRY(belay_pickle_append(p, *out, from->items[i]));
            continue;
        }
        if ((pair->kind != BELAY_PICKLE_LIST && pair->kind != BELAY_PICKLE_TUPLE) ||
            pair->count != 2)
            return belay_pickle_damaged(p, "a dict is made of what are no pairs");
        BELAY_TRY(belay_pickle_append(p, *out, pair->items[0]));
        BELAY_TRY(belay_pickle_append(p, *out, pair->items[1]));
    }
    return BELAY_OK;
}

static belay_status rebuild_list(struct belay_pickle *p, const struct belay_pickle_object *args,
                                 struct belay_pickle_object **out)
{
    const struct belay_pickle_object *from = args->count == 1 ? args->items[0] : NULL;

    if (!from || (from->kind != BELAY_PICKLE_LIST && from->kind != BELAY_PICKLE_TUPLE))
        return belay_pickle_damaged(p, "a size or set is made of what is no list");
    BELAY_TRY(belay_pickle_new(p, BELAY_PICKLE_TUPLE, out));
    for (size_t i = 0; i < from->count; i++)
        BELAY_TRY(belay_pickle_append(p, *out, from->items[i]));
    return BELAY_OK;
}

static belay_status rebuild_device(struct belay_pickle *p, const struct belay_pickle_object *args,
                                   struct belay_pickle_object **out)
{
    const struct belay_pickle_object *name = arg(args, 0, BELAY_PICKLE_TEXT);
    const struct belay_pickle_object *index = arg(args, 1, BELAY_PICKLE_INT);
    char *text;

    if (!name || name->size > 32 || args->count > 2)
        return belay_pickle_damaged(p, "a device without a name");
    text = belay_arena_alloc(&p->arena, 64);
    if (!text)
        return belay_fail_nomem(p->log, 64);
    memcpy(text, name->text, name->size);
    if (index)
        snprintf(text + name->size, 64 - name->size, ":%lld", (long long) index->integer);
    BELAY_TRY(belay_pickle_new(p, BELAY_PICKLE_TEXT, out));
    (*out)->text = text;
    (*out)->size = strlen(text);
    return BELAY_OK;
}

// How protocol 2 keeps bytes: as a text of the characters below 256.
static belay_status rebuild_bytes(struct belay_pickle *p, const struct belay_pickle_object *args,
                                  struct belay_pickle_object **out)
{
    const struct belay_pickle_object *text = arg(args, 0, BELAY_PICKLE_TEXT);
    const struct belay_pickle_object *code = arg(args, 1, BELAY_PICKLE_TEXT);
    size_t count = 0;
    char *bytes;

    if (!text || !code || !equals("latin1", code->text, code->size) || args->count != 2)
        return belay_pickle_damaged(p, "bytes that are no latin1 text");
    BELAY_TRY(belay_pickle_pay(p, text->size));
    bytes = belay_arena_alloc(&p->arena, text->size + 1);
    if (!bytes)
        return belay_fail_nomem(p->log, text->size + 1);
    for (size_t at = 0; at < text->size;) {
        uint32_t c = 0;
        size_t step = belay_utf8_next(text->text + at, text->size - at, &c);
        if (!step || c > 255)
            return belay_pickle_damaged(p, "bytes that are no latin1 text");
        bytes[count++] = (char) c;
        at += step;
    }
    BELAY_TRY(belay_pickle_new(p, BELAY_PICKLE_BYTES, out));
    (*out)->text = bytes;
    (*out)->size = count;
    return BELAY_OK;
}

static belay_status first_of_kind(struct belay_pickle *p, const struct belay_pickle_object *args,
                                  enum belay_pickle_kind kind, const char *what,
                                  struct belay_pickle_object **out)
{
    if (!arg(args, 0, kind))
        return belay_pickle_damaged(p, "%s is made of something else", what);
    *out = args->items[0];
    return BELAY_OK;
}

belay_status belay_pickle_reduce(struct belay_pickle *p, const struct belay_pickle_object *callable,
                                 const struct belay_pickle_object *args,
                                 struct belay_pickle_object **out)
{
    if (callable->kind != BELAY_PICKLE_NAME || args->kind != BELAY_PICKLE_TUPLE)
        return belay_pickle_damaged(p, "something is called that is no function");
    switch (callable->name->tag) {
    case BELAY_TAG_DICT:
        return rebuild_dict(p, args, out);
    case BELAY_TAG_LIST:
        return rebuild_list(p, args, out);
    case BELAY_TAG_TENSOR:
        return rebuild_tensor(p, args, false, out);
    case BELAY_TAG_TENSOR_V3:
        return rebuild_tensor(p, args, true, out);
    case BELAY_TAG_PARAMETER:
        return first_of_kind(p, args, BELAY_PICKLE_TENSOR, "a parameter", out);
    case BELAY_TAG_BYTES:
        return first_of_kind(p, args, BELAY_PICKLE_BYTES, "a bytearray", out);
    case BELAY_TAG_DEVICE:
        return rebuild_device(p, args, out);
    case BELAY_TAG_ENCODE:
        return rebuild_bytes(p, args, out);
    case BELAY_TAG_STORAGE:
    case BELAY_TAG_DTYPE:
        break;
    }
    return belay_pickle_damaged(p, "a type is called");
}
