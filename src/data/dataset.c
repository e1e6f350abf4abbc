// Loading and applying: chooses the source, and what is the same for all of them.
#include <string.h>

#include "base/file.h"
#include "base/mem.h"
#include "data/source.h"

void belay_dataset_finish(struct belay_dataset *d)
{
    belay_free_aligned(d->x);
    belay_free(d->labels);
    belay_free(d->y);
    belay_free(d->weights);
    if (d->ids)
        belay_names_free(d->ids, d->rows);
    belay_free(d->file);
    *d = (struct belay_dataset){ 0 };
}

void belay_datasets_finish(struct belay_datasets *d)
{
    belay_dataset_finish(&d->train);
    belay_dataset_finish(&d->validation);
    belay_dataset_finish(&d->test);
    belay_preprocess_finish(&d->preprocess);
    *d = (struct belay_datasets){ 0 };
}

belay_status belay_dataset_seal(struct belay_log *log, struct belay_dataset *d)
{
    struct belay_hash h;
    uint64_t head[5] = { d->rows, d->features, d->dtype, d->targets, d->classes };
    if (!belay_hash_begin(&h))
        return belay_fail_nomem(log, sizeof(h));
    belay_hash_add(&h, head, sizeof(head));
    belay_hash_add(&h, d->x, d->rows * d->features * belay_dtype_size(d->dtype));
    if (d->labels)
        belay_hash_add(&h, d->labels, d->rows * sizeof(*d->labels));
    if (d->y)
        belay_hash_add(&h, d->y, d->rows * d->targets * sizeof(*d->y));
    if (d->weights)
        belay_hash_add(&h, d->weights, d->rows * sizeof(*d->weights));
    belay_hash_end(&h, &d->digest);
    return BELAY_OK;
}

static belay_status load_raw(struct belay_log *log, const struct belay_source *source,
                             const struct belay_dataset_params *params, struct belay_datasets *out)
{
    struct belay_raw train = { 0 }, test = { 0 };
    struct belay_dataset_params known = *params;
    bool made = !source->endings, npz = strcmp(source->name, "npz") == 0;
    belay_status status;
    if (params->weight && !npz)
        return belay_fail(log, BELAY_ERR_RECIPE, "data.weight: %s data have no names%s",
                          source->name,
                          strcmp(source->name, "npy") ? ", and no weights"
                                                      : ": give a third file, after x and y");
    if (!made)
        known.classes = 0; // a file says itself how many there are
    BELAY_TRY_DONE(source->read(log, params, BELAY_FILES_TRAIN, true, &train));
    if ((params->num_test || made) && !belay_split_has_test(params))
        BELAY_TRY_DONE(source->read(log, params, BELAY_FILES_TEST, true, &test));
    if (test.x.data && train.w.data && !test.w.data) {
        status = belay_fail(log, BELAY_ERR_DATA,
                            "%s: it has no weights of rows, the training data have", test.x_file);
        goto done;
    }
    status = belay_raw_prepare(log, source->name, &known, &train, NULL, &test, out);
done:
    belay_raw_finish(&train);
    belay_raw_finish(&test);
    return status;
}

belay_status belay_datasets_load(struct belay_log *log, const struct belay_dataset_params *params,
                                 struct belay_datasets *out)
{
    const struct belay_source *source;
    BELAY_TRY(belay_source_choose(log, params->format, params->num_train ? params->train[0] : NULL,
                                  &source));
    return source->load ? source->load(log, params, out) : load_raw(log, source, params, out);
}

// What reads the files of a model: columns with names need what wrote them, plain numbers may come
// in any format.
static belay_status choose_for(struct belay_log *log, const struct belay_preprocess *p,
                               const char *file, const struct belay_source **out)
{
    struct belay_log quiet = { 0 };
    bool by_ending = belay_source_choose(&quiet, NULL, file, out) == BELAY_OK;
    bool table = strcmp(p->format, "csv") == 0;
    if (by_ending && table && strcmp((*out)->name, "csv") != 0)
        return belay_fail(log, BELAY_ERR_DATA, "%s: the model takes csv files, not %s", file,
                          (*out)->name);
    if (by_ending)
        return BELAY_OK;
    if (belay_source_choose(&quiet, p->format, file, out) == BELAY_OK && (*out)->endings)
        return BELAY_OK;
    return belay_source_choose(log, NULL, file, out);
}

belay_status belay_dataset_apply(struct belay_log *log, const struct belay_preprocess *p,
                                 const char *const *files, size_t num_files, bool need_target,
                                 struct belay_dataset *out)
{
    const struct belay_source *source;
    struct belay_raw raw = { 0 };
    struct belay_dataset_params params = { .test = files, .num_test = num_files,
                                           .weight = p->weight };
    belay_status status;
    if (!num_files)
        return belay_fail(log, BELAY_ERR_ARG, "no data file is given");
    BELAY_TRY(choose_for(log, p, files[0], &source));
    if (source->apply)
        return source->apply(log, p, files, num_files, need_target, out);
    const char *targets[BELAY_MAX_HEADS];
    for (size_t i = 0; i < p->num_inputs; i++)
        params.inputs[params.num_inputs++] = (struct belay_input_group){
            .name = p->inputs[i].name, .array = p->inputs[i].array };
    for (size_t i = 0; i < p->num_heads; i++) {
        targets[i] = p->heads[i].num_targets ? p->heads[i].targets[0] : p->heads[i].name;
        params.heads[params.num_heads++] =
            (struct belay_target_group){ p->heads[i].name, &targets[i], 1, false };
    }
    BELAY_TRY_DONE(source->read(log, &params, BELAY_FILES_TEST, need_target, &raw));
    status = belay_raw_apply(log, p, &raw, need_target, out);
done:
    belay_raw_finish(&raw);
    return status;
}

belay_status belay_dataset_check_classes(struct belay_log *log, const struct belay_dataset *d,
                                         size_t outputs)
{
    if (!d->labels || !d->rows)
        return BELAY_OK;
    int32_t largest = d->labels[0];
    for (size_t i = 1; i < d->rows; i++)
        largest = d->labels[i] > largest ? d->labels[i] : largest;
    if ((size_t) largest < outputs)
        return BELAY_OK;
    return belay_fail(log, BELAY_ERR_DATA,
                      "%s: row %zu: label %d is out of range: the model has %zu classes (outputs of its "
                      "last layer)",
                      d->file ? d->file : "data", d->max_label_row, largest, outputs);
}

belay_status belay_datasets_check_classes(struct belay_log *log, const struct belay_datasets *d,
                                          size_t outputs)
{
    BELAY_TRY(belay_dataset_check_classes(log, &d->train, outputs));
    BELAY_TRY(belay_dataset_check_classes(log, &d->validation, outputs));
    return belay_dataset_check_classes(log, &d->test, outputs);
}
