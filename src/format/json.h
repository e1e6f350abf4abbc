// A strict JSON reader (RFC 8259) for files that may be hostile: UTF-8 checked, duplicate keys
// refused, depth and size limited, integers kept exact. Values live in the document.
#ifndef BELAY_FORMAT_JSON_H
#define BELAY_FORMAT_JSON_H

#include "base/log.h"
#include "base/mem.h"

enum belay_json_kind { BELAY_JSON_NULL, BELAY_JSON_BOOL, BELAY_JSON_INT, BELAY_JSON_NUMBER,
                       BELAY_JSON_STRING, BELAY_JSON_ARRAY, BELAY_JSON_OBJECT };

struct belay_json {
    enum belay_json_kind kind;
    const char *key;    // of an object's member, unescaped; no NUL inside
    const char *string; // STRING, unescaped; no NUL inside
    uint64_t integer;   // INT: 0|[1-9][0-9]* that fits u64
    double number;      // INT and NUMBER
    bool boolean;
    struct belay_json *first, *next; // ARRAY, OBJECT: children in order
    size_t count;
    size_t offset;      // where it starts in the text
};

enum belay_json_error { BELAY_JSON_SYNTAX, BELAY_JSON_NOT_UTF8, BELAY_JSON_DUPLICATE,
                        BELAY_JSON_NUL, BELAY_JSON_MEMORY };

struct belay_json_doc {
    struct belay_arena arena;
    struct belay_json *root;
    // After a failure: what it was, at which depth (1: a member of the root), below which member
    // of the root ("" for none); the name is cut.
    enum belay_json_error error;
    int error_depth;
    char error_member[32];
};
// BELAY_ERR_DAMAGED with the byte offset and what was wrong. `what` names the file in messages.
belay_status belay_json_parse(struct belay_log *log, const char *what, const char *text,
                              size_t size, struct belay_json_doc *doc);
void belay_json_finish(struct belay_json_doc *doc); // safe on zeroed
// NULL when there is none.
const struct belay_json *belay_json_get(const struct belay_json *object, const char *key);
double belay_json_number_or(const struct belay_json *object, const char *key, double fallback);
uint64_t belay_json_int_or(const struct belay_json *object, const char *key, uint64_t fallback);
const char *belay_json_string_or(const struct belay_json *object, const char *key,
                                 const char *fallback);
bool belay_json_bool_or(const struct belay_json *object, const char *key, bool fallback);

#endif
