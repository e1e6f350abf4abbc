// Which checkpoints a run keeps: pure functions over lists of files. What a rule keeps is kept;
// several rules are a union. Nothing here touches a disk.
#ifndef BELAY_TRAIN_RETENTION_H
#define BELAY_TRAIN_RETENTION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum belay_keep_kind {
    BELAY_KEEP_LAST,    // the newest n
    BELAY_KEEP_BEST,    // the n with the best values; of equals the later
    BELAY_KEEP_EVERY,   // steps that are multiples of n
    BELAY_KEEP_APART,   // the first, then each that lies n steps or more after the last one kept
    BELAY_KEEP_SECONDS, // the same by time
    BELAY_KEEP_CLOSEST, // for every multiple of n the step that is closest; of two the later
    BELAY_KEEP_STEPS,   // the listed ones
};
struct belay_keep_rule {
    enum belay_keep_kind kind;
    double n;              // BELAY_KEEP_ALL: all
    bool maximize;         // BEST
    bool without_value;    // BEST: those without a value are kept too
    uint64_t most;         // of what this rule keeps, the newest so many; 0: no limit
    const uint64_t *steps; // STEPS
    size_t num_steps;
};
#define BELAY_KEEP_ALL (-1.0)

struct belay_kept_file { // ascending by step
    uint64_t step;
    double seconds;    // of its making
    double value;      // NaN: none
    uint64_t bytes;
    bool valid;        // whole, as far as is known
    bool pinned;       // referenced, or what the run was resumed from
    bool foreign;      // not made by the run: never ours to delete
    bool keep;         // the answer
};
struct belay_retention {
    const struct belay_keep_rule *rules;
    size_t num_rules;
    uint64_t max_bytes; // of all kept together; 0: no limit
    size_t max_files;   // 0: no limit
};

// Marks what at least one rule keeps, and nothing else.
void belay_retention_mark(const struct belay_keep_rule *rules, size_t num_rules,
                          struct belay_kept_file *files, size_t count);
// The decision: the union of the rules, cut from its oldest end to the limits. Foreign and pinned
// files and the newest valid one are kept whatever rules and limits say. Without a valid one
// nothing is deleted.
void belay_retention_decide(const struct belay_retention *r, struct belay_kept_file *files,
                            size_t count);

struct belay_ranked {
    uint64_t step;
    double value;
};
// The k best, best first; of equals the earlier goes first. A value enters when there are fewer
// than k or when it is better than the worst; NaN is worse than all. Returns its place, or -1;
// *pushed, when not NULL, is the step that it pushed out (UINT64_MAX: none). `list` has room for k.
int belay_ranked_add(struct belay_ranked *list, int *count, int k, bool maximize, uint64_t step,
                     double value, uint64_t *pushed);

#endif
