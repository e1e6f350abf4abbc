// The early-stopping monitor. Pure: numbers in, decision out; no device, clock, file or
// allocation. All state is one struct that serialises to JSON.
//
// Two bests: the true best (strict; restored and reported) and the patience anchor, which moves
// only on a gain above what min_delta asks. gain = mode * (value - anchor), need = min_delta +
// min_delta_rel * |anchor|, both in double; a gain of exactly `need` is none.
#ifndef BELAY_TRAIN_MONITOR_H
#define BELAY_TRAIN_MONITOR_H

#include <belay/trainer.h>

#include "base/log.h"
#include "train/criterion.h"

struct belay_json;
struct belay_str;

enum belay_unit { BELAY_UNIT_CHECKS, BELAY_UNIT_STEPS, BELAY_UNIT_EPOCHS, BELAY_UNIT_SECONDS };
struct belay_length {
    double value;
    enum belay_unit unit;
};
enum belay_nan_policy { BELAY_NAN_STOP, BELAY_NAN_COUNT, BELAY_NAN_IGNORE, BELAY_NAN_ROLLBACK };

struct belay_monitor_params {
    bool maximize;
    struct belay_criterion rule; // zeroed: patience
    struct belay_smooth smooth;  // what rules and thresholds see; the best is never smoothed
    struct belay_length patience; // of the rule patience. Negative: never stops; 0: at the first
                                  // check without improvement
    double min_delta;             // absolute; gain must be above it
    double min_delta_rel;         // share of |anchor|, added to min_delta
    double baseline;              // stands for the anchor before the first improvement; NaN: none
    struct belay_length warmup;   // checks inside it count for the best but not for patience
    struct belay_length cooldown; // the same after each drop of the learning rate
    struct belay_length not_before; // no rule or threshold stops before; asked anew at each check
    enum belay_nan_policy nan;
    int rollbacks;                // at most, then stop
    double threshold;             // stop when reached (inclusive); NaN: none
    double diverged;              // stop when passed; NaN: none
};
struct belay_moment { // where a span is counted from
    uint64_t check, step;
    double epoch, seconds;
};
struct belay_monitor_state {
    uint64_t checks;        // made so far; the first is number 1
    double best;            // true best; NaN: none yet
    uint64_t best_check, best_step;
    double best_epoch;
    double anchor;          // NaN: none yet
    uint64_t anchor_check, anchor_step; // where patience counts from: the anchor, or the last
                                        // check of the warm-up
    double anchor_epoch, anchor_seconds;
    uint64_t wait;          // checks since the anchor moved (warm-up not counted)
    uint64_t last_step;     // of the last check; UINT64_MAX: none
    double last, smoothed;
    double rate;            // learning rate of the last step; NaN: none yet
    bool cooling;           // the rate has dropped since:
    struct belay_moment drop;
    uint64_t rollbacks;     // done
    belay_stop_reason reason; // of this monitor, at the last check
    struct belay_smooth_state smooth;
    struct belay_criterion_state rule;
};
struct belay_monitor_event {
    double value;
    uint64_t step;
    double epoch;   // 1.0 = one epoch done
    double seconds; // of the run
    double train;   // mean training loss since the last check; NaN: unknown
};
struct belay_monitor_decision {
    bool improved;           // the value is the true best so far
    bool rollback;           // back to the best weights, with a smaller rate
    belay_stop_reason reason; // NONE: go on
};
const char *belay_stop_reason_name(belay_stop_reason reason); // "patience"
// Order: not finite, best and anchor, threshold, diverged, the rule. A value that reaches the
// threshold is thus recorded as best first. Nothing latches: another check after a stop decides
// anew from the state.
void belay_monitor_init(struct belay_monitor_state *s);
struct belay_monitor_decision belay_monitor_check(const struct belay_monitor_params *p,
                                                  struct belay_monitor_state *s,
                                                  const struct belay_monitor_event *e);
// The rate of the step that comes next, every step. A fall to less than 0.9 of the last one is a
// drop: a cool-down begins.
void belay_monitor_rate(struct belay_monitor_state *s, double rate,
                        const struct belay_monitor_event *now);
// What the state as it is says with these options (after a resume with others). `now` gives step,
// epoch and seconds alone.
belay_stop_reason belay_monitor_verdict(const struct belay_monitor_params *p,
                                        const struct belay_monitor_state *s,
                                        const struct belay_monitor_event *now);
void belay_monitor_to_json(const struct belay_monitor_state *s, struct belay_str *out);
belay_status belay_monitor_from_json(struct belay_log *log, const struct belay_json *json,
                                     struct belay_monitor_state *s);

// ---- several monitors ----

enum { BELAY_MAX_MONITORS = 8 };

enum belay_join_kind {
    BELAY_JOIN_ANY,
    BELAY_JOIN_ALL,
    BELAY_JOIN_FIRST, // the first alone decides
    BELAY_JOIN_SOME,  // so many of them
};
struct belay_join {
    enum belay_join_kind kind;
    int needed; // of SOME
};
// "any", "all", "first" or a number.
bool belay_join_parse(const char *text, struct belay_join *out);
// What they decide together: a value that is not finite or has diverged stops at once, the rest is
// joined. *which is the first monitor that wants to stop.
belay_stop_reason belay_monitor_join(const struct belay_join *join,
                                     const belay_stop_reason *reasons, size_t num, size_t *which);

// ---- texts (monitor_text.c) ----

// A rule as text: "patience", "gl:2", "pq:0.5,k=5", "up:3,k=2", "window:5,tolerance=0.001",
// "stall:10", "misses:20", "inc_to_dec:0.01,wait=20". False: *why says what is wrong (static or in
// `room`).
bool belay_criterion_parse(const char *text, struct belay_criterion *out, char *why, size_t room);
// "off", "ema:0.3", "sma:5", "median:5"; a space does for the colon.
bool belay_smooth_parse(const char *text, struct belay_smooth *out, char *why, size_t room);
// Why `reason`, for people, without a full stop: "val.loss did not improve on 0.3 for 5 checks".
void belay_monitor_explain(const struct belay_monitor_params *p,
                           const struct belay_monitor_state *s, belay_stop_reason reason,
                           const char *metric, struct belay_str *out);
// Does a clock decide? Such a run does not repeat exactly.
bool belay_monitor_by_clock(const struct belay_monitor_params *p);
struct belay_monitor_rule { // for help texts
    const char *name, *help;
};
extern const struct belay_monitor_rule belay_monitor_rules[]; // by enum belay_criterion_kind

#endif
