// What Python's functions make of their arguments.
#include <stdio.h>
#include <string.h>

#include "base/str.h"
#include "format/pickle_machine.h"

const struct belay_pickle_object *belay_pickle_arg(const struct belay_pickle_object *args, size_t i,
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
    const struct belay_pickle_object *dtype = belay_pickle_arg(args, 6, BELAY_PICKLE_NAME);

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
    const struct belay_pickle_object *storage = belay_pickle_arg(args, 0, BELAY_PICKLE_STORAGE);
    const struct belay_pickle_object *offset = belay_pickle_arg(args, 1, BELAY_PICKLE_INT);
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
    BELAY_TRY(read_numbers(p, belay_pickle_arg(args, 2, BELAY_PICKLE_TUPLE), "size", t->dim,
                           &t->rank));
    BELAY_TRY(read_numbers(p, belay_pickle_arg(args, 3, BELAY_PICKLE_TUPLE), "stride",
                           t->stride, &strides));
    if (strides != t->rank)
        return belay_pickle_damaged(p, "a tensor has %d sizes and %d strides", t->rank, strides);
    BELAY_TRY(set_type(p, args, v3, t));
    BELAY_TRY(check_extent(p, t));
    BELAY_TRY(belay_pickle_new(p, BELAY_PICKLE_TENSOR, out));
    (*out)->tensor = t;
    return BELAY_OK;
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
    const struct belay_pickle_object *name = belay_pickle_arg(args, 0, BELAY_PICKLE_TEXT);
    const struct belay_pickle_object *index = belay_pickle_arg(args, 1, BELAY_PICKLE_INT);
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
    const struct belay_pickle_object *text = belay_pickle_arg(args, 0, BELAY_PICKLE_TEXT);
    const struct belay_pickle_object *code = belay_pickle_arg(args, 1, BELAY_PICKLE_TEXT);
    size_t count = 0;
    char *bytes;

    if (!text || !code || !belay_pickle_is("latin1", code->text, code->size) || args->count != 2)
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
    if (!belay_pickle_arg(args, 0, kind))
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
