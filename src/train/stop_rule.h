// Stop rules for logs that exist already: what would this rule have done? Wider than the monitor
// that steers a run: it has the criteria of the literature, and the faults of other programs as
// options, so that presets (train/preset.h) can reproduce them. Pure: numbers in, decision out; no
// allocation.
#ifndef BELAY_TRAIN_STOP_RULE_H
#define BELAY_TRAIN_STOP_RULE_H

#include <stdbool.h>
#include <stdint.h>

enum belay_rule_kind {
    BELAY_RULE_PATIENCE,  // `limit` checks without improvement
    BELAY_RULE_GL,        // 100 (E / |E_min| - 1) above `limit`
    BELAY_RULE_PQ,        // GL over the progress of the last `strip` training losses above `limit`
    BELAY_RULE_UP,        // `limit` increases in a row
    BELAY_RULE_COUNT,     // `limit` checks at most
    BELAY_RULE_THRESHOLD, // the value is better than `limit`
    BELAY_RULE_INVALID,   // the value is not finite
};
// Better than the best, as a score that is to grow: c the value, b the best, d min_delta.
enum belay_rule_form {
    BELAY_RULE_VALUE_SIDE, // c - d > b
    BELAY_RULE_BEST_SIDE,  // c > b + d
    BELAY_RULE_FACTOR,     // c > b (1 + d), (1 - d) of a value that is to fall
    BELAY_RULE_SHARE,      // c > b + d b, b - d b of a value that is to fall
    BELAY_RULE_GAIN,       // c > b and |c - b| > d
};
// What the first value is.
enum belay_rule_first {
    BELAY_RULE_FIRST_BEST,  // the best, whatever it is
    BELAY_RULE_FIRST_WORST, // compared with infinity
    BELAY_RULE_FIRST_FREE,  // the same, but it is never a miss
};
// What moves the best.
enum belay_rule_best {
    BELAY_RULE_BEST_IMPROVED, // an improvement by the rule
    BELAY_RULE_BEST_STRICT,   // any gain
    BELAY_RULE_BEST_BOTH,
    BELAY_RULE_BEST_APART,    // any gain, but improvements are measured from the last improvement
};
enum belay_rule_when { BELAY_RULE_REACHED, BELAY_RULE_EQUAL, BELAY_RULE_EXCEEDED };
enum belay_rule_reason {
    BELAY_RULE_NONE,
    BELAY_RULE_STOP_PATIENCE,
    BELAY_RULE_STOP_NOT_FINITE,
    BELAY_RULE_STOP_REACHED,
    BELAY_RULE_STOP_DIVERGED,
    BELAY_RULE_STOP_CRITERION,
};

enum { BELAY_RULE_MAX_STRIP = 64 };

// Numbers come first and are doubles, choices are ints, so that options can be a table.
struct belay_rule {
    double limit;
    double min_delta;
    double baseline;  // the counter starts anew only on values better than this; NaN: none
    double reached;   // stop on a value better than this; NaN: none
    double diverged;  // stop on a value worse than this; NaN: none
    double warmup;    // so many first checks are not seen
    double strip;     // of PQ, 1 to BELAY_RULE_MAX_STRIP
    int kind, form, first, best, when;
    int maximize;
    int single;       // compare in single precision
    int finite;       // stop on a value that is not finite
    int abs_delta;    // the sign of min_delta is dropped
    int nan_improves; // comparisons are made the other way round, so that NaN passes
    int inclusive;    // a gain of exactly min_delta counts
    int always;       // the counter is tested after an improvement too
};
struct belay_rule_state {
    uint64_t checks;    // seen or not
    int64_t best_index; // of checks, -1: none
    double best;
    double anchor;      // what improvements are measured from
    uint64_t wait;
    double low;         // smallest error: E_min of GL and PQ
    double previous;
    uint64_t seen;      // with a value, after the warm-up
    double train[BELAY_RULE_MAX_STRIP];
    uint64_t trained;
};

void belay_rule_init(const struct belay_rule *rule, struct belay_rule_state *s);
// A training loss between two checks: PQ wants them.
void belay_rule_train(const struct belay_rule *rule, struct belay_rule_state *s, double loss);
// One check. `missing`: the log has no value for it.
enum belay_rule_reason belay_rule_check(const struct belay_rule *rule, struct belay_rule_state *s,
                                        double value, bool missing);
// The same rule goes on in a new process that kept nothing; indices go on.
void belay_rule_restart(const struct belay_rule *rule, struct belay_rule_state *s);
const char *belay_rule_reason_text(enum belay_rule_reason reason);

#endif
