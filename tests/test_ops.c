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

static bool close_to(double got, double want, double scale)
{
    if (isnan(want) || isnan(got))
        return isnan(want) && isnan(got);
    return got == want || fabs(got - want) <= 1e-5 * fabs(want) + 1e-6 * scale;
}

static bool check_class(const struct belay_op *op, int size_class, bool fuse)
{
    bool made = false;
    ck_log_ok(&log_here, belay_op_check(host, device, op, size_class, fuse, &made));
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
    // With other kernels or drivers than the first ones: every third operator.
    if (getenv("BELAY_TEST_QUICK") && _i % 3 != 0)
        return;
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
