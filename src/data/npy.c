// NumPy arrays: .npy, one file for x and one for y; .npz, both in one file.
#include "format/npy.h"

#include <string.h>

#include "base/mem.h"
#include "data/source.h"

// Arrays by their numbers, in the order of inputs and heads.
typedef belay_status (*read_fn)(struct belay_log *log, const void *from, size_t index,
                                const char *name, struct belay_tensor *out);

static belay_status read_joined(struct belay_log *log, read_fn read, const void *from, size_t first,
                                const char *const *names, size_t num, size_t *widths,
                                struct belay_tensor *out)
{
    struct belay_tensor parts[BELAY_MAX_INPUTS] = { 0 };
    belay_status status = BELAY_OK;
    for (size_t i = 0; i < num && status == BELAY_OK; i++)
        status = read(log, from, first + i, names[i], &parts[i]);
    if (status == BELAY_OK && num == 1) {
        *out = parts[0];
        widths[0] = out->shape.rank > 0 && out->shape.dim[0] > 0
                        ? (size_t) (belay_shape_count(&out->shape) / out->shape.dim[0])
                        : 0;
        return BELAY_OK;
    }
    if (status == BELAY_OK)
        status = belay_raw_join(log, parts, names, num, widths, out);
    for (size_t i = 0; i < num; i++)
        belay_tensor_finish(&parts[i]);
    return status;
}

static bool has_parts(const struct belay_dataset_params *params)
{
    return params->num_inputs || params->num_heads;
}

// The arrays of all inputs, then those of all heads; one of each where there are not several.
static size_t array_names(const struct belay_dataset_params *params, const char **names,
                          size_t *num_x)
{
    size_t num = 0;
    for (size_t i = 0; i < params->num_inputs; i++)
        names[num++] = params->inputs[i].array ? params->inputs[i].array : params->inputs[i].name;
    if (num == 0)
        names[num++] = params->features ? params->features : "x";
    *num_x = num;
    for (size_t i = 0; i < params->num_heads; i++)
        names[num++] = params->heads[i].targets[0];
    if (params->num_heads == 0)
        names[num++] = params->target ? params->target : "y";
    return num;
}

static belay_status read_parts(struct belay_log *log, const struct belay_dataset_params *params,
                               read_fn read, const void *from, bool targets, struct belay_raw *out)
{
    const char *names[BELAY_MAX_INPUTS + BELAY_MAX_HEADS + 2];
    size_t num_x, num = array_names(params, names, &num_x);
    out->num_inputs = params->num_inputs;
    BELAY_TRY(read_joined(log, read, from, 0, names, num_x, out->widths, &out->x));
    if (!targets)
        return BELAY_OK;
    out->num_heads = params->num_heads;
    return read_joined(log, read, from, num_x, names + num_x, num - num_x, out->counts, &out->y);
}

static belay_status read_file_at(struct belay_log *log, const void *from, size_t index,
                                 const char *name, struct belay_tensor *out)
{
    char *const *files = from;
    return belay_npy_read(log, files[index], out);
}

// data.train lists the files of all inputs, then those of all heads.
static belay_status read_npy_parts(struct belay_log *log, const struct belay_dataset_params *params,
                                   enum belay_data_files part, bool need_target,
                                   struct belay_raw *out)
{
    const char *names[BELAY_MAX_INPUTS + BELAY_MAX_HEADS + 2];
    char *files[BELAY_MAX_INPUTS + BELAY_MAX_HEADS + 2];
    size_t num_x, num = array_names(params, names, &num_x);
    belay_status status = belay_part_files(log, params, part, need_target ? num : num_x, num,
                                           "a file of each input, then one of each head", files);
    if (status == BELAY_OK)
        status = read_parts(log, params, read_file_at, files, files[num - 1] != NULL, out);
    out->x_file = files[0];
    out->y_file = files[num_x];
    for (size_t i = 1; i < num; i++)
        if (i != num_x)
            belay_free(files[i]);
    return status;
}

static belay_status read_member(struct belay_log *log, const void *from, size_t index,
                                const char *name, struct belay_tensor *out)
{
    return belay_npz_read(log, from, name, out);
}

static belay_status read_npy(struct belay_log *log, const struct belay_dataset_params *params,
                             enum belay_data_files part, bool need_target, struct belay_raw *out)
{
    char *file[3];
    if (has_parts(params))
        return read_npy_parts(log, params, part, need_target, out);
    belay_status status =
        belay_part_files(log, params, part, need_target ? 2 : 1, 3,
                         "a file of x, a file of y and, if rows have weights, one "
                         "of these",
                         file);
    out->x_file = file[0];
    out->y_file = file[1];
    out->w_file = file[2];
    if (status != BELAY_OK)
        return status;
    BELAY_TRY(belay_npy_read(log, file[0], &out->x));
    if (file[2])
        BELAY_TRY(belay_npy_read(log, file[2], &out->w));
    return file[1] ? belay_npy_read(log, file[1], &out->y) : BELAY_OK;
}

// A member that may be absent: its failure is no message for anybody.
static void read_optional(const char *file, const char *member, struct belay_tensor *out)
{
    struct belay_log quiet = { 0 };
    if (belay_npz_read(&quiet, file, member, out) != BELAY_OK)
        *out = (struct belay_tensor){ 0 };
}

// What a model is applied to may lack the weights.
static belay_status read_npz_weights(struct belay_log *log,
                                     const struct belay_dataset_params *params,
                                     struct belay_raw *out)
{
    if (!params->weight)
        return BELAY_OK;
    out->w_file = belay_strdup(out->x_file);
    if (!out->w_file)
        return belay_fail_nomem(log, strlen(out->x_file));
    if (params->num_train)
        return belay_npz_read(log, out->x_file, params->weight, &out->w);
    read_optional(out->x_file, params->weight, &out->w);
    return BELAY_OK;
}

static belay_status read_npz(struct belay_log *log, const struct belay_dataset_params *params,
                             enum belay_data_files part, bool need_target, struct belay_raw *out)
{
    const char *x = params->features ? params->features : "x";
    const char *y = params->target ? params->target : "y";
    BELAY_TRY(belay_part_files(log, params, part, 1, 1, "one file", &out->x_file));
    out->y_file = belay_strdup(out->x_file);
    if (!out->y_file)
        return belay_fail_nomem(log, strlen(out->x_file));
    if (has_parts(params)) {
        struct belay_log quiet = { 0 };
        struct belay_tensor probe = { 0 };
        const char *first = params->num_heads ? params->heads[0].targets[0] : y;
        bool targets = need_target ||
                       belay_npz_read(&quiet, out->x_file, first, &probe) == BELAY_OK;
        belay_tensor_finish(&probe);
        if (need_target)
            BELAY_TRY(read_npz_weights(log, params, out));
        return read_parts(log, params, read_member, out->x_file, targets, out);
    }
    BELAY_TRY(belay_npz_read(log, out->x_file, x, &out->x));
    if (need_target) {
        BELAY_TRY(read_npz_weights(log, params, out));
        return belay_npz_read(log, out->x_file, y, &out->y);
    }
    read_optional(out->x_file, y, &out->y);
    return BELAY_OK;
}

const struct belay_source belay_source_npy = {
    .name = "npy",
    .help = "NumPy arrays, x and y in two files; a third one holds weights of rows",
    .endings = ".npy",
    .read = read_npy,
};

const struct belay_source belay_source_npz = {
    .name = "npz",
    .help = "NumPy arrays in one file, members x and y (or as `features` and `target` say)",
    .endings = ".npz",
    .read = read_npz,
};
