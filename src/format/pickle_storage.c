// Storages: what a persistent id stands for, each found once by its key.
#include <string.h>

#include "base/hash.h"
#include "format/pickle_machine.h"

#define MAX_KEY 256

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
    offset = view->kind == BELAY_PICKLE_TUPLE ? belay_pickle_arg(view, 1, BELAY_PICKLE_INT) : NULL;
    size = view->kind == BELAY_PICKLE_TUPLE ? belay_pickle_arg(view, 2, BELAY_PICKLE_INT) : NULL;
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
    const struct belay_pickle_object *word =
        tuple ? belay_pickle_arg(id, 0, BELAY_PICKLE_TEXT) : NULL;
    const struct belay_pickle_object *type =
        tuple ? belay_pickle_arg(id, 1, BELAY_PICKLE_NAME) : NULL;
    const struct belay_pickle_object *key =
        tuple ? belay_pickle_arg(id, 2, BELAY_PICKLE_TEXT) : NULL;
    const struct belay_pickle_object *count =
        tuple ? belay_pickle_arg(id, 4, BELAY_PICKLE_INT) : NULL;
    struct belay_pickle_storage *storage;
    uint64_t elements;

    if (!word || !belay_pickle_is("storage", word->text, word->size) || !type ||
        type->name->tag != BELAY_TAG_STORAGE || !key || !count)
        return belay_pickle_damaged(p, "a persistent id is no storage with its type, key and size");
    if (key->size == 0 || key->size > MAX_KEY || memchr(key->text, '/', key->size) ||
        memchr(key->text, 0, key->size))
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
