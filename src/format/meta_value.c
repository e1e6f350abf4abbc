#include "format/meta_value.h"

#include <string.h>

#include "base/mem.h"
#include "format/json.h"

static const char *skip_digits(const char *at)
{
    while (*at >= '0' && *at <= '9')
        at++;
    return at;
}

// JSON's numbers: 1 whole, 2 with a fraction or an exponent, 0 none.
static int number_kind(const char *text)
{
    const char *start = text + (*text == '-'), *at = skip_digits(start);
    int kind = 1;

    if (at == start || (*start == '0' && at - start > 1))
        return 0;
    if (*at == '.') {
        const char *fraction = at + 1;
        at = skip_digits(fraction);
        kind = 2;
        if (at == fraction)
            return 0;
    }
    if (*at == 'e' || *at == 'E') {
        const char *exponent = at + 1 + (at[1] == '+' || at[1] == '-');
        at = skip_digits(exponent);
        kind = 2;
        if (at == exponent)
            return 0;
    }
    return *at ? 0 : kind;
}

static enum belay_meta_kind plain_kind(const char *text, struct belay_meta_value *out)
{
    int number = number_kind(text);

    if (strcmp(text, "null") == 0)
        return BELAY_META_NULL;
    out->boolean = strcmp(text, "true") == 0;
    if (out->boolean || strcmp(text, "false") == 0)
        return BELAY_META_BOOL;
    if (number == 1)
        return belay_parse_i64(text, &out->integer) ? BELAY_META_INT : BELAY_META_BIG;
    if (number == 2 || strcmp(text, "NaN") == 0 || strcmp(text, "Infinity") == 0 ||
        strcmp(text, "-Infinity") == 0)
        if (belay_parse_double(text, &out->number))
            return BELAY_META_FLOAT;
    return BELAY_META_TEXT;
}

bool belay_meta_parse(const char *text, struct belay_meta_value *out)
{
    struct belay_meta_value made = { 0 };
    struct belay_json_doc doc = { 0 };

    if (text[0] == '"' && belay_json_parse(NULL, "", text, strlen(text), &doc) == BELAY_OK &&
        doc.root->kind == BELAY_JSON_STRING) {
        made.kind = BELAY_META_QUOTED;
        made.text = belay_strdup(doc.root->string);
    } else {
        made.kind = plain_kind(text, &made);
        made.text = belay_strdup(text);
    }
    belay_json_finish(&doc);
    *out = made;
    return made.text != NULL;
}

void belay_meta_add_text(struct belay_str *s, const char *text)
{
    struct belay_meta_value unused = { 0 };

    if (text[0] == '"' || plain_kind(text, &unused) != BELAY_META_TEXT)
        belay_str_add_json(s, text);
    else
        belay_str_add(s, text);
}
