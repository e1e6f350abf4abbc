// Weights of rows: read from files and memory, in the loss, in metrics. The figures come from
// scikit-learn 1.9 (sample_weight), in double.
#include "harness.h"

#include <belay/belay.h>
#include <math.h>
#include <string.h>

#include "base/file.h"
#include "base/mem.h"
#include "device/context.h"
#include "scratch.h"
#include "train/trainer_internal.h"

static belay_ctx *ctx, *host; // the device under test, and one that builds no kernels
static struct belay_log test_log;
static char folder[256];

// ---- metrics ----

enum { ROWS = 40, CLASSES = 3 };

static void make_rows(float *x, int32_t *labels, float *y, float *w)
{
    for (int i = 0; i < ROWS; i++) {
        for (int c = 0; c < CLASSES; c++) {
            x[i * CLASSES + c] = (float) (2 * sin(1.7 * i + 2.3 * c));
            y[i * CLASSES + c] = (float) (cos(0.9 * i + c) + 0.25 * c);
        }
        labels[i] = (i * 11 + i / 3) % 3;
        w[i] = (float) ((i * 7) % 5) / 2;
    }
}

static belay_value *as_it_is(void *user, belay_graph *g, belay_value *x)
{
    return belay_mul(g, x, belay_scalar(g, 1));
}

// Measures the rows as outputs of a model, in three batches.
static void measure(const char *loss, const float *parts, bool stream, const char *const *names,
                    int num, struct check_values *out)
{
    float x[ROWS * CLASSES], y[ROWS * CLASSES], w[ROWS];
    int32_t labels[ROWS];
    const double options[BELAY_MAX_OPTIONS] = { 0 };
    const struct belay_loss *l = belay_loss_find(loss);
    struct belay_recipe r = { .num_metrics = num };
    const struct belay_preprocess p = { .target_std = 1 };
    struct belay_engine *e;
    struct belay_eval_sums sums;
    make_rows(x, labels, y, w);
    const struct belay_dataset d = {
        .rows = ROWS, .features = CLASSES, .dtype = BELAY_F32, .x = x, .x_scale = 1,
        .labels = l->classes ? labels : NULL, .y = l->classes ? NULL : y, .weights = w,
        .targets = l->classes ? 1 : CLASSES, .classes = l->classes ? CLASSES : 0,
    };
    const struct belay_engine_params params = {
        .device = ctx->device, .build = as_it_is, .loss = l, .loss_options = options,
        .loss_weights = parts, .parts = { NULL, NULL, &d }, .batch = 16, .eval_batch = 16,
        .confusion = l->classes, .scores = l->classes, .regression = !l->classes, .stream = stream,
    };
    for (int i = 0; i < num; i++)
        ck_assert_ptr_nonnull(r.metrics[i] = belay_metric_find(names[i]));
    ck_log_ok(&test_log, belay_engine_create(&test_log, &params, &e));
    ck_log_ok(&test_log, belay_engine_evaluate(e, BELAY_PART_TEST, &sums));
    ck_assert_uint_eq(sums.rows, ROWS);
    belay_metrics_values(&r, &p, &sums, out);
    belay_engine_destroy(&e);
}

static void check_values_are(const char *const *names, int num, const struct check_values *got,
                             const double *want)
{
    for (int i = 0; i < num; i++)
        ck_assert_msg(fabs(got->metrics[i] - want[i]) < 2e-6 * fmax(1, fabs(want[i])),
                      "%s: %.9g, want %.9g", names[i], got->metrics[i], want[i]);
}

START_TEST(metrics_of_classes_count_rows_as_scikit_learn_does)
{
    static const char *const names[] = { "accuracy",
                                         "balanced_accuracy",
                                         "f1_macro",
                                         "recall_macro",
                                         "precision_macro",
                                         "kappa",
                                         "mcc",
                                         "log_loss",
                                         "roc_auc",
                                         "average_precision",
                                         "top_2" };
    static const double want[] = { 0.35,
                                   0.35259684972328653,
                                   0.3494089459683245,
                                   0.35259684972328653,
                                   0.3495104299702001,
                                   0.026445120524221766,
                                   0.026563234602726846,
                                   1.851987254107263,
                                   0.5320569150935635,
                                   0.40950872305896757,
                                   0.6375 };
    static const float parts[] = { 0.5f, 4, 1.25f };
    struct check_values v;
    for (int stream = 0; stream < 2; stream++) {
        measure("cross_entropy", NULL, stream, names, 11, &v);
        check_values_are(names, 11, &v, want);
        ck_assert_double_eq_tol(v.loss, 1.851987254107263, 2e-6);
    }
    // The weight of a row times that of its class.
    measure("cross_entropy", parts, false, names, 0, &v);
    ck_assert_double_eq_tol(v.loss, 1.9579145184888609, 2e-6);
}
END_TEST

START_TEST(metrics_of_numbers_count_rows_as_scikit_learn_does)
{
    static const char *const names[] = { "mse", "mae", "r2", "rmse" };
    static const double want[] = { 2.569874835277021, 1.3605529686048008, -4.162255207165545,
                                   1.6015457028225357 };
    struct check_values v;
    measure("mse", NULL, false, names, 4, &v);
    check_values_are(names, 4, &v, want);
    ck_assert_double_eq_tol(v.loss, 2.569874835277021, 2e-6);
}
END_TEST

// ---- files ----

static const char *write_file(const char *name, const char *text)
{
    static char path[400];
    snprintf(path, sizeof(path), "%s/%s", folder, name);
    ck_log_ok(&test_log, belay_file_write(&test_log, path, text, strlen(text)));
    return path;
}

static belay_status load(const char *train, const char *test, const char *weight,
                         struct belay_datasets *d)
{
    const struct belay_dataset_params p = {
        .root = folder, .train = &train, .num_train = 1, .test = &test, .num_test = test != NULL,
        .target = "class", .weight = weight, .delimiter = ',', .validation = 0.25,
    };
    memset(d, 0, sizeof(*d));
    return belay_datasets_load(&test_log, &p, d);
}

static const char table[] = "a,cost,class\n1,0.5,x\n2,2,y\n3,0,x\n4,1e3,y\n";

START_TEST(a_column_of_weights_is_no_feature_and_goes_with_its_rows)
{
    struct belay_datasets d;
    write_file("w.csv", table);
    write_file("t.csv", "class,cost,a\ny,7,1\n"); // by name
    ck_log_ok(&test_log, load("w.csv", "t.csv", "cost", &d));
    ck_assert_uint_eq(d.train.features, 1);
    ck_assert_str_eq(d.preprocess.weight, "cost");
    ck_assert_float_eq(d.test.weights[0], 7);
    // Rows 1 to 4 hold their own number in `a` (not standardised here).
    static const float want[] = { 0.5f, 2, 0, 1000 };
    ck_assert_uint_eq(d.train.rows + d.validation.rows, 4);
    for (size_t i = 0; i < d.train.rows; i++)
        ck_assert_float_eq(d.train.weights[i], want[(int) ((float *) d.train.x)[i] - 1]);
    for (size_t i = 0; i < d.validation.rows; i++)
        ck_assert_float_eq(d.validation.weights[i], want[(int) ((float *) d.validation.x)[i] - 1]);

    // What a model knows of it goes through its file.
    struct belay_preprocess again = { 0 };
    struct belay_dataset known = { 0 };
    char *json = belay_preprocess_to_json(&d.preprocess);
    ck_log_ok(&test_log, belay_preprocess_from_json(&test_log, json, &again));
    ck_assert_str_eq(again.weight, "cost");
    char path[400];
    snprintf(path, sizeof(path), "%s/t.csv", folder);
    const char *const files[] = { path };
    ck_log_ok(&test_log, belay_dataset_apply(&test_log, &again, files, 1, true, &known));
    ck_assert_float_eq(known.weights[0], 7);
    belay_dataset_finish(&known);
    // Nothing is measured in a prediction: no weights; and one may measure without them.
    write_file("t.csv", "class,a\ny,1\n");
    ck_log_ok(&test_log, belay_dataset_apply(&test_log, &again, files, 1, true, &known));
    ck_assert_ptr_null(known.weights);
    belay_dataset_finish(&known);
    write_file("t.csv", "class,cost,a\ny,bad,1\n");
    ck_log_ok(&test_log, belay_dataset_apply(&test_log, &again, files, 1, false, &known));
    ck_assert_ptr_null(known.weights);
    belay_dataset_finish(&known);
    belay_preprocess_finish(&again);
    belay_free(json);
    belay_datasets_finish(&d);
}
END_TEST

START_TEST(columns_without_names_have_their_weights_at_the_same_place)
{
    struct belay_datasets d;
    struct belay_dataset known = { 0 };
    char path[400];
    const char *const files[] = { path };
    const char *name = "bare.csv";
    write_file(name, "1,0.5,0,x\n2,2,0,y\n3,0,0,x\n4,1e3,0,y\n");
    const struct belay_dataset_params p = { .root = folder, .train = &name, .num_train = 1,
                                            .weight = "1", .delimiter = ',', .header = 2 };
    ck_log_ok(&test_log, belay_datasets_load(&test_log, &p, &d));
    ck_assert_uint_eq(d.train.features, 2);
    ck_assert_float_eq(d.train.weights[3], 1000);
    snprintf(path, sizeof(path), "%s/%s", folder, name);
    ck_log_ok(&test_log, belay_dataset_apply(&test_log, &d.preprocess, files, 1, true, &known));
    ck_assert_mem_eq(known.weights, d.train.weights, 4 * sizeof(float));
    ck_assert_mem_eq(known.x, d.train.x, 8 * sizeof(float));
    belay_dataset_finish(&known);
    belay_datasets_finish(&d);
}
END_TEST

START_TEST(weights_that_are_none_are_refused_with_their_place)
{
    static const struct {
        const char *text, *weight, *want;
    } bad[] = {
        { "a,cost,class\n1,-1,x\n2,2,y\n", "cost", "bad.csv:2: column 'cost': '-1' is no weight" },
        { "a,cost,class\n1,1,x\n2,inf,y\n", "cost",
          "bad.csv:3: column 'cost': 'inf' is not finite" },
        { "a,cost,class\n1,1,x\n2,much,y\n", "cost",
          "bad.csv:3: column 'cost': 'much' is not a number" },
        { "a,cost,class\n1,1,x\n2,,y\n", "cost", "bad.csv:3: column 'cost': '' is missing" },
        { "a,cost,class\n1,1,x\n2,1,y\n", "cots",
          "no column of weights 'cots' (did you mean 'cost'?)" },
        { "a,cost,class\n1,1,x\n2,1,y\n", "class", "is the target, and data.weight names it too" },
        { "cost,class\n1,x\n1,y\n", "cost", "data.weight leaves no features" },
    };
    struct belay_datasets d;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        write_file("bad.csv", bad[i].text);
        ck_status_is(&test_log, load("bad.csv", NULL, bad[i].weight, &d), BELAY_ERR_DATA);
        ck_assert_msg(strstr(test_log.last, bad[i].want), "%s", test_log.last);
    }
    write_file("w.csv", table);
    write_file("t.csv", "a,class\n1,y\n");
    ck_status_is(&test_log, load("w.csv", "t.csv", "cost", &d), BELAY_ERR_DATA);
    ck_assert_ptr_nonnull(
        strstr(test_log.last, "t.csv: no column of weights 'cost', as in training"));
    const struct belay_dataset_params made = { .format = "spirals", .count = 20, .weight = "w" };
    ck_status_is(&test_log, belay_datasets_load(&test_log, &made, &d), BELAY_ERR_RECIPE);
}
END_TEST

// ---- memory, and training ----

static belay_status from_memory(const float *w, float validation, struct belay_datasets *d)
{
    static float x[ROWS * CLASSES], y[ROWS * CLASSES], own[ROWS];
    static int32_t labels[ROWS];
    make_rows(x, labels, y, own);
    const struct belay_memory_data m = { .x = x,
                                         .labels = labels,
                                         .rows = ROWS,
                                         .features = CLASSES,
                                         .classes = CLASSES,
                                         .weights = w ? w : own };
    const struct belay_dataset_params p = { .validation = (double) validation, .stratify = true };
    memset(d, 0, sizeof(*d));
    return belay_datasets_from_memory(&test_log, &p, &m, NULL, NULL, d);
}

START_TEST(weights_from_memory_follow_the_split_and_are_checked)
{
    struct belay_datasets d;
    float w[ROWS];
    double sum = 0;
    ck_log_ok(&test_log, from_memory(NULL, 0.25f, &d));
    for (size_t i = 0; i < d.train.rows; i++)
        sum += (double) d.train.weights[i];
    for (size_t i = 0; i < d.validation.rows; i++)
        sum += (double) d.validation.weights[i];
    ck_assert_double_eq(sum, 40); // 8 rows each of 0, 0.5, 1, 1.5, 2
    struct belay_digest before = d.train.digest;
    belay_datasets_finish(&d);
    for (int i = 0; i < ROWS; i++)
        w[i] = 1;
    ck_log_ok(&test_log, from_memory(w, 0.25f, &d));
    ck_assert_mem_ne(&before, &d.train.digest, sizeof(before)); // a resume with others is refused
    belay_datasets_finish(&d);
    w[7] = NAN;
    ck_status_is(&test_log, from_memory(w, 0, &d), BELAY_ERR_DATA);
    ck_assert_ptr_nonnull(strstr(test_log.last, "training: row 7: weight nan"));
}
END_TEST

// Trains 5 steps of 8 rows out of `rows`, in order; the last loss.
static float train(const float *x, const int32_t *labels, const float *w, size_t rows,
                   belay_status want)
{
    static const char text[] = "model: {input: [3], layers: [{linear: 4}, tanh, {linear: 3}]}\n"
                               "data: {shuffle: false}\nsplit: {validation: 0}\n"
                               "optimizer: {name: sgd, lr: 0.5}\nstop: {monitor: train.loss}\n"
                               "train: {batch: 8, seed: 1, steps: 5, accumulate: 1}\n";
    const belay_data data = { .x = x, .rows = rows, .features = CLASSES, .labels = labels,
                              .classes = CLASSES, .weights = w };
    belay_recipe *r;
    belay_trainer *t = NULL;
    belay_progress p = { .train_loss = NAN };
    ck_ok(host, belay_recipe_parse(host, text, "recipe", NULL, 0, &r));
    const belay_trainer_params params = { .recipe = r, .train = &data, .no_files = true };
    ck_assert_int_eq(belay_trainer_create(host, &params, &t), want);
    for (int i = 0; i < 5 && t; i++)
        ck_ok(host, belay_trainer_step(t, &p));
    belay_trainer_destroy(&t);
    belay_recipe_destroy(&r);
    return (float) p.train_loss;
}

START_TEST(a_row_of_weight_two_is_two_rows_and_one_of_weight_zero_is_none)
{
    float x[ROWS * CLASSES], y[ROWS * CLASSES], w[ROWS], ones[16], twice[16 * CLASSES];
    int32_t labels[ROWS], twice_labels[16];
    make_rows(x, labels, y, w);
    // One batch of eight rows of which one counts 0 and one 2, against the eight rows that they
    // are.
    for (int i = 0; i < 8; i++) {
        w[i] = i == 3 ? 2 : i == 6 ? 0 : 1;
        int from = i == 6 ? 3 : i;
        memcpy(twice + i * CLASSES, x + from * CLASSES, CLASSES * sizeof(*x));
        twice_labels[i] = labels[from];
        ones[i] = 1;
    }
    float weighted = train(x, labels, w, 8, BELAY_OK);
    float doubled = train(twice, twice_labels, NULL, 8, BELAY_OK);
    ck_assert_msg(fabsf(weighted - doubled) < 1e-5f, "%.8g, want %.8g", (double) weighted,
                  (double) doubled);
    float plain = train(x, labels, ones, 8, BELAY_OK);
    ck_assert_msg(fabsf(weighted - plain) > 1e-3f, "%.8g", (double) plain);
    // The second of two batches counts nothing: its loss and gradient are 0, not 0 / 0.
    for (int i = 0; i < 16; i++)
        ones[i] = i < 8;
    float half = train(x, labels, ones, 16, BELAY_OK);
    ck_assert_msg(isfinite(half), "%g", (double) half);
    memset(ones, 0, sizeof(ones));
    (void) train(x, labels, ones, 16, BELAY_ERR_DATA);
    ck_assert_ptr_nonnull(strstr(belay_ctx_error(host), "weights of all 16 rows are 0"));
}
END_TEST

// Losses of two heads on validation rows after two epochs, with the weights in column `w`, or
// without.
static void train_heads(const char *set, double *loss)
{
    static const char text[] =
        "model:\n"
        "  input: [2]\n"
        "  layers:\n"
        "    - {linear: 4}\n    - {tanh: {}, as: body}\n"
        "    - {linear: 2, from: body, as: kind}\n    - {linear: 1, from: body, as: size}\n"
        "data: {format: csv, train: heads.csv, ignore: [w]}\n"
        "heads:\n"
        "  kind: {target: kind, loss: cross_entropy, metrics: [accuracy]}\n"
        "  size: {target: size, loss: mse, metrics: [mae]}\n"
        "split: {validation: 0.5}\nstop: {monitor: val.loss}\n"
        "train: {batch: 8, epochs: 2, seed: 1}\n";
    char root[300];
    const char *const overrides[] = { set, root };
    belay_recipe *r;
    belay_trainer *t = NULL;
    snprintf(root, sizeof(root), "data.root=%s", folder);
    ck_ok(host, belay_recipe_parse(host, text, "recipe", overrides, 2, &r));
    const belay_trainer_params params = { .recipe = r, .no_files = true };
    ck_ok(host, belay_trainer_create(host, &params, &t));
    ck_ok(host, belay_trainer_run(t, NULL, NULL));
    *loss = t->last_val_loss;
    belay_trainer_destroy(&t);
    belay_recipe_destroy(&r);
}

static void write_heads(bool weighted)
{
    struct belay_str s = { 0 };
    belay_str_add(&s, "a,b,kind,size,w\n");
    for (int i = 0; i < ROWS; i++)
        belay_str_addf(&s, "%g,%g,%s,%g,%d\n", sin(i), cos(2 * i), i % 3 ? "x" : "y", sin(i) + 1,
                       weighted ? i % 4 : 3);
    (void) write_file("heads.csv", s.text);
    belay_str_free(&s);
}

START_TEST(the_losses_of_heads_are_weighted_alike)
{
    double plain, even, uneven;
    write_heads(false);
    train_heads("data.ignore=[w]", &plain);
    train_heads("data={format: csv, train: heads.csv, weight: w}", &even);
    write_heads(true);
    train_heads("data={format: csv, train: heads.csv, weight: w}", &uneven);
    ck_assert_msg(fabs(plain - even) < 1e-6, "%.9g, want %.9g", even, plain);
    ck_assert_msg(fabs(plain - uneven) > 1e-3, "%.9g", uneven);
}
END_TEST

static Suite *suite(void)
{
    const TTest *const tests[] = {
        metrics_of_classes_count_rows_as_scikit_learn_does,
        metrics_of_numbers_count_rows_as_scikit_learn_does,
        a_column_of_weights_is_no_feature_and_goes_with_its_rows,
        columns_without_names_have_their_weights_at_the_same_place,
        weights_that_are_none_are_refused_with_their_place,
        weights_from_memory_follow_the_split_and_are_checked,
        a_row_of_weight_two_is_two_rows_and_one_of_weight_zero_is_none,
        the_losses_of_heads_are_weighted_alike,
    };
    return harness_suite("row_weights", tests, sizeof(tests) / sizeof(tests[0]));
}

int main(void)
{
    const belay_ctx_params params = { .log = NULL };
    const belay_ctx_params on_host = { .device = "host" };
    snprintf(folder, sizeof(folder), "%s", scratch_dir("row-weights"));
    if (belay_ctx_create(&params, &ctx) != BELAY_OK || belay_ctx_open(ctx) != BELAY_OK ||
        belay_ctx_create(&on_host, &host) != BELAY_OK)
        return EXIT_FAILURE;
    int code = harness_main(suite, NULL);
    belay_ctx_destroy(&ctx);
    belay_ctx_destroy(&host);
    scratch_remove(folder);
    return code;
}
