#include "tensor/tensor.h"

#include "base/mem.h"

belay_status belay_tensor_init(struct belay_log *log, struct belay_tensor *t, belay_dtype dtype,
                               const struct belay_shape *shape)
{
    struct belay_shape checked;
    size_t size;
    void *data;

    BELAY_TRY(belay_shape_make(log, shape->rank, shape->dim, &checked));
    size = (size_t) belay_shape_count(&checked) * belay_dtype_size(dtype);
    data = belay_alloc_aligned(size);
    if (!data)
        return belay_fail_nomem(log, size);
    *t = (struct belay_tensor){ dtype, checked, data, size, true };
    return BELAY_OK;
}

void belay_tensor_finish(struct belay_tensor *t)
{
    if (t->owned)
        belay_free_aligned(t->data);
    *t = (struct belay_tensor){ 0 };
}

belay_status belay_tensor_convert(struct belay_log *log, const struct belay_tensor *src,
                                  belay_dtype to, struct belay_tensor *dst)
{
    struct belay_tensor made;

    BELAY_TRY(belay_tensor_init(log, &made, to, &src->shape));
    belay_dtype_convert(src->dtype, src->data, to, made.data,
                        (size_t) belay_shape_count(&src->shape));
    *dst = made;
    return BELAY_OK;
}
