#include "train/recipe.h"

#include <math.h>

#define AT(field) .offset = offsetof(struct belay_recipe, field)
#define OWN .kind = BELAY_KEY_OWN
#define INT(field) .kind = BELAY_KEY_INT, AT(field)
#define I64(field) .kind = BELAY_KEY_I64, AT(field)
#define U64(field) .kind = BELAY_KEY_U64, AT(field)
#define SIZE(field) .kind = BELAY_KEY_SIZE, AT(field)
#define FLOAT(field) .kind = BELAY_KEY_FLOAT, AT(field)
#define BYTES(field) .kind = BELAY_KEY_BYTES, AT(field)
#define BOOL(field) .kind = BELAY_KEY_BOOL, AT(field)
#define TEXT(field) .kind = BELAY_KEY_TEXT, AT(field)
#define CHAR(field) .kind = BELAY_KEY_CHAR, AT(field)
#define WORD(field) .kind = BELAY_KEY_WORD, AT(field)
#define CHOICE(field) .kind = BELAY_KEY_CHOICE, AT(field)
#define FILES(field, num)                                                                          \
    .kind = BELAY_KEY_FILES, AT(field), .count_offset = offsetof(struct belay_recipe, num)
#define LENGTH(field, in) .kind = BELAY_KEY_LENGTH, AT(field), .units = (in), .high = HUGE_VAL
#define RANGE(a, b) .low = (a), .high = (b)
#define OFF(value) .can_off = true, .off = (value)
#define CHECKS (1u << BELAY_UNIT_CHECKS)
#define STEPS (1u << BELAY_UNIT_STEPS)
#define EPOCHS (1u << BELAY_UNIT_EPOCHS)
#define SECONDS (1u << BELAY_UNIT_SECONDS)
#define MOST 2147483647

const struct belay_key belay_recipe_keys[] = {
    { "model.input", "list", "", "shape of one row of input, without the batch: [1, 28, 28]", OWN },
    { "model.inputs", "map", "{}",
      "or several: {NAME: [columns of a CSV, lab_*], NAME: {array: of an npz, shape: [1, 8, 8]}}", OWN },
    { "model.layers", "list", "", "the layers in order: [flatten, {linear: 256}, relu, ...]", OWN },

    { "data.format", "text", "", "idx, csv, npy, npz or made data; else by the file's ending",
      TEXT(data.format) },
    { "data.root", "text", "", "folder before the names of files", TEXT(data.root) },
    { "data.train", "files", "", "idx: images and labels; csv: one file; npy: x, y (, weights); npz: one",
      FILES(data.train, data.num_train) },
    { "data.test", "files", "", "files as in data.train, tested once at the end",
      FILES(data.test, data.num_test) },
    { "data.target", "text", "", "csv: name or index of the target column; npz: its member (y)",
      TEXT(data.target) },
    { "data.weight", "text", "", "csv: name or index of the column with weights of rows; npz: its member",
      TEXT(data.weight) },
    { "data.features", "text", "", "npz: the member with the features (x)", TEXT(data.features) },
    { "data.ignore", "list", "", "csv: columns that are no features, by name or index: [id, date]",
      FILES(data.ignore, data.num_ignore) },
    { "data.header", "auto|yes|no", "auto", "csv: is the first row a header?",
      CHOICE(data.header) },
    { "data.delimiter", "text", ",", "csv: what separates cells, one character or tab",
      CHAR(data.delimiter) },
    { "data.missing", "mean|drop|error", "error",
      "csv: an empty cell becomes the column's mean, drops its row, or is an error",
      WORD(data.missing) },
    { "data.task", "auto|classification|regression", "auto", "what the target is",
      CHOICE(data.task) },
    { "data.normalize.mean", "float", "0", "subtracted from features (bytes are divided by 255)",
      FLOAT(data.mean) },
    { "data.normalize.std", "float", "1", "then divides them", FLOAT(data.std),
      RANGE(1e-30, HUGE_VAL) },
    { "data.standardize", "auto|yes|no", "auto",
      "features to mean 0 and deviation 1, as the training part has them; auto: for csv",
      CHOICE(standardize) },
    { "data.shuffle", "bool", "true", "a new order of the training rows in each epoch",
      BOOL(shuffle) },
    { "data.sampling", "all|balanced", "all",
      "balanced: rows drawn with replacement, so that every class comes equally often",
      CHOICE(sampling) },
    { "data.count", "int", "2000", "made data: rows", SIZE(data.count), RANGE(1, MOST) },
    { "data.classes", "int", "2", "made data: classes", SIZE(data.classes), RANGE(2, 1000) },
    { "data.noise", "float", "0.05", "made data: standard deviation of the noise",
      FLOAT(data.noise), RANGE(0, HUGE_VAL) },
    { "data.seed", "int", "0", "made data: seed", U64(data.seed) },

    { "split.validation", "float", "0.1", "share of the training data kept for validation",
      FLOAT(data.validation), RANGE(0, 0.999999) },
    { "split.seed", "int", "0", "seed of the split", U64(data.split_seed) },
    { "split.stratify", "bool", "true", "the same share of every class", BOOL(data.stratify) },

    { "split.test", "float", "0", "share of the training data held out as test data, before the split",
      FLOAT(data.hold_out), RANGE(0, 0.999999) },
    { "split.folds", "int", "0", "or one of so many folds of it; `belay sweep` uses all of them in turn",
      SIZE(data.folds), RANGE(0, MOST) },
    { "split.fold", "int", "0", "which fold, counted from 0", SIZE(data.fold), RANGE(0, MOST) },
    { "split.test_seed", "int", "0", "seed of both", U64(data.test_seed) },

    { "sweep", "map", "{}", "what `belay sweep` varies: {stop.patience: {choices: [3, 5, 10]}}", OWN },

    { "loss", "map", "cross_entropy", "name, or {name: ..., options}", OWN },
    { "heads", "map", "{}",
      "several outputs: {NAME: {from: VALUE, target: COLUMN, loss: ..., weight: 1, metrics: [...]}}", OWN },
    { "metrics", "list", "[accuracy]", "measured at every check; [] for a regression", OWN },
    { "optimizer", "map", "adam", "name, or {name: ..., lr: ..., options}", OWN },
    { "optimizer.clip_norm", "float", "off", "gradients are scaled down to this norm",
      FLOAT(clip_norm), RANGE(0, HUGE_VAL), OFF(0) },
    { "optimizer.norm_type", "float", "2", "which norm: 2, 1, another number above 0, or inf",
      FLOAT(norm_type), RANGE(1e-3, HUGE_VAL) },
    { "optimizer.clip_value", "float", "off",
      "each element of the gradients is brought into plus or minus this",
      FLOAT(clip_value), RANGE(0, HUGE_VAL), OFF(0) },
    { "optimizer.groups", "list", "[]",
      "other options by parameter name, first match counts: [{match: '*.bias', weight_decay: 0}]; "
      "frozen: true trains it not at all",
      OWN },
    { "schedule", "map", "constant", "of the learning rate: name, or {name: ..., options}", OWN },
    { "schedule.parts", "list", "[]",
      "of sequential and chained: [{name: linear, over: 10 steps}, {name: cosine}]", OWN },
    { "schedule.at", "list", "[]", "of sequential: where each part after the first begins: [10 steps]",
      OWN },
    { "schedule.warmup", "length", "0 steps", "the rate rises linearly before any schedule",
      LENGTH(warmup, STEPS | EPOCHS), OFF(0) },

    { "train.batch", "int", "64", "rows at once", I64(batch), RANGE(1, MOST) },
    { "train.accumulate", "int", "1", "batches of one optimizer step: as one of so many rows",
      I64(accumulate), RANGE(1, 65536) },
    { "train.ema", "float", "off",
      "decay of a mean of the weights over steps (0.999), which is checked, kept and tested",
      FLOAT(ema), RANGE(0, 0.9999999), OFF(0) },
    { "train.eval_batch", "int", "0", "rows at once in checks; 0: train.batch, at least 256",
      I64(eval_batch), RANGE(0, MOST) },
    { "train.epochs", "length", "100 epochs", "most epochs", LENGTH(epochs, EPOCHS), OFF(0) },
    { "train.steps", "length", "off", "most optimizer steps", LENGTH(steps, STEPS), OFF(0) },
    { "train.time", "length", "off", "most time: 90 seconds, 10 minutes (not repeatable)",
      LENGTH(time, SECONDS), OFF(0) },
    { "train.seed", "int", "0", "seed of initial weights, order and dropout", U64(seed) },
    { "train.drop_last", "bool", "false", "leave out the last batch of an epoch if it is smaller",
      BOOL(drop_last) },

    { "check.every", "length", "1 epoch", "how often the validation data is measured",
      LENGTH(check_every, EPOCHS | STEPS | SECONDS) },

    { "stop.monitor", "text", "val.loss", "what decides: val.loss, train.loss, val.accuracy, ...",
      TEXT(monitor) },
    { "stop.mode", "auto|min|max", "auto", "which direction of it is better", CHOICE(stop_mode) },
    { "stop.rule", "text", "patience",
      "patience, gl:2, pq:0.75, up:3, window:5, stall:10, misses:20 or inc_to_dec:0.01", TEXT(rule) },
    { "stop.patience", "length", "10 checks", "of the rule patience: so long without improvement",
      LENGTH(stop.patience, CHECKS | STEPS | EPOCHS | SECONDS), OFF(-1) },
    { "stop.min_delta", "float", "0", "a gain must be above this to count for patience",
      FLOAT(stop.min_delta), RANGE(0, HUGE_VAL) },
    { "stop.min_delta_rel", "float", "0", "the same as a share of the best value, added",
      FLOAT(stop.min_delta_rel), RANGE(0, HUGE_VAL) },
    { "stop.baseline", "float", "off", "nothing is an improvement before the value is better than this",
      FLOAT(stop.baseline), OFF(NAN) },
    { "stop.smooth", "text", "off",
      "what rules and thresholds see: off, ema:0.3, sma:5 or median:5; the best is never smoothed",
      TEXT(smooth) },
    { "stop.warmup", "length", "0 checks", "checks in it do not count for patience",
      LENGTH(stop.warmup, CHECKS | STEPS | EPOCHS | SECONDS), OFF(0) },
    { "stop.cooldown", "length", "0 checks", "the same after each drop of the learning rate",
      LENGTH(stop.cooldown, CHECKS | STEPS | EPOCHS | SECONDS), OFF(0) },
    { "stop.not_before", "length", "0 checks", "no rule or threshold stops the run before",
      LENGTH(stop.not_before, CHECKS | STEPS | EPOCHS | SECONDS), OFF(0) },
    { "stop.restore_best", "bool", "true", "end with the best weights, not the last",
      BOOL(restore_best) },
    { "stop.nan", "stop|count|ignore|rollback", "stop",
      "a value that is no number stops, counts as no improvement, is ignored, or goes back to the best",
      CHOICE(stop.nan) },
    { "stop.rollbacks", "int", "3", "rollbacks at most, then the run stops", INT(stop.rollbacks),
      RANGE(1, 1000) },
    { "stop.rollback_lr", "float", "0.5", "each rollback multiplies the learning rate by this",
      FLOAT(rollback_lr), RANGE(1e-45, 1) },
    { "stop.threshold", "float", "off", "stop when the value is as good as this",
      FLOAT(stop.threshold), OFF(NAN) },
    { "stop.diverged", "float", "off", "stop when the value is worse than this",
      FLOAT(stop.diverged), OFF(NAN) },

    { "stop.also", "list", "[]", "more monitors: [{monitor: val.accuracy, patience: 8}, {rule: gl:5}]",
      OWN },
    { "stop.join", "text", "any", "which of them must want to stop: any, all, first, or how many",
      TEXT(join) },

    { "checkpoint.every", "length", "1 epoch", "how often all that a resume needs is saved",
      LENGTH(checkpoint_every, EPOCHS | STEPS | SECONDS), OFF(0) },
    { "checkpoint.also_every", "length", "off", "the same in another unit, beside it: 10 minutes",
      LENGTH(save_also_every, EPOCHS | STEPS | SECONDS), OFF(0) },
    { "checkpoint.on_improvement", "bool", "true", "save one at each best, too",
      BOOL(save_improved) },
    { "checkpoint.on_signal", "bool", "true", "save one when the run is asked to stop",
      BOOL(save_signal) },
    { "checkpoint.at_end", "bool", "true", "save one when the run ends", BOOL(save_end) },
    { "checkpoint.on_error", "bool", "true",
      "save the last whole step when the run ends by an error that is not the device's",
      BOOL(save_error) },
    { "checkpoint.async", "bool", "true", "write while training goes on", BOOL(save_async) },
    { "checkpoint.retries", "int", "3",
      "how many saves in a row may fail (a full disk) before the run does", INT(save_retries),
      RANGE(0, 1000000) },
    { "checkpoint.on_save", "files", "",
      "command that `belay` runs with the path of each checkpoint that has become durable",
      FILES(on_save, num_on_save) },
    { "checkpoint.keep_last", "int", "2", "newest checkpoints kept", INT(keep_last),
      RANGE(1, 1000000) },
    { "checkpoint.keep_best", "int", "1", "checkpoints and weights kept of the best checks",
      INT(keep_best), RANGE(1, 1000000) },
    { "checkpoint.keep_every", "length", "off",
      "those of these steps or epochs stay, unless keep_bytes is too little",
      LENGTH(keep_every, EPOCHS | STEPS), OFF(0) },
    { "checkpoint.keep_bytes", "bytes", "off",
      "most bytes of all checkpoints together, the oldest go: 500 MB, 2 GiB", BYTES(keep_bytes),
      OFF(0) },

    { "checkpoint.best", "list", "[]",
      "bests kept beside stop.monitor's: [val.accuracy] gives best-val.accuracy.safetensors", OWN },

    { "run.dir", "text", "", "folder of the run; else numbered under runs/", TEXT(run_dir) },
    { "run.if_exists", "fail|resume|number", "fail",
      "when run.dir is there: an error, go on with it, or take the next free number",
      CHOICE(if_exists) },
    { "run.tensorboard", "bool", "false",
      "write TensorBoard's event files to tensorboard/ in the run folder", BOOL(tensorboard) },
    { "device", "text", "", "as BELAY_DEVICE: host, opencl, opencl:gpu, opencl:0:1, a name",
      TEXT(device) },
    { "init", "text", "", "file with weights to start from: .safetensors, .pth, .npz, shards", TEXT(init) },
    { 0 },
};
