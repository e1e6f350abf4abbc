#include "train/file_rename.h"

#include <string.h>

#include "base/str.h"

#define MAX_STARS 8

struct capture {
    const char *text;
    size_t size;
};

// '*' stands for any run of characters, also none; the shortest that fits.
static bool match(const char *pattern, size_t size, const char *text, struct capture *captures,
                  size_t num)
{
    if (!size)
        return !*text;
    if (*pattern != '*')
        return *text == *pattern && match(pattern + 1, size - 1, text + 1, captures, num);
    if (num == MAX_STARS)
        return false;
    for (size_t run = 0;; run++) {
        captures[num] = (struct capture){ text, run };
        if (match(pattern + 1, size - 1, text + run, captures, num + 1))
            return true;
        if (!text[run])
            return false;
    }
}

static size_t count_stars(const char *text, size_t size)
{
    size_t count = 0;

    for (size_t i = 0; i < size; i++)
        count += text[i] == '*';
    return count;
}

belay_status belay_rename_check(struct belay_log *log, const char *rule)
{
    const char *equals = strchr(rule, '=');

    if (!equals || equals == rule)
        return belay_fail(log, BELAY_ERR_ARG, "rename '%s': want OLD=NEW", rule);
    size_t old = count_stars(rule, (size_t) (equals - rule));
    size_t new = count_stars(equals + 1, strlen(equals + 1));
    if (old > MAX_STARS || new > old)
        return belay_fail(log, BELAY_ERR_ARG, "rename '%s': %zu stars become %zu, want as many or "
                          "fewer, at most %d", rule, old, new, MAX_STARS);
    return BELAY_OK;
}

bool belay_rename_apply(const char *rule, const char *name, struct belay_str *out)
{
    struct capture captures[MAX_STARS];
    const char *equals = strchr(rule, '=');
    size_t next = 0;

    if (!match(rule, (size_t) (equals - rule), name, captures, 0))
        return false;
    belay_str_clear(out);
    for (const char *c = equals + 1; *c; c++) {
        if (*c == '*') {
            belay_str_add_bytes(out, captures[next].text, captures[next].size);
            next++;
        } else {
            belay_str_add_bytes(out, c, 1);
        }
    }
    return true;
}
