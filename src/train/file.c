#include <belay/file.h>

#include "device/context.h"
#include "format/safetensors.h"

struct belay_file {
    struct belay_st st;
};

belay_status belay_file_open(belay_ctx *ctx, const char *path, belay_file **out)
{
    *out = NULL;
    belay_file *file = belay_alloc(sizeof(*file));
    if (!file)
        return belay_fail_nomem(&ctx->log, sizeof(*file));
    belay_status status = belay_st_read(&ctx->log, path, &file->st);
    if (status != BELAY_OK)
        belay_file_close(&file);
    *out = file;
    return status;
}

void belay_file_close(belay_file **file)
{
    if (!*file)
        return;
    belay_st_finish(&(*file)->st);
    belay_free(*file);
    *file = NULL;
}

bool belay_file_tensor(const belay_file *file, size_t index, belay_tensor_info *out)
{
    if (index >= file->st.count)
        return false;
    const struct belay_st_entry *entry = &file->st.entries[index];
    *out = (belay_tensor_info){
        .name = entry->name,
        .dtype = entry->dtype_name,
        .rank = entry->shape.rank,
        .size = entry->size,
    };
    for (int i = 0; i < entry->shape.rank; i++)
        out->dim[i] = entry->shape.dim[i];
    return true;
}

bool belay_file_meta(const belay_file *file, size_t index, const char **key, const char **value)
{
    if (index >= file->st.meta_count)
        return false;
    *key = file->st.meta_keys[index];
    *value = file->st.meta_values[index];
    return true;
}

const void *belay_file_bytes(const belay_file *file, size_t index)
{
    return index < file->st.count ? file->st.entries[index].data : NULL;
}

bool belay_file_values(const belay_file *file, size_t index, uint64_t first, size_t count,
                       double *out)
{
    if (index >= file->st.count || !file->st.entries[index].known)
        return false;
    const struct belay_st_entry *entry = &file->st.entries[index];
    uint64_t elements = (uint64_t) belay_shape_count(&entry->shape);
    if (first > elements || count > elements - first)
        return false;
    const char *data = (const char *) entry->data + first * belay_dtype_size(entry->dtype);
    belay_dtype_convert(entry->dtype, data, BELAY_F64, out, count);
    return true;
}
