// Inside of the JSON reader: json.c reads values and containers, json_scalar.c texts and numbers.
#ifndef BELAY_FORMAT_JSON_PARSER_H
#define BELAY_FORMAT_JSON_PARSER_H

#include "format/json.h"

struct belay_json_parser {
    struct belay_log *log;
    const char *what, *text;
    size_t size, at, nodes;
    int depth;
    struct belay_json_doc *doc;
};

// The next byte, -1 at the end.
static inline int belay_json_peek(const struct belay_json_parser *p)
{
    return p->at < p->size ? (unsigned char) p->text[p->at] : -1;
}

// Each fails with the offset in the text.
belay_status belay_json_fail(struct belay_json_parser *p, enum belay_json_error kind, size_t offset,
                             const char *why);
belay_status belay_json_fail_here(struct belay_json_parser *p, const char *why);
belay_status belay_json_fail_memory(struct belay_json_parser *p, size_t size);

// At the opening quote.
belay_status belay_json_parse_string(struct belay_json_parser *p, const char **out);
// At a digit or a minus: sets kind, number and integer.
belay_status belay_json_parse_number(struct belay_json_parser *p, struct belay_json *out);

#endif
