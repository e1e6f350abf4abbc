// Every operator of the table, host reference against the device, with guards round every buffer.
#include "device/program.h"
#include "op/op.h"
#include "ops.h"
#include "tensor/dtype.h"

static struct belay_log log_here = { .fn = NULL };
static struct belay_device *host, *device;

static void open_devices(void)
{
    ck_log_ok(&log_here, belay_device_open(&log_here, "host", 0, &host));
    ck_log_ok(&log_here, belay_device_open(&log_here, NULL, 0, &device));
}

static void close_devices(void)
{
    belay_device_close(&host);
    belay_device_close(&device);
}

// ---- buffers with guards ----

// Not a number as a float, another word at each place of each buffer.
static uint32_t guard_word(int id, size_t at)
{
    return 0x7fc00000u | ((uint32_t) (id + 1) * 2654435761u + (uint32_t) at * 40503u) >> 10;
}

struct guarded {
    struct belay_buf buf;
    const belay_value *v;
    uint32_t *words; // the whole buffer
    size_t margin, size, total; // bytes
};

#define MAX_VALUES 64

struct trial {
    struct belay_device *dev;
    struct belay_plan *plan;
    struct belay_program *program;
    struct guarded part[MAX_VALUES];
    int num;
};

static void guard_init(struct trial *t, const belay_value *v)
{
    ck_assert_int_lt(t->num, MAX_VALUES);
    struct guarded *p = &t->part[t->num++];
    size_t align = t->dev->align;
    p->v = v;
    p->margin = (256 + align - 1) / align * align;
    p->size = belay_plan_value_size(t->plan, v);
    p->total = p->margin + p->size + p->margin;
    p->words = belay_alloc(p->total);
    ck_assert_ptr_nonnull(p->words);
    ck_log_ok(&log_here, belay_buf_create(t->dev, p->total, 0, &p->buf));
    ck_log_ok(&log_here, belay_program_bind(t->program, v, &p->buf, p->margin));
}

static void guard_check(struct trial *t, struct guarded *p, const char *name)
{
    size_t first = p->margin / 4, last = (p->margin + p->size) / 4;
    ck_log_ok(&log_here, belay_buf_read(t->dev, &p->buf, 0, p->words, p->total));
    for (size_t i = 0; i < p->total / 4; i++)
        if (i < first || i >= last)
            ck_assert_msg(p->words[i] == guard_word(p->v->id, i),
                          "%s: wrote %td words %s value '%s'", name,
                          i < first ? (ptrdiff_t) (first - i) : (ptrdiff_t) (i - last + 1),
                          i < first ? "before" : "after", p->v->name);
}

// ---- one graph on one device ----

static void trial_init(struct trial *t, struct belay_device *dev, const belay_graph *g, bool fuse)
{
    memset(t, 0, sizeof(*t));
    t->dev = dev;
    const struct belay_plan_params plan = { .no_fusion = !fuse,
                                            .align = dev->align,
                                            .float_size = belay_device_dtype_size(dev, BELAY_F32) };
    ck_log_ok(&log_here, belay_plan_create(&log_here, g, &plan, &t->plan));
    const struct belay_program_params params = { .device = dev, .plan = t->plan };
    ck_log_ok(&log_here, belay_program_create(&params, &t->program));
    for (size_t i = 0; i < g->num_values; i++)
        if (t->plan->places[i].kind == BELAY_PLACE_EXTERNAL)
            guard_init(t, g->values[i]);
    ck_log_ok(&log_here, belay_program_ready(t->program));
}

static void trial_finish(struct trial *t)
{
    belay_program_destroy(&t->program);
    belay_plan_destroy(&t->plan);
    for (int i = 0; i < t->num; i++) {
        belay_buf_destroy(t->dev, &t->part[i].buf);
        belay_free(t->part[i].words);
    }
}

// Inputs as the bytes that are stored, guards everywhere else, also where outputs will be.
static void fill_all(struct trial *t, const struct belay_op *op, uint64_t seed)
{
    int k = 0;
    for (int i = 0; i < t->num; i++) {
        struct guarded *p = &t->part[i];
        for (size_t at = 0; at < p->total / 4; at++)
            p->words[at] = guard_word(p->v->id, at);
        if (!ops_is_memory(p->v))
            continue;
        size_t count = (size_t) belay_shape_count(&p->v->shape);
        double *x = belay_alloc_array(count, sizeof(*x));
        ck_assert_ptr_nonnull(x);
        ops_fill(op, p->v, k++, seed, x);
        belay_dtype_convert(BELAY_F64, x, p->v->dtype, (char *) p->words + p->margin, count);
        belay_free(x);
    }
}

static void trial_run(struct trial *t, const struct belay_op *op, const char *name, int64_t rows,
                      uint64_t seed)
{
    fill_all(t, op, seed);
    for (int i = 0; i < t->num; i++)
        ck_log_ok(&log_here, belay_buf_write(t->dev, &t->part[i].buf, 0, t->part[i].words,
                                             t->part[i].total, true));
    ck_log_ok(&log_here, belay_program_run(t->program, rows));
    ck_log_ok(&log_here, belay_device_finish(t->dev));
    for (int i = 0; i < t->num; i++)
        guard_check(t, &t->part[i], name);
}

// ---- comparing ----

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

static void compare(const char *name, const struct guarded *want, const struct guarded *got)
{
    size_t size = belay_dtype_size(want->v->dtype);
    double scale = scale_of(want);
    for (size_t i = 0; i < want->size / size; i++) {
        double a = belay_dtype_load(want->v->dtype,
                                    (const char *) want->words + want->margin + i * size);
        double b = belay_dtype_load(got->v->dtype,
                                    (const char *) got->words + got->margin + i * size);
        ck_assert_msg(close_to(b, a, scale), "%s: '%s'[%zu] is %.9g, want %.9g", name,
                      want->v->name, i, b, a);
    }
}

// Every output of the node, and when fused something after it that fuses with it.
static belay_value *make_graph(belay_graph *g, const struct belay_op *op, int size_class,
                               bool after)
{
    belay_value *y = ops_make(g, op, size_class);
    if (!y)
        return NULL;
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
    ck_log_ok(&log_here, belay_graph_optimize(g));
    return y;
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
static void compare_devices(belay_graph *g, const struct belay_op *op, const char *name, bool fuse)
{
    static const int64_t rows[] = { 33, 5 };
    struct trial want, got;
    trial_init(&want, host, g, false);
    trial_init(&got, device, g, fuse);
    ck_assert_int_eq(want.num, got.num);
    for (int run = 0; run < (has_rows(g) ? 2 : 1); run++) {
        trial_run(&want, op, name, rows[run], 7 + (uint64_t) run);
        trial_run(&got, op, name, rows[run], 7 + (uint64_t) run);
        for (int i = 0; i < want.num; i++)
            compare(name, &want.part[i], &got.part[i]);
    }
    trial_finish(&want);
    trial_finish(&got);
}

static bool check_class(const struct belay_op *op, int size_class, bool fuse)
{
    char name[96];
    belay_graph *g;
    ck_log_ok(&log_here, belay_graph_new(&log_here, true, &g));
    bool made = make_graph(g, op, size_class, fuse) != NULL;
    if (made) {
        snprintf(name, sizeof(name), "%s, class %d%s", op->name, size_class, fuse ? ", fused" : "");
        ck_assert_msg(has_node(g, op), "%s: the graph has no such node", name);
        compare_devices(g, op, name, fuse);
    }
    belay_graph_destroy(&g);
    return made;
}

static int num_ops(void)
{
    int num = 0;
    while (belay_ops[num])
        num++;
    return num;
}

START_TEST(the_device_agrees_with_the_host_at_every_size_unfused)
{
    int num = 0;
    while (check_class(belay_ops[_i], num, false))
        num++;
    ck_assert_msg(num > 0, "%s: no size class", belay_ops[_i]->name);
}
END_TEST

START_TEST(the_device_agrees_with_the_host_at_every_size_fused)
{
    for (int num = 0; check_class(belay_ops[_i], num, true);)
        num++;
}
END_TEST

// ---- values where PyTorch's choice is not the obvious one ----

#define NOT_A_NUMBER (0.0 / 0.0)
#define INF (1.0 / 0.0)

struct kink {
    const char *op;
    double f[2], x[4], want;
};

// Inputs in the operator's order; relu, sigmoid and tanh take their gradient from y.
static const struct kink kinks[] = {
    { "relu", { 0 }, { NOT_A_NUMBER }, NOT_A_NUMBER },
    { "relu", { 0 }, { -INF }, 0 },
    { "relu_grad", { 0 }, { 0, 5 }, 0 },
    { "relu_grad", { 0 }, { NOT_A_NUMBER, 5 }, 5 },
    { "leaky_relu", { 0.25 }, { -8 }, -2 },
    { "leaky_relu", { 0.25 }, { NOT_A_NUMBER }, NOT_A_NUMBER },
    { "leaky_relu_grad", { 0.25 }, { 0, 8 }, 2 },
    { "maximum", { 0 }, { NOT_A_NUMBER, 1 }, NOT_A_NUMBER },
    { "maximum", { 0 }, { 1, NOT_A_NUMBER }, NOT_A_NUMBER },
    { "maximum_grad", { 0 }, { 3, 3, 8 }, 4 },
    { "maximum_grad", { 0 }, { 2, 3, 8 }, 0 },
    { "maximum_grad", { 0 }, { 4, 3, 8 }, 8 },
    { "where", { 0 }, { NOT_A_NUMBER, 1, 2 }, 1 },
    { "where", { 0 }, { -0.0, 1, 2 }, 2 },
    { "where", { 0 }, { 1, 2, NOT_A_NUMBER }, 2 },
    { "pow", { 0 }, { -2, 3 }, -8 },
    { "pow", { 0 }, { 0, 0 }, 1 },
    { "pow", { 0 }, { -2, 0.5 }, NOT_A_NUMBER },
    { "pow_grad_base", { 0 }, { 0, 0, 5 }, 0 },
    { "pow_grad_base", { 0 }, { 0, 1, 5 }, 5 },
    { "pow_grad_base", { 0 }, { -3, 2, 5 }, -30 },
    { "pow_grad_base", { 0 }, { 0, 0.5, 1 }, INF },
    { "pow_grad_exponent", { 0 }, { 0, 2, 0, 5 }, 0 },
    { "pow_grad_exponent", { 0 }, { 0, 0, 1, 5 }, 0 },
    { "pow_grad_exponent", { 0 }, { 0, -1, INF, 1 }, -INF },
    { "sqrt", { 0 }, { -1 }, NOT_A_NUMBER },
    { "log", { 0 }, { 0 }, -INF },
    { "sigmoid", { 0 }, { -200 }, 0 },
    { "sigmoid", { 0 }, { 200 }, 1 },
    { "silu", { 0 }, { -200 }, 0 },
    { "silu_grad", { 0 }, { -200, 1 }, 0 },
    { "silu_grad", { 0 }, { 200, 1 }, 1 },
    { "gelu", { 0 }, { -200 }, 0 },
    { "gelu_grad", { 0 }, { 200, 1 }, 1 },
    { "gelu_tanh", { 0 }, { -200 }, 0 },
    { "gelu_tanh", { 0 }, { 200 }, 200 },
    { "gelu_tanh_grad", { 0 }, { -200, 1 }, 0 },
    { "softplus", { 1, 20 }, { 200 }, 200 },
    { "softplus", { 1, 1000 }, { 200 }, 200 },
    { "softplus", { 1, 20 }, { -200 }, 0 },
    { "softplus", { 1, 20 }, { NOT_A_NUMBER }, NOT_A_NUMBER },
    { "softplus_grad", { 2, 20 }, { -200, 1 }, 0 },
    { "softplus_grad", { 2, 20 }, { 200, 3 }, 3 },
    { "gt", { 0 }, { NOT_A_NUMBER, 1 }, 0 },
    { "ge", { 0 }, { 2, 2 }, 1 },
    { "eq", { 0 }, { NOT_A_NUMBER, NOT_A_NUMBER }, 0 },
};

static void check_kink(struct belay_device *dev, const struct kink *kink)
{
    static const int64_t one[] = { 1 };
    const struct belay_op *op = belay_op_find(kink->op);
    struct belay_attrs attrs = { .f = { kink->f[0], kink->f[1] } };
    belay_value *x[4];
    belay_graph *g;
    float got = 0;
    struct belay_plan *plan;
    struct belay_program *program;
    ck_log_ok(&log_here, belay_graph_new(&log_here, false, &g));
    for (int i = 0; i < op->num_x; i++)
        x[i] = belay_input(g, "x", BELAY_F32, 1, one, false);
    belay_value *y = belay_graph_output(g, belay_apply(g, op, op->num_x, x, &attrs), "y");
    ck_log_ok(&log_here, belay_graph_optimize(g));
    const struct belay_plan_params params = { .align = dev->align };
    ck_log_ok(&log_here, belay_plan_create(&log_here, g, &params, &plan));
    const struct belay_program_params with = { .device = dev, .plan = plan };
    ck_log_ok(&log_here, belay_program_create(&with, &program));
    ck_log_ok(&log_here, belay_program_ready(program));
    for (int i = 0; i < op->num_x; i++) {
        const float value = (float) kink->x[i];
        ck_log_ok(&log_here, belay_program_set(program, x[i], &value, 0));
    }
    ck_log_ok(&log_here, belay_program_run(program, 0));
    ck_log_ok(&log_here, belay_program_get(program, y, &got, 0));
    ck_assert_msg(close_to(got, kink->want, 1), "%s(%g, %g, %g, %g) on %s is %g, want %g",
                  kink->op, kink->x[0], kink->x[1], kink->x[2], kink->x[3], dev->select,
                  (double) got, kink->want);
    belay_program_destroy(&program);
    belay_plan_destroy(&plan);
    belay_graph_destroy(&g);
}

START_TEST(kinks_ties_and_not_a_number_are_as_in_pytorch)
{
    check_kink(host, &kinks[_i]);
    check_kink(device, &kinks[_i]);
}
END_TEST

// ---- the last, smaller batch ----

START_TEST(a_mean_counts_the_rows_that_there_are)
{
    static const int64_t dim[] = { 9, 3 };
    struct belay_device *devices[] = { host, device };
    for (int d = 0; d < 2; d++) {
        belay_graph *g;
        struct belay_plan *plan;
        struct belay_program *program;
        float x[27], got = 0;
        for (int i = 0; i < 27; i++)
            x[i] = i < 12 ? (float) i : 1000;
        ck_log_ok(&log_here, belay_graph_new(&log_here, false, &g));
        belay_value *in = belay_input(g, "x", BELAY_F32, 2, dim, true);
        belay_value *y = belay_graph_output(g, belay_mean(g, in, 0, NULL, false), "y");
        const struct belay_plan_params params = { .align = devices[d]->align };
        ck_log_ok(&log_here, belay_plan_create(&log_here, g, &params, &plan));
        const struct belay_program_params with = { .device = devices[d], .plan = plan };
        ck_log_ok(&log_here, belay_program_create(&with, &program));
        ck_log_ok(&log_here, belay_program_ready(program));
        ck_log_ok(&log_here, belay_program_set(program, in, x, 9));
        ck_log_ok(&log_here, belay_program_run(program, 4));
        ck_log_ok(&log_here, belay_program_get(program, y, &got, 4));
        ck_assert_float_eq(got, 5.5F);
        belay_program_destroy(&program);
        belay_plan_destroy(&plan);
        belay_graph_destroy(&g);
    }
}
END_TEST

static Suite *suite_values(void)
{
    Suite *s = suite_create("op values");
    TCase *tc = tcase_create("values");
    tcase_add_unchecked_fixture(tc, open_devices, close_devices);
    tcase_set_timeout(tc, 0);
    tcase_add_loop_test(tc, kinks_ties_and_not_a_number_are_as_in_pytorch, 0,
                        (int) (sizeof(kinks) / sizeof(kinks[0])));
    tcase_add_test(tc, a_mean_counts_the_rows_that_there_are);
    suite_add_tcase(s, tc);
    return s;
}

static Suite *suite_table(void)
{
    Suite *s = suite_create("ops");
    TCase *tc = tcase_create("table");
    tcase_add_unchecked_fixture(tc, open_devices, close_devices);
    tcase_set_timeout(tc, 0);
    tcase_add_loop_test(tc, the_device_agrees_with_the_host_at_every_size_unfused, 0, num_ops());
    tcase_add_loop_test(tc, the_device_agrees_with_the_host_at_every_size_fused, 0, num_ops());
    suite_add_tcase(s, tc);
    return s;
}

int main(void)
{
    return harness_main(suite_table, suite_values, NULL);
}
