// The group training: the engine on the case's batches; losses, norms, first gradients, final
// weights, and outputs before and after. Models: mlp.
#include <stdio.h>
#include <string.h>

#include "golden/options.h"
#include "golden/program.h"
#include "train/engine_internal.h"

enum { MAX_LAYERS = 16, MAX_STEPS = 1000, MAX_NAME = 96 };

struct run {
    struct golden_case *c;
    int64_t sizes[MAX_LAYERS + 1];
    int num_layers;
    const char *activation;
    size_t steps, batch;
    const struct belay_loss *loss;
    double loss_options[BELAY_MAX_OPTIONS];
    const struct belay_optimizer *opt;
    double options[BELAY_MAX_OPTIONS];
    struct belay_dataset data;
    struct belay_engine *engine;
    float *arena;
};

static const char *join(char *out, const char *prefix, const char *name)
{
    snprintf(out, MAX_NAME, "%s.%s", prefix, name);
    return out;
}

// ---- reading the case ----

static bool read_model(struct run *r)
{
    const struct belay_json *model = belay_json_get(r->c->line, "model");
    const struct belay_json *sizes = model ? belay_json_get(model, "sizes") : NULL;
    if (!sizes || strcmp(belay_json_string_or(model, "kind", ""), "mlp") != 0)
        return false;
    r->activation = belay_json_string_or(model, "activation", "relu");
    if (!belay_op_find(r->activation))
        return false;
    int count = 0;
    for (const struct belay_json *e = sizes->first; e && count <= MAX_LAYERS; e = e->next)
        r->sizes[count++] = (int64_t) e->integer;
    r->num_layers = count - 1;
    return r->num_layers > 0;
}

// "mse_loss" is our "mse", "binary_cross_entropy_with_logits" our "bce_with_logits".
static const struct belay_loss *find_loss(const char *op)
{
    static const char *const others[][2] = {
        { "binary_cross_entropy", "bce" },
        { "binary_cross_entropy_with_logits", "bce_with_logits" },
    };
    char name[MAX_NAME];
    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
        if (strcmp(op, others[i][0]) == 0)
            return belay_loss_find(others[i][1]);
    snprintf(name, sizeof(name), "%s", op);
    char *end = strstr(name, "_loss");
    if (end && end[5] == '\0')
        *end = '\0';
    return belay_loss_find(name);
}

static bool read_loss(struct run *r)
{
    const struct belay_json *loss = belay_json_get(r->c->line, "loss");
    const struct belay_json *attributes = loss ? belay_json_get(loss, "attributes") : NULL;
    const char *op = loss ? belay_json_string_or(loss, "op", "") : "";
    r->loss = find_loss(op);
    for (int i = 0; i < BELAY_MAX_OPTIONS && r->loss && r->loss->options[i].name; i++)
        r->loss_options[i] = r->loss->options[i].fallback;
    for (const struct belay_json *e = attributes ? attributes->first : NULL; e && r->loss;
         e = e->next) {
        int i = 0;
        while (i < BELAY_MAX_OPTIONS && r->loss->options[i].name &&
               strcmp(r->loss->options[i].name, e->key) != 0)
            i++;
        if (i == BELAY_MAX_OPTIONS || !r->loss->options[i].name)
            return false;
        r->loss_options[i] = e->kind == BELAY_JSON_BOOL ? e->boolean : e->number;
    }
    return r->loss != NULL;
}

static bool read_optimizer(struct run *r)
{
    const struct belay_json *o = belay_json_get(r->c->line, "optimizer");
    const struct belay_json *attributes = o ? belay_json_get(o, "attributes") : NULL;
    r->opt = o ? golden_optimizer_of(belay_json_string_or(o, "op", ""), attributes) : NULL;
    if (!r->opt)
        return false;
    golden_options(r->opt, NULL, r->options);
    if (attributes)
        golden_options(r->opt, attributes, r->options);
    return true;
}

static bool load(struct run *r, const char *name, belay_dtype as, void **out, size_t *rows)
{
    struct belay_tensor t;
    if (!golden_load(r->c, name, as, &t))
        return false;
    *rows = t.shape.rank > 1 ? (size_t) (t.shape.dim[0] * t.shape.dim[1]) : 0;
    // The data set frees it.
    *out = out == &r->data.x ? belay_alloc_aligned(t.size + 1) : belay_alloc(t.size + 1);
    if (*out)
        memcpy(*out, t.data, t.size);
    belay_tensor_finish(&t);
    return *out != NULL;
}

// All batches, one after the other, as one data set.
static bool read_data(struct run *r)
{
    const struct belay_json *pixels = belay_json_get(r->c->line, "pixels");
    struct belay_dataset *d = &r->data;
    size_t targets;
    d->dtype = pixels ? BELAY_U8 : BELAY_F32;
    d->features = (size_t) r->sizes[0];
    d->x_scale = 1;
    if (pixels) {
        double mean = belay_json_number_or(pixels, "mean", 0);
        double std = belay_json_number_or(pixels, "std", 1);
        d->x_scale = (float) (1 / (belay_json_number_or(pixels, "divide_by", 255) * std));
        d->x_shift = (float) (-mean / std);
    }
    d->targets = r->loss->classes ? 1 : (size_t) r->sizes[r->num_layers];
    d->classes = r->loss->classes ? (size_t) r->sizes[r->num_layers] : 0;
    return load(r, "batch.input", d->dtype, &d->x, &d->rows) &&
           (r->loss->classes
                ? load(r, "batch.target", BELAY_I32, (void **) &d->labels, &targets)
                : load(r, "batch.target", BELAY_F32, (void **) &d->y, &targets)) &&
           d->rows == targets && d->rows == r->steps * r->batch;
}

// ---- the model ----

static belay_value *build(void *user, belay_graph *g, belay_value *x)
{
    const struct run *r = user;
    char weight[MAX_NAME], bias[MAX_NAME];
    for (int i = 0; i < r->num_layers; i++) {
        snprintf(weight, sizeof(weight), "fc%d.weight", i + 1);
        snprintf(bias, sizeof(bias), "fc%d.bias", i + 1);
        x = belay_linear(g, x,
                         belay_param(g, weight, 2, (int64_t[]){ r->sizes[i + 1], r->sizes[i] }),
                         belay_param(g, bias, 1, &r->sizes[i + 1]));
        x = i + 1 < r->num_layers ? belay_unary(g, r->activation, x) : x;
    }
    return x;
}

static bool load_arena(struct run *r, const char *prefix)
{
    size_t count;
    char name[MAX_NAME];
    const struct belay_engine_param *params = belay_engine_params(r->engine, &count);
    for (size_t i = 0; i < count; i++) {
        struct belay_tensor t;
        if (!golden_load(r->c, join(name, prefix, params[i].name), BELAY_F32, &t))
            return false;
        if (belay_shape_equal(&t.shape, &params[i].shape))
            memcpy(r->arena + params[i].offset, t.data, params[i].count * sizeof(float));
        belay_tensor_finish(&t);
    }
    return true;
}

static belay_status make_engine(struct run *r)
{
    struct belay_engine_params p = {
        .device = r->c->device,
        .build = build,
        .build_user = r,
        .loss = r->loss,
        .loss_options = r->loss_options,
        .parts = { &r->data },
        .batch = (int64_t) r->batch,
        .eval_batch = (int64_t) r->batch,
        .seed = 1,
        .optimizer = r->opt,
        .num_groups = 1,
        .group_options = { r->options },
        .group_match = { "*" },
        .clip_norm = { 2, belay_json_number_or(r->c->line, "clip_grad_norm", 0) },
    };
    BELAY_TRY(belay_engine_create(r->c->log, &p, &r->engine));
    r->arena = belay_alloc_array(belay_engine_arena_count(r->engine), sizeof(float));
    if (!r->arena || !load_arena(r, "init"))
        return BELAY_ERR_DATA;
    BELAY_TRY(belay_engine_set_arena(r->engine, 0, r->arena));
    int32_t *order = belay_alloc_array(r->data.rows, sizeof(*order));
    for (size_t i = 0; order && i < r->data.rows; i++)
        order[i] = (int32_t) i;
    belay_status status = order ? belay_engine_order(r->engine, order, r->data.rows)
                                : BELAY_ERR_NOMEM;
    belay_free(order);
    return status;
}

// ---- checks ----

static bool check_arena(struct run *r, const char *prefix)
{
    size_t count;
    char name[MAX_NAME];
    bool equal = true;
    const struct belay_engine_param *params = belay_engine_params(r->engine, &count);
    for (size_t i = 0; i < count; i++)
        equal = golden_compare_f32(r->c, join(name, prefix, params[i].name),
                                   r->arena + params[i].offset, (int64_t) params[i].count) &&
                equal;
    return equal;
}

// The model's output for the first batch with the weights in r->arena.
static bool check_output(struct run *r, const char *name)
{
    const int64_t dim[2] = { (int64_t) r->batch, r->sizes[0] };
    size_t num, count = r->batch * (size_t) r->sizes[r->num_layers];
    float *x = belay_alloc_array(r->batch * r->data.features, sizeof(*x));
    float *y = belay_alloc_array(count, sizeof(*y));
    const struct belay_engine_param *params = belay_engine_params(r->engine, &num);
    struct golden_program p;
    bool equal = false;
    belay_status status = golden_program_begin(r->c, &p);
    if (status != BELAY_OK || !x || !y)
        goto done;
    for (size_t i = 0; i < r->batch * r->data.features; i++)
        x[i] = r->data.dtype == BELAY_U8
                   ? (float) ((uint8_t *) r->data.x)[i] * r->data.x_scale + r->data.x_shift
                   : ((float *) r->data.x)[i];
    belay_value *in = belay_input(p.graph, "x", BELAY_F32, 2, dim, true);
    belay_value *out = belay_graph_output(p.graph, build(r, p.graph, in), "y");
    BELAY_TRY_DONE(golden_program_ready(r->c, &p));
    for (size_t i = 0; i < num; i++)
        BELAY_TRY_DONE(belay_program_set(
            p.program,
            belay_param(p.graph, params[i].name, params[i].shape.rank, params[i].shape.dim),
            r->arena + params[i].offset, 0));
    BELAY_TRY_DONE(belay_program_set(p.program, in, x, dim[0]));
    BELAY_TRY_DONE(belay_program_run(p.program, dim[0]));
    BELAY_TRY_DONE(belay_program_get(p.program, out, y, dim[0]));
    equal = golden_compare_f32(r->c, name, y, (int64_t) count);
done:
    if (status != BELAY_OK)
        golden_fail(r->c, "%s: %s", name, r->c->log->last);
    golden_program_finish(&p);
    belay_free(x);
    belay_free(y);
    return equal;
}

static belay_status step(struct run *r, size_t t)
{
    const struct belay_json *rates = belay_json_get(r->c->line, "lr_per_step");
    const struct belay_json *rate = rates ? rates->first : NULL;
    struct belay_step_scalars s = { .step = t, .first = t * r->batch, .rows = r->batch };
    double h[BELAY_HYPER] = { 0 };
    for (size_t i = 0; rate && i < t; i++)
        rate = rate->next;
    if (rate)
        golden_option(r->opt, "lr", rate->number, r->options);
    r->opt->hyper(r->options, t + 1, h);
    for (int i = 0; i < BELAY_HYPER; i++)
        s.hyper[i] = (float) h[i];
    return belay_engine_step(r->engine, &s);
}

static belay_status train(struct run *r, bool *equal)
{
    static float loss[BELAY_LOG_SLOTS], norm[BELAY_LOG_SLOTS];
    size_t count = 0;
    *equal = check_output(r, "out0");
    for (size_t t = 0; t < r->steps; t++) {
        BELAY_TRY(step(r, t));
        if (t > 0)
            continue;
        BELAY_TRY(belay_engine_get_arena(r->engine, BELAY_ARENA_GRADS, r->arena));
        *equal = check_arena(r, "grad0") && *equal;
    }
    BELAY_TRY(belay_engine_losses(r->engine, loss, norm, &count));
    *equal = golden_compare_f32(r->c, "loss", loss, (int64_t) count) && *equal;
    *equal = golden_compare_f32(r->c, "grad_norm", norm, (int64_t) count) && *equal;
    BELAY_TRY(belay_engine_get_arena(r->engine, 0, r->arena));
    *equal = check_arena(r, "final") && *equal;
    *equal = check_output(r, "eval0") && *equal;
    return BELAY_OK;
}

enum golden_result golden_training(struct golden_case *c)
{
    struct run *r = belay_alloc(sizeof(*r));
    enum golden_result result = GOLDEN_SKIP;
    bool equal = false;
    if (!r)
        return golden_fail(c, "no memory");
    r->c = c;
    r->steps = (size_t) belay_json_int_or(c->line, "steps", 0);
    r->batch = (size_t) belay_json_int_or(c->line, "batch", 0);
    if (!read_model(r) || !read_loss(r) || !read_optimizer(r))
        goto done;
    result = GOLDEN_FAIL;
    if (r->steps == 0 || r->steps > MAX_STEPS || !read_data(r))
        golden_fail(c, "the batches do not fit the case's line");
    else if (make_engine(r) != BELAY_OK || train(r, &equal) != BELAY_OK)
        golden_fail(c, "%s", c->log->last);
    else if (equal)
        result = GOLDEN_PASS;
done:
    belay_engine_destroy(&r->engine);
    belay_dataset_finish(&r->data);
    belay_free(r->arena);
    belay_free(r);
    return result;
}
