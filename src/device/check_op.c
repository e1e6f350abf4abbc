// An operator on a device against the host reference. Nothing here names an operator.
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "base/rng.h"
#include "device/check.h"
#include "device/program.h"
#include "tensor/dtype.h"

// ---- Nodes and inputs ----

// Element-wise operators without a `make`: shapes of the inputs by class; past the third input
// they repeat. With rank -1 the input is a number; with `rows` dimension 0 is the rows of a batch.
struct class_of_shapes {
    bool broadcast, rows;
    struct belay_shape x[3];
};
static const struct class_of_shapes classes[] = {
    { false, false, { { 1, { 1 } }, { 1, { 1 } }, { 1, { 1 } } } },
    { false, false, { { 1, { 7 } }, { 1, { 7 } }, { 1, { 7 } } } },
    { false, true, { { 2, { 33, 17 } }, { 2, { 33, 17 } }, { 2, { 33, 17 } } } },
    { false, false, { { 3, { 5, 3, 65 } }, { 3, { 5, 3, 65 } }, { 3, { 5, 3, 65 } } } },
    { true, true, { { 2, { 33, 17 } }, { 1, { 17 } }, { 2, { 1, 17 } } } },
    { true, false, { { 2, { 33, 1 } }, { 2, { 33, 17 } }, { 1, { 17 } } } },
    { true, false, { { 3, { 1, 3, 1 } }, { 3, { 5, 1, 65 } }, { 1, { 65 } } } },
    { true, false, { { 2, { 9, 13 } }, { -1, { 0 } }, { 2, { 9, 13 } } } },
    { true, false, { { -1, { 0 } }, { 2, { 9, 13 } }, { 0, { 0 } } } },
};
#define NUM_CLASSES ((int) (sizeof(classes) / sizeof(classes[0])))

static belay_value *make_elementwise(belay_graph *g, const struct belay_op *op, int size_class)
{
    belay_value *x[BELAY_MAX_IN];
    // Numbers that suit any operator which reads f[].
    struct belay_attrs attrs = { .f = { 0.75, 0.5, 0.25, 1.5 } };
    int num = op->num_x > 0 ? op->num_x : 3;
    if (size_class >= NUM_CLASSES || (num == 1 && classes[size_class].broadcast))
        return NULL;
    for (int i = 0; i < num; i++) {
        const struct belay_shape *s = &classes[size_class].x[i % 3];
        char name[24];
        snprintf(name, sizeof(name), "x%d", i);
        bool rows = classes[size_class].rows && s->rank > 0 && s->dim[0] == 33;
        x[i] = s->rank < 0 ? belay_scalar(g, 0.75)
                           : belay_input(g, name, BELAY_F32, s->rank, s->dim, rows);
    }
    return belay_apply(g, op, num, x, &attrs);
}

belay_status belay_op_check_make(belay_graph *g, const struct belay_op *op, int size_class,
                                 belay_value **y)
{
    *y = NULL;
    if (!op->test.make && !op->eval)
        return belay_fail(belay_graph_log(g), BELAY_ERR_UNSUPPORTED,
                          "%s: the table has no test.make", op->name);
    belay_value *made =
        op->test.make ? op->test.make(g, size_class) : make_elementwise(g, op, size_class);
    BELAY_TRY(belay_graph_check(g));
    *y = made;
    return BELAY_OK;
}

void belay_op_check_fill(const struct belay_op *op, const belay_value *v, int k, uint64_t seed,
                         double *x)
{
    struct belay_rng rng;
    double lo = op->test.lo, hi = op->test.hi, step = 8 * (double) op->test.avoid;
    int64_t count = belay_shape_count(&v->shape);
    belay_rng_init(&rng, seed, (uint64_t) k);
    for (int64_t i = 0; i < count; i++) {
        double u = belay_rng_uniform(&rng), number = lo + u * (hi - lo);
        if (v->dtype == BELAY_I32) {
            x[i] = floor(lo + u * (hi - lo + 1));
            continue;
        }
        if (step > 0) {
            number = step * (floor(number / step) + (k % 4 + 0.5) / 4);
            number += (belay_rng_uniform(&rng) - 0.5) * 0.1 * step / 4;
        }
        x[i] = (float) number;
    }
}

// ---- Buffers with guards ----

// Not a number as a float, another word at each place of each buffer.
static uint32_t guard_word(int id, size_t at)
{
    return 0x7fc00000u | ((uint32_t) (id + 1) * 2654435761u + (uint32_t) at * 40503u) >> 10;
}

struct guarded {
    struct belay_buf buf;
    const belay_value *v;
    uint32_t *words, *again;    // the whole buffer; after the second run
    size_t margin, size, total; // bytes
};

#define MAX_VALUES 64

// One graph on one device.
struct trial {
    struct belay_device *dev;
    const struct belay_op *op;
    const char *name; // for messages
    struct belay_plan *plan;
    struct belay_program *program;
    struct guarded part[MAX_VALUES];
    int num;
};

static belay_status guard_init(struct trial *t, const belay_value *v)
{
    struct guarded *p = &t->part[t->num];
    size_t align = t->dev->align;
    if (t->num == MAX_VALUES)
        return belay_fail(t->dev->log, BELAY_ERR_UNSUPPORTED, "%s: more than %d values", t->name,
                          MAX_VALUES);
    t->num++;
    p->v = v;
    p->margin = (256 + align - 1) / align * align;
    p->size = belay_plan_value_size(t->plan, v);
    p->total = p->margin + p->size + p->margin;
    p->words = belay_alloc(p->total);
    p->again = belay_alloc(p->total);
    if (!p->words || !p->again)
        return belay_fail_nomem(t->dev->log, p->total);
    BELAY_TRY(belay_buf_create(t->dev, p->total, 0, &p->buf));
    return belay_program_bind(t->program, v, &p->buf, p->margin);
}

static belay_status guard_check(struct trial *t, struct guarded *p)
{
    size_t first = p->margin / 4, last = (p->margin + p->size) / 4;
    for (size_t i = 0; i < p->total / 4; i++)
        if ((i < first || i >= last) && p->words[i] != guard_word(p->v->id, i))
            return belay_fail(t->dev->log, BELAY_ERR_DEVICE,
                              "%s: wrote %zu words %s value '%s'", t->name,
                              i < first ? first - i : i - last + 1,
                              i < first ? "before" : "after", p->v->name);
    return BELAY_OK;
}

static belay_status trial_init(struct trial *t, const belay_graph *g, bool fuse)
{
    struct belay_device *dev = t->dev;
    const struct belay_plan_params plan = { .no_fusion = !fuse,
                                            .align = dev->align,
                                            .float_size = belay_device_dtype_size(dev, BELAY_F32) };
    BELAY_TRY(belay_plan_create(dev->log, g, &plan, &t->plan));
    const struct belay_program_params params = { .device = dev, .plan = t->plan };
    BELAY_TRY(belay_program_create(&params, &t->program));
    for (size_t i = 0; i < g->num_values; i++)
        if (t->plan->places[i].kind == BELAY_PLACE_EXTERNAL)
            BELAY_TRY(guard_init(t, g->values[i]));
    return belay_program_ready(t->program);
}

static void trial_finish(struct trial *t)
{
    belay_program_destroy(&t->program);
    belay_plan_destroy(&t->plan);
    for (int i = 0; i < t->num; i++) {
        belay_buf_destroy(t->dev, &t->part[i].buf);
        belay_free(t->part[i].words);
        belay_free(t->part[i].again);
    }
}

static bool is_memory(const belay_value *v)
{
    return v->kind == BELAY_VALUE_INPUT || v->kind == BELAY_VALUE_PARAM ||
           v->kind == BELAY_VALUE_STATE;
}

// Inputs as the bytes that are stored, guards everywhere else, also where outputs will be.
static belay_status fill_all(struct trial *t, uint64_t seed)
{
    int k = 0;
    for (int i = 0; i < t->num; i++) {
        struct guarded *p = &t->part[i];
        for (size_t at = 0; at < p->total / 4; at++)
            p->words[at] = guard_word(p->v->id, at);
        if (!is_memory(p->v))
            continue;
        size_t count = (size_t) belay_shape_count(&p->v->shape);
        double *x = belay_alloc_array(count, sizeof(*x));
        if (!x)
            return belay_fail_nomem(t->dev->log, count * sizeof(*x));
        belay_op_check_fill(t->op, p->v, k++, seed, x);
        belay_dtype_convert(BELAY_F64, x, p->v->dtype, (char *) p->words + p->margin, count);
        belay_free(x);
    }
    return BELAY_OK;
}

static belay_status run_once(struct trial *t, int64_t rows, uint64_t seed)
{
    BELAY_TRY(fill_all(t, seed));
    for (int i = 0; i < t->num; i++)
        BELAY_TRY(belay_buf_write(t->dev, &t->part[i].buf, 0, t->part[i].words, t->part[i].total,
                                  true));
    BELAY_TRY(belay_program_run(t->program, rows));
    BELAY_TRY(belay_device_finish(t->dev));
    for (int i = 0; i < t->num; i++)
        BELAY_TRY(belay_buf_read(t->dev, &t->part[i].buf, 0, t->part[i].words, t->part[i].total));
    return BELAY_OK;
}

static void swap_words(struct trial *t)
{
    for (int i = 0; i < t->num; i++) {
        uint32_t *words = t->part[i].words;
        t->part[i].words = t->part[i].again;
        t->part[i].again = words;
    }
}

static belay_status trial_run(struct trial *t, int64_t rows, uint64_t seed)
{
    BELAY_TRY(run_once(t, rows, seed));
    swap_words(t);
    BELAY_TRY(run_once(t, rows, seed));
    for (int i = 0; i < t->num; i++) {
        struct guarded *p = &t->part[i];
        BELAY_TRY(guard_check(t, p));
        if (memcmp(p->words, p->again, p->total) != 0)
            return belay_fail(t->dev->log, BELAY_ERR_DEVICE,
                              "%s: '%s' has other bits in a second run", t->name, p->v->name);
    }
    return BELAY_OK;
}

// ---- Comparing ----

static double scale_of(const struct guarded *p)
{
    double scale = 0;
    for (size_t i = 0; i < p->size / 4 && p->v->dtype == BELAY_F32; i++) {
        double x = fabs(belay_dtype_load(BELAY_F32, (char *) p->words + p->margin + 4 * i));
        scale = x > scale && x < INFINITY ? x : scale;
    }
    return scale;
}

static bool close_to(double got, double want, double scale)
{
    if (isnan(want) || isnan(got))
        return isnan(want) && isnan(got);
    return got == want || fabs(got - want) <= 1e-5 * fabs(want) + 1e-6 * scale;
}

static belay_status compare(struct trial *t, const struct guarded *want, const struct guarded *got)
{
    size_t size = belay_dtype_size(want->v->dtype);
    double scale = scale_of(want);
    for (size_t i = 0; i < want->size / size; i++) {
        double a = belay_dtype_load(want->v->dtype,
                                    (const char *) want->words + want->margin + i * size);
        double b = belay_dtype_load(got->v->dtype,
                                    (const char *) got->words + got->margin + i * size);
        if (!close_to(b, a, scale))
            return belay_fail(t->dev->log, BELAY_ERR_DEVICE, "%s: '%s'[%zu] is %.9g, want %.9g",
                              t->name, want->v->name, i, b, a);
    }
    return BELAY_OK;
}

// Every output of the node, and when fused something after it that fuses with it.
static belay_status make_graph(belay_graph *g, const struct belay_op *op, int size_class,
                               bool after, bool *made)
{
    belay_value *y;
    BELAY_TRY(belay_op_check_make(g, op, size_class, &y));
    *made = y != NULL;
    if (!y)
        return BELAY_OK;
    int num = y->kind == BELAY_VALUE_NODE ? y->node->num_y : 1;
    for (int k = 0; k < num; k++) {
        belay_value *part = num > 1 ? belay_output(y, k) : y;
        belay_value *more = NULL;
        char text[24];
        if (after && part->dtype == BELAY_F32)
            more = belay_add(g, belay_mul(g, part, belay_scalar(g, -1.5)), belay_scalar(g, 0.25));
        snprintf(text, sizeof(text), "y%d", k);
        belay_graph_output(g, part, text);
        snprintf(text, sizeof(text), "after%d", k);
        belay_graph_output(g, more, text);
    }
    return belay_graph_optimize(g);
}

static bool has_node(const belay_graph *g, const struct belay_op *op)
{
    for (size_t i = 0; i < g->num_nodes; i++)
        if (g->nodes[i]->op == op && !g->nodes[i]->dead)
            return true;
    return false;
}

static bool has_rows(const belay_graph *g)
{
    for (size_t i = 0; i < g->num_values; i++)
        if (g->values[i]->rows)
            return true;
    return false;
}

// With fewer rows what lies past them stays as it was: not a number on both devices.
static belay_status compare_devices(const belay_graph *g, struct trial *want, struct trial *got,
                                    bool fuse)
{
    static const int64_t rows[] = { 33, 5 };
    BELAY_TRY(trial_init(want, g, false));
    BELAY_TRY(trial_init(got, g, fuse));
    for (int run = 0; run < (has_rows(g) ? 2 : 1); run++) {
        BELAY_TRY(run_once(want, rows[run], 7 + (uint64_t) run));
        BELAY_TRY(trial_run(got, rows[run], 7 + (uint64_t) run));
        for (int i = 0; i < want->num; i++)
            BELAY_TRY(compare(got, &want->part[i], &got->part[i]));
    }
    return BELAY_OK;
}

belay_status belay_op_check(struct belay_device *host, struct belay_device *dev,
                            const struct belay_op *op, int size_class, bool fuse, bool *made)
{
    char name[96];
    belay_graph *g = NULL;
    belay_status status;
    bool there = false;
    struct trial *pair = belay_alloc_array(2, sizeof(*pair));
    if (!pair)
        return belay_fail_nomem(dev->log, 2 * sizeof(*pair));
    snprintf(name, sizeof(name), "%s, class %d%s", op->name, size_class, fuse ? ", fused" : "");
    pair[0] = (struct trial){ .dev = host, .op = op, .name = name };
    pair[1] = (struct trial){ .dev = dev, .op = op, .name = name };
    BELAY_TRY_DONE(belay_graph_new(dev->log, true, &g));
    BELAY_TRY_DONE(make_graph(g, op, size_class, fuse, &there));
    if (there && !has_node(g, op)) {
        status = belay_fail(dev->log, BELAY_ERR_DEVICE, "%s: the graph has no such node", name);
        goto done;
    }
    if (there)
        BELAY_TRY_DONE(compare_devices(g, &pair[0], &pair[1], fuse));
    *made = there;
done:
    trial_finish(&pair[0]);
    trial_finish(&pair[1]);
    belay_graph_destroy(&g);
    belay_free(pair);
    return status;
}
