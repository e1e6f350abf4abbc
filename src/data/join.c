// Several arrays as one: rows side by side.
#include <string.h>

#include "base/mem.h"
#include "data/source.h"

static size_t row_size(const struct belay_tensor *t)
{
    return (size_t) (belay_shape_count(&t->shape) / t->shape.dim[0]);
}

static belay_status check(struct belay_log *log, const struct belay_tensor *from,
                          const char *const *names, size_t num, size_t *widths, size_t *all)
{
    char a[BELAY_SHAPE_TEXT], b[BELAY_SHAPE_TEXT];
    *all = 0;
    for (size_t i = 0; i < num; i++) {
        const struct belay_shape *s = &from[i].shape;
        if (s->rank < 1 || belay_shape_count(s) <= 0)
            return belay_fail(log, BELAY_ERR_DATA, "%s: an array %s holds no rows", names[i],
                              belay_shape_text(s, a));
        if (s->dim[0] != from[0].shape.dim[0])
            return belay_fail(log, BELAY_ERR_DATA, "%s is %s, %s is %s: they have other numbers of rows",
                              names[0], belay_shape_text(&from[0].shape, a), names[i],
                              belay_shape_text(s, b));
        widths[i] = row_size(&from[i]);
        *all += widths[i];
    }
    return BELAY_OK;
}

static void copy_rows(const struct belay_tensor *from, size_t at, struct belay_tensor *out)
{
    size_t width = row_size(from), stride = (size_t) out->shape.dim[1];
    size_t rows = (size_t) from->shape.dim[0], each = belay_dtype_size(from->dtype);
    bool bytes = out->dtype == BELAY_U8;
    for (size_t r = 0; r < rows; r++) {
        const char *src = (const char *) from->data + r * width * each;
        if (bytes) {
            memcpy((char *) out->data + r * stride + at, src, width);
            continue;
        }
        float *dst = (float *) out->data + r * stride + at;
        belay_dtype_convert(from->dtype, src, BELAY_F32, dst, width);
        for (size_t i = 0; i < width && from->dtype == BELAY_U8; i++)
            dst[i] /= 255;
    }
}

belay_status belay_raw_join(struct belay_log *log, struct belay_tensor *from, const char *const *names,
                            size_t num, size_t *widths, struct belay_tensor *out)
{
    size_t all, at = 0;
    bool bytes = true;
    BELAY_TRY(check(log, from, names, num, widths, &all));
    for (size_t i = 0; i < num; i++)
        bytes = bytes && from[i].dtype == BELAY_U8;
    const struct belay_shape shape = { 2, { from[0].shape.dim[0], (int64_t) all } };
    BELAY_TRY(belay_tensor_init(log, out, bytes ? BELAY_U8 : BELAY_F32, &shape));
    for (size_t i = 0; i < num; i++) {
        copy_rows(&from[i], at, out);
        at += widths[i];
    }
    return BELAY_OK;
}
