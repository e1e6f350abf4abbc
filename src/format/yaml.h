// YAML as a tree with line numbers, through libyaml: mappings, sequences and scalars; anchors,
// aliases and tags are refused, duplicate keys too.
#ifndef BELAY_FORMAT_YAML_H
#define BELAY_FORMAT_YAML_H

#include "base/log.h"
#include "base/mem.h"

enum belay_yaml_kind { BELAY_YAML_SCALAR, BELAY_YAML_LIST, BELAY_YAML_MAP };

struct belay_yaml {
    enum belay_yaml_kind kind;
    const char *key;  // of a map's member, else NULL
    const char *text; // SCALAR
    bool quoted;      // SCALAR: written in quotes (so "10" stays a text)
    int line;         // 1-based; 0: from an override
    const char *from; // file name, or the override's text
    struct belay_yaml *first, *next;
    size_t count;
};
struct belay_yaml_doc {
    struct belay_arena arena;
    struct belay_yaml *root; // a map
};
// BELAY_ERR_RECIPE with "file:line: …". `text` is NUL-terminated.
belay_status belay_yaml_parse(struct belay_log *log, const char *name, const char *text,
                              struct belay_yaml_doc *doc);
void belay_yaml_finish(struct belay_yaml_doc *doc);
const struct belay_yaml *belay_yaml_get(const struct belay_yaml *map, const char *key);
// Sets "a.b.c=value" (value parsed as YAML), making maps on the way; replaces what was there.
belay_status belay_yaml_override(struct belay_log *log, struct belay_yaml_doc *doc,
                                 const char *assignment);

#endif
