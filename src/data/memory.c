// Rows that the caller holds.
#include <string.h>

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

// Which columns of x and y are whose: inputs say their width, heads have a column for each target.
static belay_status part_rows(struct belay_log *log, const struct belay_dataset_params *p,
                              struct belay_raw *raw)
{
    size_t width = 0, targets = 0;
    if (!raw->x.data || (!p->num_inputs && !p->num_heads))
        return BELAY_OK;
    for (size_t i = 0; i < p->num_inputs; i++) {
        if (!p->inputs[i].width)
            return belay_fail(log, BELAY_ERR_RECIPE, "model.inputs.%s: rows from memory need its width",
                              p->inputs[i].name);
        width += raw->widths[i] = p->inputs[i].width;
    }
    for (size_t i = 0; i < p->num_heads; i++)
        targets += raw->counts[i] = p->heads[i].num_targets;
    raw->num_inputs = p->num_inputs;
    raw->num_heads = p->num_heads;
    if (p->num_inputs && width != (size_t) raw->x.shape.dim[1])
        return belay_fail(log, BELAY_ERR_DATA, "%s data: %lld features, the inputs take %zu",
                          raw->x_file, (long long) raw->x.shape.dim[1], width);
    if (p->num_heads && (raw->y.dtype != BELAY_F32 || targets != (size_t) raw->y.shape.dim[1]))
        return belay_fail(log, BELAY_ERR_DATA, "%s data: with heads want y of %zu numbers a row, a class "
                          "as its number", raw->x_file, targets);
    return BELAY_OK;
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
        memcpy(p.inputs, params->inputs, sizeof(p.inputs));
        memcpy(p.heads, params->heads, sizeof(p.heads));
        p.num_inputs = params->num_inputs;
        p.num_heads = params->num_heads;
    }
    if (!train)
        return belay_fail(log, BELAY_ERR_ARG, "no training data is given");
    p.classes = train->classes;
    BELAY_TRY_DONE(view_rows(log, train, "training", &raw[0]));
    BELAY_TRY_DONE(view_rows(log, validation, "validation", &raw[1]));
    BELAY_TRY_DONE(view_rows(log, test, "test", &raw[2]));
    for (int i = 0; i < 3; i++)
        BELAY_TRY_DONE(part_rows(log, &p, &raw[i]));
    status = belay_raw_prepare(log, "memory", &p, &raw[0], validation ? &raw[1] : NULL, &raw[2],
                               out);
done:
    for (int i = 0; i < 3; i++)
        belay_raw_finish(&raw[i]);
    return status;
}
