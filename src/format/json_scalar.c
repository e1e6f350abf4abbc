#include "format/json_parser.h"

#include <string.h>

#include "base/str.h"

#define MAX_NUMBER 512

static bool parse_hex4(struct belay_json_parser *p, uint32_t *out)
{
    uint32_t value = 0;

    if (p->size - p->at < 4)
        return false;
    for (int i = 0; i < 4; i++) {
        char c = p->text[p->at + (size_t) i];
        uint32_t digit;
        if (c >= '0' && c <= '9')
            digit = (uint32_t) (c - '0');
        else if (c >= 'a' && c <= 'f')
            digit = (uint32_t) (c - 'a') + 10;
        else if (c >= 'A' && c <= 'F')
            digit = (uint32_t) (c - 'A') + 10;
        else
            return false;
        value = value << 4 | digit;
    }
    p->at += 4;
    *out = value;
    return true;
}

static size_t encode_utf8(uint32_t c, char *out)
{
    if (c < 0x80) {
        out[0] = (char) c;
        return 1;
    }
    if (c < 0x800) {
        out[0] = (char) (0xC0 | c >> 6);
        out[1] = (char) (0x80 | (c & 0x3F));
        return 2;
    }
    if (c < 0x10000) {
        out[0] = (char) (0xE0 | c >> 12);
        out[1] = (char) (0x80 | (c >> 6 & 0x3F));
        out[2] = (char) (0x80 | (c & 0x3F));
        return 3;
    }
    out[0] = (char) (0xF0 | c >> 18);
    out[1] = (char) (0x80 | (c >> 12 & 0x3F));
    out[2] = (char) (0x80 | (c >> 6 & 0x3F));
    out[3] = (char) (0x80 | (c & 0x3F));
    return 4;
}

// Behind "\u". An escape of 6 bytes gives at most 3, a pair of 12 gives 4.
static belay_status parse_unicode(struct belay_json_parser *p, char **out)
{
    size_t start = p->at - 2;
    uint32_t c, low;

    if (!parse_hex4(p, &c))
        return belay_json_fail(p, BELAY_JSON_SYNTAX, start, "four hex digits must follow \\u");
    if (c >= 0xDC00 && c <= 0xDFFF)
        return belay_json_fail(p, BELAY_JSON_SYNTAX, start,
                               "the second half of a pair stands alone");
    if (c >= 0xD800 && c <= 0xDBFF) {
        if (p->size - p->at < 2 || p->text[p->at] != '\\' || p->text[p->at + 1] != 'u')
            return belay_json_fail(p, BELAY_JSON_SYNTAX, start,
                                   "the first half of a pair stands alone");
        p->at += 2;
        if (!parse_hex4(p, &low) || low < 0xDC00 || low > 0xDFFF)
            return belay_json_fail(p, BELAY_JSON_SYNTAX, start,
                                   "the first half of a pair stands alone");
        c = 0x10000 + ((c - 0xD800) << 10) + (low - 0xDC00);
    }
    if (c == 0)
        return belay_json_fail(p, BELAY_JSON_NUL, start, "a string holds the character U+0000");
    *out += encode_utf8(c, *out);
    return BELAY_OK;
}

static belay_status parse_escape(struct belay_json_parser *p, char **out)
{
    static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
    const char *found;
    int c;

    p->at++;
    c = belay_json_peek(p);
    if (c == 'u') {
        p->at++;
        return parse_unicode(p, out);
    }
    found = c > 0 ? strchr(from, c) : NULL;
    if (!found)
        return belay_json_fail_here(p, "no such escape");
    *(*out)++ = to[found - from];
    p->at++;
    return BELAY_OK;
}

// Bytes up to the closing quote, so that the unescaped text certainly fits as many.
static bool raw_length(const struct belay_json_parser *p, size_t *out)
{
    for (size_t i = p->at; i < p->size; i++) {
        if (p->text[i] == '"') {
            *out = i - p->at;
            return true;
        }
        i += p->text[i] == '\\';
    }
    return false;
}

belay_status belay_json_parse_string(struct belay_json_parser *p, const char **out)
{
    size_t length;
    char *text, *to;
    int c;

    p->at++; // the quote
    if (!raw_length(p, &length))
        return belay_json_fail(p, BELAY_JSON_SYNTAX, p->at - 1, "this string has no end");
    text = to = belay_arena_alloc(&p->doc->arena, length + 1);
    if (!text)
        return belay_json_fail_memory(p, length + 1);
    while (c = belay_json_peek(p), c != '"') {
        if (c < 0x20)
            return belay_json_fail_here(p, "a string holds a control character");
        if (c == '\\') {
            BELAY_TRY(parse_escape(p, &to));
        } else {
            *to++ = (char) c;
            p->at++;
        }
    }
    p->at++;
    *out = text;
    return BELAY_OK;
}

static size_t skip_digits(struct belay_json_parser *p)
{
    size_t start = p->at;
    while (p->at < p->size && p->text[p->at] >= '0' && p->text[p->at] <= '9')
        p->at++;
    return p->at - start;
}

// Checks the grammar; *whole: neither sign, fraction nor exponent.
static belay_status scan_number(struct belay_json_parser *p, bool *whole)
{
    *whole = belay_json_peek(p) != '-';
    p->at += !*whole;
    if (belay_json_peek(p) == '0')
        p->at++;
    else if (!skip_digits(p))
        return belay_json_fail_here(p, "a digit must stand here");
    if (belay_json_peek(p) >= '0' && belay_json_peek(p) <= '9')
        return belay_json_fail_here(p, "a number starts with a needless 0");
    if (belay_json_peek(p) == '.') {
        *whole = false;
        p->at++;
        if (!skip_digits(p))
            return belay_json_fail_here(p, "a digit must follow the point");
    }
    if (belay_json_peek(p) == 'e' || belay_json_peek(p) == 'E') {
        *whole = false;
        p->at++;
        p->at += belay_json_peek(p) == '+' || belay_json_peek(p) == '-';
        if (!skip_digits(p))
            return belay_json_fail_here(p, "an exponent needs a digit");
    }
    return BELAY_OK;
}

static bool parse_u64(const char *text, uint64_t *out)
{
    uint64_t value = 0;
    for (; *text; text++) {
        uint64_t digit = (uint64_t) (*text - '0');
        if (value > (UINT64_MAX - digit) / 10)
            return false;
        value = value * 10 + digit;
    }
    *out = value;
    return true;
}

belay_status belay_json_parse_number(struct belay_json_parser *p, struct belay_json *out)
{
    char text[MAX_NUMBER + 1];
    size_t start = p->at, length;
    bool whole;

    BELAY_TRY(scan_number(p, &whole));
    length = p->at - start;
    if (length > MAX_NUMBER)
        return belay_json_fail(p, BELAY_JSON_SYNTAX, start, "a number has too many characters");
    memcpy(text, p->text + start, length);
    text[length] = '\0';
    if (!belay_parse_double(text, &out->number))
        return belay_json_fail(p, BELAY_JSON_SYNTAX, start, "a number is out of range");
    out->kind = whole && parse_u64(text, &out->integer) ? BELAY_JSON_INT : BELAY_JSON_NUMBER;
    return BELAY_OK;
}
