// Inside of the engine, for its files.
#ifndef BELAY_TRAIN_ENGINE_INTERNAL_H
#define BELAY_TRAIN_ENGINE_INTERNAL_H

#include "base/mem.h"
#include "train/engine.h"

#define RING 32      // host copies of what is written to the device without waiting
#define IN_FLIGHT 16 // training steps

struct belay_side { // training or evaluation
    struct belay_graph *graph;
    struct belay_plan *plan;
    struct belay_program *program;
    belay_value *rows;              // shape-only input that carries the number of rows
    belay_value *data_x, *data_y, *data_w, *order, *log, *counts;
    belay_value *hyper, *common, *weight, *loss_weights;
    belay_value *scores;
    belay_value *output, *loss;
    // Of each head: what the model says, what is true, the loss.
    belay_value *head_output[BELAY_MAX_HEADS], *head_target[BELAY_MAX_HEADS],
        *head_loss[BELAY_MAX_HEADS], *head_scores[BELAY_MAX_HEADS];
    belay_value *row_weights;       // of the batch; NULL: all count alike
    belay_value *total;             // of what the batch's rows count in the loss; NULL: as many as they are
    size_t log_width, log_slots; // rows of so many numbers, at most BELAY_LOG_SLOTS of them
};

struct belay_ring_slot {
    int32_t table[8];
    float *hyper;    // of the groups, then `common`, as they lie on the device
    int32_t *order;  // of an epoch, when small
    void *x, *y;     // streaming: rows of one batch
    float *w;        // and their weights
    uint64_t token;  // of the work that reads this slot
    bool used;
};

// Arenas: the parameters, the states, and what only the device sees.
#define BELAY_ARENA_GRADS (1 + BELAY_MAX_MOMENTS)
#define BELAY_NUM_ARENAS (BELAY_ARENA_GRADS + 1)

// A part of all arenas, with whole parameters, that is one buffer each.
struct belay_engine_slab {
    size_t first, blocks; // of an arena …
    size_t state_first[BELAY_MAX_MOMENTS], state_blocks[BELAY_MAX_MOMENTS]; // … with own places
    struct belay_buf arenas[BELAY_NUM_ARENAS], snapshots[BELAY_NUM_ARENAS], weights_snapshot,
        block_group;
    belay_value *values[BELAY_NUM_ARENAS], *groups; // in the training graph
};

// Losses of batches on the device's log, and of steps that were read off it already.
struct belay_loss_log {
    uint64_t unread;    // batches on the device's log
    uint64_t next_slot;
    double weight[BELAY_LOG_SLOTS]; // of the batch of a slot in its step
    bool last[BELAY_LOG_SLOTS];     // it ends its step
    double sum;         // of the step whose end was not read
    uint64_t steps;
    float loss[BELAY_LOG_SLOTS], norm[BELAY_LOG_SLOTS];
};
static inline void belay_loss_log_take(struct belay_loss_log *l, float *loss, float *norm,
                                       size_t *count)
{
    *count = (size_t) l->steps;
    for (size_t i = 0; i < *count; i++) {
        loss[i] = l->loss[i];
        norm[i] = l->norm[i];
    }
    l->steps = 0;
}

struct belay_snap_map {
    const struct belay_buf *buf;
    const void *map;
    void *ticket; // NULL: the map is ready
};
struct belay_snap { // a snapshot that is being made or read
    struct belay_snap_map *maps;  // of the slabs of each arena, then of the log
    size_t num_maps;
    struct belay_loss_log losses; // when it was taken
};

struct belay_engine {
    struct belay_log *log;
    struct belay_engine_params p;
    struct belay_device *dev;
    bool eval_only, stream;
    bool shared; // the features on the device are the training part's own memory

    struct belay_model_params model_params;
    struct belay_engine_param *params;
    size_t num_params, blocks;
    struct belay_engine_slab *slabs;
    size_t num_slabs;
    belay_value **grad_values; // by parameter; NULL: none
    int num_moments, state_index[BELAY_MAX_MOMENTS]; // of the optimizer
    int num_states;              // and the mean of the weights
    // States that are not as the parameters are (belay_optimizer.state_shape): num_params places each,
    // of count 0 where there is none. NULL: as the parameters.
    struct belay_engine_param *places[BELAY_MAX_MOMENTS];
    struct belay_update_slot *update_slots; // of an optimizer with `build`, by parameter
    size_t common_at, hyper_size; // bytes in the buffer `hyper`; BELAY_COMMON_WEIGHT comes first

    // data: where each part starts in the tables
    size_t first[BELAY_NUM_PARTS], rows[BELAY_NUM_PARTS], table_rows, features, targets, classes;
    belay_dtype x_dtype;
    float x_scale, x_shift;
    bool labels, weighted; // rows have classes; weights

    struct belay_side train, eval;
    struct belay_buf hyper, step_table, data_x, data_y, order, train_log, eval_log, counts,
        log_snapshot, loss_weights, data_w;
    struct belay_buf *activations; // slabs of both plans
    int num_activations;
    struct belay_snap snaps[BELAY_NUM_SNAPS];

    struct belay_ring_slot ring[RING];
    uint64_t turn;         // of the ring
    struct belay_loss_log losses;
    uint64_t open_steps;   // whose losses were not handed out
    int32_t *host_order;   // streaming: the order of the epoch
    int32_t *identity;
    float *log_copy;
    float *counts_copy;
    double *counts_sum;
    size_t num_counts, num_regression; // of all heads together
    struct belay_head_sums {
        double loss;
        float *scores;
        int32_t *truth;
        size_t room; // rows of both
    } head_sums[BELAY_MAX_HEADS];
    double *regression_sum;
    float *scores; // of a pass, on the host
    size_t scores_room;
};

// engine_arena.c
// Of the parameters in the arenas. Fails when one is larger than the device's largest buffer.
belay_status belay_engine_lay_out(struct belay_engine *e);
// Bytes, in its slab.
size_t belay_engine_offset(const struct belay_engine *e, int arena, size_t param);
belay_status belay_engine_make_arenas(struct belay_engine *e);
void belay_engine_drop_arenas(struct belay_engine *e);
// engine_snapshot.c
belay_status belay_engine_make_snaps(struct belay_engine *e);
void belay_engine_drop_snaps(struct belay_engine *e);
// engine_data.c
belay_status belay_engine_place_data(struct belay_engine *e);
belay_status belay_engine_upload_data(struct belay_engine *e);
// Streaming: gathers rows of a part into a ring slot and writes them to the table.
belay_status belay_engine_stream_rows(struct belay_engine *e, struct belay_ring_slot *slot,
                                      size_t first, size_t rows);
// engine_graph.c
belay_status belay_engine_build_graphs(struct belay_engine *e);
belay_status belay_engine_finish_graphs(struct belay_engine *e);
// Bytes of a slab of activations, for both plans; 0 behind the last.
size_t belay_engine_activation_size(const struct belay_engine *e, int slab);
// engine_memory.c: fails, before anything is asked for, when the device has not the memory; the
// message says what is needed, what there is, and the largest batch that fits.
belay_status belay_engine_check_memory(struct belay_engine *e);
belay_status belay_engine_make_programs(struct belay_engine *e);
// engine_run.c: takes what is unread from a copy of the training log.
void belay_engine_decode_log(struct belay_loss_log *l, const float *log, size_t width);
// The loss of the only output, s->output.
belay_status belay_engine_add_loss(struct belay_engine *e, struct belay_side *s, belay_value *target);
// engine_heads.c: models with several heads. The parts of a side's graph …
belay_status belay_engine_heads_model(struct belay_engine *e, struct belay_side *s, belay_value *x,
                                      belay_value *target, bool first);
// … and what evaluation logs: statistics of numbers, then the losses; counts and scores beside it.
belay_value *belay_engine_heads_row(struct belay_engine *e, struct belay_side *s);
belay_status belay_engine_heads_stats(struct belay_engine *e, struct belay_side *s);
// A pass: begins, takes a row of the log, takes the scores of a batch, ends.
belay_status belay_engine_heads_begin(struct belay_engine *e, enum belay_part part);
void belay_engine_heads_log(struct belay_engine *e, const float *row, double weight);
belay_status belay_engine_heads_scores(struct belay_engine *e, size_t at, size_t rows);
void belay_engine_heads_end(struct belay_engine *e, enum belay_part part, double weight,
                            struct belay_eval_sums *out);
void belay_engine_heads_free(struct belay_engine *e);
// The next ring slot, after waiting for what last read it.
belay_status belay_engine_next_slot(struct belay_engine *e, struct belay_ring_slot **out);

#endif
