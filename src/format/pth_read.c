// The containers: zip archives since PyTorch 1.6, a row of pickles with the storages behind before.
#include <stdio.h>
#include <string.h>

#include "format/pth.h"
#include "format/pth_tree.h"
#include "format/zip.h"

#define MAX_PICKLE (512u << 20)

static const unsigned char legacy_magic[] = { 0x80, 2,    0x8a, 10,   0x6c, 0xfc, 0x9c, 0x46,
                                              0xf9, 0x20, 0x6a, 0xa8, 0x50, 0x19, '.' };

// One file being read.
struct reader {
    struct belay_log *log;
    const char *file;
    struct belay_st *st;
    struct belay_pickle pickle;
    struct belay_pickle_object *root;
    struct belay_zip zip;
    char prefix[300]; // of the records, with its '/'
    bool swap;
};

static bool is_legacy(const char *bytes, size_t size)
{
    return size >= sizeof(legacy_magic) && memcmp(bytes, legacy_magic, sizeof(legacy_magic)) == 0;
}

static bool is_tar(const char *bytes, size_t size)
{
    return size >= 512 && memcmp(bytes + 257, "ustar", 5) == 0;
}

// What is wrong with the archive is damage of this file.
static belay_status as_damage(belay_status status)
{
    return status == BELAY_ERR_DATA ? BELAY_ERR_DAMAGED : status;
}

// ---- zip ----

static belay_status record(struct reader *r, const char *name, const char **content, size_t *size)
{
    char path[600];
    struct belay_zip_entry *entry;

    snprintf(path, sizeof(path), "%s%s", r->prefix, name);
    *content = NULL;
    *size = 0;
    entry = belay_zip_find(&r->zip, path);
    if (!entry)
        return BELAY_OK;
    *size = entry->size;
    return as_damage(belay_zip_content(r->log, r->file, &r->zip, entry, content));
}

// The folder of the archive that holds data.pkl.
static belay_status find_prefix(struct reader *r)
{
    static const char wanted[] = "/data.pkl";
    const char *found = NULL;
    size_t length = 0;

    for (size_t i = 0; i < r->zip.count; i++) {
        const char *name = r->zip.entries[i].name, *slash = strchr(name, '/');
        if (!slash || strcmp(slash, wanted) != 0)
            continue;
        if (found)
            return belay_fail(r->log, BELAY_ERR_DAMAGED, "%s: two data.pkl: '%.100s' and '%.100s'",
                              r->file, found, name);
        found = name;
        length = (size_t) (slash - name) + 1;
    }
    if (!found)
        return belay_fail(r->log, BELAY_ERR_DAMAGED, "%s: an archive without data.pkl: not written "
                          "by torch.save", r->file);
    if (length >= sizeof(r->prefix))
        return belay_fail(r->log, BELAY_ERR_DAMAGED, "%s: its records' folder has a name of %zu "
                          "bytes", r->file, length - 1);
    memcpy(r->prefix, found, length);
    return BELAY_OK;
}

static belay_status read_byteorder(struct reader *r)
{
    const char *order;
    size_t size;

    BELAY_TRY(record(r, "byteorder", &order, &size));
    if (!order)
        return BELAY_OK;
    r->swap = size == 3 && memcmp(order, "big", 3) == 0;
    if (!r->swap && !(size == 6 && memcmp(order, "little", 6) == 0))
        return belay_fail(r->log, BELAY_ERR_DAMAGED, "%s: byteorder is neither little nor big",
                          r->file);
    return BELAY_OK;
}

static belay_status read_version(struct reader *r)
{
    const char *version;
    size_t size;

    BELAY_TRY(record(r, "version", &version, &size));
    if (!version)
        return belay_fail(r->log, BELAY_ERR_DAMAGED, "%s: the record 'version' is missing",
                          r->file);
    return BELAY_OK;
}

static belay_status find_data(struct reader *r)
{
    char name[300];

    for (struct belay_pickle_storage *s = r->pickle.storages; s; s = s->next) {
        size_t size;
        snprintf(name, sizeof(name), "data/%s", s->key);
        BELAY_TRY(record(r, name, &s->data, &size));
        if (!s->data)
            return belay_fail(r->log, BELAY_ERR_DAMAGED, "%s: the record '%s' is missing", r->file,
                              name);
        if (size != s->size)
            return belay_fail(r->log, BELAY_ERR_DAMAGED,
                              "%s: record '%s' has %zu bytes, its storage wants %llu", r->file,
                              name, size, (unsigned long long) s->size);
    }
    return BELAY_OK;
}

// Records that no tensor refers to are checked too: a flipped bit is damage wherever it is.
static belay_status check_rest(struct reader *r)
{
    for (size_t i = 0; i < r->zip.count; i++) {
        const char *content;
        struct belay_zip_entry *e = &r->zip.entries[i];
        if (e->method == 0)
            BELAY_TRY(as_damage(belay_zip_content(r->log, r->file, &r->zip, e, &content)));
    }
    return BELAY_OK;
}

static belay_status refuse_script(struct reader *r)
{
    char path[320];

    snprintf(path, sizeof(path), "%sconstants.pkl", r->prefix);
    if (!belay_zip_find(&r->zip, path))
        return BELAY_OK;
    return belay_fail(r->log, BELAY_ERR_UNSUPPORTED,
                      "%s: a TorchScript program; in Python: torch.save(torch.jit.load(\"%s\")"
                      ".state_dict(), \"model.pth\")",
                      r->file, r->file);
}

static belay_status read_zip(struct reader *r)
{
    const char *text;
    size_t size;

    BELAY_TRY(as_damage(belay_zip_open(r->log, r->file, r->st->bytes, r->st->size, &r->zip)));
    BELAY_TRY(find_prefix(r));
    BELAY_TRY(refuse_script(r));
    BELAY_TRY(read_version(r));
    BELAY_TRY(read_byteorder(r));
    BELAY_TRY(record(r, "data.pkl", &text, &size));
    if (size > MAX_PICKLE)
        return belay_fail(r->log, BELAY_ERR_UNSUPPORTED, "%s: data.pkl has %zu bytes, at most %u "
                          "are read", r->file, size, MAX_PICKLE);
    BELAY_TRY(belay_pickle_read(&r->pickle, text, size, false, &r->root));
    BELAY_TRY(check_rest(r));
    return find_data(r);
}

// ---- legacy ----

static belay_status cut(const struct reader *r)
{
    return belay_fail(r->log, BELAY_ERR_DAMAGED, "%s: ends within its storages", r->file);
}

static belay_status next_pickle(struct reader *r, size_t *at, struct belay_pickle_object **out)
{
    BELAY_TRY(belay_pickle_read(&r->pickle, r->st->bytes + *at, r->st->size - *at, true, out));
    *at += r->pickle.at;
    return BELAY_OK;
}

// {"protocol_version": 1001, "little_endian": True, "type_sizes": {…}}
static void read_system(struct reader *r, const struct belay_pickle_object *system)
{
    static const char wanted[] = "little_endian";

    for (size_t i = 0; system->kind == BELAY_PICKLE_DICT && i + 1 < system->count; i += 2) {
        const struct belay_pickle_object *key = system->items[i], *value = system->items[i + 1];
        if (key->kind == BELAY_PICKLE_TEXT && key->size == sizeof(wanted) - 1 &&
            memcmp(key->text, wanted, key->size) == 0 && value->kind == BELAY_PICKLE_BOOL)
            r->swap = !value->boolean;
    }
}

static uint64_t count_at(const struct reader *r, size_t at)
{
    uint64_t value = 0;

    for (int i = 0; i < 8; i++)
        value |= (uint64_t) (unsigned char) r->st->bytes[at + (size_t) (r->swap ? 7 - i : i)]
                 << (8 * i);
    return value;
}

// Each storage: its number of elements, the elements; in the order of the list of keys.
static belay_status read_storage(struct reader *r, const struct belay_pickle_object *key,
                                 size_t *at)
{
    struct belay_pickle_storage *s =
        key->kind == BELAY_PICKLE_TEXT
            ? belay_pickle_find_storage(&r->pickle, key->text, key->size)
            : NULL;

    if (!s || s->data)
        return belay_fail(r->log, BELAY_ERR_DAMAGED, "%s: a storage that no tensor names, or twice",
                          r->file);
    if (r->st->size - *at < 8)
        return cut(r);
    if (count_at(r, *at) != s->count)
        return belay_fail(r->log, BELAY_ERR_DAMAGED,
                          "%s: storage '%s' has %llu elements, its tensors want %llu", r->file,
                          s->key, (unsigned long long) count_at(r, *at),
                          (unsigned long long) s->count);
    *at += 8;
    if (s->size > r->st->size - *at)
        return cut(r);
    s->data = r->st->bytes + *at;
    *at += (size_t) s->size;
    return BELAY_OK;
}

static belay_status read_legacy(struct reader *r)
{
    struct belay_pickle_object *version, *system, *keys;
    size_t at = sizeof(legacy_magic);

    BELAY_TRY(next_pickle(r, &at, &version));
    if (version->kind != BELAY_PICKLE_INT || version->integer != 1001)
        return belay_fail(r->log, BELAY_ERR_UNSUPPORTED, "%s: an unknown version of PyTorch's old "
                          "format", r->file);
    BELAY_TRY(next_pickle(r, &at, &system));
    read_system(r, system);
    BELAY_TRY(next_pickle(r, &at, &r->root));
    BELAY_TRY(next_pickle(r, &at, &keys));
    if (keys->kind != BELAY_PICKLE_LIST || keys->count != r->pickle.num_storages)
        return belay_fail(r->log, BELAY_ERR_DAMAGED, "%s: its list of storages does not fit its "
                          "tensors", r->file);
    for (size_t i = 0; i < keys->count; i++)
        BELAY_TRY(read_storage(r, keys->items[i], &at));
    r->pickle.size = r->st->size;
    if (at != r->st->size)
        return belay_fail(r->log, BELAY_ERR_DAMAGED, "%s: %zu bytes follow its storages", r->file,
                          r->st->size - at);
    return BELAY_OK;
}

// ---- both ----

static belay_status read_all(struct reader *r)
{
    const char *bytes = r->st->bytes;
    size_t size = r->st->size;

    if (is_tar(bytes, size))
        return belay_fail(r->log, BELAY_ERR_UNSUPPORTED,
                          "%s: the tar format of PyTorch before 0.2: "
                          "load and save it again with a newer one",
                          r->file);
    if (is_legacy(bytes, size))
        BELAY_TRY(read_legacy(r));
    else if (size >= 2 && memcmp(bytes, "PK", 2) == 0)
        BELAY_TRY(read_zip(r));
    else
        return belay_fail(r->log, BELAY_ERR_DAMAGED, "%s: is no file of torch.save", r->file);
    return belay_pth_flatten(&r->pickle, r->root, r->swap, r->st);
}

// What was unpacked outlives the archive.
static void keep_unpacked(struct reader *r)
{
    struct belay_arena zip = r->zip.arena;

    r->zip.arena = (struct belay_arena){ 0 };
    belay_arena_join(&r->st->arena, &zip);
}

belay_status belay_pth_parse(struct belay_log *log, const char *name, char *bytes, size_t size,
                             struct belay_st *st)
{
    struct reader r = {
        .log = log, .file = name, .st = st, .pickle = { .log = log, .file = name }
    };
    belay_status status;

    *st = (struct belay_st){ .bytes = bytes, .size = size };
    status = read_all(&r);
    keep_unpacked(&r);
    belay_pickle_finish(&r.pickle);
    belay_zip_finish(&r.zip);
    if (status != BELAY_OK)
        belay_st_finish(st);
    return status;
}

bool belay_pth_is(const char *bytes, size_t size)
{
    struct belay_zip zip = { 0 };
    bool found = false;

    if (is_tar(bytes, size) || is_legacy(bytes, size))
        return true;
    if (size < 2 || memcmp(bytes, "PK", 2) != 0 ||
        belay_zip_open(NULL, "", bytes, size, &zip) != BELAY_OK)
        return false;
    for (size_t i = 0; i < zip.count && !found; i++)
        found = strstr(zip.entries[i].name, "/data.pkl") != NULL;
    belay_zip_finish(&zip);
    return found;
}
