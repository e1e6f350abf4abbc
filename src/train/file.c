#include <belay/file.h>

#include <string.h>

#include "base/str.h"
#include "device/context.h"
#include "format/weights.h"

struct belay_file {
    struct belay_st st;
};

belay_status belay_file_open(belay_ctx *ctx, const char *path, belay_file **out)
{
    *out = NULL;
    belay_file *file = belay_alloc(sizeof(*file));
    if (!file)
        return belay_fail_nomem(&ctx->log, sizeof(*file));
    belay_status status = belay_weights_read(&ctx->log, path, &file->st);
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

// "state.name", "state", "name".
static bool is_named(const char *key, const char *state, const char *name)
{
    size_t length = state ? strlen(state) : 0;

    if (state && strncmp(key, state, length) != 0)
        return false;
    if (state && !name)
        return key[length] == '\0';
    if (state && key[length++] != '.')
        return false;
    return name && strcmp(key + length, name) == 0;
}

bool belay_file_find(const belay_file *file, const char *state, const char *name, size_t *tensor,
                     const char **value)
{
    *tensor = SIZE_MAX;
    *value = NULL;
    for (size_t i = 0; i < file->st.count; i++) {
        if (is_named(file->st.entries[i].name, state, name)) {
            *tensor = i;
            return true;
        }
    }
    for (size_t i = 0; i < file->st.meta_count; i++) {
        if (is_named(file->st.meta_keys[i], state, name)) {
            *value = file->st.meta_values[i];
            return true;
        }
    }
    return false;
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
