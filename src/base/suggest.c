#include "base/str.h"

#include <string.h>

#define LONGEST 63

static size_t least(size_t a, size_t b, size_t c)
{
    size_t ab = a < b ? a : b;
    return ab < c ? ab : c;
}

// Edit distance with swaps of neighbours counted once.
static size_t distance(const char *a, size_t na, const char *b, size_t nb)
{
    size_t row[3][LONGEST + 1];

    for (size_t j = 0; j <= nb; j++)
        row[0][j] = j;
    for (size_t i = 1; i <= na; i++) {
        size_t *now = row[i % 3], *up = row[(i + 2) % 3], *up2 = row[(i + 1) % 3];
        now[0] = i;
        for (size_t j = 1; j <= nb; j++) {
            size_t cost = a[i - 1] != b[j - 1];
            now[j] = least(up[j] + 1, now[j - 1] + 1, up[j - 1] + cost);
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] &&
                up2[j - 2] + 1 < now[j])
                now[j] = up2[j - 2] + 1;
        }
    }
    return row[na % 3][nb];
}

const char *belay_suggest(const char *got, const char *const *names, size_t count)
{
    size_t length = strlen(got);
    // A third of the letters may be wrong.
    size_t best = length / 3 + 1;
    const char *found = NULL;

    if (length == 0 || length > LONGEST)
        return NULL;
    for (size_t i = 0; i < count; i++) {
        size_t other = strlen(names[i]);
        if (other > LONGEST)
            continue;
        size_t d = distance(got, length, names[i], other);
        if (d < length && d < other && (d < best || (d == best && !found))) {
            best = d;
            found = names[i];
        }
    }
    return found;
}
