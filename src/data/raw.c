// From raw numbers to data sets.
#include <math.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "data/parts.h"
#include "data/source.h"

#define MAX_CLASSES 65536 // more are taken for a mistake

void belay_raw_finish(struct belay_raw *raw)
{
    belay_tensor_finish(&raw->x);
    belay_tensor_finish(&raw->y);
    belay_tensor_finish(&raw->w);
    belay_free(raw->x_file);
    belay_free(raw->y_file);
    belay_free(raw->w_file);
    *raw = (struct belay_raw){ 0 };
}

static const char *file_of(const char *file)
{
    return file ? file : "data";
}

belay_status belay_raw_check(struct belay_log *log, struct belay_raw *raw)
{
    char text[BELAY_SHAPE_TEXT];
    int64_t count = belay_shape_count(&raw->x.shape);
    if (raw->x.shape.rank < 1 || count <= 0)
        return belay_fail(log, BELAY_ERR_DATA, "%s: an array %s holds no rows of features",
                          file_of(raw->x_file), belay_shape_text(&raw->x.shape, text));
    raw->rows = (size_t) raw->x.shape.dim[0];
    raw->features = (size_t) count / raw->rows;
    if (raw->rows > INT32_MAX)
        return belay_fail(log, BELAY_ERR_UNSUPPORTED, "%s: %zu rows are too many",
                          file_of(raw->x_file), raw->rows);
    if (!raw->y.data)
        return BELAY_OK;
    if (raw->y.shape.rank < 1 || (size_t) raw->y.shape.dim[0] != raw->rows)
        return belay_fail(log, BELAY_ERR_DATA, "%s: targets %s do not fit the %zu rows of %s",
                          file_of(raw->y_file), belay_shape_text(&raw->y.shape, text), raw->rows,
                          file_of(raw->x_file));
    return BELAY_OK;
}

// ---- Targets ----

struct targets { // of all rows of a raw part
    int32_t *labels;
    float *y, *weights;
    size_t count, classes;
};

static void targets_finish(struct targets *t)
{
    belay_free(t->labels);
    belay_free(t->y);
    belay_free(t->weights);
}

static double load_at(const struct belay_tensor *t, size_t index)
{
    return belay_dtype_load(t->dtype, (const char *) t->data + index * belay_dtype_size(t->dtype));
}

static belay_status bad_label(struct belay_log *log, const struct belay_raw *raw, size_t row,
                              double label, size_t limit)
{
    if (label != floor(label))
        return belay_fail(log, BELAY_ERR_DATA, "%s: row %zu: label %g is not a whole number",
                          file_of(raw->y_file), row, label);
    return belay_fail(log, BELAY_ERR_DATA,
                      "%s: row %zu: label %.0f is out of range: there are %zu classes (0 to %zu)",
                      file_of(raw->y_file), row, label, limit, limit - 1);
}

// `limit` 0: as many classes as the labels show.
static belay_status read_labels(struct belay_log *log, const struct belay_raw *raw, size_t limit,
                                struct targets *t)
{
    size_t most = limit ? limit : MAX_CLASSES;
    t->labels = belay_alloc_array(raw->rows, sizeof(*t->labels));
    if (!t->labels)
        return belay_fail_nomem(log, raw->rows * sizeof(*t->labels));
    t->classes = limit;
    for (size_t i = 0; i < raw->rows; i++) {
        double label = load_at(&raw->y, i);
        if (!(label >= 0 && label < (double) most && label == floor(label)))
            return bad_label(log, raw, i, label, most);
        t->labels[i] = (int32_t) label;
        if ((size_t) label >= t->classes)
            t->classes = (size_t) label + 1;
    }
    return BELAY_OK;
}

static belay_status read_values(struct belay_log *log, const struct belay_raw *raw,
                                struct targets *t)
{
    size_t count = raw->rows * t->count;
    t->y = belay_alloc_array(count, sizeof(*t->y));
    if (!t->y)
        return belay_fail_nomem(log, count * sizeof(*t->y));
    for (size_t i = 0; i < count; i++) {
        double value = load_at(&raw->y, i);
        if (!isfinite(value))
            return belay_fail(log, BELAY_ERR_DATA, "%s: row %zu: target %g is not finite",
                              file_of(raw->y_file), i / t->count, value);
        t->y[i] = (float) value;
    }
    return BELAY_OK;
}

static belay_status read_weights(struct belay_log *log, const struct belay_raw *raw,
                                 struct targets *t)
{
    char text[BELAY_SHAPE_TEXT];
    if (!raw->w.data)
        return BELAY_OK;
    if (raw->w.shape.rank < 1 || (size_t) belay_shape_count(&raw->w.shape) != raw->rows)
        return belay_fail(log, BELAY_ERR_DATA, "%s: weights %s, want one for each of %zu rows",
                          file_of(raw->w_file), belay_shape_text(&raw->w.shape, text), raw->rows);
    t->weights = belay_alloc_array(raw->rows, sizeof(*t->weights));
    if (!t->weights)
        return belay_fail_nomem(log, raw->rows * sizeof(*t->weights));
    for (size_t i = 0; i < raw->rows; i++) {
        double value = load_at(&raw->w, i);
        if (!(value >= 0) || !isfinite((float) value))
            return belay_fail(log, BELAY_ERR_DATA, "%s: row %zu: weight %g is not a number of at "
                              "least 0", file_of(raw->w_file), i, value);
        t->weights[i] = (float) value;
    }
    return BELAY_OK;
}

static belay_status read_targets(struct belay_log *log, const struct belay_raw *raw, bool classes,
                                 size_t limit, struct targets *t)
{
    char text[BELAY_SHAPE_TEXT];
    BELAY_TRY(read_weights(log, raw, t));
    t->count = (size_t) belay_shape_count(&raw->y.shape) / raw->rows;
    if (!classes)
        return read_values(log, raw, t);
    if (t->count != 1)
        return belay_fail(log, BELAY_ERR_DATA, "%s: labels %s, want one a row",
                          file_of(raw->y_file), belay_shape_text(&raw->y.shape, text));
    return read_labels(log, raw, limit, t);
}

// ---- Features ----

static belay_status alloc_x(struct belay_log *log, struct belay_dataset *d)
{
    size_t size;
    if (!belay_mul_size(d->rows, d->features, &size) ||
        !belay_mul_size(size, belay_dtype_size(d->dtype), &size))
        size = SIZE_MAX;
    d->x = size == SIZE_MAX ? NULL : belay_alloc_aligned(size);
    return d->x ? BELAY_OK : belay_fail_nomem(log, size);
}

static size_t row_of(const int32_t *order, size_t i)
{
    return order ? (size_t) order[i] : i;
}

// Bytes stay bytes; the gather on the device scales them.
static belay_status copy_bytes(struct belay_log *log, struct belay_raw *raw, const int32_t *order,
                               bool last, struct belay_dataset *d)
{
    d->dtype = BELAY_U8;
    bool move = last && raw->x.owned;
    if (!move)
        BELAY_TRY(alloc_x(log, d));
    unsigned char *dst = move ? raw->x.data : d->x;
    const unsigned char *src = raw->x.data;
    // Rows keep their order, so that none is overwritten before it has moved.
    for (size_t i = 0; i < d->rows; i++)
        memmove(dst + i * d->features, src + row_of(order, i) * d->features, d->features);
    if (move) {
        d->x = raw->x.data;
        d->x_room = raw->x.size;
        raw->x = (struct belay_tensor){ 0 };
    }
    return BELAY_OK;
}

static belay_status convert_row(struct belay_log *log, const struct belay_preprocess *p,
                                const struct belay_raw *raw, size_t row, float *out)
{
    for (size_t i = 0; i < raw->features; i++) {
        double v = load_at(&raw->x, row * raw->features + i);
        if (!isfinite(v))
            return belay_fail(log, BELAY_ERR_DATA, "%s: row %zu, column %zu: %g is not finite",
                              file_of(raw->x_file), row, i, v);
        const struct belay_column *c = p->columns ? &p->columns[i] : NULL;
        out[i] = (float) (c ? (v - c->mean) / c->std : (v * p->scale - p->mean) / p->std);
    }
    return BELAY_OK;
}

static belay_status convert_rows(struct belay_log *log, const struct belay_preprocess *p,
                                 const struct belay_raw *raw, const int32_t *order,
                                 struct belay_dataset *d)
{
    d->dtype = BELAY_F32;
    BELAY_TRY(alloc_x(log, d));
    for (size_t i = 0; i < d->rows; i++)
        BELAY_TRY(convert_row(log, p, raw, row_of(order, i), (float *) d->x + i * d->features));
    return BELAY_OK;
}

static belay_status copy_targets(struct belay_log *log, const struct targets *t,
                                 const int32_t *order, struct belay_dataset *d)
{
    d->targets = t->count;
    d->classes = t->classes;
    if (t->labels)
        d->labels = belay_alloc_array(d->rows, sizeof(*d->labels));
    else
        d->y = belay_alloc_array(d->rows * t->count, sizeof(*d->y));
    if (t->weights)
        d->weights = belay_alloc_array(d->rows, sizeof(*d->weights));
    if ((!d->labels && !d->y) || (t->weights && !d->weights))
        return belay_fail_nomem(log, d->rows * t->count * sizeof(*d->y));
    int32_t largest = -1;
    for (size_t i = 0; i < d->rows; i++) {
        size_t row = row_of(order, i);
        if (d->y)
            memcpy(d->y + i * t->count, t->y + row * t->count, t->count * sizeof(*d->y));
        else
            d->labels[i] = t->labels[row];
        if (t->weights)
            d->weights[i] = t->weights[row];
        if (d->labels && d->labels[i] > largest) {
            largest = d->labels[i];
            d->max_label_row = row;
        }
    }
    return BELAY_OK;
}

// `order` NULL: all rows as they are. `last`: the raw features are not needed any more.
static belay_status make_part(struct belay_log *log, const struct belay_preprocess *p,
                              struct belay_raw *raw, const struct targets *t,
                              const int32_t *order, size_t rows, bool last,
                              struct belay_dataset *out)
{
    struct belay_dataset d = { .rows = rows, .features = raw->features };
    bool bytes = raw->x.dtype == BELAY_U8 && !p->columns;
    belay_status status;
    d.x_scale = bytes ? (float) (p->scale / p->std) : 1;
    d.x_shift = bytes ? (float) (-p->mean / p->std) : 0;
    if (raw->y_file && !(d.file = belay_strdup(raw->y_file))) {
        status = belay_fail_nomem(log, strlen(raw->y_file));
        goto done;
    }
    if (t->count)
        BELAY_TRY_DONE(copy_targets(log, t, order, &d));
    if (bytes)
        BELAY_TRY_DONE(copy_bytes(log, raw, order, last, &d));
    else
        BELAY_TRY_DONE(convert_rows(log, p, raw, order, &d));
    BELAY_TRY_DONE(belay_dataset_seal(log, &d));
    *out = d;
    d = (struct belay_dataset){ 0 };
done:
    belay_dataset_finish(&d);
    return status;
}

// ---- What the training part teaches ----

static belay_status learn_column(struct belay_log *log, const struct belay_raw *raw,
                                 const int32_t *order, size_t rows, size_t column,
                                 struct belay_column *c)
{
    struct belay_str name = { 0 };
    double sum = 0, squares = 0;
    for (size_t i = 0; i < rows; i++)
        sum += load_at(&raw->x, row_of(order, i) * raw->features + column);
    c->mean = c->fill = sum / (double) rows;
    for (size_t i = 0; i < rows; i++) {
        double d = load_at(&raw->x, row_of(order, i) * raw->features + column) - c->mean;
        squares += d * d;
    }
    c->std = sqrt(squares / (double) rows);
    // NaN among the features is found, with its place, when the rows are converted.
    if (!(c->std > 0) || !isfinite(c->std))
        c->std = 1;
    c->kind = BELAY_COLUMN_NUMBER;
    belay_str_addf(&name, "%zu", column);
    c->name = name.failed ? NULL : belay_strdup(name.text);
    belay_str_free(&name);
    return c->name ? BELAY_OK : belay_fail_nomem(log, 16);
}

static belay_status learn(struct belay_log *log, const struct belay_dataset_params *params,
                          const struct belay_raw *raw, const int32_t *order, size_t rows,
                          struct belay_preprocess *p)
{
    p->raw_count = p->input_count = raw->features;
    p->scale = raw->x.dtype == BELAY_U8 ? 1.0 / 255 : 1;
    p->std = p->target_std = 1;
    if (params->has_normalize) {
        if (!(params->std > 0) || !isfinite(params->std) || !isfinite(params->mean))
            return belay_fail(log, BELAY_ERR_RECIPE, "data: normalize: std %g must be above 0",
                              params->std);
        p->mean = params->mean;
        p->std = params->std;
        return BELAY_OK;
    }
    if (!params->standardize || raw->x.dtype == BELAY_U8)
        return BELAY_OK;
    p->columns = belay_alloc_array(raw->features, sizeof(*p->columns));
    if (!p->columns)
        return belay_fail_nomem(log, raw->features * sizeof(*p->columns));
    p->num_columns = raw->features;
    for (size_t i = 0; i < raw->features; i++)
        BELAY_TRY(learn_column(log, raw, order, rows, i, &p->columns[i]));
    return BELAY_OK;
}

static belay_status name_classes(struct belay_log *log, size_t classes, struct belay_preprocess *p)
{
    if (!classes)
        return BELAY_OK;
    p->classes = belay_alloc_array(classes, sizeof(*p->classes));
    if (!p->classes)
        return belay_fail_nomem(log, classes * sizeof(*p->classes));
    p->num_classes = classes;
    for (size_t i = 0; i < classes; i++) {
        struct belay_str s = { 0 };
        belay_str_addf(&s, "%zu", i);
        if (s.failed)
            return belay_fail_nomem(log, 16);
        p->classes[i] = s.text;
    }
    return BELAY_OK;
}

// ---- All of it ----

static void add_tensor(struct belay_hash *h, const struct belay_tensor *t)
{
    uint64_t head[2] = { t->dtype, (uint64_t) t->shape.rank };
    belay_hash_add(h, head, sizeof(head));
    belay_hash_add(h, t->shape.dim, (size_t) t->shape.rank * sizeof(t->shape.dim[0]));
    if (t->data)
        belay_hash_add(h, t->data, t->size);
}

static belay_status digest_all(struct belay_log *log, struct belay_raw *const *raw, size_t num,
                               struct belay_digest *out)
{
    struct belay_hash h;
    if (!belay_hash_begin(&h))
        return belay_fail_nomem(log, sizeof(h));
    for (size_t i = 0; i < num; i++) {
        if (!raw[i] || !raw[i]->x.data)
            continue;
        add_tensor(&h, &raw[i]->x);
        add_tensor(&h, &raw[i]->y);
        if (raw[i]->w.data)
            add_tensor(&h, &raw[i]->w);
    }
    belay_hash_end(&h, out);
    return BELAY_OK;
}

// ---- Several inputs and heads ----

static belay_status begin_parts(struct belay_log *log, const char *format,
                                const struct belay_dataset_params *params,
                                const struct belay_raw *raw, struct belay_preprocess *p)
{
    size_t first = 0;
    if (raw->num_inputs != params->num_inputs || raw->num_heads != params->num_heads)
        return belay_fail(
            log, BELAY_ERR_UNSUPPORTED,
            "data of the format %s have one array of features and one of targets; several "
            "inputs and heads come from csv, npz, npy or memory",
            format);
    BELAY_TRY(belay_parts_begin(log, params, p));
    for (size_t i = 0; i < p->num_inputs; i++)
        p->inputs[i].width = raw->widths[i];
    for (size_t i = 0; i < p->num_heads; i++) {
        p->heads[i].first = first;
        p->heads[i].count = raw->counts[i];
        first += raw->counts[i];
    }
    return BELAY_OK;
}

static belay_status bad_class(struct belay_log *log, const struct belay_raw *raw, const char *head,
                              size_t row, double label, size_t most)
{
    return belay_fail(log, BELAY_ERR_DATA,
                      "%s: row %zu: the class of '%s' is %g, want a whole number from "
                      "0 to %zu",
                      file_of(raw->y_file), row, head, label, most - 1);
}

// Classes of the heads that have them: as many as the labels show.
static belay_status name_head_classes(struct belay_log *log,
                                      const struct belay_dataset_params *params,
                                      const struct belay_raw *raw, const struct targets *t,
                                      struct belay_preprocess *p)
{
    for (size_t i = 0; i < p->num_heads; i++) {
        struct belay_head_part *h = &p->heads[i];
        struct belay_preprocess names = { 0 };
        size_t classes = 0;
        if (!params->heads[i].classes)
            continue;
        if (h->count != 1)
            return belay_fail(log, BELAY_ERR_DATA,
                              "%s: the classes of '%s' have %zu numbers a row, want "
                              "one",
                              file_of(raw->y_file), h->name, h->count);
        for (size_t r = 0; r < raw->rows; r++) {
            double label = t->y[r * t->count + h->first];
            if (!(label >= 0 && label < MAX_CLASSES && label == floor(label)))
                return bad_class(log, raw, h->name, r, label, MAX_CLASSES);
            classes = (size_t) label >= classes ? (size_t) label + 1 : classes;
        }
        belay_status status = name_classes(log, classes, &names);
        h->classes = names.classes;
        h->num_classes = names.num_classes;
        BELAY_TRY(status);
    }
    return BELAY_OK;
}

static belay_status check_head_classes(struct belay_log *log, const struct belay_preprocess *p,
                                       const struct belay_raw *raw, const struct targets *t)
{
    for (size_t i = 0; i < p->num_heads; i++) {
        const struct belay_head_part *h = &p->heads[i];
        for (size_t r = 0; r < raw->rows && h->num_classes; r++) {
            double label = t->y[r * t->count + h->first];
            if (!(label >= 0 && label < (double) h->num_classes && label == floor(label)))
                return bad_class(log, raw, h->name, r, label, h->num_classes);
        }
    }
    return BELAY_OK;
}

// Targets of the training part in `t`; `order` and `num_train` as belay_split gives them.
static belay_status prepare_train(struct belay_log *log, const struct belay_dataset_params *params,
                                  struct belay_raw *raw, const struct targets *t, bool split,
                                  int32_t *order, size_t *num_train, struct belay_datasets *out)
{
    struct belay_dataset_params whole = *params;
    size_t num_validation;
    // With validation data of its own the rest is all for training.
    if (!split)
        whole.validation = 0;
    int32_t *labels = NULL;
    size_t classes = 0;
    BELAY_TRY(name_head_classes(log, params, raw, t, &out->preprocess));
    if (out->preprocess.num_heads)
        BELAY_TRY(belay_parts_labels(log, &out->preprocess, t->y, raw->rows, &labels, &classes));
    belay_status status = belay_split_all(log, raw->rows, labels ? labels : t->labels,
                                          labels ? classes : t->classes, &whole, order, num_train,
                                          &num_validation);
    belay_free(labels);
    BELAY_TRY(status);
    size_t known = *num_train + num_validation;
    BELAY_TRY(learn(log, params, raw, order, *num_train, &out->preprocess));
    BELAY_TRY(name_classes(log, t->classes, &out->preprocess));
    if (num_validation)
        BELAY_TRY(make_part(log, &out->preprocess, raw, t, order + *num_train, num_validation,
                            false, &out->validation));
    if (known < raw->rows)
        BELAY_TRY(make_part(log, &out->preprocess, raw, t, order + known, raw->rows - known, false,
                            &out->test));
    return make_part(log, &out->preprocess, raw, t, order, *num_train, true, &out->train);
}

// A part with a known preprocessing that must look like the training part.
static belay_status prepare_other(struct belay_log *log, const struct belay_preprocess *p,
                                  size_t want_targets, struct belay_raw *raw, bool need_target,
                                  struct belay_dataset *out)
{
    struct targets t = { 0 };
    belay_status status;
    BELAY_TRY_DONE(belay_raw_check(log, raw));
    if (raw->features != p->raw_count) {
        status = belay_fail(log, BELAY_ERR_DATA, "%s: %zu numbers a row, want %zu",
                            file_of(raw->x_file), raw->features, p->raw_count);
        goto done;
    }
    for (size_t i = 0; i < p->num_inputs; i++) {
        if (raw->num_inputs == p->num_inputs && raw->widths[i] == p->inputs[i].width)
            continue;
        status =
            belay_fail(log, BELAY_ERR_DATA, "%s: the input '%s' has %zu numbers a row, want %zu",
                       file_of(raw->x_file), p->inputs[i].name, raw->widths[i], p->inputs[i].width);
        goto done;
    }
    if (raw->y.data) {
        status = read_targets(log, raw, p->classes != NULL, p->num_classes, &t);
        if (status == BELAY_OK && want_targets && t.count != want_targets)
            status = belay_fail(log, BELAY_ERR_DATA, "%s: %zu targets a row, want %zu",
                                file_of(raw->y_file), t.count, want_targets);
        BELAY_TRY_DONE(status);
        if (p->num_heads && t.count != belay_parts_targets(p)) {
            status = belay_fail(log, BELAY_ERR_DATA, "%s: %zu targets a row, the heads have %zu",
                                file_of(raw->y_file), t.count, belay_parts_targets(p));
            goto done;
        }
        BELAY_TRY_DONE(check_head_classes(log, p, raw, &t));
    } else if (need_target) {
        status = belay_fail(log, BELAY_ERR_DATA, "%s: there are no targets",
                            file_of(raw->x_file));
        goto done;
    }
    status = make_part(log, p, raw, &t, NULL, raw->rows, true, out);
done:
    targets_finish(&t);
    return status;
}

belay_status belay_raw_apply(struct belay_log *log, const struct belay_preprocess *p,
                             struct belay_raw *raw, bool need_target, struct belay_dataset *out)
{
    return prepare_other(log, p, 0, raw, need_target, out);
}

belay_status belay_raw_prepare(struct belay_log *log, const char *format,
                               const struct belay_dataset_params *params, struct belay_raw *train,
                               struct belay_raw *validation, struct belay_raw *test,
                               struct belay_datasets *out)
{
    struct belay_datasets d = { 0 };
    struct targets t = { 0 };
    int32_t *order = NULL;
    size_t num_train;
    belay_status status;
    struct belay_raw *all[3] = { train, validation, test };
    bool classes = params->num_heads ? false
                   : params->task    ? params->task == 1
                                     : belay_dtype_is_int(train->y.dtype);
    d.preprocess.format = belay_strdup(format);
    d.preprocess.weight = params->weight ? belay_strdup(params->weight) : NULL;
    BELAY_TRY_DONE(belay_raw_check(log, train));
    BELAY_TRY_DONE(begin_parts(log, format, params, train, &d.preprocess));
    BELAY_TRY_DONE(read_targets(log, train, classes, params->classes, &t));
    BELAY_TRY_DONE(digest_all(log, all, 3, &d.digest));
    order = belay_alloc_array(train->rows, sizeof(*order));
    if (!order || !d.preprocess.format || (params->weight && !d.preprocess.weight)) {
        status = belay_fail_nomem(log, train->rows * sizeof(*order));
        goto done;
    }
    BELAY_TRY_DONE(prepare_train(log, params, train, &t, !validation, order, &num_train, &d));
    if (validation)
        BELAY_TRY_DONE(prepare_other(log, &d.preprocess, t.count, validation, true, &d.validation));
    if (test && test->x.data && !belay_split_has_test(params))
        BELAY_TRY_DONE(prepare_other(log, &d.preprocess, t.count, test, true, &d.test));
    *out = d;
    d = (struct belay_datasets){ 0 };
done:
    belay_datasets_finish(&d);
    targets_finish(&t);
    belay_free(order);
    return status;
}
