// A parsed recipe: every key checked and typed. One table (belay_recipe_keys) drives the parser,
// `belay config`, the resolved file and the documentation.
#ifndef BELAY_TRAIN_RECIPE_H
#define BELAY_TRAIN_RECIPE_H

#include <belay/recipe.h>

#include "data/data.h"
#include "format/yaml.h"
#include "train/loss.h"
#include "train/metric.h"
#include "train/monitor.h"
#include "train/optimizer.h"
#include "train/schedule.h"

struct belay_str;

#define BELAY_MAX_GROUPS 8
#define BELAY_MAX_METRICS 48

enum belay_if_exists { BELAY_IF_FAIL, BELAY_IF_RESUME, BELAY_IF_NUMBER };

// What a key's value is stored as, and by which function it is read and written.
enum belay_key_kind {
    BELAY_KEY_OWN,    // read by hand: model, loss, metrics, optimizer, schedule
    BELAY_KEY_INT,    // int
    BELAY_KEY_I64,    // int64_t
    BELAY_KEY_U64,    // uint64_t
    BELAY_KEY_SIZE,   // size_t
    BELAY_KEY_FLOAT,  // double
    BELAY_KEY_BOOL,   // bool
    BELAY_KEY_TEXT,   // const char *, NULL when not given
    BELAY_KEY_CHAR,   // char
    BELAY_KEY_WORD,   // const char *, one of the choices of `type`
    BELAY_KEY_CHOICE, // int, index into the choices of `type`
    BELAY_KEY_LENGTH, // struct belay_length
    BELAY_KEY_BYTES,  // uint64_t: "500 MB", "2 GiB"
    BELAY_KEY_FILES,  // const char *const *, and size_t at `count_offset`
};
struct belay_key {
    const char *path;     // "train.batch"
    const char *type;     // "int", "float", "bool", "text", "length", "files", "map", "list",
                          // or "a|b|c" for a choice
    const char *fallback; // as it would be written; "" for none
    const char *help;     // one line
    enum belay_key_kind kind;
    size_t offset;        // in struct belay_recipe
    size_t count_offset;
    double low, high;     // range of numbers and lengths, inclusive; both 0: none
    unsigned units;       // of a length: bits 1 << enum belay_unit; the lowest one is the unit of
                          // a bare number
    bool can_off;         // "off" is a value: stored as `off`
    double off;
};
extern const struct belay_key belay_recipe_keys[]; // ends with a NULL path

struct belay_group_rule { // optimizer.groups: parameters whose name fits the pattern
    const char *match;    // glob; the first that fits counts
    double options[BELAY_MAX_OPTIONS];
    bool frozen;          // lr 0 without state
};

struct belay_watch { // one more monitor
    const char *metric;
    struct belay_monitor_params stop;
};
struct belay_best_of { // one more best that is kept
    const char *metric;
    bool maximize;
};
#define BELAY_MAX_BEST_OF 4

// One of several outputs of the model: what it learns, by which loss, with which share of the whole.
struct belay_head {
    const char *name, *from; // from: a value of the model
    const struct belay_loss *loss;
    double loss_options[BELAY_MAX_OPTIONS];
    double weight;
    const struct belay_yaml *target; // as written
    const char **targets;            // owned by the recipe's arena
    size_t num_targets;
};

struct belay_recipe {
    struct belay_log *log;
    struct belay_yaml_doc doc;
    char *text;        // resolved, YAML
    char *source;      // as given
    char *name;        // file name or what stands for it

    const struct belay_yaml *model, *sweep;
    struct belay_dataset_params data; // split included
    bool shuffle;
    int sampling;      // 0 all rows, 1 balanced
    int standardize;   // 0 automatic (csv), 1 yes, 2 no; data.standardize is what came of it
    bool has_data;     // the recipe says where data comes from

    const struct belay_loss *loss;
    double loss_options[BELAY_MAX_OPTIONS];
    const struct belay_yaml *loss_weights; // of its option of the type "weights", NULL: none
    // With heads `loss` is belay_loss_heads, which stands for their weighted sum, and the metrics are
    // those of all heads, HEAD.loss too.
    const struct belay_metric *metrics[BELAY_MAX_METRICS];
    const char *metric_names[BELAY_MAX_METRICS]; // "accuracy", "HEAD.accuracy"
    int metric_heads[BELAY_MAX_METRICS];
    int num_metrics;
    const struct belay_yaml *head_map; // NULL: none
    struct belay_head heads[BELAY_MAX_HEADS];
    size_t num_heads;

    const struct belay_optimizer *optimizer;
    double optimizer_options[BELAY_MAX_OPTIONS];
    // The recipe's rules, then one with match "*" and the optimizer's own options: every parameter
    // fits one of the first num_groups (>= 1).
    struct belay_group_rule groups[BELAY_MAX_GROUPS];
    int num_groups;
    double clip_norm, clip_value; // 0: none
    double norm_type;             // of clip_norm: HUGE_VAL is the largest element

    const struct belay_schedule *schedule;
    double schedule_options[BELAY_MAX_OPTIONS];       // lengths still in their own unit:
    enum belay_unit schedule_units[BELAY_MAX_OPTIONS];
    struct belay_length warmup;
    // Of a schedule that joins others; lengths in their own unit.
    struct belay_schedule_parts parts;
    enum belay_unit part_units[BELAY_MAX_PARTS][BELAY_MAX_OPTIONS];
    struct belay_length part_at[BELAY_MAX_PARTS]; // of the second on

    int64_t batch, eval_batch, accumulate; // accumulate: batches of one step
    double ema; // decay of the mean of the weights; 0: none
    struct belay_length epochs, steps, time; // limits; value 0: none
    uint64_t seed;
    bool drop_last;

    struct belay_length check_every;
    const char *monitor; // "val.loss", "val.accuracy", "train.loss"
    int stop_mode;     // 0 automatic, 1 min, 2 max; stop.maximize is what came of it
    struct belay_monitor_params stop;
    const char *rule, *smooth, *join; // as written: stop.rule, stop.smooth, stop.join
    double rollback_lr;  // factor of the rate at each rollback
    const struct belay_yaml *also, *bests; // stop.also and checkpoint.best, NULL: not given
    struct belay_watch watches[BELAY_MAX_MONITORS - 1]; // of stop.also
    int num_watches;
    struct belay_join joined;
    struct belay_best_of best_of[BELAY_MAX_BEST_OF]; // of checkpoint.best, without stop.monitor
    int num_best_of;
    bool restore_best;
    struct belay_length checkpoint_every; // value 0: only at the end and on signals
    struct belay_length save_also_every;  // the same, beside it
    int keep_last, keep_best;
    struct belay_length keep_every;       // steps of which the checkpoint is kept for ever
    uint64_t keep_bytes;                  // 0: no limit
    bool save_async, save_improved, save_signal, save_end, save_error;
    const char *const *on_save;           // command with arguments
    size_t num_on_save;
    int save_retries;                     // errors in a row that a run survives

    const char *run_dir; // NULL: numbered under runs/
    bool tensorboard;
    enum belay_if_exists if_exists;
    const char *device; // NULL: not said
    const char *init;   // weights to start from, or NULL
};

// The loss of a recipe with heads, by this name in model files; and the metric HEAD.loss.
extern const struct belay_loss belay_loss_heads;
extern const struct belay_metric belay_metric_head_loss;
// The place of a metric by its name in this recipe ("accuracy", "HEAD.accuracy"); -1: none.
int belay_recipe_metric(const struct belay_recipe *r, const char *name);

// "500 steps", "2 epochs", "10minutes", "0.5 epochs"; a bare number counts `unit`.
bool belay_parse_length(const char *text, enum belay_unit unit, struct belay_length *out);
// "1 epoch", "500 steps", "90 seconds"; reads back to the same.
void belay_str_add_length(struct belay_str *s, const struct belay_length *l);
// The same in steps, rounded to the nearest, at least 1. Checks and seconds give 0.
uint64_t belay_length_steps(const struct belay_length *l, uint64_t steps_per_epoch);

#endif
