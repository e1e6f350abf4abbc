#include "format/zip.h"

#include <stdlib.h>
#include <string.h>

#include <zlib.h>

#include "format/inflate.h"

#define END_SIZE 22
#define CENTRAL_SIZE 46
#define LOCAL_SIZE 30
#define END64_SIZE 56
#define LOCATOR_SIZE 20
#define MAX_COMMENT 65535
#define MAX_EXPANSION 1040 // deflate makes at most 1032 bytes of one

struct reader {
    struct belay_log *log;
    const char *file;
    const unsigned char *bytes;
    size_t size;
    size_t directory, directory_size, count; // as the end record says
    struct belay_zip *zip;
};

static uint32_t get16(const unsigned char *p)
{
    return (uint32_t) (p[0] | p[1] << 8);
}

static uint32_t get32(const unsigned char *p)
{
    return get16(p) | get16(p + 2) << 16;
}

static uint64_t get64(const unsigned char *p)
{
    return get32(p) | (uint64_t) get32(p + 4) << 32;
}

static belay_status damaged(const struct reader *r, const char *text)
{
    return belay_fail(r->log, BELAY_ERR_DATA, "%s: damaged zip archive: %s", r->file, text);
}

// The end record is the last one whose comment reaches exactly to the end of the file.
static const unsigned char *find_end(const struct reader *r)
{
    size_t last = r->size < END_SIZE ? 0 : r->size - END_SIZE;

    if (r->size < END_SIZE)
        return NULL;
    for (size_t back = 0; back <= MAX_COMMENT && back <= last; back++) {
        const unsigned char *p = r->bytes + last - back;
        if (get32(p) == 0x06054b50 && get16(p + 20) == back)
            return p;
    }
    return NULL;
}

// The record of larger numbers that a locator right before the end record points to; NULL: none.
static const unsigned char *find_end64(const struct reader *r, const unsigned char *end)
{
    size_t before = (size_t) (end - r->bytes);

    if (before < LOCATOR_SIZE + END64_SIZE || get32(end - LOCATOR_SIZE) != 0x07064b50)
        return NULL;
    uint64_t at = get64(end - LOCATOR_SIZE + 8);
    if (at > before - LOCATOR_SIZE - END64_SIZE || get32(r->bytes + at) != 0x06064b50)
        return NULL;
    return r->bytes + at;
}

static belay_status several_disks(const struct reader *r)
{
    return belay_fail(r->log, BELAY_ERR_UNSUPPORTED, "%s: a zip archive of several disks", r->file);
}

// The directory must end before the end records begin.
static belay_status set_directory(struct reader *r, uint64_t count, uint64_t offset, uint64_t size,
                                  const unsigned char *end)
{
    size_t room = (size_t) (end - r->bytes);

    if (offset > room || size > room - offset)
        return damaged(r, "its directory lies outside the file");
    if (count > size / CENTRAL_SIZE)
        return damaged(r, "its directory is too small for its members");
    r->count = (size_t) count;
    r->directory = (size_t) offset;
    r->directory_size = (size_t) size;
    return BELAY_OK;
}

static belay_status read_end(struct reader *r)
{
    const unsigned char *end = find_end(r), *end64;

    if (!end)
        return damaged(r, "it has no end record");
    end64 = find_end64(r, end);
    if (end64) {
        if (get32(end64 + 16) || get32(end64 + 20) || get64(end64 + 24) != get64(end64 + 32))
            return several_disks(r);
        return set_directory(r, get64(end64 + 32), get64(end64 + 48), get64(end64 + 40), end64);
    }
    if (get16(end + 4) || get16(end + 6) || get16(end + 8) != get16(end + 10))
        return several_disks(r);
    if (get16(end + 10) == 0xFFFF || get32(end + 12) == 0xFFFFFFFF || get32(end + 16) == 0xFFFFFFFF)
        return damaged(r, "the record of its size is missing");
    return set_directory(r, get16(end + 10), get32(end + 16), get32(end + 12), end);
}

// Sizes that do not fit 32 bits stand in an extra field, in this order, each only where needed.
static bool read_zip64(const unsigned char *extra, size_t size, uint64_t *unpacked,
                       uint64_t *packed, uint64_t *offset)
{
    uint64_t *const wanted[] = { unpacked, packed, offset };

    if (*unpacked != 0xFFFFFFFF && *packed != 0xFFFFFFFF && *offset != 0xFFFFFFFF)
        return true;
    while (size >= 4) {
        size_t id = get16(extra), length = get16(extra + 2);
        if (length > size - 4)
            return false;
        const unsigned char *p = extra + 4;
        for (int i = 0; id == 1 && i < 3; i++) {
            if (*wanted[i] != 0xFFFFFFFF)
                continue;
            if (length < 8)
                return false;
            *wanted[i] = get64(p);
            p += 8;
            length -= 8;
        }
        if (id == 1)
            return true;
        extra += 4 + length;
        size -= 4 + length;
    }
    return false;
}

// Finds the member's bytes through its local header, which must name the same member.
static belay_status locate(struct reader *r, struct belay_zip_entry *e, uint64_t offset,
                           uint64_t packed)
{
    size_t name_size = strlen(e->name);

    if (offset > r->directory || r->directory - offset < LOCAL_SIZE)
        return damaged(r, "a member lies outside the file");
    const unsigned char *p = r->bytes + offset;
    size_t room = r->directory - (size_t) offset - LOCAL_SIZE;
    size_t names = (size_t) get16(p + 26) + get16(p + 28);
    if (get32(p) != 0x04034b50)
        return damaged(r, "a member has no local header");
    if (names > room || packed > room - names)
        return damaged(r, "a member lies outside the file");
    if (get16(p + 26) != name_size || memcmp(p + LOCAL_SIZE, e->name, name_size) != 0)
        return damaged(r, "a member has two names");
    e->data = (const char *) p + LOCAL_SIZE + names;
    return BELAY_OK;
}

static belay_status copy_name(struct reader *r, const unsigned char *name, size_t size,
                              const char **out)
{
    char *copy;

    if (memchr(name, 0, size))
        return damaged(r, "a name holds a NUL byte");
    copy = belay_arena_alloc(&r->zip->arena, size + 1);
    if (!copy)
        return belay_fail_nomem(r->log, size + 1);
    memcpy(copy, name, size);
    *out = copy;
    return BELAY_OK;
}

// One directory record at `p` with `room` bytes; *step is its length.
static belay_status read_entry(struct reader *r, const unsigned char *p, size_t room,
                               struct belay_zip_entry *e, size_t *step)
{
    uint64_t packed, size, offset;
    size_t name, extra, comment;

    if (room < CENTRAL_SIZE || get32(p) != 0x02014b50)
        return damaged(r, "its directory is cut or overwritten");
    name = get16(p + 28);
    extra = get16(p + 30);
    comment = get16(p + 32);
    if (name + extra + comment > room - CENTRAL_SIZE)
        return damaged(r, "its directory is cut");
    *step = CENTRAL_SIZE + name + extra + comment;
    packed = get32(p + 20);
    size = get32(p + 24);
    offset = get32(p + 42);
    if (!read_zip64(p + CENTRAL_SIZE + name, extra, &size, &packed, &offset))
        return damaged(r, "a member's sizes are missing");
    if (get16(p + 8) & 1)
        return belay_fail(r->log, BELAY_ERR_UNSUPPORTED, "%s: an encrypted zip archive", r->file);
    BELAY_TRY(copy_name(r, p + CENTRAL_SIZE, name, &e->name));
    BELAY_TRY(locate(r, e, offset, packed));
    if (size >= PTRDIFF_MAX)
        return damaged(r, "a member's size is out of range");
    e->method = get16(p + 10);
    e->crc = get32(p + 16);
    e->packed = (size_t) packed;
    e->size = (size_t) size;
    return BELAY_OK;
}

static int compare_names(const void *a, const void *b)
{
    const struct belay_zip_entry *const *x = a, *const *y = b;
    return strcmp((*x)->name, (*y)->name);
}

static belay_status sort_names(struct reader *r)
{
    struct belay_zip *zip = r->zip;

    zip->by_name = belay_arena_array(&zip->arena, r->count, sizeof(*zip->by_name));
    if (!zip->by_name)
        return belay_fail_nomem(r->log, r->count * sizeof(*zip->by_name));
    for (size_t i = 0; i < r->count; i++)
        zip->by_name[i] = &zip->entries[i];
    if (r->count)
        qsort(zip->by_name, r->count, sizeof(*zip->by_name), compare_names);
    for (size_t i = 1; i < r->count; i++)
        if (strcmp(zip->by_name[i - 1]->name, zip->by_name[i]->name) == 0)
            return damaged(r, "two members have one name");
    return BELAY_OK;
}

static belay_status read_directory(struct reader *r)
{
    const unsigned char *p = r->bytes + r->directory;
    size_t room = r->directory_size, left = r->directory; // members lie before it, one by one
    bool all_zero = true;

    r->zip->entries = belay_arena_array(&r->zip->arena, r->count, sizeof(*r->zip->entries));
    if (!r->zip->entries)
        return belay_fail_nomem(r->log, r->count * sizeof(*r->zip->entries));
    for (size_t i = 0; i < r->count; i++) {
        size_t step = 0;
        BELAY_TRY(read_entry(r, p, room, &r->zip->entries[i], &step));
        if (r->zip->entries[i].packed > left)
            return damaged(r, "its members overlap");
        left -= r->zip->entries[i].packed;
        all_zero = all_zero && r->zip->entries[i].crc == 0;
        p += step;
        room -= step;
    }
    r->zip->count = r->count;
    r->zip->no_checksums = all_zero;
    return sort_names(r);
}

belay_status belay_zip_open(struct belay_log *log, const char *file, const char *bytes, size_t size,
                            struct belay_zip *zip)
{
    struct reader r = {
        .log = log, .file = file, .bytes = (const unsigned char *) bytes, .size = size, .zip = zip
    };
    belay_status status;

    *zip = (struct belay_zip){ 0 };
    status = read_end(&r);
    if (status == BELAY_OK)
        status = read_directory(&r);
    if (status != BELAY_OK)
        belay_zip_finish(zip);
    return status;
}

void belay_zip_finish(struct belay_zip *zip)
{
    belay_arena_free(&zip->arena);
    *zip = (struct belay_zip){ 0 };
}

static belay_status unpack(struct belay_log *log, const char *file, const struct belay_zip_entry *e,
                           char *out)
{
    struct belay_inflate z = { 0 };
    belay_status status;

    if (e->method == 0) {
        if (e->size)
            memcpy(out, e->data, e->size);
        return BELAY_OK;
    }
    BELAY_TRY(belay_inflate_begin(&z, log, file, BELAY_INFLATE_RAW, e->data, e->packed));
    status = belay_inflate_read(&z, out, e->size);
    if (status == BELAY_OK)
        status = belay_inflate_end(&z);
    belay_inflate_finish(&z);
    return status;
}

static uint32_t checksum(const char *data, size_t size)
{
    return (uint32_t) crc32_z(crc32_z(0, NULL, 0), (const Bytef *) data, size);
}

static belay_status check_sum(struct belay_log *log, const char *file,
                              const struct belay_zip_entry *e, const char *content)
{
    uint32_t found = checksum(content, e->size);

    if (found == e->crc)
        return BELAY_OK;
    return belay_fail(log, BELAY_ERR_DATA, "%s: '%s' is damaged: checksum %08x, want %08x", file,
                      e->name, (unsigned) found, (unsigned) e->crc);
}

static belay_status check_sizes(struct belay_log *log, const char *file,
                                const struct belay_zip_entry *e)
{
    if (e->method != 0 && e->method != 8)
        return belay_fail(log, BELAY_ERR_UNSUPPORTED, "%s: '%s' is packed by method %u", file,
                          e->name, e->method);
    if (e->method == 0 ? e->size != e->packed : e->size / MAX_EXPANSION > e->packed)
        return belay_fail(log, BELAY_ERR_DATA, "%s: '%s': %zu bytes cannot unpack to %zu", file,
                          e->name, e->packed, e->size);
    return BELAY_OK;
}

belay_status belay_zip_read(struct belay_log *log, const char *file,
                            const struct belay_zip_entry *e, char **out)
{
    char *content;
    belay_status status;

    BELAY_TRY(check_sizes(log, file, e));
    content = belay_alloc(e->size + 1);
    if (!content)
        return belay_fail_nomem(log, e->size + 1);
    status = unpack(log, file, e, content);
    if (status == BELAY_OK)
        status = check_sum(log, file, e, content);
    if (status != BELAY_OK) {
        belay_free(content);
        return status;
    }
    *out = content;
    return BELAY_OK;
}

belay_status belay_zip_content(struct belay_log *log, const char *file, struct belay_zip *zip,
                               struct belay_zip_entry *e, const char **out)
{
    if (!e->content) {
        BELAY_TRY(check_sizes(log, file, e));
        const char *content = e->data;
        if (e->method != 0) {
            char *made = belay_arena_alloc(&zip->arena, e->size + 1);
            if (!made)
                return belay_fail_nomem(log, e->size + 1);
            BELAY_TRY(unpack(log, file, e, made));
            content = made;
        }
        if (!zip->no_checksums)
            BELAY_TRY(check_sum(log, file, e, content));
        e->content = content;
    }
    *out = e->content;
    return BELAY_OK;
}

struct belay_zip_entry *belay_zip_find(const struct belay_zip *zip, const char *name)
{
    const struct belay_zip_entry key = { .name = name }, *wanted = &key;
    struct belay_zip_entry **found =
        zip->count ? bsearch(&wanted, zip->by_name, zip->count, sizeof(*found), compare_names)
                   : NULL;

    return found ? *found : NULL;
}
