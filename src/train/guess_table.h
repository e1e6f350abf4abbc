// What a table looks like to somebody who has never seen it: for `belay init`.
#ifndef BELAY_TRAIN_GUESS_TABLE_H
#define BELAY_TRAIN_GUESS_TABLE_H

#include "base/log.h"
#include "base/str.h"

struct belay_table_guess {
    char *target;            // owned
    const char *why_target;
    char delimiter;
    bool header, odd_header; // odd: the table's reader would have decided otherwise
    char **ignore;           // columns that are no features, owned
    const char **why_ignore;
    size_t num_ignored;
    size_t missing;          // rows with an empty cell in a feature
    size_t no_target;        // rows without a target
    bool nothing;            // no column looked like a feature; all are taken
};
// `target` NULL: a column whose name says so, else the last one that is not to be ignored.
belay_status belay_table_guess(struct belay_log *log, const char *file, const char *target,
                               struct belay_table_guess *out);
void belay_table_guess_finish(struct belay_table_guess *g); // safe on zeroed
const char *belay_table_guess_missing(const struct belay_table_guess *g); // "mean", "drop", "error"
// The comment lines, and the keys of the section `data`.
void belay_table_guess_describe(const struct belay_table_guess *g, struct belay_str *s);
void belay_table_guess_keys(const struct belay_table_guess *g, struct belay_str *s);

#endif
