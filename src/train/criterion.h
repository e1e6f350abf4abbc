// Stop criteria beside patience, and smoothing under any of them. Pure: numbers in, numbers out; no
// allocation. Formulas and sources: docs/stopping.md. A score that is to grow comes in as an error
// with its sign turned, so here smaller is better.
#ifndef BELAY_TRAIN_CRITERION_H
#define BELAY_TRAIN_CRITERION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    BELAY_MAX_WINDOW = 64,  // of smoothing, strips and moving averages
    BELAY_MAX_HISTORY = 128 // values that a criterion remembers
};

enum belay_criterion_kind {
    BELAY_CRITERION_PATIENCE, // the monitor's own; nothing here
    BELAY_CRITERION_GL,       // Prechelt: the error is `limit` per cent above its minimum
    BELAY_CRITERION_PQ,       // Prechelt: that over the progress of the training strip
    BELAY_CRITERION_UP,       // Prechelt: the error rose at the ends of `limit` strips in a row
    BELAY_CRITERION_WINDOW,   // none of the last `limit` moving averages beats the one before them
    BELAY_CRITERION_STALL,    // none of the last `limit` values beats the one before them
    BELAY_CRITERION_MISSES,   // `limit` checks without improvement in all, not in a row
    BELAY_CRITERION_INC_TO_DEC, // the p-value of a further gain is below `limit`
    BELAY_CRITERION_COUNT
};
struct belay_criterion {
    enum belay_criterion_kind kind;
    double limit;
    double strip;     // checks of a strip; of INC_TO_DEC: checks since the best before it may stop
    double tolerance; // WINDOW, STALL: share of |reference| that a gain must exceed
};
struct belay_ring { // the last values, oldest overwritten
    double v[BELAY_MAX_HISTORY];
    uint64_t count; // ever put in
};
struct belay_criterion_state {
    struct belay_ring values, train;
    double low;        // smallest error
    double strip_end;  // error at the end of the last strip; NaN: none yet
    uint64_t rises;    // strips in a row that ended higher
    uint64_t misses, since_low;
    double expected;   // INC_TO_DEC: the gain that the past makes likely
};
void belay_criterion_init(struct belay_criterion_state *s);
// One check: the error, whether the monitor counts it as improvement, and the mean training loss
// since the last check (PQ needs it; NaN: unknown).
void belay_criterion_feed(const struct belay_criterion *c, struct belay_criterion_state *s,
                          double error, bool improved, double train);
// What the criterion measures now (per cent, rises, misses, p-value ...); NaN: it cannot tell yet.
double belay_criterion_value(const struct belay_criterion *c,
                             const struct belay_criterion_state *s);
bool belay_criterion_met(const struct belay_criterion *c, const struct belay_criterion_state *s);

enum belay_smooth_kind {
    BELAY_SMOOTH_NONE,
    BELAY_SMOOTH_EMA,    // exponential moving average, corrected for its start
    BELAY_SMOOTH_SMA,    // mean of the last `amount` values (of fewer at the start)
    BELAY_SMOOTH_MEDIAN, // their median
};
struct belay_smooth {
    enum belay_smooth_kind kind;
    double amount; // EMA: weight of the newest value; else values, 1 to BELAY_MAX_WINDOW
};
struct belay_smooth_state {
    double sum, weight; // EMA
    struct belay_ring values;
};
double belay_smooth_feed(const struct belay_smooth *c, struct belay_smooth_state *s, double value);

void belay_ring_put(struct belay_ring *r, double value);
// The value `back` checks ago; 0 is the newest.
double belay_ring_get(const struct belay_ring *r, uint64_t back);

#endif
