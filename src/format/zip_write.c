#include "format/zip_write.h"

#include <string.h>

#include <zlib.h>

#define LIMIT32 0xFFFFFFFFu
#define LOCAL_SIZE 30
#define PAD_ID 0x4246 // "FB", as PyTorch pads

// A header being put together.
struct header {
    unsigned char bytes[128];
    size_t size;
};

// Little-endian; at most 8 bytes hold the value, zeros follow.
static void put(struct header *h, uint64_t value, int bytes)
{
    for (int i = 0; i < bytes; i++, value >>= 8)
        h->bytes[h->size++] = (unsigned char) value;
}

static uint32_t low32(uint64_t value)
{
    return value >= LIMIT32 ? LIMIT32 : (uint32_t) value;
}

static uint32_t checksum(const struct belay_zip_part *parts, size_t num)
{
    uLong crc = crc32_z(0, NULL, 0);

    for (size_t i = 0; i < num; i++)
        if (parts[i].size)
            crc = crc32_z(crc, parts[i].data, parts[i].size);
    return (uint32_t) crc;
}

// Version, flags (UTF-8 names), method (stored), a fixed time, checksum and sizes: the same in
// local headers and in the directory.
static void put_common(struct header *h, const struct belay_zip_written *e, bool big)
{
    put(h, big ? 45 : 20, 2);
    put(h, 0x0800, 2);
    put(h, 0, 2);
    put(h, 0, 2);
    put(h, 0x21, 2);
    put(h, e->crc, 4);
    put(h, low32(e->size), 4);
    put(h, low32(e->size), 4);
    put(h, strlen(e->name), 2);
}

static belay_status write_padding(struct belay_zip_writer *w, size_t size)
{
    static const unsigned char zeros[64];
    struct header h = { 0 };

    if (!size)
        return BELAY_OK;
    put(&h, PAD_ID, 2);
    put(&h, size - 4, 2);
    BELAY_TRY(belay_commit_write(&w->commit, h.bytes, h.size));
    for (size_t left = size - 4; left;) {
        size_t step = left < sizeof(zeros) ? left : sizeof(zeros);
        BELAY_TRY(belay_commit_write(&w->commit, zeros, step));
        left -= step;
    }
    return BELAY_OK;
}

static belay_status write_local(struct belay_zip_writer *w, const struct belay_zip_written *e,
                                size_t align)
{
    struct header h = { 0 }, big = { 0 };
    size_t name = strlen(e->name), pad = 0;

    if (e->size >= LIMIT32) {
        put(&big, 1, 2);
        put(&big, 16, 2);
        put(&big, e->size, 8);
        put(&big, e->size, 8);
    }
    uint64_t start = w->commit.written + LOCAL_SIZE + name + big.size;
    if (align > 1 && start % align) {
        pad = (size_t) (align - start % align);
        pad += pad < 4 ? align : 0;
    }
    put(&h, 0x04034b50, 4);
    put_common(&h, e, big.size > 0);
    put(&h, big.size + pad, 2);
    BELAY_TRY(belay_commit_write(&w->commit, h.bytes, h.size));
    BELAY_TRY(belay_commit_write(&w->commit, e->name, name));
    if (big.size)
        BELAY_TRY(belay_commit_write(&w->commit, big.bytes, big.size));
    return write_padding(w, pad);
}

belay_status belay_zip_write_begin(struct belay_zip_writer *w, struct belay_log *log,
                                   const char *path, uint64_t expect)
{
    *w = (struct belay_zip_writer){ .log = log, .path = path, .commit.fd = -1 };
    return belay_commit_begin(&w->commit, log, path, expect);
}

static belay_status add_entry(struct belay_zip_writer *w, const char *name,
                              struct belay_zip_written **out)
{
    if (strlen(name) > 65000)
        return belay_fail(w->log, BELAY_ERR_ARG, "%s: a name of %zu bytes", w->path, strlen(name));
    if (!belay_grow((void **) &w->entries, w->count, &w->room, sizeof(*w->entries)))
        return belay_fail_nomem(w->log, w->room * sizeof(*w->entries));
    struct belay_zip_written *e = &w->entries[w->count];
    *e = (struct belay_zip_written){ .name = belay_arena_strdup(&w->arena, name) };
    if (!e->name)
        return belay_fail_nomem(w->log, strlen(name) + 1);
    w->count++;
    *out = e;
    return BELAY_OK;
}

belay_status belay_zip_write_add(struct belay_zip_writer *w, const char *name,
                                 const struct belay_zip_part *parts, size_t num, size_t align)
{
    struct belay_zip_written *e = NULL;

    BELAY_TRY(add_entry(w, name, &e));
    for (size_t i = 0; i < num; i++)
        e->size += parts[i].size;
    e->crc = checksum(parts, num);
    e->offset = w->commit.written;
    BELAY_TRY(write_local(w, e, align));
    for (size_t i = 0; i < num; i++)
        if (parts[i].size)
            BELAY_TRY(belay_commit_write(&w->commit, parts[i].data, parts[i].size));
    return BELAY_OK;
}

static belay_status write_central(struct belay_zip_writer *w, const struct belay_zip_written *e)
{
    struct header h = { 0 }, big = { 0 };
    bool size = e->size >= LIMIT32, offset = e->offset >= LIMIT32;

    if (size || offset) {
        put(&big, 1, 2);
        put(&big, (size ? 16 : 0) + (offset ? 8 : 0), 2);
        if (size) {
            put(&big, e->size, 8);
            put(&big, e->size, 8);
        }
        if (offset)
            put(&big, e->offset, 8);
    }
    put(&h, 0x02014b50, 4);
    put(&h, 45, 2);
    put_common(&h, e, big.size > 0);
    put(&h, big.size, 2);
    put(&h, 0, 2 + 2 + 2 + 4);
    put(&h, low32(e->offset), 4);
    BELAY_TRY(belay_commit_write(&w->commit, h.bytes, h.size));
    BELAY_TRY(belay_commit_write(&w->commit, e->name, strlen(e->name)));
    return big.size ? belay_commit_write(&w->commit, big.bytes, big.size) : BELAY_OK;
}

static belay_status write_end64(struct belay_zip_writer *w, uint64_t start, uint64_t size)
{
    struct header h = { 0 };
    uint64_t at = w->commit.written;

    put(&h, 0x06064b50, 4);
    put(&h, 44, 8);
    put(&h, 45, 2);
    put(&h, 45, 2);
    put(&h, 0, 4);
    put(&h, 0, 4);
    put(&h, w->count, 8);
    put(&h, w->count, 8);
    put(&h, size, 8);
    put(&h, start, 8);
    put(&h, 0x07064b50, 4);
    put(&h, 0, 4);
    put(&h, at, 8);
    put(&h, 1, 4);
    return belay_commit_write(&w->commit, h.bytes, h.size);
}

static belay_status write_directory(struct belay_zip_writer *w)
{
    struct header h = { 0 };
    uint64_t start = w->commit.written;

    for (size_t i = 0; i < w->count; i++)
        BELAY_TRY(write_central(w, &w->entries[i]));
    uint64_t size = w->commit.written - start;
    uint64_t count = w->count < 0xFFFF ? w->count : 0xFFFF;
    if (count == 0xFFFF || start >= LIMIT32 || size >= LIMIT32)
        BELAY_TRY(write_end64(w, start, size));
    put(&h, 0x06054b50, 4);
    put(&h, 0, 4);
    put(&h, count, 2);
    put(&h, count, 2);
    put(&h, low32(size), 4);
    put(&h, low32(start), 4);
    put(&h, 0, 2);
    return belay_commit_write(&w->commit, h.bytes, h.size);
}

belay_status belay_zip_write_finish(struct belay_zip_writer *w)
{
    belay_status status = write_directory(w);

    if (status == BELAY_OK)
        status = belay_commit_finish(&w->commit);
    belay_zip_write_abort(w);
    return status;
}

void belay_zip_write_abort(struct belay_zip_writer *w)
{
    belay_commit_abort(&w->commit);
    belay_arena_free(&w->arena);
    belay_free(w->entries);
    w->entries = NULL;
    w->count = w->room = 0;
}
