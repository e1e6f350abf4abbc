#include "format/zip.h"

#include <stdlib.h>
#include <string.h>

#include <zlib.h>

#include "format/inflate.h"

#define END_SIZE 22
#define CENTRAL_SIZE 46
#define LOCAL_SIZE 30
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

static belay_status read_end(struct reader *r)
{
    const unsigned char *end = find_end(r);

    if (!end)
        return damaged(r, "it has no end record");
    if (get16(end + 4) || get16(end + 6) || get16(end + 8) != get16(end + 10))
        return belay_fail(r->log, BELAY_ERR_UNSUPPORTED, "%s: a zip archive of several disks",
                          r->file);
    r->count = get16(end + 10);
    r->directory_size = get32(end + 12);
    r->directory = get32(end + 16);
    if (r->count == 0xFFFF || r->directory == 0xFFFFFFFF || r->directory_size == 0xFFFFFFFF)
        return belay_fail(r->log, BELAY_ERR_UNSUPPORTED,
                          "%s: a zip archive beyond 4 GiB or 65534 members", r->file);
    size_t room = (size_t) (end - r->bytes);
    if (r->directory > room || r->directory_size > room - r->directory)
        return damaged(r, "its directory lies outside the file");
    return BELAY_OK;
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
    return strcmp(*(const char *const *) a, *(const char *const *) b);
}

static belay_status refuse_duplicates(struct reader *r)
{
    const char **names = belay_alloc_array(r->count, sizeof(*names));
    belay_status status = BELAY_OK;

    if (!names)
        return belay_fail_nomem(r->log, r->count * sizeof(*names));
    for (size_t i = 0; i < r->count; i++)
        names[i] = r->zip->entries[i].name;
    if (r->count)
        qsort(names, r->count, sizeof(*names), compare_names);
    for (size_t i = 1; i < r->count && status == BELAY_OK; i++)
        if (strcmp(names[i - 1], names[i]) == 0)
            status = damaged(r, "two members have one name");
    belay_free(names);
    return status;
}

static belay_status read_directory(struct reader *r)
{
    const unsigned char *p = r->bytes + r->directory;
    size_t room = r->directory_size;

    if (r->count > room / CENTRAL_SIZE)
        return damaged(r, "its directory is too small for its members");
    r->zip->entries = belay_arena_array(&r->zip->arena, r->count, sizeof(*r->zip->entries));
    if (!r->zip->entries)
        return belay_fail_nomem(r->log, r->count * sizeof(*r->zip->entries));
    for (size_t i = 0; i < r->count; i++) {
        size_t step = 0;
        BELAY_TRY(read_entry(r, p, room, &r->zip->entries[i], &step));
        p += step;
        room -= step;
    }
    r->zip->count = r->count;
    return refuse_duplicates(r);
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

belay_status belay_zip_read(struct belay_log *log, const char *file,
                            const struct belay_zip_entry *e, char **out)
{
    char *content;
    belay_status status;

    if (e->method != 0 && e->method != 8)
        return belay_fail(log, BELAY_ERR_UNSUPPORTED, "%s: '%s' is packed by method %u", file,
                          e->name, e->method);
    if (e->method == 0 ? e->size != e->packed : e->size / MAX_EXPANSION > e->packed)
        return belay_fail(log, BELAY_ERR_DATA, "%s: '%s': %zu bytes cannot unpack to %zu", file,
                          e->name, e->packed, e->size);
    content = belay_alloc(e->size + 1);
    if (!content)
        return belay_fail_nomem(log, e->size + 1);
    status = unpack(log, file, e, content);
    if (status == BELAY_OK && checksum(content, e->size) != e->crc)
        status =
            belay_fail(log, BELAY_ERR_DATA, "%s: '%s' is damaged: checksum %08x, want %08x", file,
                       e->name, (unsigned) checksum(content, e->size), (unsigned) e->crc);
    if (status != BELAY_OK) {
        belay_free(content);
        return status;
    }
    *out = content;
    return BELAY_OK;
}
