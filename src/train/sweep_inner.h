// Between the files of the sweep.
#ifndef BELAY_TRAIN_SWEEP_INNER_H
#define BELAY_TRAIN_SWEEP_INNER_H

#include <belay/sweep.h>

#include "base/file.h"
#include "train/sweep_space.h"

struct belay_sweep_fold { // what came of one training
    bool done;
    double score, best, epochs, seconds;
    uint64_t steps, best_step;
    belay_stop_reason reason;
};
struct belay_sweep {
    struct belay_ctx *ctx;
    struct belay_log *log;
    belay_recipe *recipe;
    struct belay_sweep_space space;
    struct belay_sweep_fold *folds; // trials x parts
    size_t parts;
    belay_sweep_fn fn;
    void *user;
    size_t trial, part;             // where it is
    bool old;
    struct belay_append file;       // trials.jsonl
    int lock;
};
bool belay_sweep_tell(struct belay_sweep *w, belay_sweep_kind kind, const char *line,
                      const char *json);

// sweep_log.c: the folder. Opening reads what is done; the last line may be torn.
belay_status belay_sweep_open(struct belay_sweep *w);
void belay_sweep_close(struct belay_sweep *w);
belay_status belay_sweep_log_fold(struct belay_sweep *w, const struct belay_sweep_fold *f);
belay_status belay_sweep_tell_fold(struct belay_sweep *w, const struct belay_sweep_fold *f,
                                   bool old);
// {"stop.patience":3,...} of a trial
void belay_sweep_add_values(const struct belay_sweep *w, size_t trial, struct belay_str *out);
// sweep_table.c: ranks the trials, tells the table, writes results.jsonl. *best: the trial that
// won.
belay_status belay_sweep_results(struct belay_sweep *w, size_t *best);

#endif
