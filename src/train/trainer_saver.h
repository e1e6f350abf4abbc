// Inside of saving: what is due (trainer_save.c), what is written (trainer_write.c, on any thread),
// what is kept (trainer_keep.c).
#ifndef BELAY_TRAIN_TRAINER_SAVER_H
#define BELAY_TRAIN_TRAINER_SAVER_H

#include "base/worker.h"
#include "train/retention.h"
#include "train/trainer_internal.h"

#define MAX_REFS (MAX_BESTS + BELAY_MAX_BEST_OF)    // bests that one checkpoint refers to
#define MAX_PUBLISH 16 // names under which one best is published

// One file to write, complete: the thread that does it reads nothing else.
struct save_job {
    struct belay_log log; // its own: the context's thread tells what went wrong
    char *path;
    struct belay_st_item *items;
    size_t num_items, first_owned; // from there on the names are the job's
    struct belay_st_meta_item meta[12];
    int num_meta;
    struct belay_str texts[4];   // owned values of `meta`
    size_t look_at;              // so many items must be finite, else nothing is written
    struct belay_append metrics; // the log, made durable before a checkpoint refers to it
    bool sync_metrics;
    char *publish[MAX_PUBLISH];  // names that become this file
    int num_publish;
    char **remove;               // when all is durable
    size_t num_remove;
    // What came of it:
    belay_status status;
    bool not_finite;
    double seconds;              // that it took
    char digest[33];
    char remove_error[256];
};

enum slot_state { SLOT_EMPTY, SLOT_TAKEN, SLOT_WRITING };

struct save_slot { // a snapshot on its way to a file
    enum slot_state state;
    struct train_state s; // when it was taken
    uint64_t turn;        // in this order they are written
    unsigned publish;     // of a best: bit 0 best.safetensors, bit i + 1 checkpoint.best[i]
    bool failed;          // written in vain: waits for the next save
};

struct run_file { // a checkpoint in the run folder
    struct belay_kept_file file;
    uint64_t refs[MAX_REFS]; // steps of the bests that it refers to
    int num_refs;
    bool doomed;             // goes when the job in progress is done
};

struct belay_saver {
    struct belay_worker *worker; // NULL: saves are waited for
    struct save_slot slots[BELAY_NUM_SNAPS];
    struct save_job job;
    struct save_slot *working;   // whose job it is; NULL: none
    uint64_t turn;
    int failures;                // in a row
    char error[1024];            // of the last one
    uint64_t digest_step;        // whose digest t->s.best_digest is
    struct run_file *files;      // by step
    size_t num_files, room;
    struct best_file {
        uint64_t step;
        bool doomed;
    } *bests;                    // the best files there are
    size_t num_bests, best_room;
    uint64_t resumed;            // the checkpoint that this process went on from; UINT64_MAX: none
};

// trainer_write.c. The job borrows the snapshot and what lives as long as the trainer.
belay_status belay_job_weights(struct belay_trainer *t, const struct train_state *s,
                               enum belay_snap_kind kind, int arena, const char *path,
                               struct save_job *job);
belay_status belay_job_checkpoint(struct belay_trainer *t, const struct train_state *s,
                                  const char *path, struct save_job *job);
void belay_job_run(void *job);
void belay_job_finish(struct save_job *job); // frees; safe on zeroed
char *belay_moment_name(const struct belay_trainer *t, int state, const char *param); // owned

// trainer_keep.c
// The files that are there when a process begins. `step` is the one it goes on from.
belay_status belay_keep_scan(struct belay_trainer *t, uint64_t step);
// What may go once the checkpoint of `s` is durable, into the job.
belay_status belay_keep_plan(struct belay_trainer *t, const struct train_state *s,
                             struct save_job *job);
void belay_keep_done(struct belay_trainer *t, bool written); // after that job
belay_status belay_keep_best(struct belay_trainer *t, uint64_t step); // there is a new best file
void belay_keep_finish(struct belay_saver *saver);

#endif
