// A first recipe for data that nobody has looked at: `belay init`.
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "base/mem.h"
#include "base/str.h"
#include "device/context.h"
#include "format/csv.h"
#include "format/idx.h"
#include "format/npy.h"
#include "train/guess_table.h"
#include "train/recipe.h"

#define MAX_FILES 2

struct guess {
    struct belay_log *log;
    struct belay_dataset_params params;
    const char *train[MAX_FILES], *test[MAX_FILES];
    char *owned[2 * MAX_FILES]; // paths that were found
    size_t num_owned;
    struct belay_datasets data;
    struct belay_shape shape; // of one row when it is more than a list of numbers
    size_t rows;              // with the validation part
    struct belay_table_guess table;
    double mean, std;         // of bytes, after division by 255
};

static bool ends_with(const char *text, const char *ending)
{
    size_t length = strlen(text), tail = strlen(ending);
    return length >= tail && strcmp(text + length - tail, ending) == 0;
}

static bool is_kind(const char *file, const char *ending)
{
    char gz[32];
    snprintf(gz, sizeof(gz), "%s.gz", ending);
    return ends_with(file, ending) || ends_with(file, gz);
}

// ---- files that belong together ----

// `file` with the last `from` in its name replaced, when such a file is there. Owned.
static char *sibling(const char *file, const char *from, const char *to)
{
    const char *slash = strrchr(file, '/'), *name = slash ? slash + 1 : file, *at = NULL;
    struct belay_str s = { 0 };
    for (const char *next = strstr(name, from); next; next = strstr(next + 1, from))
        at = next;
    if (!at)
        return NULL;
    belay_str_add_bytes(&s, file, (size_t) (at - file));
    belay_str_add(&s, to);
    belay_str_add(&s, at + strlen(from));
    char *found = !s.failed && belay_file_exists(s.text) ? belay_strdup(s.text) : NULL;
    belay_str_free(&s);
    return found;
}

static const char *keep(struct guess *g, char *path)
{
    if (path)
        g->owned[g->num_owned++] = path;
    return path;
}

static bool is_idx(const char *file)
{
    return is_kind(file, "-ubyte") || is_kind(file, ".idx") || strstr(file, "-idx");
}

static void find_idx(struct guess *g)
{
    if (g->params.num_train == 1) {
        char *images = sibling(g->train[0], "labels-idx1", "images-idx3");
        if (images) {
            g->train[1] = g->train[0];
            g->train[0] = keep(g, images);
        } else {
            g->train[1] = keep(g, sibling(g->train[0], "images-idx3", "labels-idx1"));
        }
        g->params.num_train += g->train[1] != NULL;
    }
    if (g->params.num_train != 2)
        return;
    g->test[0] = keep(g, sibling(g->train[0], "train-", "t10k-"));
    g->test[1] = g->test[0] ? keep(g, sibling(g->train[1], "train-", "t10k-")) : NULL;
    g->params.num_test = g->test[1] ? 2 : 0;
}

static belay_status find_npy(struct guess *g)
{
    static const char *const pairs[][2] = { { "x", "y" }, { "X", "y" }, { "features", "labels" },
                                            { "data", "labels" } };
    for (size_t i = 0; i < 4 && g->params.num_train == 1; i++) {
        g->train[1] = keep(g, sibling(g->train[0], pairs[i][0], pairs[i][1]));
        g->params.num_train += g->train[1] != NULL;
    }
    if (g->params.num_train == 2)
        return BELAY_OK;
    return belay_fail(g->log, BELAY_ERR_DATA, "%s: the targets are missing: no y.npy or labels.npy "
                      "lies beside it, so name their file too", g->train[0]);
}

// ---- tables ----

static belay_status look_at_table(struct guess *g, const char *target)
{
    struct belay_table_guess *t = &g->table;
    BELAY_TRY(belay_table_guess(g->log, g->train[0], target, t));
    g->params.target = t->target;
    g->params.ignore = (const char *const *) t->ignore;
    g->params.num_ignore = t->num_ignored;
    g->params.format = "csv";
    g->params.delimiter = t->delimiter;
    g->params.header = t->header ? BELAY_CSV_HEADER_YES : BELAY_CSV_HEADER_NO;
    g->params.missing = belay_table_guess_missing(t);
    g->params.standardize = true;
    return BELAY_OK;
}

// ---- pictures ----

static belay_status look_at_shape(struct guess *g)
{
    struct belay_tensor x = { 0 };
    if (is_idx(g->train[0]))
        BELAY_TRY(belay_idx_read(g->log, g->train[0], &x));
    else if (is_kind(g->train[0], ".npy"))
        BELAY_TRY(belay_npy_read(g->log, g->train[0], &x));
    else
        return BELAY_OK;
    for (int i = 1; i < x.shape.rank; i++)
        g->shape.dim[g->shape.rank++] = x.shape.dim[i];
    belay_tensor_finish(&x);
    return BELAY_OK;
}

static void measure_bytes(struct guess *g)
{
    const struct belay_dataset *d = &g->data.train;
    const uint8_t *bytes = d->x;
    size_t count = d->dtype == BELAY_U8 ? d->rows * d->features : 0;
    double sum = 0, squares = 0;
    for (size_t i = 0; i < count; i++) {
        sum += bytes[i];
        squares += (double) bytes[i] * bytes[i];
    }
    if (count == 0)
        return;
    double mean = sum / (double) count;
    g->mean = mean / 255;
    g->std = sqrt(fmax(squares / (double) count - mean * mean, 0)) / 255;
}

// ---- the recipe ----

static void add_rounded(struct belay_str *s, double value)
{
    char text[40];
    snprintf(text, sizeof(text), "%.4g", value);
    char *comma = strchr(text, ',');
    if (comma)
        *comma = '.';
    belay_str_add(s, text);
}

static size_t largest_class(const struct guess *g)
{
    const struct belay_dataset *d = &g->data.train;
    size_t most = 0;
    for (size_t c = 0; c < g->data.preprocess.num_classes; c++) {
        size_t count = 0;
        for (size_t i = 0; i < d->rows; i++)
            count += d->labels[i] == (int32_t) c;
        most = count > most ? count : most;
    }
    return most;
}

static void describe_columns(const struct guess *g, struct belay_str *s)
{
    const struct belay_preprocess *p = &g->data.preprocess;
    size_t numbers = 0, words = 0;
    for (size_t i = 0; i < p->num_columns; i++)
        *(p->columns[i].kind == BELAY_COLUMN_NUMBER ? &numbers : &words) += 1;
    belay_str_addf(s,
                   "# Features: %zu of numbers (standardised), %zu of words (one-hot); %zu inputs "
                   "in all.\n",
                   numbers, words, p->input_count);
    belay_table_guess_describe(&g->table, s);
}

static void describe(const struct guess *g, struct belay_str *s)
{
    const struct belay_preprocess *p = &g->data.preprocess;
    size_t classes = p->num_classes;
    belay_str_addf(s,
                   "# Made by `belay init` from %zu rows. What it guessed, so that you can change "
                   "it:\n",
                   g->rows);
    if (p->columns)
        describe_columns(g, s);
    else if (g->shape.rank > 1)
        belay_str_addf(s, "# Each row is a picture or a block of %zu numbers.\n", p->input_count);
    if (g->num_owned)
        belay_str_addf(s, "# Found beside it by name: the %s.\n",
                       g->params.num_test == 0   ? "targets"
                       : g->num_owned > 2        ? "labels and the test files"
                                                 : "test files");
    if (!classes) {
        belay_str_add(s,
                      "# The target is a number: a regression. If it names classes, set data.task: "
                      "classification.\n");
        return;
    }
    double share =
        (double) largest_class(g) / (double) (g->data.train.rows ? g->data.train.rows : 1);
    belay_str_addf(s,
                   "# %zu classes; guessing the largest one would be right in %d %% of the rows.\n",
                   classes, (int) (share * 100 + 0.5));
}

static void add_model(const struct guess *g, struct belay_str *s)
{
    const struct belay_preprocess *p = &g->data.preprocess;
    bool block = g->shape.rank > 1, large = g->rows >= 5000;
    size_t inputs = p->input_count, out = p->num_classes ? p->num_classes : g->data.train.targets;
    size_t width = large ? (inputs >= 256 ? 256 : 128) : g->rows >= 500 ? 64 : 16;
    belay_str_add(s, "model:\n");
    if (block) {
        belay_str_add(s, g->shape.rank == 2 ? "  input: [1" : "  input: [");
        for (int i = 0; i < g->shape.rank; i++)
            belay_str_addf(s, "%s%lld", i || g->shape.rank == 2 ? ", " : "",
                           (long long) g->shape.dim[i]);
        belay_str_add(s, "]\n");
    }
    belay_str_addf(s, "  layers:\n%s", block ? "    - flatten\n" : "");
    belay_str_addf(s, "    - linear: %zu\n    - relu\n", width);
    if (large)
        belay_str_addf(s, "    - dropout: 0.2\n    - linear: %zu\n    - relu\n", width / 2);
    belay_str_addf(s, "    - {linear: %zu, name: head}   # %s\n", out ? out : 1,
                   p->num_classes ? "one output a class" : "the predicted value");
}

static void add_files(struct belay_str *s, const char *key, const char *const *files, size_t num)
{
    if (num == 0)
        return;
    belay_str_addf(s, "  %s: [", key);
    for (size_t i = 0; i < num; i++) {
        belay_str_add(s, i ? ", " : "");
        belay_str_add_json(s, files[i]);
    }
    belay_str_add(s, "]\n");
}

static void add_data(const struct guess *g, struct belay_str *s)
{
    belay_str_add(s, "data:\n  format: ");
    belay_str_add(s, g->data.preprocess.format);
    belay_str_add(s, "\n");
    add_files(s, "train", g->train, g->params.num_train);
    add_files(s, "test", g->test, g->params.num_test);
    if (g->table.target)
        belay_table_guess_keys(&g->table, s);
    if (g->std > 0) {
        belay_str_add(s, "  normalize: {mean: ");
        add_rounded(s, g->mean);
        belay_str_add(s, ", std: ");
        add_rounded(s, g->std);
        belay_str_add(s, "}   # measured, after bytes are divided by 255\n");
    }
}

static void add_training(const struct guess *g, struct belay_str *s)
{
    bool classes = g->data.preprocess.num_classes > 0;
    int batch = g->rows >= 20000 ? 128 : g->rows >= 2000 ? 64 : g->rows >= 300 ? 32 : 16;
    bool skewed = classes && (double) largest_class(g) > 0.7 * (double) g->data.train.rows;
    bool test = g->params.num_test == 0 && g->rows >= 100;
    belay_str_addf(s, "split: {validation: %s, %sseed: 0%s}%s\n", g->rows < 5000 ? "0.2" : "0.1",
                   test ? "test: 0.15, " : "", classes ? ", stratify: true" : "",
                   test ? "   # test rows are seen once, at the end" : "");
    belay_str_addf(s, "loss: %s\n", classes ? "cross_entropy" : "mse");
    belay_str_addf(s, "metrics: [%s]\n", !classes ? "mae, r2" : skewed ? "accuracy, f1, recall"
                                                                       : "accuracy");
    belay_str_addf(s, "optimizer: {name: adamw, lr: %s}\n", g->rows < 2000 ? "0.01" : "0.001");
    belay_str_addf(s, "train: {batch: %d, epochs: %d, seed: 1}\n", batch,
                   g->rows < 2000 ? 300 : 100);
    belay_str_addf(
        s,
        "stop: {monitor: val.loss, patience: %d}   # checks without improvement; a check "
        "is an epoch\n",
        g->rows < 2000 ? 20 : 10);
    belay_str_add(s, "run: {if_exists: number}                   # results under runs/\n");
}

static belay_status look(struct guess *g, const char *target)
{
    if (is_idx(g->train[0]))
        find_idx(g);
    else if (is_kind(g->train[0], ".npy"))
        BELAY_TRY(find_npy(g));
    else if (!is_kind(g->train[0],
                      ".npz")) // all other endings: a table, or an error that says why not
        BELAY_TRY(look_at_table(g, target));
    BELAY_TRY(look_at_shape(g));
    BELAY_TRY(belay_datasets_load(g->log, &g->params, &g->data));
    g->rows = g->data.train.rows + g->data.validation.rows;
    measure_bytes(g);
    return BELAY_OK;
}

static void guess_finish(struct guess *g)
{
    belay_datasets_finish(&g->data);
    for (size_t i = 0; i < g->num_owned; i++)
        belay_free(g->owned[i]);
    belay_table_guess_finish(&g->table);
}

static belay_status guess(struct guess *g, const char *target, struct belay_str *text)
{
    BELAY_TRY(look(g, target));
    if (g->rows == 0)
        return belay_fail(g->log, BELAY_ERR_DATA, "%s: there are no rows", g->train[0]);
    describe(g, text);
    add_model(g, text);
    add_data(g, text);
    add_training(g, text);
    return text->failed ? belay_fail_nomem(g->log, text->length) : BELAY_OK;
}

belay_status belay_recipe_guess(belay_ctx *ctx, const char *const *files, size_t num,
                                const char *target, belay_text_fn fn, void *user)
{
    struct belay_str text = { 0 };
    struct guess g = { .log = &ctx->log };
    if (num < 1 || num > MAX_FILES)
        return belay_fail(&ctx->log, BELAY_ERR_ARG, "%zu data files: one or two are wanted", num);
    for (size_t i = 0; i < num; i++)
        g.train[i] = files[i];
    g.params = (struct belay_dataset_params){
        .train = g.train, .num_train = num, .test = g.test, .validation = 0.1, .stratify = false,
    };
    belay_status status = guess(&g, target, &text);
    if (status == BELAY_OK && !fn(user, text.text, text.length))
        status = belay_fail(&ctx->log, BELAY_ERR_CANCELLED, "the recipe was not taken");
    belay_str_free(&text);
    guess_finish(&g);
    return status;
}
