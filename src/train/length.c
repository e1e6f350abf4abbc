#include "train/recipe_inner.h"

#include <string.h>

#include "base/str.h"

static const struct {
    const char *word;
    enum belay_unit unit;
    double factor;
} words[] = {
    { "check", BELAY_UNIT_CHECKS, 1 },    { "checks", BELAY_UNIT_CHECKS, 1 },
    { "step", BELAY_UNIT_STEPS, 1 },      { "steps", BELAY_UNIT_STEPS, 1 },
    { "epoch", BELAY_UNIT_EPOCHS, 1 },    { "epochs", BELAY_UNIT_EPOCHS, 1 },
    { "second", BELAY_UNIT_SECONDS, 1 },  { "seconds", BELAY_UNIT_SECONDS, 1 },
    { "s", BELAY_UNIT_SECONDS, 1 },       { "min", BELAY_UNIT_SECONDS, 60 },
    { "minute", BELAY_UNIT_SECONDS, 60 }, { "minutes", BELAY_UNIT_SECONDS, 60 },
    { "hour", BELAY_UNIT_SECONDS, 3600 }, { "hours", BELAY_UNIT_SECONDS, 3600 },
    { "h", BELAY_UNIT_SECONDS, 3600 },
};

// Where the number ends and the unit begins: after the last digit or point. "e" is part of a
// number only when digits follow, and no unit ends in a digit, so the last one decides.
static size_t number_end(const char *text)
{
    size_t end = 0;
    for (size_t i = 0; text[i]; i++)
        if ((text[i] >= '0' && text[i] <= '9') || text[i] == '.')
            end = i + 1;
    return end;
}

bool belay_parse_length(const char *text, enum belay_unit unit, struct belay_length *out)
{
    char number[64];
    size_t end = number_end(text);
    if (end == 0 || end >= sizeof(number))
        return false;
    memcpy(number, text, end);
    number[end] = '\0';
    double value;
    if (!belay_parse_double(number, &value))
        return false;
    const char *word = text + end;
    while (*word == ' ')
        word++;
    if (!*word) {
        *out = (struct belay_length){ value, unit };
        return true;
    }
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        if (strcmp(word, words[i].word) != 0)
            continue;
        *out = (struct belay_length){ value * words[i].factor, words[i].unit };
        return true;
    }
    return false;
}

uint64_t belay_length_steps(const struct belay_length *l, uint64_t steps_per_epoch)
{
    double steps = l->value;
    if (l->unit == BELAY_UNIT_CHECKS || l->unit == BELAY_UNIT_SECONDS)
        return 0;
    if (l->unit == BELAY_UNIT_EPOCHS)
        steps *= (double) steps_per_epoch;
    if (!(steps >= 1))
        return 1;
    // Beyond 2^62 nothing ends anyway, and the conversion stays defined.
    if (steps >= 4611686018427387904.0)
        return (uint64_t) 1 << 62;
    return (uint64_t) (steps + 0.5);
}

void belay_str_add_length(struct belay_str *s, const struct belay_length *l)
{
    static const char *const units[] = {
        [BELAY_UNIT_CHECKS] = "check",
        [BELAY_UNIT_STEPS] = "step",
        [BELAY_UNIT_EPOCHS] = "epoch",
        [BELAY_UNIT_SECONDS] = "second",
    };
    belay_str_add_double(s, l->value);
    belay_str_addf(s, " %s%s", units[l->unit], l->value == 1 ? "" : "s");
}

bool belay_parse_bytes(const char *text, double *out)
{
    static const struct {
        const char *word;
        double factor;
    } sizes[] = {
        { "", 1 },     { "B", 1 },     { "kB", 1e3 },     { "KB", 1e3 },        { "MB", 1e6 },
        { "GB", 1e9 }, { "TB", 1e12 }, { "KiB", 1024.0 }, { "MiB", 1048576.0 },
        { "GiB", 1073741824.0 },       { "TiB", 1099511627776.0 },
    };
    char number[64];
    double value;
    size_t end = number_end(text);
    if (end == 0 || end >= sizeof(number))
        return false;
    memcpy(number, text, end);
    number[end] = '\0';
    if (!belay_parse_double(number, &value))
        return false;
    text += end + strspn(text + end, " ");
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        if (strcmp(text, sizes[i].word) != 0)
            continue;
        *out = value * sizes[i].factor;
        return true;
    }
    return false;
}
