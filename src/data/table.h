// CSV tables on their way to data sets. Inside the data room.
#ifndef BELAY_DATA_TABLE_H
#define BELAY_DATA_TABLE_H

#include "data/data.h"
#include "format/csv.h"

#define BELAY_NO_COLUMN SIZE_MAX

struct belay_table {
    struct belay_csv csv; // cells without spaces around them
    const char *file;     // borrowed
    struct belay_digest digest; // of the file's bytes
    size_t target;        // column of the targets, or BELAY_NO_COLUMN
    size_t *targets;      // with heads: the columns of all of them, target being the first; owned
    size_t num_targets;   // 0: `target` alone
    size_t weight;        // column of the weights of rows, the same
    size_t *features;     // columns of the features, in the order of the preprocessing; owned
    size_t num_features;
    int32_t *rows;        // rows that are used, ascending; owned
    size_t num_rows;
};
// delimiter 0 or a comma: a tab for .tsv files, else a comma.
belay_status belay_table_read(struct belay_log *log, const char *file, enum belay_csv_header header,
                              char delimiter, struct belay_table *t);
void belay_table_finish(struct belay_table *t); // safe on zeroed
const char *belay_table_cell(const struct belay_table *t, size_t row, size_t column);
bool belay_cell_missing(const char *cell); // "", NA, N/A, NaN, NULL, ?
// Place in messages: "FILE:LINE: column 'NAME': …".
belay_status belay_table_fail(struct belay_log *log, const struct belay_table *t, size_t row,
                              size_t column, const char *what, const char *cell);

// Chooses the target by name or index (NULL: the last column) and, if there is one, the column of
// weights; features are all the others but those to ignore.
belay_status belay_table_choose(struct belay_log *log, struct belay_table *t,
                                const struct belay_dataset_params *params);
// The same with inputs and heads: features are the columns of the inputs one after the other (without
// inputs all that no head takes). widths[] of the inputs: their columns.
belay_status belay_table_choose_parts(struct belay_log *log, struct belay_table *t,
                                      const struct belay_dataset_params *params, size_t *widths);
// Finds the columns that a model knows.
belay_status belay_table_match(struct belay_log *log, struct belay_table *t,
                               const struct belay_preprocess *p, bool need_target);
// Fills t->rows by the policy for missing cells; the target counts with `target`.
belay_status belay_table_keep(struct belay_log *log, struct belay_table *t, const char *missing,
                              bool target);

// The kinds of the columns, from all rows that are used. Fills names, kinds, classes; those of heads
// where they are wanted.
belay_status belay_table_describe(struct belay_log *log, const struct belay_table *t, int task,
                                  const bool *wants_classes, struct belay_preprocess *p);
// The classes of one column, among the rows that are used. Owned.
belay_status belay_table_classes(struct belay_log *log, const struct belay_table *t, size_t column,
                                 char ***classes, size_t *num);
// Means, deviations and values, from the rows given.
belay_status belay_table_learn(struct belay_log *log, const struct belay_table *t,
                               const int32_t *rows, size_t num_rows, struct belay_preprocess *p);

// Labels or values of the rows that are used. For labels *y stays NULL and the other way round. With
// heads *y has all their numbers of a row, labels too.
belay_status belay_table_targets(struct belay_log *log, const struct belay_table *t,
                                 const struct belay_preprocess *p, int32_t **labels, float **y);
// Rows to a data set. pick[num] are indices into t->rows; NULL: all of them. labels and y are of
// all used rows.
belay_status belay_table_encode(struct belay_log *log, const struct belay_table *t,
                                const struct belay_preprocess *p, const int32_t *pick, size_t num,
                                const int32_t *labels, const float *y, struct belay_dataset *out);

// The text under which a class is kept: numbers in their shortest form. Owned.
char *belay_class_text(const char *cell);

#endif
