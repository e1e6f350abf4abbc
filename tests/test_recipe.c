// Recipes: every key, what is refused and how it is said, overrides, the resolved text, lengths.
#include <math.h>
#include <string.h>

#include "harness.h"

#include "base/mem.h"
#include "base/str.h"
#include "train/recipe.h"

static belay_ctx *ctx;

static void open_ctx(void)
{
    ck_assert_int_eq(belay_ctx_create(NULL, &ctx), BELAY_OK);
}

static void close_ctx(void)
{
    belay_ctx_destroy(&ctx);
}

static belay_recipe *parse_with(const char *text, const char *const *overrides, size_t num)
{
    belay_recipe *r = NULL;
    ck_ok(ctx, belay_recipe_parse(ctx, text, "r.yaml", overrides, num, &r));
    return r;
}

static belay_recipe *parse(const char *text)
{
    return parse_with(text, NULL, 0);
}

// Refused, with exactly this message.
static void refused(const char *text, const char *message)
{
    belay_recipe *r = (belay_recipe *) 1;
    belay_status status = belay_recipe_parse(ctx, text, "r.yaml", NULL, 0, &r);
    ck_assert_msg(status == BELAY_ERR_RECIPE, "'%s' was %s", text, belay_status_name(status));
    ck_assert_ptr_null(r);
    ck_assert_str_eq(belay_ctx_error(ctx), message);
}

static const char full[] =
    "model:\n"
    "  input: [1, 28, 28]\n"
    "  layers:\n"
    "    - flatten\n"
    "    - linear: 256\n"
    "    - {linear: 10, name: head}\n"
    "data:\n"
    "  format: csv\n"
    "  root: /data\n"
    "  train: a.csv\n"
    "  test: [b.csv]\n"
    "  target: class\n"
    "  ignore: [id, \"2\"]\n"
    "  weight: w\n"
    "  header: yes\n"
    "  delimiter: \";\"\n"
    "  missing: mean\n"
    "  task: classification\n"
    "  normalize: {mean: 0.5, std: 2}\n"
    "  shuffle: false\n"
    "split: {validation: 0.25, seed: 7, stratify: false}\n"
    "loss: {name: cross_entropy, label_smoothing: 0.1}\n"
    "metrics: [accuracy, f1]\n"
    "optimizer:\n"
    "  name: adamw\n"
    "  lr: 0.002\n"
    "  clip_norm: 1.5\n"
    "  norm_type: inf\n"
    "  clip_value: 0.25\n"
    "  groups: [{match: '*.bias', weight_decay: 0}, {match: 'head.*', frozen: true}]\n"
    "schedule: {name: cosine, over: 3 epochs, warmup: 500 steps}\n"
    "train: {batch: 32, eval_batch: 100, epochs: 7, steps: 900, time: 2 minutes, seed: 3,\n"
    "        drop_last: true}\n"
    "check: {every: 50 steps}\n"
    "stop: {monitor: val.f1, patience: 2 epochs, min_delta: 0.01, min_delta_rel: 0.001,\n"
    "       warmup: 3, restore_best: false, nan: count, threshold: 0.99, diverged: 0.1}\n"
    "checkpoint: {every: 0.5 epochs, keep_last: 4, keep_best: 3}\n"
    "run: {dir: runs/x, if_exists: number}\n"
    "device: host\n"
    "init: w.safetensors\n";

static double option(const struct belay_option *options, const double *values, const char *name)
{
    for (int i = 0; i < BELAY_MAX_OPTIONS && options[i].name; i++)
        if (strcmp(options[i].name, name) == 0)
            return values[i];
    ck_abort_msg("no option %s", name);
    return 0;
}

static void check_data(const belay_recipe *r)
{
    ck_assert_str_eq(r->data.format, "csv");
    ck_assert_str_eq(r->data.root, "/data");
    ck_assert_uint_eq(r->data.num_train, 1);
    ck_assert_str_eq(r->data.train[0], "a.csv");
    ck_assert_str_eq(r->data.test[0], "b.csv");
    ck_assert_str_eq(r->data.target, "class");
    ck_assert_int_eq(r->data.header, 1);
    ck_assert_int_eq(r->data.delimiter, ';');
    ck_assert_str_eq(r->data.missing, "mean");
    ck_assert_int_eq(r->data.task, 1);
    ck_assert(r->data.has_normalize && r->data.mean == 0.5 && r->data.std == 2);
    ck_assert(r->data.standardize && !r->shuffle && r->has_data);
    ck_assert(r->data.validation == 0.25 && r->data.split_seed == 7 && !r->data.stratify);
}

static void check_training(const belay_recipe *r)
{
    ck_assert_str_eq(r->loss->name, "cross_entropy");
    ck_assert(option(r->loss->options, r->loss_options, "label_smoothing") == 0.1);
    ck_assert_int_eq(r->num_metrics, 2);
    ck_assert_str_eq(r->metrics[1]->name, "f1");
    ck_assert_str_eq(r->optimizer->name, "adamw");
    ck_assert(option(r->optimizer->options, r->optimizer_options, "lr") == 0.002);
    ck_assert(r->clip_norm == 1.5 && isinf(r->norm_type) && r->clip_value == 0.25);
    ck_assert_int_eq(r->num_groups, 3);
    ck_assert_str_eq(r->groups[0].match, "*.bias");
    ck_assert(option(r->optimizer->options, r->groups[0].options, "weight_decay") == 0);
    ck_assert(option(r->optimizer->options, r->groups[0].options, "lr") == 0.002);
    ck_assert(r->groups[1].frozen && !r->groups[2].frozen);
    ck_assert_str_eq(r->groups[2].match, "*");
    ck_assert_str_eq(r->schedule->name, "cosine");
    ck_assert(option(r->schedule->options, r->schedule_options, "over") == 3);
    ck_assert(r->schedule_units[0] == BELAY_UNIT_EPOCHS);
    ck_assert(r->warmup.value == 500 && r->warmup.unit == BELAY_UNIT_STEPS);
    ck_assert(r->batch == 32 && r->eval_batch == 100 && r->seed == 3 && r->drop_last);
    ck_assert(r->epochs.value == 7 && r->steps.value == 900 && r->time.value == 120);
}

static void check_stopping(const belay_recipe *r)
{
    ck_assert(r->check_every.value == 50 && r->check_every.unit == BELAY_UNIT_STEPS);
    ck_assert_str_eq(r->monitor, "val.f1");
    ck_assert(r->stop.maximize);
    ck_assert(r->stop.patience.value == 2 && r->stop.patience.unit == BELAY_UNIT_EPOCHS);
    ck_assert(r->stop.min_delta == 0.01 && r->stop.min_delta_rel == 0.001);
    ck_assert(r->stop.warmup.value == 3 && r->stop.warmup.unit == BELAY_UNIT_CHECKS);
    ck_assert(!r->restore_best && r->stop.nan == BELAY_NAN_COUNT);
    ck_assert(r->stop.threshold == 0.99 && r->stop.diverged == 0.1);
    ck_assert(r->checkpoint_every.value == 0.5 && r->checkpoint_every.unit == BELAY_UNIT_EPOCHS);
    ck_assert(r->keep_last == 4 && r->keep_best == 3);
    ck_assert_str_eq(r->run_dir, "runs/x");
    ck_assert(r->if_exists == BELAY_IF_NUMBER);
    ck_assert_str_eq(r->device, "host");
    ck_assert_str_eq(r->init, "w.safetensors");
}

START_TEST(every_key_reaches_its_field)
{
    belay_recipe *r = parse(full);
    ck_assert_ptr_nonnull(r->model);
    check_data(r);
    check_training(r);
    check_stopping(r);
    belay_recipe_destroy(&r);
    ck_assert_ptr_null(r);
}
END_TEST

START_TEST(an_empty_recipe_gets_the_defaults_of_the_table)
{
    belay_recipe *r = parse("{}");
    ck_assert(!r->model && !r->has_data && r->shuffle);
    ck_assert_str_eq(r->loss->name, "cross_entropy");
    ck_assert_int_eq(r->num_metrics, 1);
    ck_assert_str_eq(r->optimizer->name, "adam");
    ck_assert_str_eq(r->schedule->name, "constant");
    ck_assert(r->batch == 64 && r->eval_batch == 256 && r->epochs.value == 100);
    ck_assert(r->stop.patience.value == 10 && !r->stop.maximize && isnan(r->stop.threshold));
    ck_assert(r->checkpoint_every.value == 1 && r->keep_last == 2 && r->run_dir == NULL);
    belay_recipe_destroy(&r);
}
END_TEST

// The text of `r` parsed again must give the same text: nothing is lost or changed.
static void check_round_trip(const char *text)
{
    belay_recipe *r = parse(text);
    belay_recipe *again = parse(belay_recipe_text(r));
    ck_assert_str_eq(belay_recipe_text(r), belay_recipe_text(again));
    belay_recipe_destroy(&r);
    belay_recipe_destroy(&again);
}

START_TEST(the_resolved_text_reads_back_to_the_same_recipe)
{
    belay_recipe *r = parse(full);
    belay_recipe *again = parse(belay_recipe_text(r));
    check_data(again);
    check_training(again);
    check_stopping(again);
    ck_assert_str_eq(belay_recipe_text(r), belay_recipe_text(again));
    belay_recipe_destroy(&r);
    belay_recipe_destroy(&again);
    check_round_trip("{}");
    check_round_trip("stop: off\nloss: mse\ndata: {root: 'a: b # c', delimiter: tab}\n");
    check_round_trip("model:\n  layers:\n    - linear: {out: 3, bias: false}\n    - '10'\n");
    check_round_trip("model: {inputs: {a: [p, q], b: {array: z, shape: [2, 2]}}, layers: [{linear: 2, from: "
                     "a, as: h}]}\nheads: {h: {target: [u, 'v w'], loss: {name: huber, delta: 2}, "
                     "weight: 0.5, metrics: [mae]}}\nstop: {monitor: val.h.mae}\n");
    check_round_trip("schedule: {name: plateau, threshold_mode: abs, cooldown: 2}\n");
    check_round_trip("schedule: {name: sequential, parts: [{name: linear, over: 2 epochs}, cosine, "
                     "{name: step, step_size: 8, gamma: 0.5}], at: [2 epochs, 5 epochs]}\n");
    check_round_trip("schedule: {name: chained, parts: [linear, {name: exponential}], warmup: 3}\n");
}
END_TEST

START_TEST(every_key_of_the_table_is_in_the_resolved_text_or_unset)
{
    belay_recipe *r = parse(full);
    for (const struct belay_key *key = belay_recipe_keys; key->path; key++) {
        const char *dot = strrchr(key->path, '.');
        char word[64];
        snprintf(word, sizeof(word), "%s:", dot ? dot + 1 : key->path);
        if (strcmp(key->path, "data.features") != 0 && strcmp(key->path, "heads") != 0 &&
            strcmp(key->path, "model.inputs") != 0 &&
            strcmp(key->path, "checkpoint.on_save") != 0)
            ck_assert_msg(strstr(belay_recipe_text(r), word) != NULL, "%s", key->path);
        ck_assert_msg(key->help[0] && key->type[0], "%s has no help", key->path);
        ck_assert_msg(strlen(key->help) < 140 && !strchr(key->help, '\n'), "%s", key->path);
    }
    belay_recipe_destroy(&r);
}
END_TEST

START_TEST(unknown_keys_are_refused_with_line_and_suggestion)
{
    refused("# x\ntrian: {batch: 3}\n",
            "r.yaml:2: unknown key 'trian.batch', did you mean 'train.batch'?");
    refused("train:\n  batch: 3\n  epochz: 3\n",
            "r.yaml:3: unknown key 'train.epochz', did you mean 'train.epochs'?");
    refused("lr: 0.1\n", "r.yaml:1: unknown key 'lr', did you mean 'optimizer.lr'?");
    refused("patience: 3\n", "r.yaml:1: unknown key 'patience', did you mean 'stop.patience'?");
    refused("data: {normalize: {meen: 1}}\n",
            "r.yaml:1: unknown key 'data.normalize.meen', did you mean 'data.normalize.mean'?");
    refused("optimizer: {name: adam, beta_1: 0.1}\n",
            "r.yaml:1: unknown key 'optimizer.beta_1', did you mean 'optimizer.beta1'?");
    refused("model: {layer: [relu]}\n",
            "r.yaml:1: unknown key 'model.layer', did you mean 'model.layers'?");
    refused("qqqqqqqqqq: 1\n", "r.yaml:1: unknown key 'qqqqqqqqqq'; `belay config` lists all keys");
}
END_TEST

START_TEST(schedules_of_parts_that_do_not_fit_are_refused)
{
    static const char starts[] = "r.yaml:1: schedule.at: want where each part after the first "
                                 "begins, in order, in steps or epochs: [10 steps]";
    refused("schedule: {name: sequential, parts: [linear, cosine]}\n", starts);
    refused("schedule: {name: sequential, parts: [linear, cosine, step], at: [9, 3]}\n", starts);
    refused("schedule: {name: sequential, parts: [linear, cosine], at: [9, 30]}\n", starts);
    refused("schedule: {name: sequential, parts: [linear, cosine], at: [9 checks]}\n", starts);
    refused("schedule: {name: chained, parts: [plateau]}\n",
            "r.yaml:1: schedule.parts: plateau cannot be a part");
    refused("schedule: {name: chained, parts: [{name: chained}]}\n",
            "r.yaml:1: schedule.parts: chained cannot be a part");
    refused("schedule: {name: chained, parts: [{over: 3}]}\n",
            "r.yaml:1: schedule.parts: want {name: ..., options}");
    refused("schedule: {name: chained}\n",
            "r.yaml:1: schedule.parts: chained needs a list of schedules");
    refused("schedule: {name: chained, parts: linear}\n",
            "r.yaml:1: schedule.parts: want a list of schedules");
    refused("schedule: {name: cosine, parts: [linear]}\n",
            "r.yaml:1: schedule.parts: cosine has no parts");
    refused("schedule: {name: chained, parts: [{name: linear, ower: 3}]}\n",
            "r.yaml:1: unknown key 'schedule.parts.ower', did you mean 'schedule.parts.over'?");
    refused("schedule: {name: chained, parts: [{name: cyclic, cycle_momentum: true}]}\n",
            "r.yaml:1: schedule.parts: parts leave the momentum as it is; take cycle_momentum out");
    refused("optimizer: adagrad\nschedule: {name: cyclic, cycle_momentum: true}\n",
            "r.yaml:2: schedule.cycle_momentum: adagrad has neither momentum nor beta1");
    refused("optimizer: sgd\nschedule: {name: one_cycle, cycle_momentum: true}\n",
            "r.yaml:2: schedule.cycle_momentum: optimizer.momentum is 0; want a number above 0, "
            "which the schedule then moves");
    refused("schedule: {name: chained, parts: [linear], at: [3]}\n",
            "r.yaml:1: schedule.at: the parts of chained have no beginnings");
}
END_TEST

START_TEST(unknown_names_are_refused_with_a_suggestion)
{
    refused("\noptimizer: adm\n", "r.yaml:2: unknown optimizer 'adm', did you mean 'adam'?");
    refused("loss: cross_entrpy\n",
            "r.yaml:1: unknown loss 'cross_entrpy', did you mean 'cross_entropy'?");
    refused("schedule:\n  name: cosin\n", "r.yaml:2: unknown schedule 'cosin', did you mean "
            "'cosine'?");
    refused("data: {format: spiral}\n",
            "r.yaml:1: unknown data.format 'spiral', did you mean 'spirals'?");
    refused("metrics: [acuracy]\n", "r.yaml:1: unknown metric 'acuracy', did you mean 'accuracy'?");
}
END_TEST

START_TEST(wrong_types_are_refused_with_what_was_wanted)
{
    refused("optimiser: {name: adam}\n", "r.yaml:1: unknown key 'optimiser', did you mean 'optimizer'?");
    refused("train: {batch: many}\n", "r.yaml:1: train.batch: got 'many', want a whole number, 1 or more");
    refused("train:\n  batch: 1.5\n", "r.yaml:2: train.batch: got '1.5', want a whole number, 1 or more");
    refused("train: {batch: -3}\n", "r.yaml:1: train.batch: got '-3', want a whole number, 1 or more");
    refused("train: {batch: 0}\n",
            "r.yaml:1: train.batch: got '0', want a value from 1 to 2147483647");
    refused("train: {batch: '64'}\n",
            "r.yaml:1: train.batch: got the text '64', want a whole number, 1 or more");
    refused("train: {batch: [64]}\n", "r.yaml:1: train.batch: got a list, want a whole number, 1 or more");
    refused("train: {epochs: 3 steps}\n",
            "r.yaml:1: train.epochs: got '3 steps', want a length in epochs, or off");
    refused("check: {every: 0 steps}\n",
            "r.yaml:1: check.every: got '0 steps', want a length in steps, epochs or seconds");
    refused("train: {drop_last: 3}\n", "r.yaml:1: train.drop_last: got '3', want true or false");
    refused("split: {validation: 1.5}\n",
            "r.yaml:1: split.validation: got '1.5', want a value from 0 to 0.999999");
    refused("stop: {mode: up}\n", "r.yaml:1: stop.mode: got 'up', want auto|min|max");
    refused("train: 3\n", "r.yaml:1: train: want a map");
    refused("optimizer: {lr: fast}\n",
            "r.yaml:1: optimizer.lr: got 'fast', want a number that is not negative");
    refused("optimizer: [adam]\n",
            "r.yaml:1: optimizer: got a list, want a name or {name: ...}");
    refused("data: {delimiter: ab}\n",
            "r.yaml:1: data.delimiter: got 'ab', want one character, or tab");
}
END_TEST

START_TEST(keys_that_contradict_each_other_are_refused)
{
    refused("loss: mse\nmetrics: [accuracy]\n",
            "r.yaml:2: metric 'accuracy' is for classes, but the loss 'mse' is for numbers");
    refused("stop: {monitor: val.f1}\n",
            "r.yaml:1: stop.monitor: 'f1' is not among the metrics of this recipe: there are loss, accuracy; "
            "the key metrics adds more");
    refused("stop: {monitor: loss}\n",
            "r.yaml:1: stop.monitor: got 'loss', want train.loss, val.loss or val. and a metric");
}
END_TEST

START_TEST(the_direction_follows_the_metric_unless_said)
{
    belay_recipe *r = parse("stop: {monitor: val.accuracy}");
    ck_assert(r->stop.maximize);
    belay_recipe_destroy(&r);
    r = parse("stop: {monitor: val.accuracy, mode: min}");
    ck_assert(!r->stop.maximize);
    belay_recipe_destroy(&r);
    r = parse("stop: {mode: max}");
    ck_assert(r->stop.maximize);
    belay_recipe_destroy(&r);
}
END_TEST

START_TEST(stop_off_switches_patience_off)
{
    const char *const texts[] = { "stop: off", "stop: {patience: off}", "stop: {patience: -1}" };
    for (size_t i = 0; i < 3; i++) {
        belay_recipe *r = parse(texts[i]);
        ck_assert(r->stop.patience.value < 0);
        belay_recipe_destroy(&r);
        check_round_trip(texts[i]);
    }
}
END_TEST

START_TEST(overrides_change_keys_and_the_last_one_wins)
{
    const char *const overrides[] = { "train.epochs=6", "optimizer.lr=0.5",
                                      "checkpoint.every=50steps", "run.dir=runs/b",
                                      "train.epochs=8", "stop=off" };
    belay_recipe *r = parse_with("optimizer: sgd\ntrain: {batch: 3}\n", overrides, 6);
    ck_assert(r->epochs.value == 8 && r->batch == 3);
    ck_assert_str_eq(r->optimizer->name, "sgd");
    ck_assert(option(r->optimizer->options, r->optimizer_options, "lr") == 0.5);
    ck_assert(r->checkpoint_every.value == 50);
    ck_assert_str_eq(r->run_dir, "runs/b");
    ck_assert(r->stop.patience.value < 0);
    belay_recipe_destroy(&r);
}
END_TEST

START_TEST(a_wrong_override_is_named_by_its_text)
{
    const char *const unknown[] = { "train.epoch=6" }, *const type[] = { "train.batch=x" };
    belay_recipe *r;
    ck_assert_int_eq(belay_recipe_parse(ctx, "{}", "r.yaml", unknown, 1, &r), BELAY_ERR_RECIPE);
    ck_assert_str_eq(belay_ctx_error(ctx), "'train.epoch=6': unknown key 'train.epoch', did you "
                     "mean 'train.epochs'?");
    ck_assert_int_eq(belay_recipe_parse(ctx, "{}", "r.yaml", type, 1, &r), BELAY_ERR_RECIPE);
    ck_assert_str_eq(belay_ctx_error(ctx), "'train.batch=x': train.batch: got 'x', want a whole "
                     "number, 1 or more");
}
END_TEST

START_TEST(lengths_are_read_with_and_without_units)
{
    static const struct {
        const char *text;
        double value;
        enum belay_unit unit;
    } good[] = {
        { "7", 7, BELAY_UNIT_CHECKS },          { "500 steps", 500, BELAY_UNIT_STEPS },
        { "500steps", 500, BELAY_UNIT_STEPS },  { "1 epoch", 1, BELAY_UNIT_EPOCHS },
        { "0.5 epochs", 0.5, BELAY_UNIT_EPOCHS }, { "10minutes", 600, BELAY_UNIT_SECONDS },
        { "2 hours", 7200, BELAY_UNIT_SECONDS }, { "90 s", 90, BELAY_UNIT_SECONDS },
        { "1e3 steps", 1000, BELAY_UNIT_STEPS }, { "-1", -1, BELAY_UNIT_CHECKS },
    };
    static const char *const bad[] = { "", "steps", "5 stepz", "five", "1..2 steps", "5 steps 3" };
    struct belay_length l;
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        ck_assert_msg(belay_parse_length(good[i].text, BELAY_UNIT_CHECKS, &l), "%s", good[i].text);
        ck_assert_msg(l.value == good[i].value && l.unit == good[i].unit, "%s", good[i].text);
    }
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        ck_assert_msg(!belay_parse_length(bad[i], BELAY_UNIT_CHECKS, &l), "%s", bad[i]);
}
END_TEST

START_TEST(lengths_in_steps_are_rounded_and_at_least_one)
{
    const struct belay_length half = { 0.5, BELAY_UNIT_EPOCHS }, tiny = { 0.001, BELAY_UNIT_EPOCHS },
                              steps = { 7, BELAY_UNIT_STEPS }, time = { 7, BELAY_UNIT_SECONDS },
                              huge = { 1e300, BELAY_UNIT_EPOCHS };
    ck_assert_uint_eq(belay_length_steps(&half, 101), 51);
    ck_assert_uint_eq(belay_length_steps(&tiny, 100), 1);
    ck_assert_uint_eq(belay_length_steps(&steps, 100), 7);
    ck_assert_uint_eq(belay_length_steps(&time, 100), 0);
    ck_assert_uint_eq(belay_length_steps(&huge, 100), (uint64_t) 1 << 62);
}
END_TEST

START_TEST(the_config_list_has_every_key_and_names_with_options)
{
    belay_config_item item;
    size_t keys = 0, table = 0;
    bool adam = false, lr = false, environment = false;
    for (size_t i = 0; belay_config_item_at(i, &item); i++) {
        keys += strcmp(item.kind, "key") == 0;
        adam = adam || (strcmp(item.kind, "optimizer") == 0 && strcmp(item.name, "adam") == 0);
        lr = lr || (strcmp(item.kind, "option") == 0 && strcmp(item.name, "lr") == 0);
        environment = environment || strcmp(item.name, "BELAY_DEVICE") == 0;
    }
    while (belay_recipe_keys[table].path)
        table++;
    ck_assert_uint_eq(keys, table);
    ck_assert(adam && lr && environment);
}
END_TEST

START_TEST(short_memory_is_an_error_and_leaks_nothing)
{
    belay_recipe *r = NULL;
    belay_status status = BELAY_ERR_NOMEM;
    for (int64_t n = 0; status != BELAY_OK && n < 10000; n++) {
        belay_alloc_fail_at(n, false);
        status = belay_recipe_parse(ctx, full, "r.yaml", NULL, 0, &r);
        belay_alloc_fail_at(-1, false);
        ck_assert(status == BELAY_OK || (status == BELAY_ERR_NOMEM && !r));
    }
    ck_assert_int_eq(status, BELAY_OK);
    belay_recipe_destroy(&r);
}
END_TEST

static Suite *suite_recipe(void)
{
    Suite *s = suite_create("recipe");
    TCase *t = tcase_create("recipe");
    tcase_add_checked_fixture(t, open_ctx, close_ctx);
    tcase_add_test(t, every_key_reaches_its_field);
    tcase_add_test(t, an_empty_recipe_gets_the_defaults_of_the_table);
    tcase_add_test(t, the_resolved_text_reads_back_to_the_same_recipe);
    tcase_add_test(t, every_key_of_the_table_is_in_the_resolved_text_or_unset);
    tcase_add_test(t, unknown_keys_are_refused_with_line_and_suggestion);
    tcase_add_test(t, unknown_names_are_refused_with_a_suggestion);
    tcase_add_test(t, schedules_of_parts_that_do_not_fit_are_refused);
    tcase_add_test(t, wrong_types_are_refused_with_what_was_wanted);
    tcase_add_test(t, keys_that_contradict_each_other_are_refused);
    tcase_add_test(t, the_direction_follows_the_metric_unless_said);
    tcase_add_test(t, stop_off_switches_patience_off);
    tcase_add_test(t, overrides_change_keys_and_the_last_one_wins);
    tcase_add_test(t, a_wrong_override_is_named_by_its_text);
    tcase_add_test(t, lengths_are_read_with_and_without_units);
    tcase_add_test(t, lengths_in_steps_are_rounded_and_at_least_one);
    tcase_add_test(t, the_config_list_has_every_key_and_names_with_options);
    tcase_add_test(t, short_memory_is_an_error_and_leaks_nothing);
    suite_add_tcase(s, t);
    return s;
}

int main(void)
{
    return harness_main(suite_recipe, NULL);
}
