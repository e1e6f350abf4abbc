// Balanced sampling: rows with replacement, every class as often as the others.
#include <string.h>

#include "base/mem.h"
#include "base/rng.h"
#include "train/weights.h"

// The class of a row, or -1 when its target is no class.
static int32_t class_of(const struct belay_dataset *d, size_t row)
{
    if (d->labels)
        return d->labels[row];
    return d->y[row] == 0 ? 0 : d->y[row] == 1 ? 1 : -1;
}

static belay_status check(struct belay_log *log, const struct belay_dataset *d)
{
    if (!d->labels && d->targets != 1)
        return belay_fail(log, BELAY_ERR_RECIPE,
                          "data.sampling: balanced needs classes, the data have %zu numbers a row",
                          d->targets);
    for (size_t i = 0; i < d->rows; i++)
        if (class_of(d, i) < 0)
            return belay_fail(
                log, BELAY_ERR_RECIPE,
                "data.sampling: balanced needs classes, or one target that is 0 or 1; "
                "row %zu has %g",
                i, (double) d->y[i]);
    return BELAY_OK;
}

// Counting sort; classes without rows are left out.
static void sort(const struct belay_dataset *d, size_t classes, struct belay_strata *s)
{
    size_t *first = s->first, at = 0;
    for (size_t i = 0; i < d->rows; i++)
        first[class_of(d, i)]++;
    for (size_t c = 0; c < classes; c++) { // counts become starts
        size_t count = first[c];
        first[c] = at;
        at += count;
    }
    for (size_t i = 0; i < d->rows; i++)
        s->rows[first[class_of(d, i)]++] = (int32_t) i;
    at = 0;
    for (size_t c = 0; c < classes; c++) { // they are ends by now
        size_t end = first[c];
        first[s->count] = at;
        s->count += end > at;
        at = end;
    }
    first[s->count] = at;
}

belay_status belay_strata_make(struct belay_log *log, const struct belay_dataset *d,
                               struct belay_strata *out)
{
    struct belay_strata s = { 0 };
    size_t classes = d->labels ? d->classes : 2;
    BELAY_TRY(check(log, d));
    s.rows = belay_alloc_array(d->rows + 1, sizeof(*s.rows));
    s.first = belay_alloc_array(classes + 1, sizeof(*s.first));
    if (!s.rows || !s.first) {
        belay_strata_finish(&s);
        return belay_fail_nomem(log, d->rows * sizeof(*s.rows));
    }
    sort(d, classes, &s);
    *out = s;
    return BELAY_OK;
}

void belay_strata_finish(struct belay_strata *s)
{
    belay_free(s->rows);
    belay_free(s->first);
    *s = (struct belay_strata){ 0 };
}

void belay_strata_draw(const struct belay_strata *s, uint64_t seed, uint64_t epoch, int32_t *order,
                       size_t rows)
{
    struct belay_rng rng;
    belay_rng_init(&rng, seed, belay_hash_text("sampling") + epoch);
    for (size_t i = 0; i < rows; i++) {
        size_t c = belay_rng_below(&rng, (uint32_t) s->count);
        size_t first = s->first[c], count = s->first[c + 1] - first;
        order[i] = s->rows[first + belay_rng_below(&rng, (uint32_t) count)];
    }
}
