// Training: by steps from a loop of your own, or all at once. All that `belay train` does.
#ifndef BELAY_TRAINER_H
#define BELAY_TRAINER_H

#include <belay/graph.h>
#include <belay/model.h>
#include <belay/recipe.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct belay_trainer belay_trainer;

// Rows in memory: x is rows x features; either labels (class indices) or y (rows x targets).
// Features count must fit the model's input. Borrowed by belay_trainer_create.
typedef struct belay_data {
    const float *x;
    size_t rows, features;
    const int32_t *labels; // NULL for regression
    size_t classes;        // with labels; 0: largest label + 1
    const float *y;        // NULL with labels
    size_t targets;        // with y
    const float *weights;  // what each row counts in losses and metrics, at least 0; NULL: 1 each
} belay_data;

// Builds the model: returns the output for the batch input `x` ([rows, ...]); NULL is a failure.
// Called once for training and once for evaluation (belay_dropout knows which).
typedef belay_value *(*belay_build_fn)(void *user, belay_graph *graph, belay_value *x);

typedef struct belay_trainer_params {
    const belay_recipe *recipe;      // borrowed; required
    const belay_data *train;         // NULL: what the recipe's `data` says
    const belay_data *validation;    // NULL: the recipe's split of the training data
    const belay_data *test;          // NULL: the recipe's, or none
    belay_build_fn build;            // NULL: the recipe's layers
    void *build_user;
    bool no_files;                   // no run folder: nothing is written, no resume
    bool overfit_batch;              // train on the first batch alone, to prove that it can learn
    double seconds;                  // most time of this process, saving included; 0: no limit
    const char *at;                  // resume: "best", "last" or a step; NULL: last
    const char *reset_monitor;       // resume: "counter": patience begins anew; "all": the best
                                     // too; NULL: neither
    bool refit;                      // of belay_trainer_resume alone, see there
} belay_trainer_params;

// Why a run ended, or has not.
typedef enum belay_stop_reason {
    BELAY_STOP_NONE = 0,   // not ended
    BELAY_STOP_PATIENCE,   // no improvement for `patience`
    BELAY_STOP_EPOCHS,     // train.epochs done
    BELAY_STOP_STEPS,      // train.steps done
    BELAY_STOP_TIME,       // train.time spent
    BELAY_STOP_NAN,        // loss or metric not finite, by policy
    BELAY_STOP_THRESHOLD,  // the monitored value reached stop.threshold
    BELAY_STOP_DIVERGED,   // the monitored value passed stop.diverged
    BELAY_STOP_CANCELLED,  // belay_trainer_cancel
    BELAY_STOP_CRITERION,  // stop.rule is met (gl, pq, up, ...)
    BELAY_STOP_COUNT
} belay_stop_reason;

typedef struct belay_progress {
    uint64_t step;            // optimizer steps done
    uint64_t steps_per_epoch;
    uint64_t epoch;           // epochs done
    uint64_t max_epochs;      // 0: no limit
    double lr;                // of the last step
    double train_loss;        // mean since the last check; NaN before the first report
    bool checked;             // a check was made after this step:
    bool improved;            //   and it is the best so far
    double monitor;           //   the monitored value
    double val_loss;
    double best;              // best monitored value, NaN before the first
    uint64_t best_step;
    uint64_t best_epoch;      // 1-based epoch in which it lies
    double seconds;           // of this process, in training
    double samples_per_second;
    belay_stop_reason reason; // not NONE: the run has ended
    const char *saved;        // a checkpoint became durable since the last call: its path, else NULL
    const char *const *on_save; // checkpoint.on_save, ends with NULL; for the program to run with
                              // `saved`: the library starts no processes. NULL: none
    const char *line;         // one line for people after a check, else NULL; until the next call
} belay_progress;

typedef struct belay_result {
    belay_stop_reason reason;
    const char *reason_name; // "patience"; static
    const char *sentence;    // what stopped, at which value, which was best, how to go on
    uint64_t step, epoch, best_step, best_epoch;
    double best;             // monitored value of the best
    double test_loss;        // NaN without test data
    double test_accuracy;    // NaN without, or for regression
    const char *best_path;   // "" without files
    const char *run_dir;     // "" without files
    const char *json;        // all of it (result.json)
    const char *saved;       // as in belay_progress
    const char *const *on_save;
} belay_result;

// Makes a trainer: opens the device, loads data, builds and plans, makes the run folder. With
// run.if_exists resume and a run there, goes on from it. *out is owned.
BELAY_API BELAY_MUST_CHECK belay_status belay_trainer_create(belay_ctx *ctx,
                                                             const belay_trainer_params *params,
                                                             belay_trainer **out);
// Goes on with the run in `run_dir` from its newest valid checkpoint. `overrides` change the
// recorded recipe (params->recipe is ignored; params may be NULL). With params->refit a run that has
// ended is repeated instead, on its training and validation data together and for as many steps as its
// best took; the new run is RUN-refit unless run.dir is overridden.
BELAY_API BELAY_MUST_CHECK belay_status belay_trainer_resume(belay_ctx *ctx, const char *run_dir,
                                                             const char *const *overrides,
                                                             size_t num,
                                                             const belay_trainer_params *params,
                                                             belay_trainer **out);
// One optimizer step, and the check and checkpoint that are due after it. *progress is filled. With
// `init` in the recipe the first call makes a check at step 0 and no step.
// After the end of the run it does nothing and reports the reason.
BELAY_API BELAY_MUST_CHECK belay_status belay_trainer_step(belay_trainer *trainer,
                                                           belay_progress *progress);
// Called by belay_trainer_run after each step; false cancels.
typedef bool (*belay_progress_fn)(void *user, const belay_progress *progress);
// Steps until the end. `fn` may be NULL.
BELAY_API BELAY_MUST_CHECK belay_status belay_trainer_run(belay_trainer *trainer,
                                                          belay_progress_fn fn, void *user);
// Asks the run to save the last whole step and end. From any thread or signal handler.
BELAY_API void belay_trainer_cancel(belay_trainer *trainer);
// Ends the run: restores the best weights, tests, writes last, best and result. *result's texts
// are valid until the trainer is destroyed. Call once after the last step.
BELAY_API BELAY_MUST_CHECK belay_status belay_trainer_finish(belay_trainer *trainer,
                                                             belay_result *result);
// Saves the present weights as one file that belay_model_load opens.
BELAY_API BELAY_MUST_CHECK belay_status belay_trainer_save(belay_trainer *trainer,
                                                           const char *path);
// Model, plan and memory as text (--dry-run). Valid until the trainer is destroyed.
BELAY_API const char *belay_trainer_plan(belay_trainer *trainer);
BELAY_API void belay_trainer_destroy(belay_trainer **trainer);

typedef struct belay_run_info {
    bool running;             // a process trains there
    bool ended;               // it came to an end: see reason; else it was interrupted
    uint64_t step;            // of the last check or checkpoint
    double epoch, train_loss, val_loss; // of the last check; NaN: none
    double best;              // NaN: none
    uint64_t best_step;
    double seconds;           // of training, of all its processes
    size_t checkpoints;
    uint64_t checkpoint_step; // of the newest
    char reason[32], sentence[1024];
} belay_run_info;
// What a run folder says of its run. Opens no device.
BELAY_API BELAY_MUST_CHECK belay_status belay_run_look(belay_ctx *ctx, const char *run_dir,
                                                       belay_run_info *out);

typedef struct belay_run_ref {
    bool good;
    char text[1024]; // which file, and what is wrong with it
} belay_run_ref;
typedef struct belay_run_refs {
    size_t count;
    belay_run_ref list[2];
} belay_run_refs;
// What the newest whole checkpoint of a run refers to: its best's file and the length of the log.
// None in a folder without checkpoints; BELAY_ERR_DAMAGED when none of them is whole.
BELAY_API BELAY_MUST_CHECK belay_status belay_run_verify(belay_ctx *ctx, const char *run_dir,
                                                         belay_run_refs *out);

#ifdef __cplusplus
}
#endif
#endif
