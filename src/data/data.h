// Data sets in memory: features and targets by row, how raw features become inputs, splits.
#ifndef BELAY_DATA_DATA_H
#define BELAY_DATA_DATA_H

#include "base/hash.h"
#include "tensor/tensor.h"

// How raw features become inputs, learnt from the training part, kept with the model as JSON.
enum belay_column_kind { BELAY_COLUMN_NUMBER, BELAY_COLUMN_CATEGORY };
struct belay_column {
    char *name;
    enum belay_column_kind kind;
    double mean, std;  // NUMBER: standardised as (x - mean) / std; 0 and 1 for none
    double fill;       // NUMBER: stands for missing cells when `missing` is mean
    char **values;     // CATEGORY: one-hot, in this order; unknown values give all zeros
    size_t num_values;
};
// The columns of an input row that an input of the model takes; inputs lie one behind the other.
struct belay_input_part {
    char *name;
    char *array;  // npz: the member
    size_t width; // numbers of an input row
};
// The targets of a head of the model; heads lie one behind the other in a row of targets.
struct belay_head_part {
    char *name;
    char **targets;  // names of columns, or the npz member
    size_t num_targets;
    char **classes;  // NULL for numbers
    size_t num_classes;
    size_t first, count; // numbers of a row of targets
};
#define BELAY_MAX_INPUTS 8
#define BELAY_MAX_HEADS 8
struct belay_preprocess {
    char *format;              // "idx", "csv", "npy", "npz", "memory", "spirals", …
    // idx, npy, memory: x = (raw * scale - mean) / std, all features alike
    double scale, mean, std;
    // csv
    struct belay_column *columns; // features in order; NULL unless csv
    size_t num_columns;
    bool header;
    char delimiter;
    char *missing;             // "mean", "drop", "error"
    char *target;              // name of the target column
    char *weight;              // csv, npz: name of what holds the weights of rows, or NULL
    // targets
    char **classes;            // class names in order; NULL for regression
    size_t num_classes;
    double target_mean, target_std; // regression: stored targets are (y - mean) / std; 0, 1 = none
    // Several inputs and heads; then `classes` is NULL, and classes stand in the targets as
    // numbers.
    struct belay_input_part *inputs;
    size_t num_inputs;
    struct belay_head_part *heads;
    size_t num_heads;
    size_t raw_count;          // numbers (or columns) of a raw row
    size_t input_count;        // numbers of an input row
};
void belay_preprocess_finish(struct belay_preprocess *p);
// As one JSON text (for checkpoint metadata) and back; owned.
char *belay_preprocess_to_json(const struct belay_preprocess *p);
belay_status belay_preprocess_from_json(struct belay_log *log, const char *json,
                                        struct belay_preprocess *out);
// Raw numbers (rows x raw_count) to inputs (rows x input_count, F32). A category column takes the
// index of its value, anything else gives zeros; NaN stands for a missing cell where `missing` is
// mean and is an error elsewhere.
belay_status belay_preprocess_numbers(struct belay_log *log, const struct belay_preprocess *p,
                                      const float *raw, size_t rows, float *out);

// Rows x features. Features are U8 (scaled when gathered) or F32 (already inputs).
struct belay_dataset {
    size_t rows, features;
    belay_dtype dtype;      // U8 or F32
    void *x;                // owned, rows * features
    size_t x_room;          // bytes that there are at x; 0: no more than the rows
    float x_scale, x_shift; // input = x * x_scale + x_shift (1 and 0 for F32)
    int32_t *labels;        // owned; NULL for regression
    float *y;               // owned; NULL for classification
    float *weights;         // of rows, finite and not negative; owned; NULL: all count 1
    size_t targets;         // columns of y; 1 with labels
    size_t classes;         // 0 for regression
    char **ids;             // row ids for predict, or NULL (then the 0-based row number)
    struct belay_digest digest; // of the content: the fingerprint
    char *file;             // where the targets came from, for messages
    size_t max_label_row;   // 0-based row of that file with the largest label
};
void belay_dataset_finish(struct belay_dataset *d); // safe on zeroed

struct belay_input_group { // of model.inputs
    const char *name;
    const char *const *columns; // csv: names or patterns
    size_t num_columns;
    const char *array;          // npz: the member; NULL: by the name
    size_t width;               // rows from memory; 0: not said
};
struct belay_target_group { // of heads
    const char *name;
    const char *const *targets; // csv: columns; npz: a member
    size_t num_targets;
    bool classes;
};

struct belay_dataset_params { // borrowed; from the recipe's `data`
    const char *format;     // "idx", "csv", "npy", "npz", "spirals"; NULL: by the file's ending
    const char *root;       // folder before relative names, or NULL
    const char *const *train; // idx: images, labels; csv: one file; npy: x, y; npz: one file
    size_t num_train;
    const char *const *test;
    size_t num_test;
    const char *target;     // csv: column name or index; npz: member (default "y")
    const char *features;   // npz: member (default "x")
    const char *weight;     // csv: name or index of the column of weights; npz: its member
    const char *const *ignore; // csv: columns that are no features
    size_t num_ignore;
    bool has_normalize;     // idx, npy: mean and std given
    double mean, std;
    bool standardize;       // csv, npy (floats): by what the training part taught
    int header;             // enum belay_csv_header
    char delimiter;
    const char *missing;
    int task;               // 0 automatic, 1 classification, 2 regression
    size_t count;           // made data: rows
    double noise;           // made data
    uint64_t seed;          // made data
    size_t classes;         // made data alone: 2 or 3; 0: 2
    struct belay_input_group inputs[BELAY_MAX_INPUTS];
    size_t num_inputs;      // 0: all features are one input
    struct belay_target_group heads[BELAY_MAX_HEADS];
    size_t num_heads;       // 0: one target, `target`
    // The split, needed here since standardising learns from the training part alone.
    double validation;      // fraction [0, 1)
    uint64_t split_seed;
    bool stratify;
    // A test part out of the training data, held out before the split; data.test is not read then.
    size_t folds, fold;     // fold `fold` of so many; 0: none
    double hold_out;        // or this share; 0: none
    uint64_t test_seed;     // of both
};
struct belay_datasets {
    struct belay_dataset train, validation, test; // rows 0: absent
    struct belay_preprocess preprocess;
    struct belay_digest digest; // of everything read
};
belay_status belay_datasets_load(struct belay_log *log, const struct belay_dataset_params *params,
                                 struct belay_datasets *out);
// From memory (copies); validation and test may be NULL. `params` gives the split alone.
struct belay_memory_data {
    const float *x, *y;
    const int32_t *labels;
    size_t rows, features, targets, classes;
    const float *weights; // of rows, or NULL
};
belay_status belay_datasets_from_memory(struct belay_log *log,
                                        const struct belay_dataset_params *params,
                                        const struct belay_memory_data *train,
                                        const struct belay_memory_data *validation,
                                        const struct belay_memory_data *test,
                                        struct belay_datasets *out);
void belay_datasets_finish(struct belay_datasets *d);
// Checks that a model with `outputs` outputs can tell the labels of all parts apart; the error
// names file, row, label and classes. Does nothing for regression.
belay_status belay_dataset_check_classes(struct belay_log *log, const struct belay_dataset *d,
                                         size_t outputs); // of one part
belay_status belay_datasets_check_classes(struct belay_log *log, const struct belay_datasets *d,
                                          size_t outputs);

// Reads a file for evaluation or prediction with what a model knows. With `need_target` a missing
// target is an error; else targets stay NULL when absent. `files` as in params->test.
belay_status belay_dataset_apply(struct belay_log *log, const struct belay_preprocess *p,
                                 const char *const *files, size_t num_files, bool need_target,
                                 struct belay_dataset *out);

// Which rows go where: fills order[rows] with a permutation whose first *num_train entries are the
// training part. Both parts keep file order. Depends on labels (stratify), fraction, seed alone.
belay_status belay_split(struct belay_log *log, size_t rows, const int32_t *labels,
                         size_t classes, double validation, uint64_t seed, bool stratify,
                         int32_t *order, size_t *num_train);
// The same with the test part that `params` holds out: order is training, validation, test. The
// folds of one seed share no row and together are all rows; classes are spread as stratify says.
belay_status belay_split_all(struct belay_log *log, size_t rows, const int32_t *labels,
                             size_t classes, const struct belay_dataset_params *params,
                             int32_t *order, size_t *num_train, size_t *num_validation);
bool belay_split_has_test(const struct belay_dataset_params *params);
// Kinds of made data and file formats, for help texts; end with NULL.
extern const char *const belay_data_formats[];
const char *belay_data_format_help(size_t index); // of the format at `index` there

#endif
