// The run folder's files: checkpoints that hold everything, weights files, the order in which they
// are made durable, which are kept, which one to go on from.
#ifndef BELAY_TRAIN_CHECKPOINT_H
#define BELAY_TRAIN_CHECKPOINT_H

#include "base/file.h"
#include "format/safetensors.h"

// Names inside a run folder.
//   checkpoints/step-00004220.safetensors   weights, moments; metadata "belay.state": JSON
//   checkpoints/best-00004220.safetensors   weights of a best, immutable, kept while referenced
//   best.safetensors, last.safetensors      published from those
struct belay_run_paths {
    char *dir, *checkpoints, *recipe, *resolved, *metrics, *timing, *best, *last, *result, *lock,
        *history, *stop;
};
belay_status belay_run_paths_init(struct belay_log *log, const char *dir,
                                  struct belay_run_paths *out);
void belay_run_paths_finish(struct belay_run_paths *p);
char *belay_checkpoint_path(const struct belay_run_paths *p, const char *kind, uint64_t step);

// All steps for which "kind-%08u.safetensors" exists, ascending; owned (belay_free).
belay_status belay_checkpoint_steps(struct belay_log *log, const struct belay_run_paths *p,
                                    const char *kind, uint64_t **steps, size_t *count);
// The newest checkpoint that reads and verifies; older ones are tried with a warning for each one
// skipped. *found false with BELAY_OK: there is none at all. BELAY_ERR_DAMAGED: there are, and all
// are bad.
belay_status belay_checkpoint_newest(struct belay_log *log, const struct belay_run_paths *p,
                                     struct belay_st *st, uint64_t *step, bool *found);
// "belay.state" of a checkpoint, read from the file's head alone; owned.
belay_status belay_checkpoint_state(struct belay_log *log, const char *path, char **json);
// The same of one step.
belay_status belay_checkpoint_read(struct belay_log *log, const struct belay_run_paths *p,
                                   uint64_t step, struct belay_st *st);
// For a run that goes on from `step`: files of later steps get `suffix` behind their names, so that
// nobody takes them for the run's. Bests too with `bests`; else they are removed, since they are
// made anew.
belay_status belay_checkpoint_set_aside(struct belay_log *log, const struct belay_run_paths *p,
                                        uint64_t step, const char *suffix, bool bests);
// Removes temporary files that processes left which died while writing.
belay_status belay_checkpoint_sweep(struct belay_log *log, const struct belay_run_paths *p);

#endif
