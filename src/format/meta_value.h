// Values of metadata as text: numbers, true, false, null as JSON has them (and NaN, Infinity,
// -Infinity), a text in quotes, anything else a text as it stands.
#ifndef BELAY_FORMAT_META_VALUE_H
#define BELAY_FORMAT_META_VALUE_H

#include "base/str.h"

enum belay_meta_kind {
    BELAY_META_TEXT, // as it stands
    BELAY_META_QUOTED, BELAY_META_NULL, BELAY_META_BOOL, BELAY_META_INT,
    BELAY_META_BIG,  // a whole number beyond 64 bits: its digits are the text
    BELAY_META_FLOAT,
};
struct belay_meta_value {
    enum belay_meta_kind kind;
    bool boolean;
    int64_t integer;
    double number;
    char *text; // TEXT, QUOTED: without quotes and escapes; owned (belay_free)
};
// False: memory is short.
bool belay_meta_parse(const char *text, struct belay_meta_value *out);
// Appends a text so that it is read back as one: in quotes only where it must be.
void belay_meta_add_text(struct belay_str *s, const char *text);

#endif
