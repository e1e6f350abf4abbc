#include "base/str.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/number.h"

static bool reserve(struct belay_str *s, size_t more)
{
    size_t wanted, capacity;
    char *grown;

    if (s->failed || !belay_add_size(s->length, more, &wanted) ||
        !belay_add_size(wanted, 1, &wanted)) {
        s->failed = true;
        return false;
    }
    if (wanted <= s->capacity)
        return true;
    capacity = s->capacity ? s->capacity : 32;
    while (capacity < wanted)
        if (!belay_mul_size(capacity, 2, &capacity))
            capacity = wanted;
    grown = belay_realloc_array(s->text, capacity, 1);
    if (!grown) {
        s->failed = true;
        return false;
    }
    s->text = grown;
    s->capacity = capacity;
    return true;
}

void belay_str_add_bytes(struct belay_str *s, const void *bytes, size_t size)
{
    if (!reserve(s, size))
        return;
    if (size)
        memcpy(s->text + s->length, bytes, size);
    s->length += size;
    s->text[s->length] = '\0';
}

void belay_str_add(struct belay_str *s, const char *text)
{
    belay_str_add_bytes(s, text, strlen(text));
}

void belay_str_addv(struct belay_str *s, const char *format, va_list args)
{
    va_list again;
    int length;

    va_copy(again, args);
    length = vsnprintf(NULL, 0, format, again);
    va_end(again);
    if (length < 0) {
        s->failed = true;
        return;
    }
    if (!reserve(s, (size_t) length))
        return;
    vsnprintf(s->text + s->length, (size_t) length + 1, format, args);
    s->length += (size_t) length;
}

void belay_str_addf(struct belay_str *s, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    belay_str_addv(s, format, args);
    va_end(args);
}

void belay_str_clear(struct belay_str *s)
{
    s->length = 0;
    s->failed = false;
    if (s->text)
        s->text[0] = '\0';
}

void belay_str_free(struct belay_str *s)
{
    belay_free(s->text);
    *s = (struct belay_str){ 0 };
}

size_t belay_utf8_next(const char *text, size_t size, uint32_t *code)
{
    const unsigned char *p = (const unsigned char *) text;
    static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };
    size_t length;
    uint32_t c;

    if (size == 0)
        return 0;
    length = p[0] < 0x80 ? 1 : p[0] < 0xC2 ? 0 : p[0] < 0xE0 ? 2 : p[0] < 0xF0 ? 3 : 4;
    if (length == 0 || p[0] > 0xF4 || length > size)
        return 0;
    c = length == 1 ? p[0] : p[0] & (0x7Fu >> length);
    for (size_t i = 1; i < length; i++) {
        if ((p[i] & 0xC0) != 0x80)
            return 0;
        c = c << 6 | (p[i] & 0x3Fu);
    }
    if (c < least[length] || c > 0x10FFFF || (c >= 0xD800 && c <= 0xDFFF))
        return 0;
    if (code)
        *code = c;
    return length;
}

// As the common writers do: the short escapes where there are any.
static void add_json_byte(struct belay_str *s, unsigned char c)
{
    static const char short_of[] = "\"\"\\\\\nn\tt\rr\bb\ff";

    for (const char *p = short_of; *p; p += 2) {
        if ((unsigned char) *p == c) {
            char escape[2] = { '\\', p[1] };
            belay_str_add_bytes(s, escape, 2);
            return;
        }
    }
    if (c < 0x20) {
        belay_str_addf(s, "\\u%04x", c);
    } else {
        belay_str_add_bytes(s, &c, 1);
    }
}

void belay_str_add_json(struct belay_str *s, const char *text)
{
    size_t size = strlen(text);

    belay_str_add(s, "\"");
    while (size > 0) {
        size_t step = belay_utf8_next(text, size, NULL);
        if (step == 1)
            add_json_byte(s, (unsigned char) *text);
        else if (step > 1)
            belay_str_add_bytes(s, text, step);
        else
            belay_str_add(s, "\xEF\xBF\xBD");
        step = step ? step : 1;
        text += step;
        size -= step;
    }
    belay_str_add(s, "\"");
}

void belay_str_add_double(struct belay_str *s, double value)
{
    char text[40];
    belay_number_text(value, text);
    belay_str_add(s, text);
}

void belay_str_add_size(struct belay_str *s, uint64_t bytes)
{
    static const char *const units[] = { "B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB" };
    double value = (double) bytes;
    size_t unit = 0;

    while (value >= 1023.95 && unit + 1 < sizeof(units) / sizeof(units[0])) {
        value /= 1024;
        unit++;
    }
    int decimals = unit == 0 || value >= 9.95 || value == floor(value) ? 0 : 1;
    belay_str_addf(s, "%.*f %s", decimals, value, units[unit]);
}

bool belay_str_equal(const char *a, const char *b)
{
    return a == b || (a && b && strcmp(a, b) == 0);
}

bool belay_glob(const char *pattern, const char *text)
{
    const char *star = NULL, *resume = NULL;

    while (*text) {
        if (*pattern == '*') {
            star = pattern++;
            resume = text;
        } else if (*pattern == '?' || *pattern == *text) {
            pattern++;
            text++;
        } else if (star) { // let the last star take one byte more
            pattern = star + 1;
            text = ++resume;
        } else {
            return false;
        }
    }
    while (*pattern == '*')
        pattern++;
    return *pattern == '\0';
}
