// NumPy arrays: .npy, one file for x and one for y; .npz, both in one file.
#include "format/npy.h"

#include <string.h>

#include "base/mem.h"
#include "data/source.h"

static belay_status read_npy(struct belay_log *log, const struct belay_dataset_params *params,
                             enum belay_data_files part, bool need_target, struct belay_raw *out)
{
    char *file[3];
    belay_status status = belay_part_files(log, params, part, need_target ? 2 : 1, 3,
                                           "a file of x, a file of y and, if rows have weights, one "
                                           "of these", file);
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
