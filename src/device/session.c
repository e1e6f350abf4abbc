#include <belay/session.h>

#include <string.h>

#include "base/env.h"
#include "base/str.h"
#include "device/context.h"
#include "device/program.h"
#include "tensor/dtype.h"

struct belay_session {
    struct belay_log *log;
    struct belay_graph *graph;
    struct belay_plan *plan;
    struct belay_program *program;
    size_t num;
    const belay_value **asked; // the outputs as the caller knows them …
    belay_value **bound;       // … and the values that have their memory
    struct belay_shape *shapes; // of the last run, by value id
    bool ran;
    struct belay_str text;
};

belay_status belay_graph_create(belay_ctx *ctx, bool training, belay_graph **out)
{
    BELAY_TRY(belay_graph_new(&ctx->log, training, out));
    (*out)->ctx = ctx;
    return BELAY_OK;
}

belay_status belay_gradients(belay_graph *graph, belay_value *loss, size_t num,
                             belay_value *const *of, belay_value **grads)
{
    BELAY_TRY(belay_graph_check(graph));
    if (!loss || num > INT32_MAX)
        return belay_fail(graph->log, BELAY_ERR_ARG, "gradients: the loss is NULL");
    for (size_t i = 0; i < num; i++)
        if (!of[i] || of[i]->graph != graph)
            return belay_fail(graph->log, BELAY_ERR_ARG, "gradients: value %zu is %s", i,
                              of[i] ? "of another graph" : "NULL");
    return belay_gradient(graph, loss, (int) num, of, grads);
}

static belay_status mark_outputs(struct belay_session *s, belay_value *const *outputs)
{
    for (size_t i = 0; i < s->num; i++) {
        if (!outputs[i] || outputs[i]->graph != s->graph)
            return belay_fail(s->log, BELAY_ERR_ARG, "session: output %zu is %s", i,
                              outputs[i] ? "of another graph" : "NULL");
        s->asked[i] = outputs[i];
        s->bound[i] = belay_graph_output(s->graph, outputs[i], outputs[i]->name);
    }
    return belay_graph_check(s->graph);
}

static bool switched_off(const char *variable)
{
    const char *value = belay_env(variable);
    return value && strcmp(value, "0") == 0;
}

static belay_status build(struct belay_session *s, struct belay_device *dev,
                          belay_value *const *outputs)
{
    const struct belay_plan_params plan = {
        .no_fusion = switched_off("BELAY_FUSION"),
        .no_reuse = switched_off("BELAY_REUSE"),
        .align = dev->align > 64 ? dev->align : 64,
        .max_slab = dev->max_alloc < SIZE_MAX ? (size_t) dev->max_alloc : 0,
    };
    BELAY_TRY(mark_outputs(s, outputs));
    BELAY_TRY(belay_graph_optimize(s->graph));
    BELAY_TRY(belay_plan_create(s->log, s->graph, &plan, &s->plan));
    s->shapes = belay_alloc_array(s->graph->num_values + 1, sizeof(*s->shapes));
    if (!s->shapes)
        return belay_fail_nomem(s->log, s->graph->num_values * sizeof(*s->shapes));
    const struct belay_program_params params = { dev, s->plan, NULL, false };
    BELAY_TRY(belay_program_create(&params, &s->program));
    return belay_program_ready(s->program);
}

belay_status belay_session_create(belay_ctx *ctx, belay_graph *graph, size_t num,
                                  belay_value *const *outputs, belay_session **out)
{
    belay_status status = BELAY_OK;
    *out = NULL;
    BELAY_TRY(belay_ctx_open(ctx));
    BELAY_TRY(belay_graph_check(graph));
    struct belay_session *s = belay_alloc(sizeof(*s));
    if (!s)
        return belay_fail_nomem(&ctx->log, sizeof(*s));
    s->log = &ctx->log;
    s->graph = graph;
    s->num = num;
    s->asked = belay_alloc_array(num + 1, sizeof(*s->asked));
    s->bound = belay_alloc_array(num + 1, sizeof(*s->bound));
    if (!s->asked || !s->bound)
        status = belay_fail_nomem(s->log, num * sizeof(*s->bound));
    else
        status = build(s, ctx->device, outputs);
    if (status != BELAY_OK)
        belay_session_destroy(&s);
    *out = s;
    return status;
}

void belay_session_destroy(belay_session **session)
{
    struct belay_session *s = session ? *session : NULL;
    if (!s)
        return;
    belay_program_destroy(&s->program);
    belay_plan_destroy(&s->plan);
    belay_str_free(&s->text);
    belay_free(s->asked);
    belay_free(s->bound);
    belay_free(s->shapes);
    belay_free(s);
    *session = NULL;
}

static belay_status check_rows(struct belay_session *s, const belay_value *v, size_t rows)
{
    if (rows >= 1 && rows <= (size_t) v->shape.dim[0])
        return BELAY_OK;
    return belay_fail(s->log, BELAY_ERR_ARG, "session: %zu rows for '%s', which takes 1 to %lld",
                      rows, v->name, (long long) v->shape.dim[0]);
}

belay_status belay_session_set(belay_session *s, belay_value *value, const void *data, size_t rows)
{
    if (!value || value->graph != s->graph ||
        (value->kind != BELAY_VALUE_INPUT && value->kind != BELAY_VALUE_PARAM))
        return belay_fail(s->log, BELAY_ERR_ARG, "session: only inputs and parameters can be set");
    if (value->rows)
        BELAY_TRY(check_rows(s, value, rows));
    return belay_program_set(s->program, value, data, value->rows ? (int64_t) rows : 0);
}

belay_status belay_session_run(belay_session *s, size_t rows)
{
    for (size_t i = 0; i < s->graph->num_values; i++)
        if (s->graph->values[i]->rows)
            BELAY_TRY(check_rows(s, s->graph->values[i], rows));
    BELAY_TRY(belay_graph_shapes(s->graph, (int64_t) rows, s->shapes));
    BELAY_TRY(belay_program_run(s->program, (int64_t) rows));
    s->ran = true;
    return BELAY_OK;
}

static const belay_value *find_output(const struct belay_session *s, const belay_value *asked)
{
    for (size_t i = 0; i < s->num; i++)
        if (s->asked[i] == asked)
            return s->bound[i];
    return NULL;
}

belay_status belay_session_get(belay_session *s, const belay_value *output, void *data,
                               size_t room, size_t *count)
{
    const belay_value *v = find_output(s, output);
    if (!v || !s->ran)
        return belay_fail(s->log, BELAY_ERR_ARG, "session: %s",
                          v ? "nothing was run yet" : "the value is no output of it");
    size_t have = (size_t) belay_shape_count(&s->shapes[v->id]);
    if (have > room)
        return belay_fail(s->log, BELAY_ERR_ARG, "session: '%s' has %zu elements, there is room "
                                                 "for %zu",
                          v->name, have, room);
    BELAY_TRY(belay_buf_read(belay_program_device(s->program), belay_program_buf(s->program, v), 0,
                             data, have * belay_dtype_size(v->dtype)));
    if (count)
        *count = have;
    return BELAY_OK;
}

const char *belay_session_plan(belay_session *s)
{
    belay_str_clear(&s->text);
    belay_plan_print(s->plan, &s->text);
    return s->text.text ? s->text.text : "";
}
