// Rows that the caller holds.
#include "base/mem.h"
#include "data/source.h"

static void view(struct belay_tensor *t, belay_dtype dtype, size_t rows, size_t columns,
                 const void *data)
{
    *t = (struct belay_tensor){ .dtype = dtype, .data = (void *) (uintptr_t) data };
    t->shape = (struct belay_shape){ 2, { (int64_t) rows, (int64_t) columns } };
    t->size = rows * columns * belay_dtype_size(dtype);
}

// Borrows the caller's memory: belay_raw_prepare copies what it does not own.
static belay_status view_rows(struct belay_log *log, const struct belay_memory_data *m,
                              const char *name, struct belay_raw *out)
{
    if (!m)
        return BELAY_OK;
    if (!m->x || !m->rows || !m->features || (!m->labels && (!m->y || !m->targets)))
        return belay_fail(log, BELAY_ERR_ARG,
                          "%s data: want x with rows and features, and labels or y with targets",
                          name);
    view(&out->x, BELAY_F32, m->rows, m->features, m->x);
    if (m->labels)
        view(&out->y, BELAY_I32, m->rows, 1, m->labels);
    else
        view(&out->y, BELAY_F32, m->rows, m->targets, m->y);
    if (m->weights) {
        view(&out->w, BELAY_F32, m->rows, 1, m->weights);
        out->w_file = belay_strdup(name);
    }
    out->x_file = belay_strdup(name);
    out->y_file = belay_strdup(name);
    return out->x_file && out->y_file ? BELAY_OK : belay_fail_nomem(log, 16);
}

belay_status belay_datasets_from_memory(struct belay_log *log,
                                        const struct belay_dataset_params *params,
                                        const struct belay_memory_data *train,
                                        const struct belay_memory_data *validation,
                                        const struct belay_memory_data *test,
                                        struct belay_datasets *out)
{
    struct belay_raw raw[3] = { 0 };
    // The split alone: how a file would be read says nothing about rows in memory.
    struct belay_dataset_params p = { .task = train && train->labels ? 1 : 2 };
    belay_status status = BELAY_OK;
    if (params) {
        p.validation = params->validation;
        p.split_seed = params->split_seed;
        p.stratify = params->stratify;
        p.folds = params->folds;
        p.fold = params->fold;
        p.hold_out = params->hold_out;
        p.test_seed = params->test_seed;
    }
    if (!train)
        return belay_fail(log, BELAY_ERR_ARG, "no training data is given");
    p.classes = train->classes;
    BELAY_TRY_DONE(view_rows(log, train, "training", &raw[0]));
    BELAY_TRY_DONE(view_rows(log, validation, "validation", &raw[1]));
    BELAY_TRY_DONE(view_rows(log, test, "test", &raw[2]));
    status = belay_raw_prepare(log, "memory", &p, &raw[0], validation ? &raw[1] : NULL, &raw[2],
                               out);
done:
    for (int i = 0; i < 3; i++)
        belay_raw_finish(&raw[i]);
    return status;
}
