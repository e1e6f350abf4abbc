#include "format/json.h"

#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "format/json_parser.h"

#define MAX_DEPTH 32
#define MAX_NODES 4000000 // about 450 MB of nodes, for headers of 100,000 tensors and more

static belay_status parse_value(struct belay_json_parser *p, struct belay_json *out);

belay_status belay_json_fail(struct belay_json_parser *p, enum belay_json_error kind, size_t offset,
                             const char *why)
{
    p->doc->error = kind;
    p->doc->error_depth = p->depth;
    return belay_fail(p->log, BELAY_ERR_DAMAGED, "%s: byte %zu of the JSON text: %s", p->what,
                      offset, why);
}

belay_status belay_json_fail_here(struct belay_json_parser *p, const char *why)
{
    if (p->at >= p->size)
        why = "the text ends too early";
    return belay_json_fail(p, BELAY_JSON_SYNTAX, p->at, why);
}

belay_status belay_json_fail_memory(struct belay_json_parser *p, size_t size)
{
    p->doc->error = BELAY_JSON_MEMORY;
    return belay_fail_nomem(p->log, size);
}

static void skip_space(struct belay_json_parser *p)
{
    int c;
    while (c = belay_json_peek(p), c == ' ' || c == '\n' || c == '\r' || c == '\t')
        p->at++;
}

static belay_status expect_word(struct belay_json_parser *p, const char *word)
{
    size_t length = strlen(word);
    if (p->size - p->at < length || memcmp(p->text + p->at, word, length) != 0)
        return belay_json_fail(p, BELAY_JSON_SYNTAX, p->at, "no JSON value starts so");
    p->at += length;
    return BELAY_OK;
}

static int compare_keys(const void *a, const void *b)
{
    const struct belay_json *x = *(struct belay_json *const *) a;
    const struct belay_json *y = *(struct belay_json *const *) b;
    return strcmp(x->key, y->key);
}

static void note_member(struct belay_json_parser *p, const char *key)
{
    size_t length = strlen(key);
    if (length >= sizeof(p->doc->error_member))
        length = sizeof(p->doc->error_member) - 1;
    memcpy(p->doc->error_member, key, length);
    p->doc->error_member[length] = '\0';
}

static belay_status refuse_duplicates(struct belay_json_parser *p, const struct belay_json *object)
{
    const struct belay_json **list, **next;
    belay_status status = BELAY_OK;

    if (object->count < 2)
        return BELAY_OK;
    list = next = belay_alloc_array(object->count, sizeof(const struct belay_json *));
    if (!list)
        return belay_json_fail_memory(p, object->count * sizeof(*list));
    for (const struct belay_json *c = object->first; c; c = c->next)
        *next++ = c;
    qsort(list, object->count, sizeof(*list), compare_keys);
    for (size_t i = 1; i < object->count && status == BELAY_OK; i++) {
        if (strcmp(list[i - 1]->key, list[i]->key) != 0)
            continue;
        if (p->depth == 1)
            note_member(p, list[i]->key);
        status = belay_json_fail(p, BELAY_JSON_DUPLICATE, list[i]->offset, "a key occurs twice");
    }
    belay_free(list);
    return status;
}

static belay_status parse_key(struct belay_json_parser *p, const char **key)
{
    if (belay_json_peek(p) != '"')
        return belay_json_fail_here(p, "a key in quotes must stand here");
    BELAY_TRY(belay_json_parse_string(p, key));
    skip_space(p);
    if (belay_json_peek(p) != ':')
        return belay_json_fail_here(p, "':' must follow the key");
    p->at++;
    skip_space(p);
    if (p->depth == 1)
        note_member(p, *key);
    return BELAY_OK;
}

static belay_status parse_child(struct belay_json_parser *p, struct belay_json *parent,
                                struct belay_json **last)
{
    struct belay_json *child;
    const char *key = NULL;

    if (parent->kind == BELAY_JSON_OBJECT)
        BELAY_TRY(parse_key(p, &key));
    if (++p->nodes > MAX_NODES)
        return belay_json_fail(p, BELAY_JSON_SYNTAX, p->at, "too many values");
    child = belay_arena_alloc(&p->doc->arena, sizeof(*child));
    if (!child)
        return belay_json_fail_memory(p, sizeof(*child));
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

static belay_status parse_children(struct belay_json_parser *p, struct belay_json *parent,
                                   char closing)
{
    struct belay_json *last = NULL;

    p->at++;
    skip_space(p);
    if (belay_json_peek(p) == closing) {
        p->at++;
        return BELAY_OK;
    }
    for (;;) {
        BELAY_TRY(parse_child(p, parent, &last));
        skip_space(p);
        if (belay_json_peek(p) == closing)
            break;
        if (belay_json_peek(p) != ',')
            return belay_json_fail_here(p, closing == '}' ? "',' or '}' must stand here"
                                                          : "',' or ']' must stand here");
        p->at++;
        skip_space(p);
    }
    p->at++;
    return parent->kind == BELAY_JSON_OBJECT ? refuse_duplicates(p, parent) : BELAY_OK;
}

static belay_status parse_container(struct belay_json_parser *p, struct belay_json *out,
                                    bool object)
{
    out->kind = object ? BELAY_JSON_OBJECT : BELAY_JSON_ARRAY;
    if (p->depth >= MAX_DEPTH)
        return belay_json_fail(p, BELAY_JSON_SYNTAX, p->at, "nested too deeply");
    p->depth++;
    BELAY_TRY(parse_children(p, out, object ? '}' : ']'));
    p->depth--;
    return BELAY_OK;
}

static belay_status parse_value(struct belay_json_parser *p, struct belay_json *out)
{
    int c = belay_json_peek(p);

    out->offset = p->at;
    if (c == '{' || c == '[')
        return parse_container(p, out, c == '{');
    if (c == '"') {
        out->kind = BELAY_JSON_STRING;
        return belay_json_parse_string(p, &out->string);
    }
    if (c == '-' || (c >= '0' && c <= '9'))
        return belay_json_parse_number(p, out);
    if (c == 'n')
        return expect_word(p, "null");
    if (c == 't' || c == 'f') {
        out->kind = BELAY_JSON_BOOL;
        out->boolean = c == 't';
        return expect_word(p, c == 't' ? "true" : "false");
    }
    return belay_json_fail_here(p, "no JSON value starts so");
}

static belay_status check_utf8(struct belay_json_parser *p)
{
    for (size_t i = 0; i < p->size;) {
        size_t step = belay_utf8_next(p->text + i, p->size - i, NULL);
        if (!step)
            return belay_json_fail(p, BELAY_JSON_NOT_UTF8, i, "not UTF-8");
        i += step;
    }
    return BELAY_OK;
}

static belay_status parse_all(struct belay_json_parser *p)
{
    p->doc->root = belay_arena_alloc(&p->doc->arena, sizeof(*p->doc->root));
    if (!p->doc->root)
        return belay_json_fail_memory(p, sizeof(*p->doc->root));
    BELAY_TRY(check_utf8(p));
    skip_space(p);
    BELAY_TRY(parse_value(p, p->doc->root));
    skip_space(p);
    if (p->at < p->size)
        return belay_json_fail_here(p, "something follows the value");
    return BELAY_OK;
}

belay_status belay_json_parse(struct belay_log *log, const char *what, const char *text,
                              size_t size, struct belay_json_doc *doc)
{
    struct belay_json_parser p = {
        .log = log, .what = what, .text = text, .size = size, .doc = doc
    };
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
