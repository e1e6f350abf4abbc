// Sources of data: one descriptor each, one file each. Inside the data room.
#ifndef BELAY_DATA_SOURCE_H
#define BELAY_DATA_SOURCE_H

#include "data/data.h"

// Numbers as a file holds them, before preprocessing.
struct belay_raw {
    struct belay_tensor x; // [rows, ...]
    struct belay_tensor y; // [rows] or [rows, targets]; data NULL: no targets
    struct belay_tensor w; // [rows] or [rows, 1]: weights of rows; data NULL: none
    char *x_file, *y_file, *w_file; // for messages; owned
    size_t rows, features;
    // Joined of several arrays: numbers of a row that each gave; 0 arrays: one.
    size_t num_inputs, num_heads, widths[BELAY_MAX_INPUTS], counts[BELAY_MAX_HEADS];
};
void belay_raw_finish(struct belay_raw *raw); // safe on zeroed
// Counts rows and features and checks that x and y belong together.
belay_status belay_raw_check(struct belay_log *log, struct belay_raw *raw);

// Joins arrays of as many rows side by side, each of their rows flat; bytes beside other types are divided by
// 255. Takes the content of `from`. names[] are for messages.
belay_status belay_raw_join(struct belay_log *log, struct belay_tensor *from, const char *const *names,
                            size_t num, size_t *widths, struct belay_tensor *out);

enum belay_data_files { BELAY_FILES_TRAIN, BELAY_FILES_TEST };

struct belay_source {
    const char *name, *help;
    const char *endings; // file endings between spaces: " .npy "; NULL: never by ending
    // Reads one part; sets out->x.data NULL when there is none. Without `need_target` the file of
    // the targets may be absent.
    belay_status (*read)(struct belay_log *log, const struct belay_dataset_params *params,
                         enum belay_data_files part, bool need_target, struct belay_raw *out);
    // Sources whose columns have kinds of their own do it all (read is NULL then).
    belay_status (*load)(struct belay_log *log, const struct belay_dataset_params *params,
                         struct belay_datasets *out);
    belay_status (*apply)(struct belay_log *log, const struct belay_preprocess *p,
                          const char *const *files, size_t num_files, bool need_target,
                          struct belay_dataset *out);
};
extern const struct belay_source *const belay_sources[]; // ends with NULL
// By name, else by the ending of the first file; fails with what there is.
belay_status belay_source_choose(struct belay_log *log, const char *format, const char *file,
                                 const struct belay_source **out);

// The files of a part: root/name, or name when it is absolute. `want` says what they are ("an
// images file and a labels file"). *out is owned, `max` long, NULL where a file is not given.
belay_status belay_part_files(struct belay_log *log, const struct belay_dataset_params *params,
                              enum belay_data_files part, size_t min, size_t max, const char *want,
                              char **out);

// Raw parts to data sets: targets, split, what the training part teaches, inputs. Takes the
// content of the raw parts. `validation` NULL: split off the training part by `params`.
belay_status belay_raw_prepare(struct belay_log *log, const char *format,
                               const struct belay_dataset_params *params, struct belay_raw *train,
                               struct belay_raw *validation, struct belay_raw *test,
                               struct belay_datasets *out);
// One raw part with a known preprocessing.
belay_status belay_raw_apply(struct belay_log *log, const struct belay_preprocess *p,
                             struct belay_raw *raw, bool need_target, struct belay_dataset *out);

// Fills digest and max_label_row from the content.
belay_status belay_dataset_seal(struct belay_log *log, struct belay_dataset *d);

#endif
