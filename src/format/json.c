#include "format/json.h"

#include <stdlib.h>
#include <string.h>

#include "base/str.h"

#define MAX_DEPTH 32
#define MAX_NODES 4000000 // about 450 MB of nodes, for headers of 100,000 tensors and more
#define MAX_NUMBER 512

struct parser {
    struct belay_log *log;
    const char *what, *text;
    size_t size, at, nodes;
    int depth;
    struct belay_json_doc *doc;
};

static belay_status parse_value(struct parser *p, struct belay_json *out);

static belay_status fail_kind(struct parser *p, enum belay_json_error kind, size_t offset,
                              const char *why)
{
    p->doc->error = kind;
    p->doc->error_depth = p->depth;
    return belay_fail(p->log, BELAY_ERR_DAMAGED, "%s: byte %zu of the JSON text: %s", p->what,
                      offset, why);
}

static belay_status fail_here(struct parser *p, const char *why)
{
    if (p->at >= p->size)
        why = "the text ends too early";
    return fail_kind(p, BELAY_JSON_SYNTAX, p->at, why);
}

static belay_status fail_memory(struct parser *p, size_t size)
{
    p->doc->error = BELAY_JSON_MEMORY;
    return belay_fail_nomem(p->log, size);
}

static int peek(const struct parser *p)
{
    return p->at < p->size ? (unsigned char) p->text[p->at] : -1;
}

static void skip_space(struct parser *p)
{
    int c;
    while (c = peek(p), c == ' ' || c == '\n' || c == '\r' || c == '\t')
        p->at++;
}

static belay_status expect_word(struct parser *p, const char *word)
{
    size_t length = strlen(word);
    if (p->size - p->at < length || memcmp(p->text + p->at, word, length) != 0)
        return fail_kind(p, BELAY_JSON_SYNTAX, p->at, "no JSON value starts so");
    p->at += length;
    return BELAY_OK;
}

static bool parse_hex4(struct parser *p, uint32_t *out)
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
static belay_status parse_unicode(struct parser *p, char **out)
{
    size_t start = p->at - 2;
    uint32_t c, low;

    if (!parse_hex4(p, &c))
        return fail_kind(p, BELAY_JSON_SYNTAX, start, "four hex digits must follow \\u");
    if (c >= 0xDC00 && c <= 0xDFFF)
        return fail_kind(p, BELAY_JSON_SYNTAX, start, "the second half of a pair stands alone");
    if (c >= 0xD800 && c <= 0xDBFF) {
        if (p->size - p->at < 2 || p->text[p->at] != '\\' || p->text[p->at + 1] != 'u')
            return fail_kind(p, BELAY_JSON_SYNTAX, start, "the first half of a pair stands alone");
        p->at += 2;
        if (!parse_hex4(p, &low) || low < 0xDC00 || low > 0xDFFF)
            return fail_kind(p, BELAY_JSON_SYNTAX, start, "the first half of a pair stands alone");
        c = 0x10000 + ((c - 0xD800) << 10) + (low - 0xDC00);
    }
    if (c == 0)
        return fail_kind(p, BELAY_JSON_NUL, start, "a string holds the character U+0000");
    *out += encode_utf8(c, *out);
    return BELAY_OK;
}

static belay_status parse_escape(struct parser *p, char **out)
{
    static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
    const char *found;
    int c;

    p->at++;
    c = peek(p);
    if (c == 'u') {
        p->at++;
        return parse_unicode(p, out);
    }
    found = c > 0 ? strchr(from, c) : NULL;
    if (!found)
        return fail_here(p, "no such escape");
    *(*out)++ = to[found - from];
    p->at++;
    return BELAY_OK;
}

// Bytes up to the closing quote, so that the unescaped text certainly fits as many.
static bool raw_length(const struct parser *p, size_t *out)
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

static belay_status parse_string(struct parser *p, const char **out)
{
    size_t length;
    char *text, *to;
    int c;

    p->at++; // the quote
    if (!raw_length(p, &length))
        return fail_kind(p, BELAY_JSON_SYNTAX, p->at - 1, "this string has no end");
    text = to = belay_arena_alloc(&p->doc->arena, length + 1);
    if (!text)
        return fail_memory(p, length + 1);
    while (c = peek(p), c != '"') {
        if (c < 0x20)
            return fail_here(p, "a string holds a control character");
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

static size_t skip_digits(struct parser *p)
{
    size_t start = p->at;
    while (p->at < p->size && p->text[p->at] >= '0' && p->text[p->at] <= '9')
        p->at++;
    return p->at - start;
}

// Checks the grammar; *whole: neither sign, fraction nor exponent.
static belay_status scan_number(struct parser *p, bool *whole)
{
    *whole = peek(p) != '-';
    p->at += !*whole;
    if (peek(p) == '0')
        p->at++;
    else if (!skip_digits(p))
        return fail_here(p, "a digit must stand here");
    if (peek(p) >= '0' && peek(p) <= '9')
        return fail_here(p, "a number starts with a needless 0");
    if (peek(p) == '.') {
        *whole = false;
        p->at++;
        if (!skip_digits(p))
            return fail_here(p, "a digit must follow the point");
    }
    if (peek(p) == 'e' || peek(p) == 'E') {
        *whole = false;
        p->at++;
        p->at += peek(p) == '+' || peek(p) == '-';
        if (!skip_digits(p))
            return fail_here(p, "an exponent needs a digit");
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

static belay_status parse_number(struct parser *p, struct belay_json *out)
{
    char text[MAX_NUMBER + 1];
    size_t start = p->at, length;
    bool whole;

    BELAY_TRY(scan_number(p, &whole));
    length = p->at - start;
    if (length > MAX_NUMBER)
        return fail_kind(p, BELAY_JSON_SYNTAX, start, "a number has too many characters");
    memcpy(text, p->text + start, length);
    text[length] = '\0';
    if (!belay_parse_double(text, &out->number))
        return fail_kind(p, BELAY_JSON_SYNTAX, start, "a number is out of range");
    out->kind = whole && parse_u64(text, &out->integer) ? BELAY_JSON_INT : BELAY_JSON_NUMBER;
    return BELAY_OK;
}

static int compare_keys(const void *a, const void *b)
{
    const struct belay_json *x = *(struct belay_json *const *) a;
    const struct belay_json *y = *(struct belay_json *const *) b;
    return strcmp(x->key, y->key);
}

static void note_member(struct parser *p, const char *key)
{
    size_t length = strlen(key);
    if (length >= sizeof(p->doc->error_member))
        length = sizeof(p->doc->error_member) - 1;
    memcpy(p->doc->error_member, key, length);
    p->doc->error_member[length] = '\0';
}

static belay_status refuse_duplicates(struct parser *p, const struct belay_json *object)
{
    const struct belay_json **list, **next;
    belay_status status = BELAY_OK;

    if (object->count < 2)
        return BELAY_OK;
    list = next = belay_alloc_array(object->count, sizeof(const struct belay_json *));
    if (!list)
        return fail_memory(p, object->count * sizeof(*list));
    for (const struct belay_json *c = object->first; c; c = c->next)
        *next++ = c;
    qsort(list, object->count, sizeof(*list), compare_keys);
    for (size_t i = 1; i < object->count && status == BELAY_OK; i++) {
        if (strcmp(list[i - 1]->key, list[i]->key) != 0)
            continue;
        if (p->depth == 1)
            note_member(p, list[i]->key);
        status = fail_kind(p, BELAY_JSON_DUPLICATE, list[i]->offset, "a key occurs twice");
    }
    belay_free(list);
    return status;
}

static belay_status parse_key(struct parser *p, const char **key)
{
    if (peek(p) != '"')
        return fail_here(p, "a key in quotes must stand here");
    BELAY_TRY(parse_string(p, key));
    skip_space(p);
    if (peek(p) != ':')
        return fail_here(p, "':' must follow the key");
    p->at++;
    skip_space(p);
    if (p->depth == 1)
        note_member(p, *key);
    return BELAY_OK;
}

static belay_status parse_child(struct parser *p, struct belay_json *parent,
                                struct belay_json **last)
{
    struct belay_json *child;
    const char *key = NULL;

    if (parent->kind == BELAY_JSON_OBJECT)
        BELAY_TRY(parse_key(p, &key));
    if (++p->nodes > MAX_NODES)
        return fail_kind(p, BELAY_JSON_SYNTAX, p->at, "too many values");
    child = belay_arena_alloc(&p->doc->arena, sizeof(*child));
    if (!child)
        return fail_memory(p, sizeof(*child));
    child->key = key;
    BELAY_TRY(parse_value(p, child));
    if (*last)
        (*last)->next = child;
    else
        parent->first = child;
    *last = child;
    parent->count++;
    return BELAY_OK;
}

static belay_status parse_children(struct parser *p, struct belay_json *parent, char closing)
{
    struct belay_json *last = NULL;

    p->at++;
    skip_space(p);
    if (peek(p) == closing) {
        p->at++;
        return BELAY_OK;
    }
    for (;;) {
        BELAY_TRY(parse_child(p, parent, &last));
        skip_space(p);
        if (peek(p) == closing)
            break;
        if (peek(p) != ',')
            return fail_here(p, closing == '}' ? "',' or '}' must stand here"
                                               : "',' or ']' must stand here");
        p->at++;
        skip_space(p);
    }
    p->at++;
    return parent->kind == BELAY_JSON_OBJECT ? refuse_duplicates(p, parent) : BELAY_OK;
}

static belay_status parse_container(struct parser *p, struct belay_json *out, bool object)
{
    out->kind = object ? BELAY_JSON_OBJECT : BELAY_JSON_ARRAY;
    if (p->depth >= MAX_DEPTH)
        return fail_kind(p, BELAY_JSON_SYNTAX, p->at, "nested too deeply");
    p->depth++;
    BELAY_TRY(parse_children(p, out, object ? '}' : ']'));
    p->depth--;
    return BELAY_OK;
}

static belay_status parse_value(struct parser *p, struct belay_json *out)
{
    int c = peek(p);

    out->offset = p->at;
    if (c == '{' || c == '[')
        return parse_container(p, out, c == '{');
    if (c == '"') {
        out->kind = BELAY_JSON_STRING;
        return parse_string(p, &out->string);
    }
    if (c == '-' || (c >= '0' && c <= '9'))
        return parse_number(p, out);
    if (c == 'n')
        return expect_word(p, "null");
    if (c == 't' || c == 'f') {
        out->kind = BELAY_JSON_BOOL;
        out->boolean = c == 't';
        return expect_word(p, c == 't' ? "true" : "false");
    }
    return fail_here(p, "no JSON value starts so");
}

static belay_status check_utf8(struct parser *p)
{
    for (size_t i = 0; i < p->size;) {
        size_t step = belay_utf8_next(p->text + i, p->size - i, NULL);
        if (!step)
            return fail_kind(p, BELAY_JSON_NOT_UTF8, i, "not UTF-8");
        i += step;
    }
    return BELAY_OK;
}

static belay_status parse_all(struct parser *p)
{
    p->doc->root = belay_arena_alloc(&p->doc->arena, sizeof(*p->doc->root));
    if (!p->doc->root)
        return fail_memory(p, sizeof(*p->doc->root));
    BELAY_TRY(check_utf8(p));
    skip_space(p);
    BELAY_TRY(parse_value(p, p->doc->root));
    skip_space(p);
    if (p->at < p->size)
        return fail_here(p, "something follows the value");
    return BELAY_OK;
}

belay_status belay_json_parse(struct belay_log *log, const char *what, const char *text,
                              size_t size, struct belay_json_doc *doc)
{
    struct parser p = { .log = log, .what = what, .text = text, .size = size, .doc = doc };
    belay_status status;

    *doc = (struct belay_json_doc){ .error = BELAY_JSON_SYNTAX };
    status = parse_all(&p);
    if (status != BELAY_OK)
        belay_json_finish(doc);
    return status;
}

void belay_json_finish(struct belay_json_doc *doc)
{
    belay_arena_free(&doc->arena);
    doc->root = NULL;
}

const struct belay_json *belay_json_get(const struct belay_json *object, const char *key)
{
    if (!object || object->kind != BELAY_JSON_OBJECT)
        return NULL;
    for (const struct belay_json *c = object->first; c; c = c->next)
        if (strcmp(c->key, key) == 0)
            return c;
    return NULL;
}

double belay_json_number_or(const struct belay_json *object, const char *key, double fallback)
{
    const struct belay_json *v = belay_json_get(object, key);
    return v && (v->kind == BELAY_JSON_INT || v->kind == BELAY_JSON_NUMBER) ? v->number : fallback;
}

uint64_t belay_json_int_or(const struct belay_json *object, const char *key, uint64_t fallback)
{
    const struct belay_json *v = belay_json_get(object, key);
    return v && v->kind == BELAY_JSON_INT ? v->integer : fallback;
}

const char *belay_json_string_or(const struct belay_json *object, const char *key,
                                 const char *fallback)
{
    const struct belay_json *v = belay_json_get(object, key);
    return v && v->kind == BELAY_JSON_STRING ? v->string : fallback;
}

bool belay_json_bool_or(const struct belay_json *object, const char *key, bool fallback)
{
    const struct belay_json *v = belay_json_get(object, key);
    return v && v->kind == BELAY_JSON_BOOL ? v->boolean : fallback;
}
