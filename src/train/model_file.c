// A trained model from one file: its graph is built again from the metadata, its weights bound.
#include <stdio.h>
#include <string.h>

#include <belay/model.h>

#include "base/str.h"
#include "device/context.h"
#include "format/safetensors.h"
#include "train/engine.h"
#include "train/model_file.h"
#include "train/recipe_inner.h"
#include "train/trainer_internal.h"

#define DEFAULT_ROWS 256

struct belay_model {
    struct belay_ctx *ctx;
    struct belay_log *log;
    struct belay_st file;
    struct belay_yaml_doc doc;       // the recipe's model
    struct belay_preprocess preprocess;
    const struct belay_loss *loss;
    double loss_options[BELAY_MAX_OPTIONS];
    struct belay_recipe *heads;      // with several: its heads and metrics alone; else NULL
    float *loss_weights;             // NULL: none
    size_t num_loss_weights;
    struct belay_graph *graph;
    struct belay_plan *plan;
    struct belay_program *program;
    belay_value *x, *y;
    size_t max_rows, outputs;
    float *inputs;                   // max_rows rows, preprocessed
    double *confusion;
};

static belay_status meta_of(struct belay_model *m, const char *path, const char *key,
                            const char **out)
{
    *out = belay_st_meta(&m->file, key);
    if (*out)
        return BELAY_OK;
    return belay_fail(m->log, BELAY_ERR_MISMATCH,
                      "%s: no '%s' in its metadata: it was not written by a trainer", path, key);
}

// Every metric that suits a head, beside its loss.
static belay_status head_metrics(struct belay_recipe *r)
{
    r->num_metrics = 0;
    for (size_t i = 0; i < r->num_heads; i++) {
        const struct belay_head *h = &r->heads[i];
        BELAY_TRY(belay_recipe_add_metric(r, NULL, "loss", h->loss, h->name, (int) i));
        for (const struct belay_metric *const *metric = belay_metrics; *metric; metric++)
            if ((*metric)->shown && (*metric)->classes == h->loss->classes)
                BELAY_TRY(belay_recipe_add_metric(r, NULL, (*metric)->name, h->loss, h->name,
                                                  (int) i));
    }
    return BELAY_OK;
}

// The heads are read as a recipe reads them.
static belay_status read_heads(struct belay_model *m, const char *path, const char *model)
{
    struct belay_str text = { 0 };
    const char *heads;
    BELAY_TRY(meta_of(m, path, "belay.heads", &heads));
    m->loss = &belay_loss_heads;
    belay_str_addf(&text, "model: %s\nheads: %s\n", model, heads);
    belay_status status =
        text.failed ? belay_fail_nomem(m->log, strlen(model))
                    : belay_recipe_parse(m->ctx, text.text, path, NULL, 0, &m->heads);
    belay_str_free(&text);
    if (status == BELAY_OK && m->heads->num_heads != m->preprocess.num_heads)
        status = belay_fail(m->log, BELAY_ERR_DAMAGED, "%s: %zu heads, and targets of %zu", path,
                            m->heads->num_heads, m->preprocess.num_heads);
    return status == BELAY_OK ? head_metrics(m->heads) : status;
}

static belay_status read_meta(struct belay_model *m, const char *path)
{
    const char *model, *preprocess, *loss;
    // Whoever writes a model writes its digest; it was compared when the file was read.
    if (belay_st_meta(&m->file, "belay.model") && !belay_st_meta(&m->file, "belay.digest"))
        return belay_fail(m->log, BELAY_ERR_DAMAGED, "%s: its digest is gone", path);
    BELAY_TRY(meta_of(m, path, "belay.model", &model));
    BELAY_TRY(meta_of(m, path, "belay.preprocess", &preprocess));
    BELAY_TRY(meta_of(m, path, "belay.loss", &loss));
    if (!*model)
        return belay_fail(m->log, BELAY_ERR_UNSUPPORTED,
                          "%s: its model was built by a program, not by a recipe: load the weights "
                          "with `init`",
                          path);
    BELAY_TRY(belay_yaml_parse(m->log, path, model, &m->doc));
    BELAY_TRY(belay_preprocess_from_json(m->log, preprocess, &m->preprocess));
    if (strcmp(loss, belay_loss_heads.name) == 0)
        return read_heads(m, path, model);
    m->loss = belay_loss_find(loss);
    if (!m->loss)
        return belay_fail(m->log, BELAY_ERR_UNSUPPORTED,
                          "%s: the loss '%s' is none of Belay's: the program that wrote this had "
                          "registered it, this one has not (belay_register_loss)", path, loss);
    return belay_loss_from_json(m->log, m->loss, belay_st_meta(&m->file, "belay.loss_options"),
                                m->loss_options, &m->loss_weights, &m->num_loss_weights);
}

static belay_value *predicted(const struct belay_loss *loss, belay_graph *g, belay_value *y)
{
    return y && loss->predict ? loss->predict(g, y) : y;
}

// What the model gives for a row: of several heads one after the other.
static belay_value *build_output(struct belay_model *m)
{
    struct belay_model_io io = { .num_inputs = m->preprocess.num_inputs };
    for (size_t i = 0; i < io.num_inputs; i++)
        io.inputs[i] = (struct belay_model_input){ m->preprocess.inputs[i].name,
                                                   m->preprocess.inputs[i].width };
    for (size_t i = 0; m->heads && i < m->heads->num_heads; i++)
        io.from[io.num_heads++] = m->heads->heads[i].from;
    belay_value *y = belay_model_build_io(m->graph, m->doc.root, m->x, NULL, &io);
    if (belay_graph_check(m->graph) != BELAY_OK || !m->heads)
        return y ? predicted(m->loss, m->graph, y) : NULL;
    for (size_t i = 0; i < io.num_heads; i++)
        io.heads[i] = predicted(m->heads->heads[i].loss, m->graph, io.heads[i]);
    return belay_concat(m->graph, (int) io.num_heads, io.heads, 1);
}

// Heads of a file that was made by hand may say other things than their targets.
static belay_status check_heads(struct belay_model *m)
{
    belay_head_info h;
    size_t count = 0;
    for (size_t i = 0; belay_model_head(m, i, &h); i++) {
        if (h.classes != m->heads->heads[i].loss->classes)
            return belay_fail(m->log, BELAY_ERR_DAMAGED, "head %s: its loss and its targets are of "
                              "two kinds", h.name);
        count += h.count;
    }
    if (m->heads && count != m->outputs)
        return belay_fail(m->log, BELAY_ERR_DAMAGED, "the heads give %zu numbers, their targets are "
                          "of %zu", m->outputs, count);
    return BELAY_OK;
}

static belay_status build(struct belay_model *m)
{
    const int64_t dim[2] = { (int64_t) m->max_rows, (int64_t) m->preprocess.input_count };
    size_t align = m->ctx->device->align;
    const struct belay_plan_params plan = { .align = align > 64 ? align : 64 };
    BELAY_TRY(belay_graph_new(m->log, false, &m->graph));
    m->x = belay_input(m->graph, "x", BELAY_F32, 2, dim, true);
    belay_value *y = build_output(m);
    BELAY_TRY(belay_graph_check(m->graph));
    m->y = belay_graph_output(m->graph, y, "y");
    BELAY_TRY(belay_graph_check(m->graph));
    m->outputs = (size_t) belay_shape_count(&m->y->shape) / m->max_rows;
    BELAY_TRY(check_heads(m));
    BELAY_TRY(belay_graph_optimize(m->graph));
    BELAY_TRY(belay_plan_create(m->log, m->graph, &plan, &m->plan));
    const struct belay_program_params params = { m->ctx->device, m->plan, NULL, false };
    BELAY_TRY(belay_program_create(&params, &m->program));
    return belay_program_ready(m->program);
}

static belay_status load_weight(struct belay_model *m, const char *path, const belay_value *v)
{
    char a[BELAY_SHAPE_TEXT], b[BELAY_SHAPE_TEXT];
    const struct belay_st_entry *entry = belay_st_find(&m->file, v->name);
    struct belay_tensor tensor = { 0 };
    if (!entry || !belay_shape_equal(&entry->shape, &v->shape))
        return belay_fail(m->log, BELAY_ERR_MISMATCH,
                          "%s: tensor '%s' is %s, its model wants %s", path, v->name,
                          entry ? belay_shape_text(&entry->shape, a) : "absent",
                          belay_shape_text(&v->shape, b));
    BELAY_TRY(belay_st_load(m->log, entry, &tensor, BELAY_F32));
    belay_status status = belay_program_set(m->program, v, tensor.data, 0);
    belay_tensor_finish(&tensor);
    return status;
}

static belay_status load(struct belay_model *m, const char *path)
{
    BELAY_TRY(belay_ctx_open(m->ctx));
    BELAY_TRY(belay_st_read(m->log, path, &m->file));
    BELAY_TRY(read_meta(m, path));
    belay_status status = build(m);
    if (status != BELAY_OK) // layers' errors name the file
        return strncmp(m->log->last, path, strlen(path)) == 0
                   ? status
                   : belay_fail_in(m->log, status, "%s", path);
    for (size_t i = 0; i < m->graph->num_values; i++)
        if (m->graph->values[i]->kind == BELAY_VALUE_PARAM)
            BELAY_TRY(load_weight(m, path, m->graph->values[i]));
    m->inputs = belay_alloc_array(m->max_rows * m->preprocess.input_count + 1, sizeof(float));
    return m->inputs ? BELAY_OK : belay_fail_nomem(m->log, m->max_rows * sizeof(float));
}

belay_status belay_model_load(belay_ctx *ctx, const char *path, size_t max_rows, belay_model **out)
{
    *out = NULL;
    struct belay_model *m = belay_alloc(sizeof(*m));
    if (!m)
        return belay_fail_nomem(&ctx->log, sizeof(*m));
    m->ctx = ctx;
    m->log = &ctx->log;
    m->max_rows = max_rows ? max_rows : DEFAULT_ROWS;
    belay_status status = load(m, path);
    if (status != BELAY_OK)
        belay_model_destroy(&m);
    *out = m;
    return status;
}

void belay_model_destroy(belay_model **model)
{
    struct belay_model *m = model ? *model : NULL;
    if (!m)
        return;
    belay_program_destroy(&m->program);
    belay_plan_destroy(&m->plan);
    belay_graph_destroy(&m->graph);
    belay_preprocess_finish(&m->preprocess);
    belay_yaml_finish(&m->doc);
    belay_st_finish(&m->file);
    belay_free(m->loss_weights);
    if (m->heads)
        belay_recipe_destroy(&m->heads);
    belay_free(m->confusion);
    belay_free(m->inputs);
    belay_free(m);
    *model = NULL;
}

size_t belay_model_input_count(const belay_model *model)
{
    return model->preprocess.raw_count;
}

size_t belay_model_output_count(const belay_model *model)
{
    return model->outputs;
}

const char *belay_model_class(const belay_model *model, size_t index)
{
    belay_head_info h;
    for (size_t i = 0; belay_model_head(model, i, &h); i++)
        if (index >= h.first && index < h.first + h.count)
            return h.classes ? model->preprocess.heads[i].classes[index - h.first] : NULL;
    return index < model->preprocess.num_classes ? model->preprocess.classes[index] : NULL;
}

static size_t head_width(const struct belay_head_part *h)
{
    return h->num_classes ? h->num_classes : h->count;
}

bool belay_model_head(const belay_model *model, size_t index, belay_head_info *out)
{
    const struct belay_preprocess *p = &model->preprocess;
    if (index >= p->num_heads)
        return false;
    *out = (belay_head_info){ .name = p->heads[index].name, .count = head_width(&p->heads[index]),
                              .classes = p->heads[index].classes != NULL };
    for (size_t i = 0; i < index; i++)
        out->first += head_width(&p->heads[i]);
    return true;
}

const struct belay_preprocess *belay_model_preprocess(const belay_model *model)
{
    return &model->preprocess;
}

const struct belay_yaml *belay_model_layers(const belay_model *model)
{
    return model->doc.root;
}

// ---- prediction ----

// Inputs (preprocessed) to outputs in the user's units.
static belay_status run(struct belay_model *m, const float *x, size_t rows, float *out)
{
    const struct belay_preprocess *p = &m->preprocess;
    BELAY_TRY(belay_program_set(m->program, m->x, x, (int64_t) rows));
    BELAY_TRY(belay_program_run(m->program, (int64_t) rows));
    // The output has planned size; only the first rows are meant.
    BELAY_TRY(belay_buf_read(m->ctx->device, belay_program_buf(m->program, m->y), 0, out,
                             rows * m->outputs * sizeof(float)));
    for (size_t i = 0; i < rows * m->outputs && p->num_classes == 0; i++)
        out[i] = (float) (out[i] * (p->target_std != 0 ? p->target_std : 1) + p->target_mean);
    return BELAY_OK;
}

belay_status belay_model_predict(belay_model *m, const float *x, size_t rows, float *out)
{
    const struct belay_preprocess *p = &m->preprocess;
    for (size_t at = 0; at < rows; at += m->max_rows) {
        size_t n = rows - at < m->max_rows ? rows - at : m->max_rows;
        BELAY_TRY(belay_preprocess_numbers(m->log, p, x + at * p->raw_count, n, m->inputs));
        BELAY_TRY(run(m, m->inputs, n, out + at * m->outputs));
    }
    return BELAY_OK;
}

static void dataset_inputs(const struct belay_dataset *d, size_t first, size_t rows, float *out)
{
    const uint8_t *bytes = d->x;
    const float *floats = d->x;
    size_t count = rows * d->features, at = first * d->features;
    for (size_t i = 0; i < count; i++) {
        float raw = d->dtype == BELAY_U8 ? (float) bytes[at + i] : floats[at + i];
        out[i] = raw * d->x_scale + d->x_shift;
    }
}

static belay_status predict_rows(struct belay_model *m, const struct belay_dataset *d, float *out,
                                 belay_row_fn fn, void *user)
{
    char number[32];
    for (size_t at = 0; at < d->rows; at += m->max_rows) {
        size_t n = d->rows - at < m->max_rows ? d->rows - at : m->max_rows;
        dataset_inputs(d, at, n, m->inputs);
        BELAY_TRY(run(m, m->inputs, n, out));
        for (size_t r = 0; r < n; r++) {
            snprintf(number, sizeof(number), "%zu", at + r);
            if (!fn(user, d->ids ? d->ids[at + r] : number, out + r * m->outputs, m->outputs))
                return belay_fail(m->log, BELAY_ERR_CANCELLED, "prediction stopped at row %zu",
                                  at + r);
        }
    }
    return BELAY_OK;
}

belay_status belay_model_each_row(belay_model *m, const struct belay_dataset *d, belay_row_fn fn,
                                  void *user)
{
    float *out = belay_alloc_array(m->max_rows * m->outputs + 1, sizeof(*out));
    belay_status status = out ? predict_rows(m, d, out, fn, user)
                              : belay_fail_nomem(m->log, m->max_rows * sizeof(*out));
    belay_free(out);
    return status;
}

belay_status belay_model_predict_files(belay_model *m, const char *const *files, size_t num,
                                       belay_row_fn fn, void *user)
{
    struct belay_dataset d = { 0 };
    BELAY_TRY(belay_dataset_apply(m->log, &m->preprocess, files, num, false, &d));
    belay_status status = belay_model_each_row(m, &d, fn, user);
    belay_dataset_finish(&d);
    return status;
}

// ---- evaluation: with the trainer's own engine ----

static belay_status set_weights(struct belay_model *m, struct belay_engine *e)
{
    size_t count, total = belay_engine_arena_count(e);
    const struct belay_engine_param *params = belay_engine_params(e, &count);
    float *arena = belay_alloc_array(total, sizeof(*arena));
    belay_status status = arena ? BELAY_OK : belay_fail_nomem(m->log, total * sizeof(*arena));
    for (size_t i = 0; i < count && status == BELAY_OK; i++) {
        struct belay_tensor tensor = { 0 };
        // The names and shapes were checked when the model was loaded.
        status = belay_st_load(m->log, belay_st_find(&m->file, params[i].name), &tensor, BELAY_F32);
        if (status == BELAY_OK)
            memcpy(arena + params[i].offset, tensor.data, params[i].count * sizeof(*arena));
        belay_tensor_finish(&tensor);
    }
    if (status == BELAY_OK)
        status = belay_engine_set_arena(e, 0, arena);
    belay_free(arena);
    return status;
}

// Every metric that fits the model's kind of target.
static void all_metrics(const struct belay_model *m, struct belay_recipe *r)
{
    for (const struct belay_metric *const *metric = belay_metrics; *metric; metric++) {
        if (!(*metric)->shown || (*metric)->classes != m->loss->classes ||
            r->num_metrics == BELAY_MAX_METRICS)
            continue;
        r->metric_names[r->num_metrics] = (*metric)->name;
        r->metrics[r->num_metrics++] = *metric;
    }
}

static belay_status fill_scores(struct belay_model *m, const struct belay_recipe *metrics,
                                const struct belay_eval_sums *sums, belay_scores *out)
{
    struct check_values v;
    size_t cells = sums->classes * sums->classes;
    belay_metrics_values(metrics, &m->preprocess, sums, &v);
    *out = (belay_scores){ .rows = sums->rows, .loss = v.loss };
    for (int i = 0; i < metrics->num_metrics && i < BELAY_MAX_SCORES; i++) {
        out->name[out->count] = metrics->metric_names[i];
        out->value[out->count++] = v.metrics[i];
    }
    if (!sums->confusion)
        return BELAY_OK;
    belay_free(m->confusion);
    m->confusion = belay_alloc_array(cells, sizeof(*m->confusion));
    if (!m->confusion)
        return belay_fail_nomem(m->log, cells * sizeof(*m->confusion));
    memcpy(m->confusion, sums->confusion, cells * sizeof(*m->confusion));
    out->confusion = m->confusion;
    out->classes = sums->classes;
    return BELAY_OK;
}

static belay_status evaluate(struct belay_model *m, const struct belay_dataset *d,
                             belay_scores *out)
{
    struct belay_recipe one = { 0 };
    const struct belay_recipe *metrics = m->heads ? m->heads : &one;
    struct belay_eval_sums sums[1 + BELAY_MAX_HEADS];
    struct belay_engine *e = NULL;
    size_t parts = m->loss->classes ? d->classes : d->targets;
    if (m->loss_weights && parts != m->num_loss_weights)
        return belay_fail(m->log, BELAY_ERR_MISMATCH, "evaluate: the loss has %zu weights, the data "
                          "have %zu %s", m->num_loss_weights, parts,
                          m->loss->classes ? "classes" : "targets");
    if (!m->heads)
        all_metrics(m, &one);
    struct belay_engine_params params = {
        .device = m->ctx->device,
        .model = m->doc.root,
        .loss = m->loss,
        .loss_options = m->loss_options,
        .loss_weights = m->loss_weights,
        .parts = { NULL, NULL, d },
        .batch = (int64_t) m->max_rows,
        .eval_batch = (int64_t) m->max_rows,
        .confusion = m->loss->classes || m->heads,
        .regression = !m->loss->classes,
    };
    for (size_t i = 0; i < m->preprocess.num_inputs; i++)
        params.inputs[params.num_inputs++] = (struct belay_model_input){
            m->preprocess.inputs[i].name, m->preprocess.inputs[i].width };
    if (m->heads)
        BELAY_TRY(belay_heads_fill(m->heads, &m->preprocess, &params));
    BELAY_TRY(belay_engine_create(m->log, &params, &e));
    belay_status status = set_weights(m, e);
    if (status == BELAY_OK)
        status = belay_engine_evaluate(e, BELAY_PART_TEST, sums);
    if (status == BELAY_OK)
        status = fill_scores(m, metrics, sums, out);
    belay_engine_destroy(&e);
    return status;
}

// The test files of a recipe, with their folder.
static belay_status recipe_files(struct belay_model *m, const struct belay_recipe *r, char ***out)
{
    const struct belay_dataset_params *p = &r->data;
    if (p->num_test == 0)
        return belay_fail(m->log, BELAY_ERR_RECIPE, "%s: there is no test data: data.test names no "
                          "files and split.test holds none out; name files to measure on", r->name);
    char **files = belay_alloc_array(p->num_test, sizeof(*files));
    bool whole = files != NULL;
    for (size_t i = 0; i < p->num_test && whole; i++) {
        bool rooted = p->root && p->test[i][0] != '/';
        files[i] = rooted ? belay_path_join(p->root, p->test[i]) : belay_strdup(p->test[i]);
        whole = files[i] != NULL;
    }
    *out = files;
    return whole ? BELAY_OK : belay_fail_nomem(m->log, p->num_test * sizeof(*files));
}

// Made data, or a part of the training files: the recipe makes the same test part again.
static belay_status made_part(struct belay_model *m, const struct belay_recipe *r,
                              struct belay_dataset *out)
{
    struct belay_datasets data = { 0 };
    BELAY_TRY(belay_datasets_load(m->log, &r->data, &data));
    belay_status status = BELAY_OK;
    if (data.test.rows == 0)
        status = belay_fail(m->log, BELAY_ERR_RECIPE, "%s: its data has no test part", r->name);
    else if (data.test.features != m->preprocess.input_count)
        status = belay_fail(m->log, BELAY_ERR_MISMATCH, "%s: its data has %zu features, the model "
                            "takes %zu", r->name, data.test.features, m->preprocess.input_count);
    if (status == BELAY_OK) {
        *out = data.test;
        data.test = (struct belay_dataset){ 0 };
    }
    belay_datasets_finish(&data);
    return status;
}

belay_status belay_model_test_data(struct belay_model *m, const struct belay_recipe *recipe,
                                   const char *const *files, size_t num, struct belay_dataset *out)
{
    char **own = NULL;
    if (num > 0)
        return belay_dataset_apply(m->log, &m->preprocess, files, num, true, out);
    if (!recipe)
        return belay_fail(m->log, BELAY_ERR_ARG, "evaluate: neither files nor a recipe");
    size_t count = recipe->data.num_test;
    bool made = count == 0 && recipe->data.num_train == 0 && recipe->data.format;
    if (made || belay_split_has_test(&recipe->data))
        return made_part(m, recipe, out);
    belay_status status = recipe_files(m, recipe, &own);
    if (status == BELAY_OK)
        status = belay_dataset_apply(m->log, &m->preprocess, (const char *const *) own, count, true,
                                     out);
    for (size_t i = 0; own && i < count; i++)
        belay_free(own[i]);
    belay_free(own);
    return status;
}

belay_status belay_model_evaluate(belay_model *m, const belay_recipe *recipe,
                                  const char *const *files, size_t num, belay_scores *out)
{
    struct belay_dataset d = { 0 };
    BELAY_TRY(belay_model_test_data(m, recipe, files, num, &d));
    belay_status status = evaluate(m, &d, out);
    belay_dataset_finish(&d);
    return status;
}

belay_status belay_model_score(belay_model *m, const struct belay_dataset *d, belay_scores *out)
{
    return evaluate(m, d, out);
}

belay_status belay_model_save(belay_model *m, const char *path)
{
    // The file as it was read, digest and all.
    return belay_file_write(m->log, path, m->file.bytes, m->file.size);
}
