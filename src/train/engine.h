// The engine: a model bound to a device for training and evaluation. It owns device memory and
// programs, runs steps and passes; it knows no run folder, no monitor and no clock.
//
// All data sets lie one after the other in one device table (training, validation, test), read
// through one order table; what does not fit streams through a table of one batch. Both give the
// same bits, since the same kernel reads the same bytes.
#ifndef BELAY_TRAIN_ENGINE_H
#define BELAY_TRAIN_ENGINE_H

#include <belay/trainer.h>

#include "data/data.h"
#include "device/program.h"
#include "model/model.h"
#include "train/loss.h"
#include "train/metric.h"
#include "train/optimizer.h"

#define BELAY_MAX_PARAM_GROUPS 9
#define BELAY_LOG_SLOTS 1024 // steps or batches between two reads of the device's log

enum belay_part { BELAY_PART_TRAIN, BELAY_PART_VALIDATION, BELAY_PART_TEST, BELAY_NUM_PARTS };

struct belay_engine_head { // borrowed
    const char *name, *from;      // from: a value of the model
    const struct belay_loss *loss;
    const double *options;
    double weight;
    size_t first, targets;        // columns of the data's targets
    size_t classes;               // 0: numbers
};

struct belay_engine_params { // borrowed, but what is marked
    struct belay_device *device;       // kept
    const struct belay_yaml *model;    // kept; NULL with `build`
    belay_build_fn build;
    void *build_user;
    const struct belay_loss *loss;
    const double *loss_options;
    const float *loss_weights;         // of classes or targets, as many as there are; NULL: none
    // Several inputs, and several heads in place of `loss`; kept.
    size_t num_inputs, num_heads;
    struct belay_model_input inputs[BELAY_MAX_INPUTS];
    struct belay_engine_head heads[BELAY_MAX_HEADS];
    const struct belay_dataset *parts[BELAY_NUM_PARTS]; // kept; NULL or rows 0: absent
    size_t train_rows;                 // rows used of the training part; 0: all
    size_t outputs;                    // wanted outputs of a row; 0: not checked
    int64_t batch, eval_batch;
    uint64_t seed;
    bool confusion, regression;        // statistics that evaluation gathers
    bool scores;                       // and what the model says of each row
    // Training; NULL optimizer: evaluation alone.
    const struct belay_optimizer *optimizer;
    int num_groups;
    const double *group_options[BELAY_MAX_PARAM_GROUPS];
    const char *group_match[BELAY_MAX_PARAM_GROUPS]; // globs; the last group takes the rest
    bool group_frozen[BELAY_MAX_PARAM_GROUPS];
    struct belay_norm clip_norm;       // max 0: none
    double clip_value;                 // 0: none
    double ema;                        // decay of the weights' mean over steps; 0: none
    int64_t accumulate;                // batches of one step; 0: 1
    bool stream;                       // force streaming (tests)
    // Called once the features of the parts are on the device and not needed any more; NULL: none.
    void (*uploaded)(void *user);
    void *uploaded_user;
};

struct belay_engine_param {
    const char *name;
    struct belay_shape shape;
    size_t offset, count; // elements in the arenas
    int slab;             // of the device's memory that holds it
    int group;            // -1: frozen
};

struct belay_step_scalars { // what the host computes for one step
    uint64_t step;          // counts from 0
    size_t first;           // position of the step's rows in the order
    size_t rows;            // at most batch * accumulate
    float hyper[BELAY_MAX_PARAM_GROUPS * BELAY_HYPER];
};

struct belay_eval_sums { // of one pass over a part
    double loss;        // mean over rows
    size_t rows;
    size_t classes;
    double *confusion;  // classes * classes, owned by the engine, or NULL
    size_t targets;
    double *regression; // BELAY_REGRESSION * targets, owned by the engine, or NULL
    struct belay_score_rows scores; // owned by the engine; 0 rows: not gathered
};

struct belay_engine;

belay_status belay_engine_create(struct belay_log *log, const struct belay_engine_params *params,
                                 struct belay_engine **out);
void belay_engine_destroy(struct belay_engine **engine);

const struct belay_engine_param *belay_engine_params(const struct belay_engine *e, size_t *count);
// States of the optimizer; last, if it is wanted, the mean of the weights, named "ema".
int belay_engine_num_states(const struct belay_engine *e);
const char *belay_engine_state_name(const struct belay_engine *e, int state);
// The arena of the weights that evaluation uses and that are worth keeping: 0, or that of the mean.
int belay_engine_shown(const struct belay_engine *e);
size_t belay_engine_arena_count(const struct belay_engine *e); // elements of the weights' arena
size_t belay_engine_count_of(const struct belay_engine *e, int arena); // of any, states from 1 on
// Where a parameter lies in an arena, as which shape; NULL: it has not this state.
const struct belay_engine_param *belay_engine_place(const struct belay_engine *e, int arena,
                                                    size_t param);
void belay_engine_describe(const struct belay_engine *e, struct belay_str *out);

// The order of the training part for an epoch: rows of it, all once or drawn, uploaded in queue
// order.
belay_status belay_engine_order(struct belay_engine *e, const int32_t *order, size_t rows);
// Enqueues one training step. At most 16 are in flight.
belay_status belay_engine_step(struct belay_engine *e, const struct belay_step_scalars *s);
// Loss and gradient norm of the steps since the last call, in order: at most BELAY_LOG_SLOTS may
// be unread. Waits. `loss` and `norm` have room for that many.
belay_status belay_engine_losses(struct belay_engine *e, float *loss, float *norm, size_t *count);
// One pass over a part with the present weights. With heads out[1], out[2], … are theirs, and out[0] has
// the loss alone.
belay_status belay_engine_evaluate(struct belay_engine *e, enum belay_part part,
                                   struct belay_eval_sums *out);

// Arenas: 0 parameters, 1… states. With the parameters their mean is set too. Host copies have
// belay_engine_count_of floats.
belay_status belay_engine_set_arena(struct belay_engine *e, int arena, const float *data);
// Waits for what is enqueued.
belay_status belay_engine_get_arena(struct belay_engine *e, int arena, float *out);
// Snapshots without waiting: copied on the device as of the steps enqueued so far, while training
// goes on. Each kind has memory of its own; it can be taken again after it was dropped.
enum belay_snap_kind { BELAY_SNAP_WEIGHTS, BELAY_SNAP_ALL, BELAY_NUM_SNAPS };
belay_status belay_engine_snap(struct belay_engine *e, enum belay_snap_kind kind);
belay_status belay_engine_snap_ready(struct belay_engine *e, enum belay_snap_kind kind, bool wait,
                                     bool *ready);
// A parameter's part of an arena in one that is ready, from any thread until it is dropped. WEIGHTS
// has one arena, of the weights that are shown.
const float *belay_engine_snap_param(const struct belay_engine *e, enum belay_snap_kind kind,
                                     int arena, size_t param);
// What belay_engine_losses would have given when the snapshot of ALL was taken.
void belay_engine_snap_losses(struct belay_engine *e, float *loss, float *norm,
                              size_t *count);
belay_status belay_engine_snap_drop(struct belay_engine *e, enum belay_snap_kind kind);

#endif
