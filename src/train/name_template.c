#include "train/name_template.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"

#define MAX_NAME 128
#define MAX_WIDTH 64

struct format {
    bool zero;
    int width, precision; // precision -1: none
    char kind;            // d, f, e, g; '\0': as it is
};

// Digits up to MAX_WIDTH; -1 when there are none or the number is larger.
static int take_number(const char **at, const char *end)
{
    int value = -1;
    for (; *at < end && **at >= '0' && **at <= '9'; (*at)++) {
        value = (value < 0 ? 0 : value) * 10 + (**at - '0');
        if (value > MAX_WIDTH)
            return -1;
    }
    return value;
}

// "03d", ".4f", "8.2e", "".
static bool read_format(const char *at, const char *end, struct format *f)
{
    *f = (struct format){ .precision = -1 };
    if (at < end && *at == '0') {
        f->zero = true;
        at++;
    }
    if (at < end && *at >= '1' && *at <= '9' && (f->width = take_number(&at, end)) < 0)
        return false;
    if (at < end && *at == '.') {
        at++;
        if ((f->precision = take_number(&at, end)) < 0)
            return false;
    }
    if (at < end && strchr("dfeg", *at))
        f->kind = *at++;
    return at == end && (f->kind != 'd' || f->precision < 0);
}

static void add_number(struct belay_str *out, const struct format *f, double value, bool whole)
{
    char text[512];
    int precision = f->precision < 0 ? 6 : f->precision;
    bool as_whole = f->kind == 'd' || (!f->kind && f->precision < 0 && whole);
    if (as_whole) {
        snprintf(text, sizeof(text), f->zero ? "%0*.0f" : "%*.0f", f->width, value);
    } else if (!f->kind && f->precision < 0) {
        struct belay_str digits = { 0 };
        belay_str_add_double(&digits, value);
        snprintf(text, sizeof(text), "%*s", f->width, digits.text ? digits.text : "");
        belay_str_free(&digits);
    } else if (f->kind == 'f') {
        snprintf(text, sizeof(text), f->zero ? "%0*.*f" : "%*.*f", f->width, precision, value);
    } else if (f->kind == 'e') {
        snprintf(text, sizeof(text), f->zero ? "%0*.*e" : "%*.*e", f->width, precision, value);
    } else {
        snprintf(text, sizeof(text), f->zero ? "%0*.*g" : "%*.*g", f->width, precision, value);
    }
    belay_str_add(out, text);
}

static const struct belay_name_value *find(const struct belay_name_value *values, size_t count,
                                           const char *name)
{
    for (size_t i = 0; i < count; i++)
        if (strcmp(values[i].name, name) == 0)
            return &values[i];
    return NULL;
}

// One "{name:format}" from `at` to `end`, the braces not included.
static belay_status expand_one(struct belay_log *log, const char *at, const char *end,
                               const struct belay_name_options *options,
                               const struct belay_name_value *values, size_t count,
                               struct belay_str *out)
{
    static const struct belay_name_value zero = { "", 0, true };
    char name[MAX_NAME];
    struct format f;
    const char *colon = memchr(at, ':', (size_t) (end - at));
    size_t length = (size_t) ((colon ? colon : end) - at);
    if (length == 0 || length >= sizeof(name) || !read_format(colon ? colon + 1 : end, end, &f))
        return belay_fail(log, BELAY_ERR_RECIPE,
                          "file name: cannot read '{%.*s}': want {name}, {name:03d} or {name:.4f}",
                          (int) (end - at > 60 ? 60 : end - at), at);
    memcpy(name, at, length);
    name[length] = '\0';
    const struct belay_name_value *v = find(values, count, name);
    if (!v && !options->missing_zero)
        return belay_fail(log, BELAY_ERR_RECIPE, "file name: there is no value '%s'", name);
    v = v ? v : &zero;
    if (f.kind == 'd' && !v->whole)
        return belay_fail(log, BELAY_ERR_RECIPE, "file name: '%s' is no whole number", name);
    if (options->names)
        belay_str_addf(out, "%s=", name);
    add_number(out, &f, v->value, v->whole);
    return BELAY_OK;
}

belay_status belay_name_expand(struct belay_log *log, const char *template,
                               const struct belay_name_options *options,
                               const struct belay_name_value *values, size_t count,
                               struct belay_str *out)
{
    const char *at = template && *template ? template : "{epoch}-{step}";
    if (options->prefix && options->prefix[0])
        belay_str_addf(out, "%s-", options->prefix);
    while (*at) {
        size_t plain = strcspn(at, "{}");
        belay_str_addf(out, "%.*s", (int) plain, at);
        at += plain;
        if (!*at)
            break;
        const char *end = *at == '{' ? strchr(at, '}') : NULL;
        if (!end)
            return belay_fail(log, BELAY_ERR_RECIPE, "file name: '%s' has a brace without its pair",
                              template);
        BELAY_TRY(expand_one(log, at + 1, end, options, values, count, out));
        at = end + 1;
    }
    return out->failed ? belay_fail_nomem(log, out->length) : BELAY_OK;
}
