// CSV: one file with features and targets; see data/table.h for the steps.
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "data/parts.h"
#include "data/source.h"
#include "data/table.h"

static const char *policy_of(const char *missing)
{
    return missing ? missing : "error";
}

static belay_status check_policy(struct belay_log *log, const char *missing)
{
    static const char *const names[] = { "mean", "drop", "error" };
    const char *near;
    for (size_t i = 0; i < 3; i++)
        if (strcmp(missing, names[i]) == 0)
            return BELAY_OK;
    near = belay_suggest(missing, names, 3);
    return belay_fail(log, BELAY_ERR_RECIPE, "data: missing is mean, drop or error, not '%s'%s%s%s",
                      missing, near ? "; did you mean '" : "", near ? near : "", near ? "'?" : "");
}

static belay_status copy_text(struct belay_log *log, const char *text, char **out)
{
    *out = belay_strdup(text);
    return *out ? BELAY_OK : belay_fail_nomem(log, strlen(text));
}

static void forget_scale(struct belay_preprocess *p)
{
    for (size_t i = 0; i < p->num_columns; i++) {
        p->columns[i].mean = 0;
        p->columns[i].std = 1;
    }
}

// Columns of each input to numbers of an input row.
static void widen_inputs(struct belay_preprocess *p, const size_t *columns)
{
    size_t at = 0;
    for (size_t i = 0; i < p->num_inputs; i++)
        for (size_t k = 0; k < columns[i]; k++, at++)
            p->inputs[i].width +=
                p->columns[at].kind == BELAY_COLUMN_CATEGORY ? p->columns[at].num_values : 1;
}

static belay_status load_train(struct belay_log *log, const struct belay_dataset_params *params,
                               struct belay_table *t, const size_t *widths,
                               struct belay_datasets *out)
{
    struct belay_preprocess *p = &out->preprocess;
    int32_t *labels = NULL, *order = NULL, *rows = NULL, *by = NULL;
    float *y = NULL;
    size_t num_train, num_validation, num = t->num_rows, num_classes = 0;
    bool classes[BELAY_MAX_HEADS] = { false };
    belay_status status;
    for (size_t i = 0; i < params->num_heads; i++)
        classes[i] = params->heads[i].classes;
    BELAY_TRY_DONE(belay_table_describe(log, t, params->task, classes, p));
    BELAY_TRY_DONE(belay_table_targets(log, t, p, &labels, &y));
    if (p->num_heads)
        BELAY_TRY_DONE(belay_parts_labels(log, p, y, num, &by, &num_classes));
    order = belay_alloc_array(num, sizeof(*order));
    rows = belay_alloc_array(num, sizeof(*rows));
    if (!order || !rows) {
        status = belay_fail_nomem(log, num * sizeof(*order));
        goto done;
    }
    BELAY_TRY_DONE(belay_split_all(log, num, by ? by : labels, by ? num_classes : p->num_classes,
                                   params, order, &num_train, &num_validation));
    for (size_t i = 0; i < num_train; i++)
        rows[i] = t->rows[order[i]];
    BELAY_TRY_DONE(belay_table_learn(log, t, rows, num_train, p));
    if (!params->standardize)
        forget_scale(p);
    widen_inputs(p, widths);
    BELAY_TRY_DONE(belay_table_encode(log, t, p, order, num_train, labels, y, &out->train));
    if (num_validation)
        BELAY_TRY_DONE(belay_table_encode(log, t, p, order + num_train, num_validation, labels, y,
                                          &out->validation));
    num_train += num_validation;
    if (num_train < num)
        status = belay_table_encode(log, t, p, order + num_train, num - num_train, labels, y,
                                    &out->test);
done:
    belay_free(by);
    belay_free(labels);
    belay_free(y);
    belay_free(order);
    belay_free(rows);
    return status;
}

// A file with a known preprocessing. Without need_target, targets that cannot be read are left
// out rather than refused.
static belay_status encode_known(struct belay_log *log, const struct belay_preprocess *p,
                                 bool need_target, struct belay_table *t,
                                 struct belay_dataset *out)
{
    struct belay_log quiet = { 0 };
    int32_t *labels = NULL;
    float *y = NULL;
    belay_status status;
    BELAY_TRY_DONE(belay_table_match(log, t, p, need_target));
    BELAY_TRY_DONE(belay_table_keep(log, t, policy_of(p->missing), need_target));
    if (t->target != BELAY_NO_COLUMN)
        status = belay_table_targets(need_target ? log : &quiet, t, p, &labels, &y);
    if (need_target && status != BELAY_OK)
        goto done;
    status = belay_table_encode(log, t, p, NULL, t->num_rows, labels, y, out);
done:
    belay_free(labels);
    belay_free(y);
    return status;
}

static enum belay_csv_header header_of(const struct belay_preprocess *p)
{
    if (p->header)
        return BELAY_CSV_HEADER_YES;
    return strcmp(p->format, "csv") == 0 ? BELAY_CSV_HEADER_NO : BELAY_CSV_HEADER_AUTO;
}

// The preprocessing of plain numbers as that of numbered columns:
// (x * scale - mean) / std = (x - mean / scale) / (std / scale).
static belay_status number_columns(struct belay_log *log, const struct belay_preprocess *p,
                                   struct belay_column **out)
{
    static char no_name[] = "";
    struct belay_column *c = belay_alloc_array(p->raw_count, sizeof(*c));
    if (!c)
        return belay_fail_nomem(log, p->raw_count * sizeof(*c));
    for (size_t i = 0; i < p->raw_count; i++) {
        c[i].name = no_name;
        c[i].mean = p->mean / p->scale;
        c[i].std = p->std / p->scale;
    }
    *out = c;
    return BELAY_OK;
}

static belay_status apply(struct belay_log *log, const struct belay_preprocess *p,
                          const char *const *files, size_t num_files, bool need_target,
                          struct belay_dataset *out)
{
    struct belay_table t = { 0 };
    struct belay_preprocess known = *p; // borrows all of p
    struct belay_column *columns = NULL;
    struct belay_dataset d = { 0 };
    belay_status status;
    if (num_files != 1)
        return belay_fail(log, BELAY_ERR_ARG, "%zu csv files, want one", num_files);
    if (!p->columns) {
        BELAY_TRY(number_columns(log, p, &columns));
        known.columns = columns;
        known.num_columns = p->raw_count;
    }
    BELAY_TRY_DONE(belay_table_read(log, files[0], header_of(p), p->delimiter, &t));
    BELAY_TRY_DONE(encode_known(log, &known, need_target, &t, &d));
    if (need_target && p->weight && !d.weights)
        belay_say(log, BELAY_LOG_WARN, "%s: no column of weights '%s': every row counts 1",
                  files[0], p->weight);
    BELAY_TRY_DONE(belay_dataset_seal(log, &d));
    *out = d;
    d = (struct belay_dataset){ 0 };
done:
    belay_dataset_finish(&d);
    belay_table_finish(&t);
    belay_free(columns);
    return status;
}

static belay_status load_test(struct belay_log *log, const struct belay_dataset_params *params,
                              struct belay_table *t, struct belay_datasets *out)
{
    char *file = NULL;
    belay_status status = belay_part_files(log, params, BELAY_FILES_TEST, 1, 1, "one file", &file);
    if (status == BELAY_OK)
        status = belay_table_read(log, file, header_of(&out->preprocess),
                                  out->preprocess.delimiter, t);
    if (status == BELAY_OK)
        status = encode_known(log, &out->preprocess, true, t, &out->test);
    if (status == BELAY_OK && params->weight && !out->test.weights)
        status = belay_fail(log, BELAY_ERR_DATA, "%s: no column of weights '%s', as in training",
                            file, out->preprocess.weight);
    belay_free(file);
    t->file = NULL;
    return status;
}

static belay_status seal(struct belay_log *log, const struct belay_table *train,
                         const struct belay_table *test, struct belay_datasets *d)
{
    struct belay_digest both[2] = { train->digest, test->digest };
    belay_digest_of(both, sizeof(both), &d->digest);
    BELAY_TRY(belay_dataset_seal(log, &d->train));
    BELAY_TRY(belay_dataset_seal(log, &d->validation));
    return belay_dataset_seal(log, &d->test);
}

static belay_status load(struct belay_log *log, const struct belay_dataset_params *params,
                         struct belay_datasets *out)
{
    const char *missing = policy_of(params->missing);
    struct belay_table train = { 0 }, test = { 0 };
    struct belay_datasets d = { 0 };
    size_t widths[BELAY_MAX_INPUTS] = { 0 };
    char *file = NULL;
    belay_status status;
    BELAY_TRY_DONE(check_policy(log, missing));
    BELAY_TRY_DONE(belay_part_files(log, params, BELAY_FILES_TRAIN, 1, 1, "one file", &file));
    BELAY_TRY_DONE(belay_table_read(log, file, (enum belay_csv_header) params->header,
                                    params->delimiter, &train));
    if (params->num_inputs || params->num_heads)
        BELAY_TRY_DONE(belay_table_choose_parts(log, &train, params, widths));
    else
        BELAY_TRY_DONE(belay_table_choose(log, &train, params));
    BELAY_TRY_DONE(belay_parts_begin(log, params, &d.preprocess));
    BELAY_TRY_DONE(belay_table_keep(log, &train, missing, true));
    d.preprocess.delimiter = params->delimiter;
    BELAY_TRY_DONE(copy_text(log, "csv", &d.preprocess.format));
    BELAY_TRY_DONE(copy_text(log, missing, &d.preprocess.missing));
    BELAY_TRY_DONE(load_train(log, params, &train, widths, &d));
    if (params->num_test && !belay_split_has_test(params))
        BELAY_TRY_DONE(load_test(log, params, &test, &d));
    BELAY_TRY_DONE(seal(log, &train, &test, &d));
    *out = d;
    d = (struct belay_datasets){ 0 };
done:
    belay_datasets_finish(&d);
    belay_table_finish(&train);
    belay_table_finish(&test);
    belay_free(file);
    return status;
}

const struct belay_source belay_source_csv = {
    .name = "csv",
    .help = "one table; text columns become one-hot, numbers are standardised",
    .endings = ".csv .tsv",
    .load = load,
    .apply = apply,
};
