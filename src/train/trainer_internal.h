// Inside of the trainer, for its files.
#ifndef BELAY_TRAIN_TRAINER_INTERNAL_H
#define BELAY_TRAIN_TRAINER_INTERNAL_H

#include <belay/trainer.h>
#include <stdatomic.h>

#include "base/str.h"
#include "device/context.h"
#include "train/checkpoint.h"
#include "train/engine.h"
#include "train/recipe.h"
#include "train/weights.h"

#define MAX_BESTS 16
#define CHECK_TEXT 4096

struct belay_board; // tensorboard.h
struct belay_saver;

struct best {
    uint64_t step;
    double value;
};

struct check_values { // of one evaluation
    double loss;
    double metrics[BELAY_MAX_METRICS]; // in the recipe's order
};

// What a checkpoint holds beside arenas. Everything that decides is here.
struct train_state {
    uint64_t step;
    struct belay_monitor_state monitor;
    struct belay_monitor_state watches[BELAY_MAX_MONITORS - 1]; // of stop.also
    struct best best_of[BELAY_MAX_BEST_OF]; // of checkpoint.best; value NaN: none yet
    uint64_t rollbacks, optimizer_start;    // the step at which the optimizer began anew
    struct belay_schedule_state schedule;
    double loss_sum;        // since the last check, in step order
    uint64_t loss_count;
    double last_norm;
    uint64_t log_length;    // of metrics.jsonl
    struct best bests[MAX_BESTS];
    int num_bests;
    char best_digest[33];
    char check[CHECK_TEXT]; // the values of the last check as JSON, "" before the first
};

struct belay_trainer {
    struct belay_ctx *ctx;
    struct belay_log *log;
    belay_recipe *recipe;            // owned
    struct belay_datasets data;
    struct belay_engine *engine;
    struct belay_str heads_text; // of a recipe with heads, as YAML
    struct belay_str model_text;     // what model files keep; empty for callback models
    char *preprocess_json, *loss_json;
    float *loss_weights;             // NULL: none
    struct belay_strata strata;      // with data.sampling: balanced
    char *resolved;                  // the recipe with defaults and device, for the run folder

    bool no_files, overfit, has_validation, has_test, maximize;
    uint64_t steps_per_epoch, max_steps, epoch_steps, check_every;
    double warmup_steps, schedule_options[BELAY_MAX_OPTIONS];
    struct belay_schedule_parts schedule_parts; // lengths in steps
    int lr_option;
    int num_groups;
    const double *group_options[BELAY_MAX_PARAM_GROUPS];

    struct train_state s;
    uint64_t order_epoch;            // whose order is on the device; UINT64_MAX: none
    int32_t *order;
    float *losses, *norms;           // BELAY_LOG_SLOTS each
    float *best_weights;             // without files: the best weights

    struct belay_saver *saver;       // NULL without files
    struct belay_run_paths paths;
    struct belay_append metrics, timing;
    struct belay_str unwritten;      // lines of metrics.jsonl that the disk did not take yet
    struct belay_board *board;       // NULL without run.tensorboard
    int lock;
    belay_stop_reason reason;
    int decider;                     // which monitor decided; 0: stop, else stop.also
    uint64_t saved_step;             // of the newest checkpoint, UINT64_MAX: none
    double saved_at;                 // seconds of this process when it was taken
    bool whole, finished;            // between steps; after belay_trainer_finish
    bool tell_saved;                 // of `saved`
    double asked_at;                 // seconds of this process at the last look at `stop`
    double started, spent_before;
    uint64_t first_step;             // of this process

    atomic_int cancelled;
    struct belay_str line, sentence, json, plan;
    struct belay_str changes;        // of the recipe, by a resume: members of a JSON list
    struct belay_str saved;          // path of the newest durable checkpoint; "" when it was told
    const char **on_save;            // checkpoint.on_save, ends with NULL; NULL: none
    const char *at, *reset_monitor;  // as asked for, until the trainer is made
    double born, time_limit;         // of this process
    bool out_of_time;                // the limit ended it
    double checked_at;               // seconds of this process at the last check
    double save_seconds, check_seconds; // the longest
    double last_train_loss, last_lr, last_monitor, last_val_loss;
    bool checked, improved;
    struct check_values last_check;
};

// trainer_data.c
struct belay_worker;
struct belay_data_job {
    struct belay_trainer *trainer;
    const belay_trainer_params *params;
    struct belay_worker *worker; // NULL: nothing was started
    struct belay_log log;
    belay_status status;
};
// Begins to load the data into the trainer, which nobody else may look at until the end.
void belay_data_job_start(struct belay_data_job *job, struct belay_trainer *t,
                          const belay_trainer_params *p);
// Waits; `status` is what became of the work done meanwhile, and comes first.
belay_status belay_data_job_end(struct belay_data_job *job, belay_status status);

// trainer_setup.c: all but the data and the run folder.
belay_status belay_trainer_setup(struct belay_trainer *t, const belay_trainer_params *p);

// trainer_check.c
belay_status belay_trainer_drain(struct belay_trainer *t);
belay_status belay_trainer_check(struct belay_trainer *t);
// Lines that could not be written are tried again.
belay_status belay_trainer_write_log(struct belay_trainer *t);
belay_status belay_trainer_log_time(struct belay_trainer *t, belay_stop_reason decided);
// Evaluates a part with the present weights.
belay_status belay_trainer_measure(struct belay_trainer *t, enum belay_part part,
                                   struct check_values *out);
void belay_metrics_values(const struct belay_recipe *r, const struct belay_preprocess *p,
                          const struct belay_eval_sums *sums, struct check_values *out);
// Inputs and heads of a recipe with the widths and classes that the data have.
belay_status belay_heads_fill(const struct belay_recipe *r, const struct belay_preprocess *p,
                              struct belay_engine_params *e);
bool belay_metrics_need(const struct belay_recipe *r, const char *stats);

// refit.c: see belay_trainer_params.refit
belay_status belay_refit(belay_ctx *ctx, const char *run_dir, const char *const *overrides,
                         size_t num, belay_trainer **out);

// trainer_watch.c
struct belay_monitor_decision belay_trainer_watch(struct belay_trainer *t,
                                                  const struct check_values *val);
belay_stop_reason belay_trainer_verdict(struct belay_trainer *t);
// Patience begins anew; with `all` the bests too.
void belay_trainer_reset_monitors(struct belay_trainer *t, bool all);
void belay_trainer_tell_rate(struct belay_trainer *t); // after last_lr is set
const char *belay_trainer_decider(const struct belay_trainer *t,
                                  const struct belay_monitor_params **p,
                                  const struct belay_monitor_state **s);
belay_status belay_trainer_rollback(struct belay_trainer *t);
bool belay_trainer_may_roll_back(struct belay_trainer *t);
double belay_trainer_lr_scale(const struct belay_trainer *t);
unsigned belay_trainer_note_bests(struct belay_trainer *t, const struct check_values *val);
char *belay_trainer_best_of_path(const struct belay_trainer *t, int i); // owned
void belay_trainer_warn_schedule(struct belay_trainer *t);
bool belay_trainer_by_clock(const struct belay_trainer *t);

// trainer_save.c. Best and checkpoint are taken at once and written while training goes on; errors
// come with a later call, at the latest with finish_saves.
belay_status belay_trainer_open_saver(struct belay_trainer *t);
void belay_trainer_close_saver(struct belay_trainer *t);
// `of`: bit 0 is the best of stop.monitor, bit i + 1 that of checkpoint.best[i].
belay_status belay_trainer_save_best(struct belay_trainer *t, unsigned of);
belay_status belay_trainer_save_checkpoint(struct belay_trainer *t);
belay_status belay_trainer_poll_saves(struct belay_trainer *t);
belay_status belay_trainer_wait_saves(struct belay_trainer *t);
belay_status belay_trainer_finish_saves(struct belay_trainer *t); // with a last try of what failed
belay_status belay_trainer_save_last(struct belay_trainer *t);
// The present weights as a model file, now.
belay_status belay_trainer_write_weights(struct belay_trainer *t, const char *path);

// trainer.c
void belay_trainer_save_unfinished(struct belay_trainer *t);

// trainer_restore.c
// The newest checkpoint of the run folder into the engine; *found false when there is none.
belay_status belay_trainer_restore(struct belay_trainer *t, bool *found);
belay_status belay_trainer_load_best(struct belay_trainer *t);
belay_status belay_trainer_load_tensor(struct belay_trainer *t, const struct belay_st *st,
                                       const char *file, const char *name,
                                       const struct belay_engine_param *p, float *arena);

// trainer_state.c: the JSON text of "belay.state".
void belay_state_to_json(const struct train_state *s, const struct belay_trainer *t,
                         struct belay_str *out);
belay_status belay_state_from_json(struct belay_trainer *t, const char *text);
// A number in JSON; null when it is not finite.
void belay_str_add_number(struct belay_str *s, double value);

// trainer_report.c
void belay_trainer_fill_progress(struct belay_trainer *t, belay_progress *p);
void belay_trainer_make_line(struct belay_trainer *t);
void belay_trainer_make_sentence(struct belay_trainer *t);
void belay_trainer_make_json(struct belay_trainer *t, const belay_result *r,
                             const struct check_values *test);

// trainer_changes.c
belay_status belay_trainer_compare(struct belay_trainer *t);
void belay_trainer_tell_history(struct belay_trainer *t, bool resumed);

// trainer_run_dir.c
belay_status belay_trainer_open_dir(struct belay_trainer *t, bool resume_only, bool *resume);
belay_status belay_trainer_open_logs(struct belay_trainer *t, bool resumed);

double belay_trainer_epoch(const struct belay_trainer *t);
// Rows of one optimizer step: all its batches.
static inline size_t belay_trainer_step_rows(const struct belay_trainer *t)
{
    return (size_t) t->recipe->batch * (size_t) t->recipe->accumulate;
}
double belay_trainer_seconds(const struct belay_trainer *t);

#endif
