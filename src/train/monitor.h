// The early-stopping monitor. Pure: numbers in, decision out; no device, clock, file or
// allocation. All state is one struct that serialises to JSON.
//
// Two bests: the true best (strict; restored and reported) and the patience anchor, which moves
// only on a gain above what min_delta asks.
#ifndef BELAY_TRAIN_MONITOR_H
#define BELAY_TRAIN_MONITOR_H

#include <belay/trainer.h>

#include "base/log.h"

struct belay_json;
struct belay_str;

enum belay_unit { BELAY_UNIT_CHECKS, BELAY_UNIT_STEPS, BELAY_UNIT_EPOCHS, BELAY_UNIT_SECONDS };
struct belay_length {
    double value;
    enum belay_unit unit;
};
enum belay_nan_policy { BELAY_NAN_STOP, BELAY_NAN_COUNT, BELAY_NAN_IGNORE };

struct belay_monitor_params {
    bool maximize;
    struct belay_length patience; // negative: never stops by patience; 0: at the first
                                  // check without improvement
    double min_delta;             // absolute; gain must be above it
    double min_delta_rel;         // share of |anchor|, added to min_delta
    struct belay_length warmup;   // checks inside it count for the best but not for patience
    enum belay_nan_policy nan;
    double threshold;             // stop when reached (inclusive); NaN: none
    double diverged;              // stop when passed; NaN: none
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
    double last;
    belay_stop_reason reason;
};
struct belay_monitor_event {
    double value;
    uint64_t step;
    double epoch;   // 1.0 = one epoch done
    double seconds; // of the run
};
struct belay_monitor_decision {
    bool improved;           // the value is the true best so far
    belay_stop_reason reason; // NONE: go on
};
// Order: not finite, best and anchor, threshold, diverged, patience. A value that reaches the
// threshold is thus recorded as best first. Nothing latches: another check after a stop decides
// anew from the state.
void belay_monitor_init(struct belay_monitor_state *s);
struct belay_monitor_decision belay_monitor_check(const struct belay_monitor_params *p,
                                                  struct belay_monitor_state *s,
                                                  const struct belay_monitor_event *e);
// Is patience spent by the state as it is (after a resume with another patience)?
bool belay_monitor_exhausted(const struct belay_monitor_params *p,
                             const struct belay_monitor_state *s,
                             const struct belay_monitor_event *now);
void belay_monitor_to_json(const struct belay_monitor_state *s, struct belay_str *out);
belay_status belay_monitor_from_json(struct belay_log *log, const struct belay_json *json,
                                     struct belay_monitor_state *s);

#endif
