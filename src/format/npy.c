#include "format/npy.h"

#include <string.h>

#include "base/file.h"
#include "base/mem.h"
#include "format/swap.h"
#include "format/zip.h"

// The header is a Python dictionary with three known keys; only that much of Python is read.
struct reader {
    struct belay_log *log;
    const char *name;
    const char *at, *end; // in the header
    const char *data;
    size_t data_size;
    belay_dtype dtype;
    bool swap, fortran;
    struct belay_shape shape;
    bool has_descr, has_order, has_shape;
};

static belay_status bad_header(const struct reader *r, const char *text)
{
    return belay_fail(r->log, BELAY_ERR_DATA, "%s: bad npy header: %s", r->name, text);
}

static size_t little(const unsigned char *p, int bytes)
{
    size_t value = 0;
    for (int i = bytes - 1; i >= 0; i--)
        value = value << 8 | p[i];
    return value;
}

static belay_status read_preamble(struct reader *r, const char *bytes, size_t size)
{
    const unsigned char *p = (const unsigned char *) bytes;
    size_t start, length;

    if (size < 10 || memcmp(bytes, "\x93NUMPY", 6) != 0)
        return belay_fail(r->log, BELAY_ERR_DATA, "%s: is not an npy file", r->name);
    if (p[6] < 1 || p[6] > 3 || p[7] != 0)
        return belay_fail(r->log, BELAY_ERR_UNSUPPORTED, "%s: npy version %d.%d, want 1.0 to 3.0",
                          r->name, p[6], p[7]);
    start = p[6] == 1 ? 10 : 12;
    if (size < start)
        return bad_header(r, "cut");
    length = little(p + 8, p[6] == 1 ? 2 : 4);
    if (length > size - start)
        return bad_header(r, "longer than the file");
    r->at = bytes + start;
    r->end = r->at + length;
    r->data = r->end;
    r->data_size = size - start - length;
    return BELAY_OK;
}

static void skip_space(struct reader *r)
{
    while (r->at < r->end && (*r->at == ' ' || *r->at == '\n' || *r->at == '\t'))
        r->at++;
}

static bool take(struct reader *r, char c)
{
    skip_space(r);
    if (r->at == r->end || *r->at != c)
        return false;
    r->at++;
    return true;
}

static bool take_word(struct reader *r, const char *word)
{
    size_t length = strlen(word);

    skip_space(r);
    if ((size_t) (r->end - r->at) < length || memcmp(r->at, word, length) != 0)
        return false;
    r->at += length;
    return true;
}

static bool take_string(struct reader *r, char *out, size_t size)
{
    size_t length = 0;
    char quote;

    skip_space(r);
    if (r->at == r->end || (*r->at != '\'' && *r->at != '"'))
        return false;
    quote = *r->at++;
    for (; r->at < r->end && *r->at != quote; r->at++) {
        if (length + 1 >= size || *r->at == '\\' || (unsigned char) *r->at < 0x20)
            return false;
        out[length++] = *r->at;
    }
    out[length] = '\0';
    return take(r, quote);
}

static const struct {
    const char *name;
    belay_dtype dtype;
} types[] = { { "f4", BELAY_F32 }, { "f8", BELAY_F64 }, { "f2", BELAY_F16 }, { "i8", BELAY_I64 },
              { "i4", BELAY_I32 }, { "i2", BELAY_I16 }, { "i1", BELAY_I8 },  { "u8", BELAY_U64 },
              { "u4", BELAY_U32 }, { "u2", BELAY_U16 }, { "u1", BELAY_U8 },  { "b1", BELAY_BOOL } };

const char *belay_npy_descr(const char *dtype)
{
    for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++)
        if (strcmp(belay_dtype_name(types[i].dtype), dtype) == 0)
            return types[i].name;
    return NULL;
}

static belay_status read_descr(struct reader *r)
{
    char text[16];
    const char *type = text + 1;

    if (!take_string(r, text, sizeof(text)) || !text[0])
        return belay_fail(r->log, BELAY_ERR_UNSUPPORTED, "%s: npy files of records cannot be read",
                          r->name);
    if (!strchr("<>|=", text[0]))
        return bad_header(r, "a type without its byte order");
    r->swap = (text[0] == '<' && !belay_is_little_endian()) ||
              (text[0] == '>' && belay_is_little_endian());
    for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
        if (strcmp(types[i].name, type) == 0) {
            r->dtype = types[i].dtype;
            return BELAY_OK;
        }
    }
    return belay_fail(r->log, BELAY_ERR_UNSUPPORTED, "%s: npy type '%s' cannot be read", r->name,
                      text);
}

static bool take_dim(struct reader *r, int64_t *out)
{
    int64_t value = 0;
    const char *start;

    skip_space(r);
    start = r->at;
    for (; r->at < r->end && *r->at >= '0' && *r->at <= '9'; r->at++) {
        if (value > (INT64_MAX - 9) / 10)
            return false;
        value = value * 10 + (*r->at - '0');
    }
    *out = value;
    return r->at > start;
}

static belay_status read_shape(struct reader *r)
{
    int64_t dim[BELAY_MAX_RANK];
    int rank = 0;

    if (!take(r, '('))
        return bad_header(r, "the shape is not a tuple");
    while (!take(r, ')')) {
        if (rank == BELAY_MAX_RANK)
            return belay_fail(r->log, BELAY_ERR_UNSUPPORTED, "%s: more than %d dimensions", r->name,
                              BELAY_MAX_RANK);
        if (!take_dim(r, &dim[rank++]))
            return bad_header(r, "a dimension is not a number in range");
        if (take(r, ','))
            continue;
        if (rank == 1 || !take(r, ')'))
            return bad_header(r, "the shape is not a tuple");
        break;
    }
    if (belay_shape_make(NULL, rank, dim, &r->shape) != BELAY_OK)
        return bad_header(r, "the shape overflows");
    return BELAY_OK;
}

static belay_status read_order(struct reader *r)
{
    r->fortran = take_word(r, "True");
    if (!r->fortran && !take_word(r, "False"))
        return bad_header(r, "fortran_order is neither True nor False");
    return BELAY_OK;
}

static belay_status read_item(struct reader *r)
{
    char key[32];
    bool *seen;
    belay_status (*read)(struct reader *);

    if (!take_string(r, key, sizeof(key)) || !take(r, ':'))
        return bad_header(r, "want 'key': value");
    if (strcmp(key, "descr") == 0) {
        seen = &r->has_descr;
        read = read_descr;
    } else if (strcmp(key, "fortran_order") == 0) {
        seen = &r->has_order;
        read = read_order;
    } else if (strcmp(key, "shape") == 0) {
        seen = &r->has_shape;
        read = read_shape;
    } else {
        return bad_header(r, "a key that is not known");
    }
    if (*seen)
        return bad_header(r, "a key occurs twice");
    *seen = true;
    return read(r);
}

static belay_status read_dictionary(struct reader *r)
{
    if (!take(r, '{'))
        return bad_header(r, "want a dictionary");
    while (!take(r, '}')) {
        BELAY_TRY(read_item(r));
        if (take(r, ','))
            continue;
        if (!take(r, '}'))
            return bad_header(r, "want ',' or '}'");
        break;
    }
    skip_space(r);
    if (r->at != r->end)
        return bad_header(r, "something follows the dictionary");
    if (!r->has_descr || !r->has_order || !r->has_shape)
        return bad_header(r, "descr, fortran_order or shape is missing");
    return BELAY_OK;
}

// Column-major elements to row-major ones.
static void copy_fortran(const struct reader *r, char *dst)
{
    size_t size = belay_dtype_size(r->dtype);
    int64_t count = belay_shape_count(&r->shape), at[BELAY_MAX_RANK] = { 0 };

    for (int64_t i = 0; i < count; i++, dst += size) {
        int64_t from = 0;
        for (int d = r->shape.rank - 1; d >= 0; d--)
            from = from * r->shape.dim[d] + at[d];
        memcpy(dst, r->data + (size_t) from * size, size);
        for (int d = r->shape.rank - 1; d >= 0 && ++at[d] == r->shape.dim[d]; d--)
            at[d] = 0;
    }
}

static belay_status read_data(struct reader *r, struct belay_tensor *out)
{
    size_t want = (size_t) belay_shape_count(&r->shape) * belay_dtype_size(r->dtype);
    char text[BELAY_SHAPE_TEXT];

    if (r->data_size != want)
        return belay_fail(r->log, BELAY_ERR_DATA, "%s: %zu bytes of data, %s of %s takes %zu",
                          r->name, r->data_size, belay_shape_text(&r->shape, text),
                          belay_dtype_name(r->dtype), want);
    BELAY_TRY(belay_tensor_init(r->log, out, r->dtype, &r->shape));
    if (r->fortran)
        copy_fortran(r, out->data);
    else if (want)
        memcpy(out->data, r->data, want);
    if (r->swap)
        belay_swap_elements(out->data, (size_t) belay_shape_count(&r->shape),
                            belay_dtype_size(r->dtype));
    return BELAY_OK;
}

belay_status belay_npy_parse(struct belay_log *log, const char *name, const char *bytes,
                             size_t size, struct belay_tensor *out)
{
    struct reader r = { .log = log, .name = name };

    BELAY_TRY(read_preamble(&r, bytes, size));
    BELAY_TRY(read_dictionary(&r));
    return read_data(&r, out);
}

belay_status belay_npy_read(struct belay_log *log, const char *path, struct belay_tensor *out)
{
    char *bytes;
    size_t size;
    belay_status status;

    BELAY_TRY(belay_file_read(log, path, 0, &bytes, &size));
    status = belay_npy_parse(log, path, bytes, size, out);
    belay_free(bytes);
    return status;
}

// "x.npy" is the member x.
static bool is_member(const char *file, const char *member)
{
    size_t length = strlen(member);
    return strncmp(file, member, length) == 0 && strcmp(file + length, ".npy") == 0;
}

static belay_status find_member(struct belay_log *log, const char *name,
                                const struct belay_zip *zip, const char *member,
                                const struct belay_zip_entry **out)
{
    if (!member && zip->count != 1)
        return belay_fail(log, BELAY_ERR_DATA, "%s: holds %zu arrays: one must be named", name,
                          zip->count);
    for (size_t i = 0; i < zip->count; i++) {
        if (!member || is_member(zip->entries[i].name, member)) {
            *out = &zip->entries[i];
            return BELAY_OK;
        }
    }
    return belay_fail(log, BELAY_ERR_DATA, "%s: holds no array '%s' (the first of %zu is '%s')",
                      name, member, zip->count, zip->count ? zip->entries[0].name : "");
}

belay_status belay_npz_parse(struct belay_log *log, const char *name, const char *bytes,
                             size_t size, const char *member, struct belay_tensor *out)
{
    const struct belay_zip_entry *entry = NULL;
    struct belay_zip zip = { 0 };
    char *content = NULL;
    belay_status status;

    BELAY_TRY(belay_zip_open(log, name, bytes, size, &zip));
    BELAY_TRY_DONE(find_member(log, name, &zip, member, &entry));
    BELAY_TRY_DONE(belay_zip_read(log, name, entry, &content));
    BELAY_TRY_DONE(belay_npy_parse(log, name, content, entry->size, out));
done:
    belay_free(content);
    belay_zip_finish(&zip);
    return status;
}

belay_status belay_npz_read(struct belay_log *log, const char *path, const char *member,
                            struct belay_tensor *out)
{
    char *bytes;
    size_t size;
    belay_status status;

    BELAY_TRY(belay_file_read(log, path, 0, &bytes, &size));
    status = belay_npz_parse(log, path, bytes, size, member, out);
    belay_free(bytes);
    return status;
}
