#include "format/yaml.h"

#include <string.h>

#include <yaml.h>

#include "base/str.h"

#define MAX_DEPTH 64
#define MAX_TEXT (16u << 20)
#define MAX_KEYS 10000 // in one map: looking for duplicates takes their square

struct reader {
    struct belay_log *log;
    const char *from; // file name or the override's text
    bool numbered;    // lines mean something
    int depth;
    struct belay_arena *arena;
    yaml_parser_t parser;
    yaml_event_t event; // the one looked at
    bool has_event;
};

static belay_status parse_node(struct reader *r, struct belay_yaml *out);

static belay_status fail_line(struct reader *r, size_t line, const char *text, const char *detail)
{
    const char *sep = detail ? ": " : "";

    if (!detail)
        detail = "";
    if (!r->numbered)
        return belay_fail(r->log, BELAY_ERR_RECIPE, "%s: %s%s%s", r->from, text, sep, detail);
    return belay_fail(r->log, BELAY_ERR_RECIPE, "%s:%zu: %s%s%s", r->from, line + 1, text, sep,
                      detail);
}

static belay_status fail_event(struct reader *r, const char *text)
{
    return fail_line(r, r->event.start_mark.line, text, NULL);
}

static void drop_event(struct reader *r)
{
    if (r->has_event)
        yaml_event_delete(&r->event);
    r->has_event = false;
}

static belay_status next_event(struct reader *r)
{
    drop_event(r);
    if (yaml_parser_parse(&r->parser, &r->event)) {
        r->has_event = true;
        return BELAY_OK;
    }
    if (r->parser.error == YAML_MEMORY_ERROR)
        return belay_fail_nomem(r->log, 0);
    // What libyaml says of a tab as indentation helps nobody.
    bool token = r->parser.problem && strstr(r->parser.problem, "cannot start any token");
    return fail_line(r, r->parser.problem_mark.line, "not valid YAML",
                     token ? "a tab, @, ` or % where a word must begin (indent with spaces)"
                           : r->parser.problem);
}

static belay_status expect(struct reader *r, yaml_event_type_t type, const char *text)
{
    BELAY_TRY(next_event(r));
    return r->event.type == type ? BELAY_OK : fail_event(r, text);
}

static belay_status copy_scalar(struct reader *r, const char **out)
{
    const char *value = (const char *) r->event.data.scalar.value;
    size_t length = r->event.data.scalar.length;
    char *copy;

    if (memchr(value, 0, length))
        return fail_event(r, "a text holds the character U+0000");
    copy = belay_arena_alloc(r->arena, length + 1);
    if (!copy)
        return belay_fail_nomem(r->log, length + 1);
    memcpy(copy, value, length);
    *out = copy;
    return BELAY_OK;
}

static belay_status parse_scalar(struct reader *r, struct belay_yaml *out)
{
    if (r->event.data.scalar.anchor)
        return fail_event(r, "anchors (&name) are not allowed");
    if (r->event.data.scalar.tag)
        return fail_event(r, "tags (!name) are not allowed");
    out->kind = BELAY_YAML_SCALAR;
    out->quoted = r->event.data.scalar.style != YAML_PLAIN_SCALAR_STYLE;
    return copy_scalar(r, &out->text);
}

static belay_status parse_key(struct reader *r, const struct belay_yaml *map, const char **key)
{
    if (r->event.type == YAML_ALIAS_EVENT)
        return fail_event(r, "aliases (*name) are not allowed");
    if (r->event.type != YAML_SCALAR_EVENT)
        return fail_event(r, "a key must be a simple text");
    struct belay_yaml scalar = { 0 };
    BELAY_TRY(parse_scalar(r, &scalar));
    if (belay_yaml_get(map, scalar.text))
        return fail_line(r, r->event.start_mark.line, "this key occurs twice", scalar.text);
    *key = scalar.text;
    return BELAY_OK;
}

static belay_status add_child(struct reader *r, struct belay_yaml *parent, struct belay_yaml **last,
                              const char *key)
{
    struct belay_yaml *child = belay_arena_alloc(r->arena, sizeof(*child));

    if (!child)
        return belay_fail_nomem(r->log, sizeof(*child));
    child->key = key;
    BELAY_TRY(parse_node(r, child));
    if (*last)
        (*last)->next = child;
    else
        parent->first = child;
    *last = child;
    parent->count++;
    return BELAY_OK;
}

static belay_status parse_map(struct reader *r, struct belay_yaml *out)
{
    struct belay_yaml *last = NULL;

    out->kind = BELAY_YAML_MAP;
    if (r->event.data.mapping_start.anchor)
        return fail_event(r, "anchors (&name) are not allowed");
    if (r->event.data.mapping_start.tag)
        return fail_event(r, "tags (!name) are not allowed");
    for (;;) {
        const char *key = NULL;
        BELAY_TRY(next_event(r));
        if (r->event.type == YAML_MAPPING_END_EVENT)
            return BELAY_OK;
        if (out->count >= MAX_KEYS)
            return fail_event(r, "too many keys in one map");
        BELAY_TRY(parse_key(r, out, &key));
        BELAY_TRY(next_event(r));
        BELAY_TRY(add_child(r, out, &last, key));
    }
}

static belay_status parse_list(struct reader *r, struct belay_yaml *out)
{
    struct belay_yaml *last = NULL;

    out->kind = BELAY_YAML_LIST;
    if (r->event.data.sequence_start.anchor)
        return fail_event(r, "anchors (&name) are not allowed");
    if (r->event.data.sequence_start.tag)
        return fail_event(r, "tags (!name) are not allowed");
    for (;;) {
        BELAY_TRY(next_event(r));
        if (r->event.type == YAML_SEQUENCE_END_EVENT)
            return BELAY_OK;
        BELAY_TRY(add_child(r, out, &last, NULL));
    }
}

// The node whose first event is at hand.
static belay_status parse_node(struct reader *r, struct belay_yaml *out)
{
    belay_status status;

    out->line = r->numbered ? (int) r->event.start_mark.line + 1 : 0;
    out->from = r->from;
    if (r->depth >= MAX_DEPTH)
        return fail_event(r, "nested too deeply");
    r->depth++;
    switch (r->event.type) {
    case YAML_SCALAR_EVENT:
        status = parse_scalar(r, out);
        break;
    case YAML_MAPPING_START_EVENT:
        status = parse_map(r, out);
        break;
    case YAML_SEQUENCE_START_EVENT:
        status = parse_list(r, out);
        break;
    case YAML_ALIAS_EVENT:
        status = fail_event(r, "aliases (*name) are not allowed");
        break;
    default:
        status = fail_event(r, "a value must stand here");
        break;
    }
    r->depth--;
    return status;
}

static belay_status parse_stream(struct reader *r, struct belay_yaml *out)
{
    BELAY_TRY(expect(r, YAML_STREAM_START_EVENT, "not a YAML stream"));
    BELAY_TRY(next_event(r));
    if (r->event.type == YAML_STREAM_END_EVENT)
        return fail_event(r, "there is nothing in it");
    if (r->event.type != YAML_DOCUMENT_START_EVENT)
        return fail_event(r, "not a YAML document");
    BELAY_TRY(next_event(r));
    BELAY_TRY(parse_node(r, out));
    BELAY_TRY(expect(r, YAML_DOCUMENT_END_EVENT, "something follows the document"));
    return expect(r, YAML_STREAM_END_EVENT, "more than one document");
}

static belay_status parse_text(struct reader *r, const char *text, struct belay_yaml *out)
{
    belay_status status;
    size_t size = strlen(text);

    if (size > MAX_TEXT)
        return belay_fail(r->log, BELAY_ERR_RECIPE, "%s: has %zu bytes, at most %u are read",
                          r->from, size, MAX_TEXT);
    if (!yaml_parser_initialize(&r->parser))
        return belay_fail_nomem(r->log, 0);
    yaml_parser_set_encoding(&r->parser, YAML_UTF8_ENCODING);
    yaml_parser_set_input_string(&r->parser, (const unsigned char *) text, size);
    status = parse_stream(r, out);
    drop_event(r);
    yaml_parser_delete(&r->parser);
    return status;
}

static belay_status parse_root(struct reader *r, const char *text, struct belay_yaml_doc *doc)
{
    doc->root = belay_arena_alloc(r->arena, sizeof(*doc->root));
    if (!doc->root)
        return belay_fail_nomem(r->log, sizeof(*doc->root));
    BELAY_TRY(parse_text(r, text, doc->root));
    if (doc->root->kind == BELAY_YAML_MAP)
        return BELAY_OK;
    return belay_fail(r->log, BELAY_ERR_RECIPE, "%s:%d: 'key: value' lines must stand here",
                      r->from, doc->root->line);
}

belay_status belay_yaml_parse(struct belay_log *log, const char *name, const char *text,
                              struct belay_yaml_doc *doc)
{
    struct reader r = { .log = log, .numbered = true, .arena = &doc->arena };
    belay_status status;

    *doc = (struct belay_yaml_doc){ 0 };
    r.from = belay_arena_strdup(r.arena, name);
    status = r.from ? parse_root(&r, text, doc) : belay_fail_nomem(log, strlen(name) + 1);
    if (status != BELAY_OK)
        belay_yaml_finish(doc);
    return status;
}

void belay_yaml_finish(struct belay_yaml_doc *doc)
{
    belay_arena_free(&doc->arena);
    doc->root = NULL;
}

const struct belay_yaml *belay_yaml_get(const struct belay_yaml *map, const char *key)
{
    if (!map || map->kind != BELAY_YAML_MAP)
        return NULL;
    for (const struct belay_yaml *c = map->first; c; c = c->next)
        if (strcmp(c->key, key) == 0)
            return c;
    return NULL;
}

// The place in `parent` that `key` names: a map's member, made when it is missing, or a list's
// item by number. NULL with a message otherwise.
static belay_status step_into(struct reader *r, struct belay_yaml *parent, const char *key,
                              struct belay_yaml **out)
{
    struct belay_yaml **slot = &parent->first;
    int64_t index;

    if (!*key)
        return belay_fail(r->log, BELAY_ERR_RECIPE, "%s: a part of the key is empty", r->from);
    if (parent->kind == BELAY_YAML_LIST) {
        if (!belay_parse_i64(key, &index) || index < 0 || (size_t) index >= parent->count)
            return belay_fail(r->log, BELAY_ERR_RECIPE,
                              "%s: '%s' is not the number of an item of this list of %zu", r->from,
                              key, parent->count);
        for (*out = parent->first; index > 0; index--)
            *out = (*out)->next;
        return BELAY_OK;
    }
    while (*slot && strcmp((*slot)->key, key) != 0)
        slot = &(*slot)->next;
    if (!*slot) {
        *slot = belay_arena_alloc(r->arena, sizeof(**slot));
        if (!*slot)
            return belay_fail_nomem(r->log, sizeof(**slot));
        (*slot)->key = key;
        (*slot)->text = "";
        (*slot)->from = r->from;
        parent->count++;
    }
    *out = *slot;
    return BELAY_OK;
}

// A scalar on the way becomes a map when it is empty ("data:" with nothing behind it).
static belay_status make_parent(struct reader *r, struct belay_yaml *node, const char *key)
{
    if (node->kind != BELAY_YAML_SCALAR)
        return BELAY_OK;
    if (node->quoted || *node->text)
        return belay_fail(r->log, BELAY_ERR_RECIPE, "%s: '%s' is '%s' and has no parts", r->from,
                          key, node->text);
    node->kind = BELAY_YAML_MAP;
    node->text = NULL;
    return BELAY_OK;
}

// Cuts `path` at its points and walks down.
static belay_status walk(struct reader *r, struct belay_yaml *root, char *path,
                         struct belay_yaml **out)
{
    struct belay_yaml *node = root;

    for (;;) {
        char *point = strchr(path, '.');
        if (point)
            *point = '\0';
        BELAY_TRY(step_into(r, node, path, &node));
        if (!point)
            break;
        BELAY_TRY(make_parent(r, node, path));
        path = point + 1;
    }
    *out = node;
    return BELAY_OK;
}

static belay_status parse_override(struct reader *r, const char *value, struct belay_yaml *out)
{
    *out = (struct belay_yaml){ .kind = BELAY_YAML_SCALAR, .text = "", .from = r->from };
    return *value ? parse_text(r, value, out) : BELAY_OK;
}

belay_status belay_yaml_override(struct belay_log *log, struct belay_yaml_doc *doc,
                                 const char *assignment)
{
    struct reader r = { .log = log, .arena = &doc->arena };
    struct belay_yaml parsed, *place;
    const char *equals = strchr(assignment, '=');
    char *path;

    if (!equals || equals == assignment)
        return belay_fail(log, BELAY_ERR_RECIPE, "'%s': want key=value", assignment);
    r.from = belay_arena_strdup(r.arena, assignment);
    path = belay_arena_strdup(r.arena, assignment);
    if (!r.from || !path)
        return belay_fail_nomem(log, strlen(assignment) + 1);
    path[equals - assignment] = '\0';
    BELAY_TRY(parse_override(&r, equals + 1, &parsed));
    BELAY_TRY(walk(&r, doc->root, path, &place));
    parsed.key = place->key;
    parsed.next = place->next;
    *place = parsed;
    return BELAY_OK;
}
