#include "base/number.h"

#include <errno.h>
#include <float.h>
#include <locale.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"

// This thread's locale becomes "C" until leave. glibc's "C" is a constant: nothing is allocated.
static locale_t enter_c_locale(locale_t *c)
{
    *c = newlocale(LC_ALL_MASK, "C", (locale_t) 0);
    return *c ? uselocale(*c) : (locale_t) 0;
}

static void leave_c_locale(locale_t c, locale_t before)
{
    if (!c)
        return;
    uselocale(before);
    freelocale(c);
}

// Shortest "d.ddde+xx" that reads back.
static void shortest_scientific(double value, char out[40])
{
    for (int precision = 0; precision <= 16; precision++) {
        snprintf(out, 40, "%.*e", precision, value);
        if (strtod(out, NULL) == value)
            return;
    }
}

// Digits and exponent as plain decimals, where that stays short.
static void to_fixed(double value, int digits, int exponent, char out[40])
{
    int decimals = digits - 1 - exponent;
    snprintf(out, 40, "%.*f", decimals > 0 ? decimals : 0, value);
}

void belay_number_text(double value, char out[40])
{
    locale_t c, before;

    if (isnan(value) || isinf(value)) {
        snprintf(out, 40, "%s", isnan(value) ? "NaN" : value > 0 ? "Infinity" : "-Infinity");
        return;
    }
    before = enter_c_locale(&c);
    shortest_scientific(value, out);
    char *e = strchr(out, 'e');
    int exponent = (int) strtol(e + 1, NULL, 10);
    int digits = (int) (e - out) - (out[0] == '-');
    if (digits > 1)
        digits--; // the point
    if (exponent >= -5 && exponent < 16)
        to_fixed(value, digits, exponent, out);
    leave_c_locale(c, before);
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

// [+-] digits [. digits] [e [+-] digits], at least one digit before or behind the point.
static bool is_decimal(const char *p)
{
    size_t digits = 0;

    p += *p == '+' || *p == '-';
    for (; is_digit(*p); p++)
        digits++;
    if (*p == '.')
        for (p++; is_digit(*p); p++)
            digits++;
    if (!digits)
        return false;
    if (*p == 'e' || *p == 'E') {
        p++;
        p += *p == '+' || *p == '-';
        if (!is_digit(*p))
            return false;
        while (is_digit(*p))
            p++;
    }
    return *p == '\0';
}

static bool equal_fold(const char *a, const char *lower)
{
    for (; *a && *lower; a++, lower++)
        if ((*a >= 'A' && *a <= 'Z' ? *a - 'A' + 'a' : *a) != *lower)
            return false;
    return *a == *lower;
}

static bool parse_special(const char *text, double *out)
{
    double sign = *text == '-' ? -1 : 1;

    text += *text == '+' || *text == '-';
    if (equal_fold(text, "nan"))
        *out = NAN;
    else if (equal_fold(text, "inf") || equal_fold(text, "infinity"))
        *out = sign * INFINITY;
    else
        return false;
    return true;
}

// Numbers of at most 2^53 times or over a power of ten that a double holds exactly take one
// rounding, so they are as right as strtod's (Clinger 1990). False: not of that kind.
static bool parse_short(const char *p, double *out)
{
#if FLT_EVAL_METHOD == 0
    static const double powers[] = { 1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,
                                     1e8,  1e9,  1e10, 1e11, 1e12, 1e13, 1e14, 1e15,
                                     1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22 };
    const uint64_t most = (uint64_t) 1 << 53;
    bool negative = *p == '-', point = false;
    uint64_t digits = 0;
    int decimals = 0;

    p += *p == '+' || *p == '-';
    for (; is_digit(*p) || (*p == '.' && !point); p++) {
        if (*p == '.') {
            point = true;
            continue;
        }
        digits = digits * 10 + (uint64_t) (*p - '0');
        decimals += point;
        if (digits > most || decimals > 22)
            return false;
    }
    if (*p) // an exponent
        return false;
    double value = (double) digits / powers[decimals];
    *out = negative ? -value : value;
    return true;
#else
    return false;
#endif
}

bool belay_parse_double(const char *text, double *out)
{
    locale_t c, before;
    double value;

    if (!is_decimal(text))
        return parse_special(text, out);
    if (parse_short(text, out))
        return true;
    before = enter_c_locale(&c);
    value = strtod(text, NULL);
    leave_c_locale(c, before);
    if (isinf(value))
        return false; // too large for a double
    *out = value;
    return true;
}

bool belay_parse_i64(const char *text, int64_t *out)
{
    bool negative = *text == '-';
    uint64_t value = 0, limit = (uint64_t) INT64_MAX + negative;

    text += *text == '+' || *text == '-';
    if (!is_digit(*text))
        return false;
    for (; is_digit(*text); text++) {
        uint64_t digit = (uint64_t) (*text - '0');
        if (value > (limit - digit) / 10)
            return false;
        value = value * 10 + digit;
    }
    if (*text)
        return false;
    *out = negative ? (int64_t) (0 - value) : (int64_t) value;
    return true;
}
