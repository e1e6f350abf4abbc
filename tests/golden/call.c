// One call of an op as a graph: inputs from the file, outputs and gradients compared.
#include <stdio.h>
#include <string.h>

#include "device/program.h"
#include "golden/golden.h"
#include "tensor/dtype.h"

enum { MAX_NAME = 96 };

// Everything of one run, so that one place frees it.
struct run {
    struct golden_call call;
    int num_out, num_grad, num_dout;
    const char *out_name[GOLDEN_MAX_OUT], *grad_name[GOLDEN_MAX_IN];
    belay_value *out[GOLDEN_MAX_OUT], *dout[GOLDEN_MAX_OUT], *of[GOLDEN_MAX_IN];
    belay_value *grad[GOLDEN_MAX_IN]; // NULL: zero
    struct belay_plan *plan;
    struct belay_program *program;
};

belay_value *golden_in(const struct golden_call *call, const char *name)
{
    for (int i = 0; i < call->num_in; i++)
        if (strcmp(call->in_name[i], name) == 0)
            return call->in[i];
    return NULL;
}

static const char *join(char *out, const char *prefix, const char *name)
{
    snprintf(out, MAX_NAME, "%s.%s", prefix, name);
    return out;
}

static int names_of(const struct golden_case *c, const char *key, int max, const char **out)
{
    const struct belay_json *list = belay_json_get(c->line, key);
    int count = 0;
    for (const struct belay_json *e = list ? list->first : NULL; e && count < max; e = e->next)
        if (e->kind == BELAY_JSON_STRING)
            out[count++] = e->string;
    return count;
}

static belay_value *input(struct run *r, const char *name)
{
    const struct belay_st_entry *entry = belay_st_find(&r->call.c->st, name);
    if (!entry || !entry->known)
        return NULL;
    bool index = belay_dtype_is_int(entry->dtype) && entry->dtype != BELAY_BOOL;
    return belay_input(r->call.graph, name, index ? BELAY_I32 : BELAY_F32, entry->shape.rank,
                       entry->shape.dim, false);
}

static bool add_inputs(struct run *r)
{
    char name[MAX_NAME];
    r->call.num_in = names_of(r->call.c, "inputs", GOLDEN_MAX_IN, r->call.in_name);
    for (int i = 0; i < r->call.num_in; i++) {
        r->call.in[i] = input(r, join(name, "in", r->call.in_name[i]));
        if (!r->call.in[i])
            return false;
    }
    return true;
}

// The outputs that have a gradient are those with a dout.
static belay_status add_gradients(struct run *r)
{
    belay_value *y[GOLDEN_MAX_OUT];
    char name[MAX_NAME];

    for (int i = 0; i < r->num_out; i++) {
        belay_value *dout = input(r, join(name, "dout", r->out_name[i]));
        if (!dout)
            continue;
        y[r->num_dout] = r->out[i];
        r->dout[r->num_dout++] = dout;
    }
    r->num_grad = names_of(r->call.c, "gradients", GOLDEN_MAX_IN, r->grad_name);
    for (int i = 0; i < r->num_grad; i++)
        r->of[i] = golden_in(&r->call, r->grad_name[i]);
    if (r->num_grad == 0)
        return BELAY_OK;
    return belay_gradient_from(r->call.graph, r->num_dout, y, r->dout, r->num_grad, r->of, r->grad);
}

static belay_status build(struct run *r, golden_build_fn build_outputs)
{
    struct belay_log *log = r->call.c->log;
    char name[MAX_NAME];

    BELAY_TRY(belay_graph_new(log, true, &r->call.graph));
    if (!add_inputs(r))
        return belay_fail(log, BELAY_ERR_DATA, "an input of the case is missing in the file");
    r->num_out = names_of(r->call.c, "outputs", GOLDEN_MAX_OUT, r->out_name);
    build_outputs(&r->call, r->out);
    BELAY_TRY(belay_graph_check(r->call.graph));
    BELAY_TRY(add_gradients(r));
    for (int i = 0; i < r->num_out; i++)
        r->out[i] = belay_graph_output(r->call.graph, r->out[i], join(name, "out", r->out_name[i]));
    for (int i = 0; i < r->num_grad; i++)
        if (r->grad[i])
            r->grad[i] = belay_graph_output(r->call.graph, r->grad[i],
                                            join(name, "grad", r->grad_name[i]));
    BELAY_TRY(belay_graph_check(r->call.graph));
    BELAY_TRY(belay_graph_optimize(r->call.graph));
    const struct belay_plan_params params = { .align = r->call.c->device->align };
    BELAY_TRY(belay_plan_create(log, r->call.graph, &params, &r->plan));
    const struct belay_program_params program = { .device = r->call.c->device, .plan = r->plan };
    BELAY_TRY(belay_program_create(&program, &r->program));
    return belay_program_ready(r->program);
}

static belay_status set(struct run *r, const belay_value *v)
{
    struct belay_tensor t;
    if (!golden_load(r->call.c, v->name, v->dtype, &t))
        return BELAY_ERR_DATA;
    belay_status status = belay_program_set(r->program, v, t.data, 0);
    belay_tensor_finish(&t);
    return status;
}

static belay_status set_inputs(struct run *r)
{
    for (int i = 0; i < r->call.num_in; i++)
        BELAY_TRY(set(r, r->call.in[i]));
    for (int i = 0; i < r->num_dout; i++)
        BELAY_TRY(set(r, r->dout[i]));
    return BELAY_OK;
}

// A value against a tensor of the file: of its shape too. Without a value: zeros.
static bool check(struct run *r, const char *prefix, const char *name, const belay_value *v)
{
    struct golden_case *c = r->call.c;
    char full[MAX_NAME], a[BELAY_SHAPE_TEXT], b[BELAY_SHAPE_TEXT];
    const struct belay_st_entry *want = belay_st_find(&c->st, join(full, prefix, name));
    bool equal = false;

    if (!want) {
        golden_fail(c, "the file has no %s", full);
        return false;
    }
    if (v && !belay_shape_equal(&v->shape, &want->shape)) {
        golden_fail(c, "%s has shape %s, want %s", full, belay_shape_text(&v->shape, a),
                    belay_shape_text(&want->shape, b));
        return false;
    }
    int64_t count = belay_shape_count(&want->shape);
    float *got = belay_alloc_array((size_t) count, sizeof(*got)); // I32 is of that size too
    bool read = got && (!v || belay_program_get(r->program, v, got, 0) == BELAY_OK);
    for (int64_t i = 0; read && v && belay_value_dtype(v) == BELAY_I32 && i < count; i++) {
        int32_t index;
        memcpy(&index, &got[i], sizeof(index));
        got[i] = (float) index;
    }
    if (!read)
        golden_fail(c, "%s: %s", full, c->log->last);
    else
        equal = golden_compare_f32(c, full, got, count);
    belay_free(got);
    return equal;
}

enum golden_result golden_run_graph(struct golden_case *c, golden_build_fn build_outputs)
{
    struct run *r = belay_alloc(sizeof(*r));
    enum golden_result result = GOLDEN_FAIL;
    bool equal = true;

    if (!r)
        return golden_fail(c, "no memory");
    r->call.c = c;
    if (build(r, build_outputs) != BELAY_OK || set_inputs(r) != BELAY_OK
        || belay_program_run(r->program, 0) != BELAY_OK) {
        golden_fail(c, "%s", c->log->last);
        goto done;
    }
    for (int i = 0; i < r->num_out; i++)
        equal = check(r, "out", r->out_name[i], r->out[i]) && equal;
    for (int i = 0; i < r->num_grad; i++)
        equal = check(r, "grad", r->grad_name[i], r->grad[i]) && equal;
    result = equal ? GOLDEN_PASS : GOLDEN_FAIL;
done:
    belay_program_destroy(&r->program);
    belay_plan_destroy(&r->plan);
    belay_graph_destroy(&r->call.graph);
    belay_free(r);
    return result;
}
