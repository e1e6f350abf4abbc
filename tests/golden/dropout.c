// ops/dropout.json: a rule instead of numbers. With x = 1 the share of zeros lies within five
// standard deviations of p, kept elements equal 1 / (1 - p), and the gradient uses the same mask.
#include <math.h>
#include <string.h>

#include "base/file.h"
#include "device/program.h"
#include "golden/count.h"

enum { ROWS = 37, COLUMNS = 1001, COUNT = ROWS * COLUMNS };

struct trial {
    struct belay_graph *graph;
    struct belay_plan *plan;
    struct belay_program *program;
    belay_value *x, *dy, *y, *dx;
    float *in, *out, *grad;
};

static belay_status build(struct trial *t, struct golden_case *c, double p, bool training)
{
    const int64_t dim[] = { ROWS, COLUMNS };
    const int32_t step[8] = { 7, 0 };

    BELAY_TRY(belay_graph_new(c->log, training, &t->graph));
    t->x = belay_input(t->graph, "x", BELAY_F32, 2, dim, false);
    t->dy = belay_input(t->graph, "dy", BELAY_F32, 2, dim, false);
    belay_value *y = belay_dropout(t->graph, t->x, p, "layers.0");
    belay_value *dx = NULL;
    BELAY_TRY(belay_graph_check(t->graph));
    BELAY_TRY(belay_gradient_from(t->graph, 1, &y, &t->dy, 1, &t->x, &dx));
    t->y = belay_graph_output(t->graph, y, "y");
    t->dx = belay_graph_output(t->graph, dx, "dx");
    BELAY_TRY(belay_graph_optimize(t->graph));
    const struct belay_plan_params params = { .align = c->device->align };
    BELAY_TRY(belay_plan_create(c->log, t->graph, &params, &t->plan));
    const struct belay_program_params program = { .device = c->device, .plan = t->plan };
    BELAY_TRY(belay_program_create(&program, &t->program));
    BELAY_TRY(belay_program_ready(t->program));
    if (t->graph->step)
        BELAY_TRY(belay_program_set(t->program, t->graph->step, step, 0));
    BELAY_TRY(belay_program_set(t->program, t->x, t->in, 0));
    BELAY_TRY(belay_program_set(t->program, t->dy, t->in, 0));
    BELAY_TRY(belay_program_run(t->program, 0));
    BELAY_TRY(belay_program_get(t->program, t->y, t->out, 0));
    return belay_program_get(t->program, t->dx, t->grad, 0);
}

static enum golden_result check(struct trial *t, struct golden_case *c, double p)
{
    double kept = p < 1 ? 1 / (1 - p) : 0, zeros = 0;

    for (int i = 0; i < COUNT; i++) {
        float want = t->out[i] == 0 ? 0 : (float) kept;
        zeros += t->out[i] == 0;
        if (fabsf(t->out[i] - want) > 1e-7f * (float) kept || t->grad[i] != t->out[i])
            return golden_fail(c, "p = %g: element %d is %.9g with gradient %.9g, want 0 or %.9g",
                               p, i, (double) t->out[i], (double) t->grad[i], kept);
    }
    if (fabs(zeros / COUNT - p) > 5 * sqrt(p * (1 - p) / COUNT))
        return golden_fail(c, "p = %g: the share of zeros is %g", p, zeros / COUNT);
    return GOLDEN_PASS;
}

static enum golden_result trial(struct golden_case *c, double p, bool training)
{
    struct trial t = { .graph = NULL };
    enum golden_result result = GOLDEN_FAIL;

    t.in = belay_alloc_array(COUNT, sizeof(float));
    t.out = belay_alloc_array(COUNT, sizeof(float));
    t.grad = belay_alloc_array(COUNT, sizeof(float));
    for (int i = 0; t.in && i < COUNT; i++)
        t.in[i] = 1;
    if (!t.in || !t.out || !t.grad || build(&t, c, p, training) != BELAY_OK)
        golden_fail(c, "p = %g: %s", p, c->log->last);
    else
        result = check(&t, c, training ? p : 0);
    belay_program_destroy(&t.program);
    belay_plan_destroy(&t.plan);
    belay_graph_destroy(&t.graph);
    belay_free(t.in);
    belay_free(t.out);
    belay_free(t.grad);
    return result;
}

static void run(struct golden_case *c, const struct belay_json *root)
{
    const struct belay_json *list = belay_json_get(root, "p");
    for (const struct belay_json *p = list ? list->first : NULL; p; p = p->next) {
        golden_count(trial(c, p->number, true), "dropout");
        golden_count(trial(c, p->number, false), "dropout");
    }
}

void golden_dropout(const char *select)
{
    struct belay_log log = { .fn = NULL };
    struct golden_case c = { .log = &log, .group = "ops", .name = "dropout", .op = "dropout" };
    struct belay_json_doc doc = { .root = NULL };
    char *path = golden_folder() ? belay_path_join(golden_folder(), "ops/dropout.json") : NULL;
    char *text = NULL;
    size_t size = 0;

    if (!path || belay_file_read(&log, path, 0, &text, &size) != BELAY_OK) {
        golden_count_missing("dropout", "no ops/dropout.json");
    } else if (belay_json_parse(&log, path, text, size, &doc) != BELAY_OK
               || belay_device_open(&log, select, 0, &c.device) != BELAY_OK) {
        golden_count(golden_fail(&c, "%s", log.last), "dropout");
    } else {
        run(&c, doc.root);
    }
    golden_count_report("dropout", c.device ? c.device->select : "no device");
    belay_device_close(&c.device);
    belay_json_finish(&doc);
    belay_free(text);
    belay_free(path);
}
