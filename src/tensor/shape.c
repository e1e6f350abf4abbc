#include "tensor/shape.h"

#include <stdio.h>
#include <string.h>

// So that the bytes of any element type fit both size_t and ptrdiff_t.
#define MAX_COUNT (INT64_MAX / 16)

const char *belay_shape_text(const struct belay_shape *s, char out[BELAY_SHAPE_TEXT])
{
    size_t at = 0;

    at += (size_t) snprintf(out, BELAY_SHAPE_TEXT, "[");
    for (int i = 0; i < s->rank && i < BELAY_MAX_RANK; i++)
        at += (size_t) snprintf(out + at, BELAY_SHAPE_TEXT - at, "%s%lld", i ? ", " : "",
                                (long long) s->dim[i]);
    snprintf(out + at, BELAY_SHAPE_TEXT - at, "]");
    return out;
}

// The count of elements without the zeros must fit too: strides are made from it.
static bool count_fits(const struct belay_shape *s)
{
    int64_t count = 1;

    for (int i = 0; i < s->rank; i++) {
        int64_t d = s->dim[i] ? s->dim[i] : 1;
        if (count > MAX_COUNT / d)
            return false;
        count *= d;
    }
    return true;
}

belay_status belay_shape_make(struct belay_log *log, int rank, const int64_t *dim,
                              struct belay_shape *out)
{
    struct belay_shape s = { .rank = rank };
    char text[BELAY_SHAPE_TEXT];

    if (rank < 0 || rank > BELAY_MAX_RANK)
        return belay_fail(log, BELAY_ERR_SHAPE, "%d dimensions, want 0 to %d", rank,
                          BELAY_MAX_RANK);
    for (int i = 0; i < rank; i++)
        s.dim[i] = dim[i];
    for (int i = 0; i < rank; i++)
        if (dim[i] < 0)
            return belay_fail(log, BELAY_ERR_SHAPE, "dimension %d of %s is negative", i,
                              belay_shape_text(&s, text));
    if (!count_fits(&s))
        return belay_fail(log, BELAY_ERR_SHAPE, "shape %s has too many elements",
                          belay_shape_text(&s, text));
    *out = s;
    return BELAY_OK;
}

int64_t belay_shape_count(const struct belay_shape *s)
{
    int64_t count = 1;
    for (int i = 0; i < s->rank; i++)
        count *= s->dim[i];
    return count;
}

bool belay_shape_equal(const struct belay_shape *a, const struct belay_shape *b)
{
    if (a->rank != b->rank)
        return false;
    for (int i = 0; i < a->rank; i++)
        if (a->dim[i] != b->dim[i])
            return false;
    return true;
}

// The dimension that lines up with dimension i of a shape of `rank`: missing ones count as 1.
static int64_t dim_seen(const struct belay_shape *s, int rank, int i)
{
    int own = i - (rank - s->rank);
    return own < 0 ? 1 : s->dim[own];
}

bool belay_shape_broadcast(const struct belay_shape *a, const struct belay_shape *b,
                           struct belay_shape *out)
{
    struct belay_shape s = { .rank = a->rank > b->rank ? a->rank : b->rank };

    for (int i = 0; i < s.rank; i++) {
        int64_t da = dim_seen(a, s.rank, i), db = dim_seen(b, s.rank, i);
        if (da != db && da != 1 && db != 1)
            return false;
        s.dim[i] = da == 1 ? db : da;
    }
    if (!count_fits(&s))
        return false;
    *out = s;
    return true;
}

void belay_shape_strides(const struct belay_shape *s, int64_t stride[BELAY_MAX_RANK])
{
    int64_t step = 1;
    for (int i = s->rank - 1; i >= 0; i--) {
        stride[i] = step;
        step *= s->dim[i];
    }
}

void belay_shape_strides_to(const struct belay_shape *s, const struct belay_shape *to,
                            int64_t stride[BELAY_MAX_RANK])
{
    int64_t own[BELAY_MAX_RANK];
    int missing = to->rank - s->rank;

    belay_shape_strides(s, own);
    for (int i = 0; i < to->rank; i++) {
        bool repeated = i < missing || (s->dim[i - missing] == 1 && to->dim[i] != 1);
        stride[i] = repeated ? 0 : own[i - missing];
    }
}

bool belay_shape_axis(const struct belay_shape *s, int axis, int *out)
{
    if (axis < -s->rank || axis >= s->rank)
        return false;
    *out = axis < 0 ? axis + s->rank : axis;
    return true;
}
