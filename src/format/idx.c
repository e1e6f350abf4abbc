#include "format/idx.h"

#include <string.h>

#include "base/file.h"
#include "base/mem.h"
#include "format/inflate.h"
#include "format/swap.h"

#define MAX_EXPANSION 1040 // deflate makes at most 1032 bytes of one

// Where bytes come from: memory as it is, or through gzip.
struct source {
    struct belay_log *log;
    const char *name;
    struct belay_inflate gzip;
    bool zipped;
    const char *next;
    size_t left;
};

static belay_status source_read(struct source *s, void *out, size_t size)
{
    if (s->zipped)
        return belay_inflate_read(&s->gzip, out, size);
    if (s->left < size)
        return belay_fail(s->log, BELAY_ERR_DATA, "%s: too short: %zu more bytes, want %zu",
                          s->name, s->left, size);
    if (size)
        memcpy(out, s->next, size);
    s->next += size;
    s->left -= size;
    return BELAY_OK;
}

static belay_status source_end(struct source *s)
{
    if (s->zipped)
        return belay_inflate_end(&s->gzip);
    if (s->left)
        return belay_fail(s->log, BELAY_ERR_DATA, "%s: %zu bytes more than its header says",
                          s->name, s->left);
    return BELAY_OK;
}

static bool type_of(unsigned char code, belay_dtype *out)
{
    static const struct {
        unsigned char code;
        belay_dtype dtype;
    } types[] = { { 0x08, BELAY_U8 },  { 0x09, BELAY_I8 },  { 0x0B, BELAY_I16 },
                  { 0x0C, BELAY_I32 }, { 0x0D, BELAY_F32 }, { 0x0E, BELAY_F64 } };

    for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
        if (types[i].code == code) {
            *out = types[i].dtype;
            return true;
        }
    }
    return false;
}

static belay_status read_header(struct source *s, belay_dtype *dtype, struct belay_shape *shape)
{
    unsigned char magic[4], dim[4];
    int64_t dims[BELAY_MAX_RANK];

    BELAY_TRY(source_read(s, magic, sizeof(magic)));
    if (magic[0] || magic[1] || !type_of(magic[2], dtype))
        return belay_fail(s->log, BELAY_ERR_DATA,
                          "%s: is not an IDX file: starts with %02x %02x %02x %02x, "
                          "want 00 00 08..0e and the number of dimensions",
                          s->name, magic[0], magic[1], magic[2], magic[3]);
    if (magic[3] < 1 || magic[3] > BELAY_MAX_RANK)
        return belay_fail(s->log, BELAY_ERR_DATA, "%s: %d dimensions, want 1 to %d", s->name,
                          magic[3], BELAY_MAX_RANK);
    for (int i = 0; i < magic[3]; i++) {
        BELAY_TRY(source_read(s, dim, sizeof(dim)));
        dims[i] = (int64_t) dim[0] << 24 | dim[1] << 16 | dim[2] << 8 | dim[3];
    }
    // The maker's message would name neither file nor status that fits.
    if (belay_shape_make(NULL, magic[3], dims, shape) != BELAY_OK)
        return belay_fail(s->log, BELAY_ERR_DATA, "%s: its dimensions overflow", s->name);
    return BELAY_OK;
}

// Before memory is asked for: could the file hold as much at all?
static belay_status check_room(const struct source *s, belay_dtype dtype,
                               const struct belay_shape *shape)
{
    uint64_t want = (uint64_t) belay_shape_count(shape) * belay_dtype_size(dtype);
    uint64_t most = s->left;
    char text[BELAY_SHAPE_TEXT];

    if (s->zipped)
        most = most > UINT64_MAX / MAX_EXPANSION ? UINT64_MAX : most * MAX_EXPANSION;
    if (want <= most)
        return BELAY_OK;
    return belay_fail(s->log, BELAY_ERR_DATA,
                      "%s: too short: %s of %s takes %llu bytes, the file can hold %llu", s->name,
                      belay_shape_text(shape, text), belay_dtype_name(dtype),
                      (unsigned long long) want, (unsigned long long) most);
}

static belay_status read_tensor(struct source *s, struct belay_tensor *t)
{
    belay_dtype dtype = BELAY_U8;
    struct belay_shape shape;

    BELAY_TRY(read_header(s, &dtype, &shape));
    BELAY_TRY(check_room(s, dtype, &shape));
    BELAY_TRY(belay_tensor_init(s->log, t, dtype, &shape));
    BELAY_TRY(source_read(s, t->data, t->size));
    BELAY_TRY(source_end(s));
    if (belay_is_little_endian())
        belay_swap_elements(t->data, (size_t) belay_shape_count(&shape), belay_dtype_size(dtype));
    return BELAY_OK;
}

belay_status belay_idx_parse(struct belay_log *log, const char *name, const char *bytes,
                             size_t size, struct belay_tensor *out)
{
    struct source s = { .log = log, .name = name, .next = bytes, .left = size };
    struct belay_tensor made = { 0 };
    belay_status status = BELAY_OK;

    s.zipped = size >= 2 && (unsigned char) bytes[0] == 0x1F && (unsigned char) bytes[1] == 0x8B;
    if (s.zipped)
        status = belay_inflate_begin(&s.gzip, log, name, BELAY_INFLATE_GZIP, bytes, size);
    if (status == BELAY_OK)
        status = read_tensor(&s, &made);
    belay_inflate_finish(&s.gzip);
    if (status != BELAY_OK) {
        belay_tensor_finish(&made);
        return status;
    }
    *out = made;
    return BELAY_OK;
}

belay_status belay_idx_read(struct belay_log *log, const char *path, struct belay_tensor *out)
{
    char *bytes;
    size_t size;
    belay_status status;

    BELAY_TRY(belay_file_read(log, path, 0, &bytes, &size));
    status = belay_idx_parse(log, path, bytes, size, out);
    belay_free(bytes);
    return status;
}
