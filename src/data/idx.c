// IDX: one file of images (any rank, first dimension rows) and one of labels.
#include "format/idx.h"

#include "base/mem.h"
#include "data/source.h"

static belay_status read_part(struct belay_log *log, const struct belay_dataset_params *params,
                              enum belay_data_files part, bool need_target, struct belay_raw *out)
{
    char *file[2];
    belay_status status = belay_part_files(log, params, part, need_target ? 2 : 1, 2,
                                           "an images file and a labels file", file);
    out->x_file = file[0];
    out->y_file = file[1];
    if (status != BELAY_OK)
        return status;
    BELAY_TRY(belay_idx_read(log, file[0], &out->x));
    return file[1] ? belay_idx_read(log, file[1], &out->y) : BELAY_OK;
}

const struct belay_source belay_source_idx = {
    .name = "idx",
    .help = "images and labels in two files (MNIST's format), plain or gzipped",
    .endings = "ubyte .idx",
    .read = read_part,
};
