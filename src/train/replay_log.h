// A training log as a list of checks: our JSON lines, or CSV of other programs.
#ifndef BELAY_TRAIN_REPLAY_LOG_H
#define BELAY_TRAIN_REPLAY_LOG_H

#include <stdbool.h>
#include <stddef.h>

#include "base/log.h"

// One line. Logs of other programs have lines with a training loss alone.
struct belay_replay_row {
    double value, train, step, epoch, rate; // NaN where the line has none
    bool has_value, has_train;
};
struct belay_replay_log {
    struct belay_replay_row *rows;
    size_t count, capacity;
    size_t checks; // rows with a value
    char metric[64];
};
// `metric` NULL: the first of the usual names that is there.
belay_status belay_replay_log_read(struct belay_log *log, const char *path, const char *metric,
                                   struct belay_replay_log *out);
// The same from memory: JSON lines or CSV. Takes `text`.
belay_status belay_replay_log_parse(struct belay_log *log, const char *path, char *text,
                                    size_t size, bool json, const char *metric,
                                    struct belay_replay_log *out);
void belay_replay_log_finish(struct belay_replay_log *r); // safe on zeroed

#endif
