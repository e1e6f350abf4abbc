// What a stop rule would have done on the log of a training that is over.
#ifndef BELAY_REPLAY_H
#define BELAY_REPLAY_H

#include <belay/context.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct belay_replay_params {
    const char *log;    // metrics.jsonl, or CSV with a header
    // "NAME[:OPTION=VALUE,...]": "patience:5", "gl:2,smooth=sma:3", "keras:patience=3"; several joined:
    // "any(patience:5; gl:5,monitor=val.accuracy)", also all, first or a number before the parenthesis
    const char *rule;
    const char *metric; // of the log; NULL: the validation loss
    const char *mode;   // "min", "max"; NULL: as the rule says, else by the metric's name
} belay_replay_params;

typedef struct belay_replay_result {
    char metric[64];
    bool maximize;
    bool fired;
    const char *reason; // static text
    char sentence[256]; // what stopped, at which value
    uint64_t checks;    // of the log
    // Checks are counted from 1; 0: none. Steps and epochs are NaN where the log has none.
    uint64_t stop_check, best_check;
    double stop_step, stop_epoch, best_step, best_epoch;
    double best;        // at best_check; NaN: none
    double best_of_log; // the best finite value of all; NaN: none
} belay_replay_result;

// Borrows params. *out is set on success.
BELAY_API BELAY_MUST_CHECK belay_status belay_replay(belay_ctx *ctx,
                                                     const belay_replay_params *params,
                                                     belay_replay_result *out);

#ifdef __cplusplus
}
#endif
#endif
