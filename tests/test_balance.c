// Imbalance: weights of classes and rows in the losses, balanced sampling. The figures that losses
// and weights are compared with were computed with PyTorch 2.15 and scikit-learn 1.9 in double.
#include "harness.h"

#include <belay/belay.h>
#include <math.h>
#include <string.h>

#include "base/mem.h"
#include "device/context.h"
#include "scratch.h"
#include "train/recipe_inner.h"
#include "train/weights.h"

static belay_ctx *ctx, *host; // the device under test; the losses are made of ops tested elsewhere
static struct belay_log test_log = { .fn = NULL };

// ---- losses ----

enum { ROWS = 5, CLASSES = 3 };
static const float out5[ROWS * CLASSES] = { 0.5f, -1, 0.25f, 2, 0, -0.5f, -1.5f, 0.75f,
                                            1, 0, 0, 0, 1, -2, 3 };
static const int32_t labels5[ROWS] = { 0, 2, 1, 1, 2 };
static const float targets5[ROWS * CLASSES] = { 1, 0, 0, 0, 1, 1, 1, 1, 0, 0, 0, 0, 1, 0, 1 };
static const float class_weights[CLASSES] = { 0.5f, 4, 1.25f };
static const float pos_weights[CLASSES] = { 0.5f, 3, 2 };
static const float row_weights[ROWS] = { 1, 2, 0, 0.5f, 3 };

// What the loss wants as its output: logits, probabilities or log probabilities.
static void make_output(const char *loss, float *out)
{
    bool logs = strcmp(loss, "nll") == 0 || strcmp(loss, "kl_div") == 0;
    for (int r = 0; r < ROWS; r++) {
        const float *x = out5 + r * CLASSES;
        double sum = exp((double) x[0]) + exp((double) x[1]) + exp((double) x[2]);
        for (int c = 0; c < CLASSES; c++)
            out[r * CLASSES + c] = strcmp(loss, "bce") == 0
                                       ? (float) (1 / (1 + exp(-(double) x[c])))
                                       : logs ? (float) ((double) x[c] - log(sum)) : x[c];
    }
}

static void make_target(const char *loss, float *out)
{
    bool signs = strcmp(loss, "hinge") == 0 || strcmp(loss, "soft_margin") == 0;
    for (int r = 0; r < ROWS; r++) {
        const float *y = targets5 + r * CLASSES;
        double sum = exp((double) y[0]) + exp((double) y[1]) + exp((double) y[2]);
        for (int c = 0; c < CLASSES; c++)
            out[r * CLASSES + c] = signs ? 2 * y[c] - 1
                                   : strcmp(loss, "kl_div") == 0
                                       ? (float) (exp((double) y[c]) / sum) : y[c];
    }
}

// The loss of the five rows and, if wanted, its gradient by the output.
static double weighted_loss(belay_ctx *on, const char *name, double option, bool parts, bool rows,
                            float *gradient)
{
    const int64_t wide[2] = { ROWS, CLASSES };
    const struct belay_loss *loss = belay_loss_find(name);
    const double options[BELAY_MAX_OPTIONS] = { option };
    struct belay_loss_weights w = { 0 };
    belay_graph *g;
    belay_session *session;
    belay_value *total, *outputs[2] = { 0 };
    float x[ROWS * CLASSES], y[ROWS * CLASSES], value = 0;
    ck_ok(on, belay_graph_create(on, true, &g));
    belay_value *output = belay_param(g, "output", 2, wide);
    belay_value *target = loss->classes ? belay_input(g, "labels", BELAY_I32, 1, wide, false)
                                        : belay_input(g, "targets", BELAY_F32, 2, wide, false);
    w.parts = parts ? belay_input(g, "parts", BELAY_F32, 1, wide + 1, false) : NULL;
    w.rows = rows ? belay_input(g, "weights", BELAY_F32, 1, wide, false) : NULL;
    outputs[0] = belay_loss_build(g, loss, output, target, options, &w, &total);
    ck_ok(on, belay_graph_check(g));
    ck_ok(on, belay_gradients(g, outputs[0], 1, &output, &outputs[1]));
    ck_ok(on, belay_session_create(on, g, 2, outputs, &session));
    make_output(name, x);
    make_target(name, y);
    ck_ok(on, belay_session_set(session, output, x, ROWS));
    ck_ok(on, belay_session_set(session, target, loss->classes ? (const void *) labels5 : y, ROWS));
    if (parts)
        ck_ok(on, belay_session_set(session, w.parts, loss->classes ? class_weights : pos_weights,
                                     CLASSES));
    if (rows)
        ck_ok(on, belay_session_set(session, w.rows, row_weights, ROWS));
    ck_ok(on, belay_session_run(session, ROWS));
    ck_ok(on, belay_session_get(session, outputs[0], &value, 1, NULL));
    if (gradient)
        ck_ok(on, belay_session_get(session, outputs[1], gradient, ROWS * CLASSES, NULL));
    belay_session_destroy(&session);
    belay_graph_destroy(&g);
    return (double) value;
}

static const struct {
    const char *loss;
    double option;
    bool parts, rows;
    double want;
} losses[] = {
    { "cross_entropy", 0, true, false, 1.069335437774057 },
    { "cross_entropy", 0, false, true, 1.0823726501166044 },
    { "cross_entropy", 0, true, true, 1.1182040616359574 },
    { "cross_entropy", 0.1, true, false, 1.1334982556302924 },
    { "cross_entropy", 0.1, false, true, 1.1682700860140405 },
    { "cross_entropy", 0.1, true, true, 1.3997786185127736 },
    { "nll", 0, true, false, 1.069335437774057 },
    { "nll", 0, false, true, 1.0823726501166044 },
    { "nll", 0, true, true, 1.1182040616359574 },
    { "bce_with_logits", 0, true, false, 0.8877013043369232 },
    { "bce_with_logits", 0, false, true, 0.600391505866049 },
    { "bce_with_logits", 0, true, true, 0.8137029787867581 },
    { "bce", 0, true, false, 0.887701304336923 },
    { "bce", 0, false, true, 0.600391505866049 },
    { "bce", 0, true, true, 0.8137029787867581 },
    { "mse", 0, false, true, 2.0416666666666665 },
    { "l1", 0, false, true, 1.1666666666666665 },
    { "huber", 1, false, true, 0.8028846153846154 },
    { "smooth_l1", 1, false, true, 0.8028846153846154 },
    { "soft_margin", 0, false, true, 0.600391505866049 },
    { "hinge", 0, false, true, 0.7307692307692307 },
    { "multi_margin", 1, false, true, 0.6025641025641026 },
    { "kl_div", 0, false, true, 0.6861719948521086 },
};

START_TEST(weighted_losses_are_those_of_pytorch)
{
    for (size_t i = 0; i < sizeof(losses) / sizeof(losses[0]); i++) {
        double got = weighted_loss(host, losses[i].loss, losses[i].option, losses[i].parts,
                                   losses[i].rows, NULL);
        ck_assert_msg(fabs(got - losses[i].want) <= 2e-6 * losses[i].want,
                      "%s%s%s: %.9g, want %.9g", losses[i].loss, losses[i].parts ? " parts" : "",
                      losses[i].rows ? " rows" : "", got, losses[i].want);
    }
    for (size_t i = 0; belay_losses[i]; i++) // a new one is compared too
        ck_assert_msg(belay_losses[i]->weighted, "%s", belay_losses[i]->name);
}
END_TEST

START_TEST(the_gradient_of_a_weighted_loss_is_that_of_pytorch)
{
    static const double want[ROWS * CLASSES] = {
        -0.028598987, 0.006368998, 0.022229989, 0.234688291, 0.031761606, -0.266449898, 0, 0, 0,
        0.076190476, -0.152380952, 0.076190476, 0.050785566, 0.002528464, -0.053314031,
    };
    float got[ROWS * CLASSES];
    (void) weighted_loss(ctx, "cross_entropy", 0, true, true, got);
    for (int i = 0; i < ROWS * CLASSES; i++)
        ck_assert_msg(fabs((double) got[i] - want[i]) < 1e-7, "%d: %g, want %g", i, (double) got[i],
                      want[i]);
}
END_TEST

// ---- weights out of a recipe ----

static const char model_text[] = "model: {input: [2], layers: [{linear: 2}]}\n";

static belay_status parse(const char *rest, belay_recipe **r)
{
    char text[600];
    snprintf(text, sizeof(text), "%s%s", model_text, rest);
    return belay_recipe_parse(ctx, text, "recipe", NULL, 0, r);
}

// 190 rows of class 0, 8 of class 1, 2 of class 2.
static struct belay_dataset skewed_labels(int32_t labels[200])
{
    for (int i = 0; i < 200; i++)
        labels[i] = i % 25 == 3 ? 1 : i % 100 == 50 ? 2 : 0;
    return (struct belay_dataset){ .rows = 200, .labels = labels, .classes = 3, .targets = 1 };
}

static char *class_names[] = { "none", "some", "many" };
static const struct belay_preprocess names = { .classes = class_names, .num_classes = 3 };

static belay_status weights_of(const char *loss, const struct belay_dataset *d, float **w,
                               size_t *n)
{
    char text[300];
    belay_recipe *r;
    snprintf(text, sizeof(text), "metrics: []\nloss: %s\n", loss);
    ck_ok(ctx, parse(text, &r));
    belay_status status = belay_loss_weights_make(r, d, &names, w, n);
    belay_recipe_destroy(&r);
    return status;
}

static void check_weights(const char *loss, const struct belay_dataset *d, const double *want,
                          size_t count)
{
    float *w;
    size_t n;
    ck_ok(ctx, weights_of(loss, d, &w, &n));
    ck_assert_uint_eq(n, count);
    for (size_t i = 0; i < n; i++)
        ck_assert_msg(fabs((double) w[i] - want[i]) < 1e-6 * want[i], "%s: %zu: %g, want %g", loss,
                      i, (double) w[i], want[i]);
    belay_free(w);
}

START_TEST(balanced_weights_are_those_of_scikit_learn)
{
    static const double want[] = { 0.35087719298245612, 8.3333333333333339, 33.333333333333336 };
    static const double list[] = { 1, 2.5, 4 }, map[] = { 1, 2.5, 1 };
    int32_t labels[200];
    struct belay_dataset d = skewed_labels(labels);
    check_weights("{name: cross_entropy, class_weights: balanced}", &d, want, 3);
    check_weights("{name: nll, class_weights: balanced}", &d, want, 3);
    check_weights("{name: nll, class_weights: [1, 2.5, 4]}", &d, list, 3);
    check_weights("{name: cross_entropy, class_weights: {some: 2.5}}", &d, map, 3);
}
END_TEST

START_TEST(balanced_weights_of_positives_are_negatives_over_positives)
{
    static const double want[] = { 4, 1.0 / 9 }, same[] = { 3, 3 }, list[] = { 3, 0.5 };
    float y[20] = { 0 };
    struct belay_dataset d = { .rows = 10, .y = y, .targets = 2 };
    for (int i = 0; i < 10; i++) {
        y[2 * i] = i % 5 == 0;
        y[2 * i + 1] = i != 4;
    }
    check_weights("{name: bce_with_logits, pos_weight: balanced}", &d, want, 2);
    check_weights("{name: bce, pos_weight: balanced}", &d, want, 2);
    check_weights("{name: bce, pos_weight: 3}", &d, same, 2);
    check_weights("{name: bce, pos_weight: [3, 0.5]}", &d, list, 2);
}
END_TEST

START_TEST(weights_that_cannot_be_are_refused_with_their_place)
{
    static const struct {
        const char *loss, *want;
    } bad[] = {
        { "{name: mse, class_weights: balanced}",
          "mse takes none; class_weights are for cross_entropy" },
        { "{name: multi_margin, class_weights: [1, 2]}", "multi_margin takes none" },
        { "{name: bce, class_weights: balanced}", "bce has targets, not classes; give pos_weight" },
        { "{name: nll, pos_weight: 2}", "nll has classes; give class_weights" },
        { "{name: nll, class_weights: 2}", "want balanced, a list" },
        { "{name: nll, class_weights: balance}", "got 'balance', want balanced" },
        { "{name: nll, class_weights: [1, 0]}", "want numbers above 0" },
        { "{name: nll, class_weights: []}", "it is empty" },
        { "{name: bce, pos_weight: {a: 1}}", "got a map" },
        { "{name: bce, pos_weight: -1}", "want numbers above 0" },
    };
    belay_recipe *r;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        char text[300];
        snprintf(text, sizeof(text), "metrics: []\nloss: %s\n", bad[i].loss);
        ck_assert_int_eq(parse(text, &r), BELAY_ERR_RECIPE);
        ck_assert_msg(strstr(belay_ctx_error(ctx), bad[i].want) &&
                          strstr(belay_ctx_error(ctx), "recipe:3: "),
                      "%s: %s", bad[i].loss, belay_ctx_error(ctx));
    }
    ck_assert_int_eq(parse("data: {sampling: balanced, shuffle: false}\n", &r), BELAY_ERR_RECIPE);
    ck_assert_ptr_nonnull(strstr(belay_ctx_error(ctx), "data.shuffle: false"));
}
END_TEST

START_TEST(weights_that_do_not_fit_the_data_are_refused)
{
    static const struct {
        const char *loss, *want;
    } bad[] = {
        { "{name: nll, class_weights: [1, 2]}", "lists 2 numbers, the data have 3 classes" },
        { "{name: nll, class_weights: {somme: 2}}", "no class 'somme', did you mean 'some'" },
        { "{name: nll, class_weights: balanced}", "class 'many', which no training row has" },
    };
    int32_t labels[200];
    struct belay_dataset d = skewed_labels(labels);
    float *w = NULL, y[2] = { 0, 0 };
    size_t n;
    d.rows = 50;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        ck_assert_int_eq(weights_of(bad[i].loss, &d, &w, &n), BELAY_ERR_RECIPE);
        ck_assert_msg(strstr(belay_ctx_error(ctx), bad[i].want), "%s", belay_ctx_error(ctx));
    }
    struct belay_dataset numbers = { .rows = 2, .y = y, .targets = 1 };
    ck_assert_int_eq(weights_of("{name: bce, pos_weight: balanced}", &numbers, &w, &n),
                     BELAY_ERR_RECIPE);
    ck_assert_ptr_nonnull(strstr(belay_ctx_error(ctx), "0 in every training row"));
    y[0] = 7;
    ck_assert_int_eq(weights_of("{name: bce, pos_weight: balanced}", &numbers, &w, &n),
                     BELAY_ERR_RECIPE);
    ck_assert_ptr_nonnull(strstr(belay_ctx_error(ctx), "row 0 has 7"));
}
END_TEST

START_TEST(weights_come_through_a_resolved_recipe_and_a_model_file)
{
    const struct belay_loss *ce = belay_loss_find("cross_entropy");
    const double set[BELAY_MAX_OPTIONS] = { 0.25 };
    const float w[] = { 0.1f, 1e30f };
    double options[BELAY_MAX_OPTIONS] = { 0 };
    float *again = NULL;
    size_t count = 0;
    belay_recipe *r, *second;
    ck_ok(ctx, parse("loss: {name: cross_entropy, class_weights: {a: 2, \"b c\": 0.5}}\n", &r));
    ck_ok(ctx, belay_recipe_parse(ctx, belay_recipe_text(r), "resolved", NULL, 0, &second));
    ck_assert_str_eq(belay_recipe_text(r), belay_recipe_text(second));
    ck_assert_ptr_nonnull(strstr(belay_recipe_text(r), "class_weights: {a: 2, \"b c\": 0.5}"));
    belay_recipe_destroy(&r);
    belay_recipe_destroy(&second);

    char *json = belay_loss_to_json(ce, set, w, 2);
    ck_log_ok(&test_log, belay_loss_from_json(&test_log, ce, json, options, &again, &count));
    ck_assert_double_eq(options[0], 0.25);
    ck_assert_uint_eq(count, 2);
    ck_assert_mem_eq(again, w, sizeof(w));
    belay_free(again);
    belay_free(json);
    // A file without them means the fallbacks; one with nonsense is damaged.
    ck_log_ok(&test_log, belay_loss_from_json(&test_log, belay_loss_find("huber"), NULL, options,
                                              &again, &count));
    ck_assert_double_eq(options[0], 1);
    again = NULL;
    ck_status_is(&test_log,
                 belay_loss_from_json(&test_log, ce, "{\"class_weights\": [1, -1]}", options,
                                      &again, &count),
                 BELAY_ERR_DAMAGED);
    ck_assert_ptr_null(again);
}
END_TEST

// ---- sampling ----

START_TEST(balanced_sampling_draws_every_class_as_often)
{
    int32_t labels[200], order[2][6000], count[3] = { 0 };
    bool seen[200] = { 0 };
    struct belay_dataset d = skewed_labels(labels);
    struct belay_strata s;
    ck_log_ok(&test_log, belay_strata_make(&test_log, &d, &s));
    ck_assert_uint_eq(s.count, 3);
    belay_strata_draw(&s, 5, 7, order[0], 6000);
    belay_strata_draw(&s, 5, 7, order[1], 6000);
    ck_assert_mem_eq(order[0], order[1], sizeof(order[0]));
    for (int i = 0; i < 6000; i++) {
        ck_assert(order[0][i] >= 0 && order[0][i] < 200);
        count[labels[order[0][i]]]++;
        seen[order[0][i]] = true;
    }
    // 2000 each, standard deviation 37.
    for (int c = 0; c < 3; c++)
        ck_assert_msg(abs(count[c] - 2000) < 150, "class %d: %d", c, count[c]);
    for (int i = 0; i < 200; i++)
        ck_assert_msg(seen[i], "row %d never came", i);
    // The start of an epoch does not depend on its length; other epochs and seeds differ.
    belay_strata_draw(&s, 5, 7, order[1], 100);
    ck_assert_mem_eq(order[0], order[1], 100 * sizeof(int32_t));
    belay_strata_draw(&s, 5, 8, order[1], 6000);
    ck_assert_mem_ne(order[0], order[1], 100 * sizeof(int32_t));
    belay_strata_draw(&s, 6, 7, order[1], 6000);
    ck_assert_mem_ne(order[0], order[1], 100 * sizeof(int32_t));
    belay_strata_finish(&s);
}
END_TEST

START_TEST(balanced_sampling_leaves_out_empty_classes_and_takes_zeros_and_ones)
{
    int32_t labels[4] = { 4, 1, 1, 4 }, order[100];
    float y[4] = { 1, 0, 0, 0 }, numbers[4] = { 0, 1, 0.5f, 0 };
    struct belay_dataset d = { .rows = 4, .labels = labels, .classes = 9, .targets = 1 };
    struct belay_strata s;
    int ones = 0;
    ck_log_ok(&test_log, belay_strata_make(&test_log, &d, &s));
    ck_assert_uint_eq(s.count, 2);
    ck_assert_uint_eq(s.first[2], 4);
    belay_strata_finish(&s);
    d = (struct belay_dataset){ .rows = 4, .y = y, .targets = 1 };
    ck_log_ok(&test_log, belay_strata_make(&test_log, &d, &s));
    belay_strata_draw(&s, 1, 0, order, 100);
    for (int i = 0; i < 100; i++)
        ones += order[i] == 0;
    ck_assert_msg(ones > 30 && ones < 70, "%d of 100", ones);
    belay_strata_finish(&s);
    d.y = numbers;
    ck_status_is(&test_log, belay_strata_make(&test_log, &d, &s), BELAY_ERR_RECIPE);
    ck_assert_ptr_nonnull(strstr(test_log.last, "row 2 has 0.5"));
}
END_TEST

// ---- a skewed set ----

static char folder[256];

static const char skewed_recipe[] =
    "model: {input: [2], layers: [{linear: 16}, relu, {linear: 2}]}\n"
    "data: {format: csv, root: tests/data, train: skewed.csv, test: skewed-test.csv, target: "
    "class}\n"
    "split: {validation: 0.2}\n"
    "loss: cross_entropy\n"
    "optimizer: {name: adam, lr: 0.01}\n"
    "train: {batch: 64, epochs: 40, seed: 1}\n"
    "stop: {patience: 8}\n";

// The skewed set with a column `cost`: 19 for the rare class, 1 for the other.
static void add_costs(const char *name)
{
    char from[200], to[400], line[200];
    snprintf(from, sizeof(from), "tests/data/%s", name);
    snprintf(to, sizeof(to), "%s/%s", folder, name);
    FILE *in = fopen(from, "r"), *out = fopen(to, "w");
    ck_assert(in && out);
    while (fgets(line, sizeof(line), in)) {
        line[strcspn(line, "\n")] = '\0';
        const char *class = strrchr(line, ',') + 1;
        fprintf(out, "%s,%s\n", line,
                strcmp(class, "class") == 0 ? "cost" : strcmp(class, "rare") == 0 ? "19" : "1");
    }
    fclose(in);
    fclose(out);
}

static const char *costs(void)
{
    static char set[500];
    snprintf(set, sizeof(set),
             "data={format: csv, root: %s, train: skewed.csv, test: skewed-test.csv, "
             "target: class, weight: cost}",
             folder);
    add_costs("skewed.csv");
    add_costs("skewed-test.csv");
    return set;
}

// Trains and measures on the test file; the recall of class `rare`, which is the first.
static double rare_recall(const char *name, const char *set, double *test_loss,
                          belay_scores *scores)
{
    char dir[400], path[500], run_dir[420];
    const char *const overrides[2] = { run_dir, set };
    static const char *const files[1] = { "tests/data/skewed-test.csv" };
    belay_recipe *r;
    belay_trainer *t;
    belay_result result;
    belay_model *m;
    snprintf(dir, sizeof(dir), "%s/%s", folder, name);
    snprintf(run_dir, sizeof(run_dir), "run.dir=%s", dir);
    snprintf(path, sizeof(path), "%s/best.safetensors", dir);
    ck_ok(ctx, belay_recipe_parse(ctx, skewed_recipe, "recipe", overrides, set ? 2 : 1, &r));
    const belay_trainer_params p = { .recipe = r };
    ck_ok(ctx, belay_trainer_create(ctx, &p, &t));
    ck_ok(ctx, belay_trainer_run(t, NULL, NULL));
    ck_ok(ctx, belay_trainer_finish(t, &result));
    *test_loss = result.test_loss;
    belay_trainer_destroy(&t);
    belay_recipe_destroy(&r);
    ck_ok(ctx, belay_model_load(ctx, path, 0, &m));
    ck_ok(ctx, belay_model_evaluate(m, NULL, files, 1, scores));
    ck_assert_str_eq(belay_model_class(m, 0), "rare");
    double recall = scores->confusion[0] / (scores->confusion[0] + scores->confusion[1]);
    scores->confusion = NULL;
    belay_model_destroy(&m);
    return recall;
}

START_TEST(a_rare_class_is_found_with_weights_or_sampling)
{
    double loss;
    belay_scores s;
    double plain = rare_recall("plain", NULL, &loss, &s);
    double weights = rare_recall("weights", "loss.class_weights=balanced", &loss, &s);
    double sampling = rare_recall("sampling", "data.sampling=balanced", &loss, &s);
    double rows = rare_recall("rows", costs(), &loss, &s);
    printf("recall of the rare class: plain %.3f, class weights %.3f, sampling %.3f, row weights "
           "%.3f\n",
           plain, weights, sampling, rows);
    ck_assert_msg(rows > 0.85, "%g", rows);
    ck_assert_msg(plain < 0.6, "%g", plain);
    ck_assert_msg(weights > 0.85, "%g", weights);
    ck_assert_msg(sampling > 0.85, "%g", sampling);
}
END_TEST

START_TEST(a_model_file_is_measured_with_the_loss_it_was_trained_with)
{
    static const char *const set[] = {
        "loss={name: cross_entropy, label_smoothing: 0.2, class_weights: {rare: 5}}",
        "loss={name: multi_margin, margin: 0.5}",
    };
    for (size_t i = 0; i < sizeof(set) / sizeof(set[0]); i++) {
        char name[16];
        double loss;
        belay_scores s;
        snprintf(name, sizeof(name), "loss%zu", i);
        (void) rare_recall(name, set[i], &loss, &s);
        // Other batches, the same rows.
        ck_assert_msg(fabs(s.loss - loss) < 1e-6 * loss, "%s: eval %.9g, test %.9g", set[i], s.loss,
                      loss);
    }
}
END_TEST

// ---- resume ----

// Runs the recipe for `epochs` epochs in a folder; `stop`: cancelled after so many steps and
// resumed.
static double last_loss(const char *name, const char *set, uint64_t stop, char *weights,
                        size_t room)
{
    char run_dir[400], path[500];
    const char *const overrides[] = { run_dir, set, "train.epochs=3", "stop.patience=off" };
    belay_recipe *r;
    belay_trainer *t;
    belay_progress p;
    belay_result result;
    snprintf(run_dir, sizeof(run_dir), "run.dir=%s/%s", folder, name);
    ck_ok(ctx, belay_recipe_parse(ctx, skewed_recipe, "recipe", overrides, 4, &r));
    const belay_trainer_params params = { .recipe = r };
    ck_ok(ctx, belay_trainer_create(ctx, &params, &t));
    belay_recipe_destroy(&r);
    do {
        ck_ok(ctx, belay_trainer_step(t, &p));
        if (!stop || p.step != stop)
            continue;
        belay_trainer_cancel(t);
        ck_ok(ctx, belay_trainer_step(t, &p));
        ck_ok(ctx, belay_trainer_finish(t, &result));
        belay_trainer_destroy(&t);
        ck_ok(ctx, belay_trainer_resume(ctx, run_dir + 8, NULL, 0, NULL, &t));
        stop = 0;
        p.reason = BELAY_STOP_NONE;
    } while (p.reason == BELAY_STOP_NONE);
    ck_ok(ctx, belay_trainer_finish(t, &result));
    double loss = result.test_loss;
    belay_trainer_destroy(&t);
    char *bytes;
    size_t size;
    snprintf(path, sizeof(path), "%s/%s/last.safetensors", folder, name);
    ck_log_ok(&test_log, belay_file_read(&test_log, path, 0, &bytes, &size));
    ck_assert_uint_lt(size, room);
    memcpy(weights, bytes, size);
    memset(weights + size, 0, room - size);
    belay_free(bytes);
    return loss;
}

START_TEST(balanced_runs_resume_bit_for_bit_and_stream_bit_for_bit)
{
    const char *const set[] = { "data.sampling=balanced", costs(), "loss.class_weights=balanced" };
    static char a[65536], b[65536];
    double losses_of[3];
    for (size_t i = 0; i < 3; i++) {
        char name[32];
        snprintf(name, sizeof(name), "whole%zu", i);
        double whole = losses_of[i] = last_loss(name, set[i], 0, a, sizeof(a));
        snprintf(name, sizeof(name), "broken%zu", i);
        ck_assert_double_eq(last_loss(name, set[i], 20, b, sizeof(b)),
                            whole); // within an epoch of 13
        ck_assert_mem_eq(a, b, sizeof(a));
        snprintf(name, sizeof(name), "streamed%zu", i);
        if (i == 2)
            continue; // nothing new
        ck_assert_int_eq(setenv("BELAY_STREAM", "1", 1), 0);
        ck_assert_double_eq(last_loss(name, set[i], 0, b, sizeof(b)), whole);
        ck_assert_int_eq(unsetenv("BELAY_STREAM"), 0);
        ck_assert_mem_eq(a, b, sizeof(a));
    }
    // 19 rows to 1 in both files: costs of 19 and 1 are the balanced weights, times a factor.
    ck_assert_msg(fabs(losses_of[1] - losses_of[2]) < 1e-4, "%.9g, class weights %.9g",
                  losses_of[1], losses_of[2]);
}
END_TEST

static Suite *suite(void)
{
    const TTest *const tests[] = {
        weighted_losses_are_those_of_pytorch,
        the_gradient_of_a_weighted_loss_is_that_of_pytorch,
        balanced_weights_are_those_of_scikit_learn,
        balanced_weights_of_positives_are_negatives_over_positives,
        weights_that_cannot_be_are_refused_with_their_place,
        weights_that_do_not_fit_the_data_are_refused,
        weights_come_through_a_resolved_recipe_and_a_model_file,
        balanced_sampling_draws_every_class_as_often,
        balanced_sampling_leaves_out_empty_classes_and_takes_zeros_and_ones,
        a_rare_class_is_found_with_weights_or_sampling,
        a_model_file_is_measured_with_the_loss_it_was_trained_with,
        balanced_runs_resume_bit_for_bit_and_stream_bit_for_bit,
    };
    return harness_suite("balance", tests, sizeof(tests) / sizeof(tests[0]));
}

int main(void)
{
    const belay_ctx_params params = { .log = NULL };
    const belay_ctx_params on_host = { .device = "host" };
    snprintf(folder, sizeof(folder), "%s", scratch_dir("balance"));
    if (belay_ctx_create(&params, &ctx) != BELAY_OK ||
        belay_ctx_create(&on_host, &host) != BELAY_OK)
        return EXIT_FAILURE;
    int code = harness_main(suite, NULL);
    belay_ctx_destroy(&ctx);
    belay_ctx_destroy(&host);
    scratch_remove(folder);
    return code;
}
