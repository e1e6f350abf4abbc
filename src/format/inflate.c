#include "format/inflate.h"

#include <limits.h>
#include <string.h>

#include <zlib.h>

#include "base/mem.h"

// zlib's memory goes through our allocator, so that tests can fail it.
static voidpf alloc_for_zlib(voidpf opaque, uInt count, uInt size)
{
    (void) opaque;
    return belay_alloc_array(count, size);
}

static void free_for_zlib(voidpf opaque, voidpf block)
{
    (void) opaque;
    belay_free(block);
}

belay_status belay_inflate_begin(struct belay_inflate *z, struct belay_log *log, const char *name,
                                 enum belay_inflate_kind kind, const char *bytes, size_t size)
{
    z_stream *s = belay_alloc(sizeof(*s));

    *z = (struct belay_inflate){ .log = log, .name = name, .next = bytes, .left = size };
    if (!s)
        return belay_fail_nomem(log, sizeof(*s));
    s->zalloc = alloc_for_zlib;
    s->zfree = free_for_zlib;
    if (inflateInit2(s, kind == BELAY_INFLATE_GZIP ? 15 + 16 : -15) != Z_OK) {
        belay_free(s);
        return belay_fail_nomem(log, sizeof(*s));
    }
    z->stream = s;
    return BELAY_OK;
}

static void feed(struct belay_inflate *z, z_stream *s)
{
    uInt chunk = z->left > UINT_MAX / 2 ? UINT_MAX / 2 : (uInt) z->left;

    if (s->avail_in)
        return;
    s->next_in = (z_const Bytef *) (uintptr_t) z->next;
    s->avail_in = chunk;
    z->next += chunk;
    z->left -= chunk;
}

// One step into the space of s; 0 when the stream is at its end or cannot go on.
static belay_status step(struct belay_inflate *z, z_stream *s, bool *stopped)
{
    int rc;

    feed(z, s);
    rc = inflate(s, Z_NO_FLUSH);
    *stopped = rc == Z_STREAM_END || rc == Z_BUF_ERROR;
    z->ended = z->ended || rc == Z_STREAM_END;
    if (rc == Z_OK || *stopped)
        return BELAY_OK;
    if (rc == Z_MEM_ERROR)
        return belay_fail_nomem(z->log, 0);
    return belay_fail(z->log, BELAY_ERR_DATA, "%s: cannot be decompressed: %s", z->name,
                      s->msg ? s->msg : "damaged");
}

belay_status belay_inflate_read(struct belay_inflate *z, void *out, size_t size)
{
    z_stream *s = z->stream;
    size_t done = 0;
    bool stopped = false;

    while (done < size && !z->ended && !stopped) {
        uInt chunk = size - done > UINT_MAX / 2 ? UINT_MAX / 2 : (uInt) (size - done);
        s->next_out = (Bytef *) out + done;
        s->avail_out = chunk;
        BELAY_TRY(step(z, s, &stopped));
        done += chunk - s->avail_out;
    }
    if (done < size)
        return belay_fail(z->log, BELAY_ERR_DATA, "%s: too short: %zu more bytes, want %zu",
                          z->name, done, size);
    return BELAY_OK;
}

belay_status belay_inflate_end(struct belay_inflate *z)
{
    z_stream *s = z->stream;
    unsigned char extra[1];
    bool stopped = false;

    while (!z->ended && !stopped) {
        s->next_out = extra;
        s->avail_out = sizeof(extra);
        BELAY_TRY(step(z, s, &stopped));
        if (s->avail_out == 0)
            return belay_fail(z->log, BELAY_ERR_DATA, "%s: more bytes than its header says",
                              z->name);
    }
    if (!z->ended)
        return belay_fail(z->log, BELAY_ERR_DATA, "%s: the compressed data has no end", z->name);
    if (s->avail_in || z->left)
        return belay_fail(z->log, BELAY_ERR_DATA, "%s: %zu bytes follow the compressed data",
                          z->name, (size_t) s->avail_in + z->left);
    return BELAY_OK;
}

void belay_inflate_finish(struct belay_inflate *z)
{
    if (z->stream)
        inflateEnd(z->stream);
    belay_free(z->stream);
    *z = (struct belay_inflate){ 0 };
}
