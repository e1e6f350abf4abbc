// Every gradient rule of the table against central differences, in double on the host.
#include "device/program.h"
#include "op/op.h"
#include "ops.h"

#define MAX_Y (BELAY_MAX_OUT)
#define STEP 1e-5
#define CHECKED 48 // elements of a larger input

static struct belay_log log_here = { .fn = NULL };
static struct belay_device *dev;

static void open_device(void)
{
    ck_log_ok(&log_here, belay_device_open_f64(&log_here, &dev));
}

static void close_device(void)
{
    belay_device_close(&dev);
}

struct check {
    const struct belay_op *op;
    belay_graph *g;
    int num_x, num_y;
    belay_value *x[BELAY_MAX_IN], *grad[BELAY_MAX_IN]; // float inputs, grad NULL: zero
    belay_value *y[MAX_Y], *dy[MAX_Y];                 // float outputs
    belay_value *bound_y[MAX_Y], *bound_grad[BELAY_MAX_IN];
    struct belay_plan *plan;
    struct belay_program *program;
    double *values[BELAY_MAX_IN], *dy_values[MAX_Y];
};

static double *numbers(const belay_value *v)
{
    double *x = belay_alloc_array((size_t) belay_shape_count(&v->shape) + 1, sizeof(*x));
    ck_assert_ptr_nonnull(x);
    return x;
}

static void build_gradient(struct check *c, belay_value *y)
{
    belay_graph *g = c->g;
    for (size_t i = 0; i < g->num_values; i++)
        if (ops_is_memory(g->values[i]) && g->values[i]->dtype == BELAY_F32) {
            ck_assert_int_lt(c->num_x, BELAY_MAX_IN);
            c->x[c->num_x++] = g->values[i];
        }
    int num = y->kind == BELAY_VALUE_NODE ? y->node->num_y : 1;
    for (int k = 0; k < num; k++) {
        belay_value *part = num > 1 ? belay_output(y, k) : y;
        char name[24];
        if (part->dtype != BELAY_F32)
            continue;
        snprintf(name, sizeof(name), "dy%d", k);
        c->y[c->num_y] = part;
        c->dy[c->num_y++] =
            belay_input(g, name, BELAY_F32, part->shape.rank, part->shape.dim, false);
    }
    ck_log_ok(&log_here, belay_gradient_from(g, c->num_y, c->y, c->dy, c->num_x, c->x, c->grad));
    for (int k = 0; k < c->num_y; k++)
        c->bound_y[k] = belay_graph_output(g, c->y[k], "y");
    for (int i = 0; i < c->num_x; i++)
        c->bound_grad[i] = belay_graph_output(g, c->grad[i], "dx");
    ck_log_ok(&log_here, belay_graph_optimize(g));
}

static void build_program(struct check *c)
{
    const struct belay_plan_params plan = { .align = dev->align,
                                            .float_size = belay_device_dtype_size(dev, BELAY_F32) };
    ck_log_ok(&log_here, belay_plan_create(&log_here, c->g, &plan, &c->plan));
    const struct belay_program_params params = { .device = dev, .plan = c->plan };
    ck_log_ok(&log_here, belay_program_create(&params, &c->program));
    ck_log_ok(&log_here, belay_program_ready(c->program));
}

// Random inputs as the table wants them, output gradients in [-1, 1].
static void set_values(struct check *c, uint64_t seed)
{
    static const struct belay_op plain = { .test = { .lo = -1, .hi = 1 } };
    int k = 0;
    for (size_t i = 0; i < c->g->num_values; i++) {
        const belay_value *v = c->g->values[i];
        if (!ops_is_memory(v))
            continue;
        double *x = numbers(v);
        const struct belay_op *range = c->op;
        for (int j = 0; j < c->num_y; j++)
            if (v == c->dy[j]) {
                range = &plain;
                c->dy_values[j] = x;
            }
        for (int j = 0; j < c->num_x; j++)
            if (v == c->x[j])
                c->values[j] = x;
        ops_fill(range, v, k++, seed, x);
        if (c->plan->places[i].kind == BELAY_PLACE_EXTERNAL)
            ck_log_ok(&log_here, belay_program_set_f64(c->program, v, x));
        if (v->dtype != BELAY_F32)
            belay_free(x);
    }
}

// The sum of dy y; also how large its terms are.
static double loss(struct check *c, double *size)
{
    double sum = 0;
    ck_log_ok(&log_here, belay_program_run(c->program, 0));
    for (int k = 0; k < c->num_y; k++) {
        double *y = numbers(c->y[k]);
        ck_log_ok(&log_here, belay_program_get_f64(c->program, c->bound_y[k], y));
        for (int64_t i = 0; i < belay_shape_count(&c->y[k]->shape); i++) {
            sum += c->dy_values[k][i] * y[i];
            *size += fabs(c->dy_values[k][i] * y[i]);
        }
        belay_free(y);
    }
    return sum;
}

static double slope(struct check *c, int input, int64_t at, double *size)
{
    double *x = c->values[input], kept = x[at];
    x[at] = kept + STEP;
    ck_log_ok(&log_here, belay_program_set_f64(c->program, c->x[input], x));
    double above = loss(c, size);
    x[at] = kept - STEP;
    ck_log_ok(&log_here, belay_program_set_f64(c->program, c->x[input], x));
    double below = loss(c, size);
    x[at] = kept;
    ck_log_ok(&log_here, belay_program_set_f64(c->program, c->x[input], x));
    return (above - below) / (2 * STEP);
}

static void check_input(struct check *c, int input, const char *name)
{
    int64_t count = belay_shape_count(&c->x[input]->shape);
    int64_t step = count > CHECKED ? count / CHECKED | 1 : 1;
    double *dx = numbers(c->x[input]), ignored = 0;
    (void) loss(c, &ignored);
    if (c->bound_grad[input]) {
        ck_assert_msg(belay_shape_equal(&c->grad[input]->shape, &c->x[input]->shape),
                      "%s: the gradient of input %d has another shape", name, input);
        ck_log_ok(&log_here, belay_program_get_f64(c->program, c->bound_grad[input], dx));
    }
    for (int64_t i = 0; i < count; i += step) {
        double size = 0, want = slope(c, input, i, &size);
        // The error of the formula, and of the difference of two sums of this size.
        double error = 1e-7 + 1e-6 * fabs(want) + 1e-14 * size / STEP;
        ck_assert_msg(fabs(dx[i] - want) <= error, "%s: gradient of input %d at %lld is %.10g, "
                      "differences give %.10g", name, input, (long long) i, dx[i], want);
    }
    belay_free(dx);
}

static void check_finish(struct check *c)
{
    belay_program_destroy(&c->program);
    belay_plan_destroy(&c->plan);
    for (int i = 0; i < c->num_x; i++)
        belay_free(c->values[i]);
    for (int i = 0; i < c->num_y; i++)
        belay_free(c->dy_values[i]);
    belay_graph_destroy(&c->g);
}

static bool check_class(const struct belay_op *op, int size_class)
{
    struct check c = { .op = op };
    char name[96];
    snprintf(name, sizeof(name), "%s, class %d", op->name, size_class);
    ck_log_ok(&log_here, belay_graph_new(&log_here, true, &c.g));
    belay_value *y = ops_make(c.g, op, size_class);
    if (!y) {
        belay_graph_destroy(&c.g);
        return false;
    }
    for (size_t i = 0; i < c.g->num_values; i++)
        c.g->values[i]->rows = false;
    build_gradient(&c, y);
    build_program(&c);
    set_values(&c, 11 + (uint64_t) size_class);
    int num = 0;
    for (int i = 0; i < c.num_x; i++) {
        num += c.bound_grad[i] != NULL;
        check_input(&c, i, name);
    }
    ck_assert_msg(num > 0, "%s: no input has a gradient", name);
    check_finish(&c);
    return true;
}

static int num_ops(void)
{
    int num = 0;
    while (belay_ops[num])
        num++;
    return num;
}

START_TEST(the_gradient_equals_central_differences)
{
    const struct belay_op *op = belay_ops[_i];
    if (!op->grad || op->test.no_grad_check)
        return;
    int num = 0;
    while (check_class(op, num))
        num++;
    ck_assert_msg(num > 0, "%s: no size class", op->name);
}
END_TEST

static Suite *suite_table(void)
{
    Suite *s = suite_create("gradients");
    TCase *tc = tcase_create("table");
    tcase_add_unchecked_fixture(tc, open_device, close_device);
    tcase_set_timeout(tc, 0);
    tcase_add_loop_test(tc, the_gradient_equals_central_differences, 0, num_ops());
    suite_add_tcase(s, tc);
    return s;
}

int main(void)
{
    return harness_main(suite_table, NULL);
}
