// Growing strings and "did you mean".
#ifndef BELAY_BASE_STR_H
#define BELAY_BASE_STR_H

#include <stdarg.h>

#include "base/log.h"

// Zero to start. `text` is NUL-terminated or NULL while empty; `failed` sticks when memory is
// short.
struct belay_str {
    char *text;
    size_t length, capacity;
    bool failed;
};
void belay_str_add(struct belay_str *s, const char *text);
void belay_str_add_bytes(struct belay_str *s, const void *bytes, size_t size);
void belay_str_addf(struct belay_str *s, const char *format, ...) BELAY_PRINTF(2, 3);
void belay_str_addv(struct belay_str *s, const char *format, va_list args);
void belay_str_clear(struct belay_str *s);
void belay_str_free(struct belay_str *s);

// A JSON string with quotes, escaped; control bytes as \u00XX; bytes that are not UTF-8 become
// U+FFFD.
void belay_str_add_json(struct belay_str *s, const char *text);
// The shortest decimal that reads back to the same double ("0.1", "1e+30", "NaN", "Infinity").
void belay_str_add_double(struct belay_str *s, double value);
// 15 MiB, 2.4 GiB
void belay_str_add_size(struct belay_str *s, uint64_t bytes);

// Bytes of the UTF-8 character at `text` (at most `size`), 0 when it is none: overlong forms,
// surrogates and numbers beyond U+10FFFF are refused. `code` may be NULL.
size_t belay_utf8_next(const char *text, size_t size, uint32_t *code);

// The nearest of `names` to `got` by edit distance, or NULL when none is near.
const char *belay_suggest(const char *got, const char *const *names, size_t count);

// Numbers independent of the locale; the whole text must be the number. False otherwise.
bool belay_parse_double(const char *text, double *out);
bool belay_parse_i64(const char *text, int64_t *out);
bool belay_str_equal(const char *a, const char *b); // NULLs allowed
bool belay_glob(const char *pattern, const char *text); // '*' and '?'

#endif
