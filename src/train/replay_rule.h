// A rule of `belay replay` as the monitors that it stands for: what a recipe's stop section would
// be.
#ifndef BELAY_TRAIN_REPLAY_RULE_H
#define BELAY_TRAIN_REPLAY_RULE_H

#include "train/monitor.h"

struct belay_replay_watch {
    char metric[64]; // "": the one that the replay is about
    bool has_mode;   // the rule says min or max
    struct belay_monitor_params stop;
};
struct belay_replay_rule {
    struct belay_replay_watch watches[BELAY_MAX_MONITORS];
    size_t num;
    struct belay_join join;
};
// "patience:5,min_delta=0.01", "gl:2,smooth=sma:3", "any(patience:5; gl:2,monitor=val.accuracy)".
// *own false, with BELAY_OK: it is none of these but perhaps a preset of another program.
belay_status belay_replay_rule_parse(struct belay_log *log, const char *text,
                                     struct belay_replay_rule *out, bool *own);

#endif
