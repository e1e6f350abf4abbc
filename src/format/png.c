#include "format/png.h"

#include <string.h>
#include <zlib.h>

#include "base/mem.h"

void belay_base64(const uint8_t *bytes, size_t size, struct belay_str *out)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    for (size_t i = 0; i < size; i += 3) {
        size_t left = size - i;
        uint32_t v = (uint32_t) bytes[i] << 16 | (left > 1 ? (uint32_t) bytes[i + 1] << 8 : 0) |
                     (left > 2 ? bytes[i + 2] : 0);
        char four[4] = { digits[v >> 18], digits[v >> 12 & 63], digits[v >> 6 & 63],
                         digits[v & 63] };
        if (left < 3)
            four[3] = '=';
        if (left < 2)
            four[2] = '=';
        belay_str_add_bytes(out, four, 4);
    }
}

static void put_u32(uint8_t *to, uint32_t v)
{
    to[0] = (uint8_t) (v >> 24);
    to[1] = (uint8_t) (v >> 16);
    to[2] = (uint8_t) (v >> 8);
    to[3] = (uint8_t) v;
}

static void add_chunk(struct belay_str *png, const char *type, const uint8_t *data, size_t size)
{
    uint8_t word[4];
    uLong crc = crc32(crc32(0, Z_NULL, 0), (const Bytef *) type, 4);
    if (size)
        crc = crc32(crc, data, (uInt) size);
    put_u32(word, (uint32_t) size);
    belay_str_add_bytes(png, word, 4);
    belay_str_add_bytes(png, type, 4);
    belay_str_add_bytes(png, data, size);
    put_u32(word, (uint32_t) crc);
    belay_str_add_bytes(png, word, 4);
}

// Rows with the filter byte 0 before each, compressed.
static belay_status pack(struct belay_log *log, const uint8_t *pixels, size_t row, uint32_t height,
                         uint8_t **out, size_t *size)
{
    size_t raw_size = (row + 1) * height;
    uLongf packed = compressBound((uLong) raw_size);
    uint8_t *raw = belay_alloc(raw_size), *to = belay_alloc(packed);
    bool good = raw && to;
    for (uint32_t y = 0; good && y < height; y++)
        memcpy(raw + y * (row + 1) + 1, pixels + y * row, row);
    good = good && compress(to, &packed, raw, (uLong) raw_size) == Z_OK;
    belay_free(raw);
    if (!good) {
        belay_free(to);
        return belay_fail_nomem(log, raw_size);
    }
    *out = to;
    *size = packed;
    return BELAY_OK;
}

belay_status belay_png_base64(struct belay_log *log, const uint8_t *pixels, uint32_t width,
                              uint32_t height, int channels, struct belay_str *out)
{
    static const uint8_t signature[8] = { 0x89, 'P', 'N', 'G', 13, 10, 26, 10 };
    uint8_t header[13] = { 0 }, *data = NULL;
    struct belay_str png = { 0 };
    size_t size = 0;
    if (width == 0 || height == 0 || width > 4096 || height > 4096)
        return belay_fail(log, BELAY_ERR_ARG, "a picture of %u x %u pixels: 1 to 4096 a side",
                          (unsigned) width, (unsigned) height);
    BELAY_TRY(pack(log, pixels, (size_t) width * (size_t) channels, height, &data, &size));
    put_u32(header, width);
    put_u32(header + 4, height);
    header[8] = 8;                      // bits
    header[9] = channels == 3 ? 2 : 0;  // RGB, grey
    belay_str_add_bytes(&png, signature, sizeof(signature));
    add_chunk(&png, "IHDR", header, sizeof(header));
    add_chunk(&png, "IDAT", data, size);
    add_chunk(&png, "IEND", NULL, 0);
    belay_base64((const uint8_t *) png.text, png.length, out);
    bool failed = png.failed || out->failed;
    belay_str_free(&png);
    belay_free(data);
    return failed ? belay_fail_nomem(log, size) : BELAY_OK;
}
