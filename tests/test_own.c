// A program's own operators, losses and optimizers (belay/own.h) on the chosen device.
#include <math.h>
#include <string.h>

#include <belay/belay.h>

#include "device/check.h"
#include "device/context.h"
#include "harness.h"
#include "op/own.h"

static belay_ctx *ctx;

static void setup(void)
{
    ck_assert_int_eq(belay_ctx_create(NULL, &ctx), BELAY_OK);
    ck_ok(ctx, belay_ctx_open(ctx));
}

static void teardown(void)
{
    belay_ctx_destroy(&ctx);
}

static void says(const char *part)
{
    ck_assert_msg(strstr(belay_ctx_error(ctx), part), "'%s' does not say '%s'",
                  belay_ctx_error(ctx), part);
}

#define refused(expr, want, part) \
    do { \
        ck_status_is(&ctx->log, expr, want); \
        says(part); \
    } while (0)

// ---- Operators ----

// y = a x0 |x0| + x1
static double bend_eval(const double *x, const double *a)
{
    return a[0] * x[0] * fabs(x[0]) + x[1];
}

static void bend_grad(belay_own_grad *g)
{
    belay_value *slope = belay_mul(g->graph, belay_abs(g->graph, g->x[0]),
                                   belay_scalar(g->graph, 2 * g->setting[0]));
    g->dx[0] = belay_mul(g->graph, g->dy, slope);
    g->dx[1] = g->dy;
}

static const belay_own_op bend = { .version = BELAY_OWN_VERSION, .name = "bend", .num_x = 2,
                                   .settings = { { "a", 0.5, NULL } }, .eval = bend_eval,
                                   .expression = "fma(@0 * $0, fabs($0), $1)", .grad = bend_grad };

// y[r] = sum over i of (i + 1) x[r, i]
static bool ramp_shape(const belay_own_call *call, belay_own_shape *y)
{
    *y = (belay_own_shape){ 1, { call->x[0].dim[0] } };
    return call->x[0].rank == 2;
}

static void ramp_host(const belay_own_call *call, const double *const *x, double *y)
{
    int64_t n = call->x[0].dim[1];
    for (int64_t r = 0; r < call->x[0].dim[0]; r++) {
        y[r] = 0;
        for (int64_t i = 0; i < n; i++)
            y[r] += (double) (i + 1) * x[0][r * n + i];
    }
}

static void ramp_launch(const belay_own_call *call, belay_own_launch *out)
{
    // Not rounded up: the library does.
    *out = (belay_own_launch){ .dims = 1, .global = { (size_t) call->y.dim[0] }, .local = { 8 },
                               .num_numbers = 2, .number = { (uint32_t) call->y.dim[0],
                                                             (uint32_t) call->x[0].dim[1] } };
}

static const belay_own_op ramp = {
    .version = BELAY_OWN_VERSION,
    .name = "ramp",
    .num_x = 1,
    .shape = ramp_shape,
    .host = ramp_host,
    .launch = ramp_launch,
    .source = "kernel void ramp(global float *y, global const float *x, uint rows, uint n) {\n"
              "  uint r = get_global_id(0); float sum = 0.0f; if (r >= rows) return;\n"
              "  for (uint i = 0; i < n; i++) sum = fma((float) (i + 1), x[r * n + i], sum);\n"
              "  y[r] = sum; }\n",
};

// Outputs at `rows` rows of y(x), x being 0.25, 0.5, … as [rows, n].
static void run(const belay_own_op *op, int64_t n, size_t rows, float *out, size_t room)
{
    belay_graph *g;
    belay_session *s;
    float data[64];
    ck_ok(ctx, belay_graph_create(ctx, false, &g));
    belay_value *x = belay_input(g, "x", BELAY_F32, 2, (const int64_t[]){ 7, n }, true);
    belay_value *y = belay_named(g, op->name, 1, &x, 0, NULL);
    ck_ok(ctx, belay_graph_check(g));
    ck_ok(ctx, belay_session_create(ctx, g, 1, &y, &s));
    for (int i = 0; i < 64; i++)
        data[i] = 0.25f * (float) (i + 1);
    ck_ok(ctx, belay_session_set(s, x, data, rows));
    ck_ok(ctx, belay_session_run(s, rows));
    ck_ok(ctx, belay_session_get(s, y, out, room, NULL));
    belay_session_destroy(&s);
    belay_graph_destroy(&g);
}

START_TEST(an_element_wise_operator_is_the_same_on_host_and_device_alone_and_fused)
{
    struct belay_device *host;
    ck_ok(ctx, belay_register_op(ctx, &bend));
    ck_ok(ctx, belay_device_open(&ctx->log, "host", 0, &host));
    const struct belay_op *op = &belay_own_op_find("bend")->op;
    int num = 0;
    for (int fuse = 0; fuse < 2; fuse++) {
        bool made = true;
        for (int i = 0; made; i++, num += made)
            ck_ok(ctx, belay_op_check(host, ctx->device, op, i, fuse, &made));
    }
    ck_assert_int_gt(num, 10);
    belay_device_close(&host);
}
END_TEST

START_TEST(an_operator_with_a_kernel_runs_at_any_number_of_rows)
{
    float y[7];
    ck_ok(ctx, belay_register_op(ctx, &ramp));
    for (size_t rows = 1; rows <= 7; rows += 3) {
        run(&ramp, 3, rows, y, 7);
        for (size_t r = 0; r < rows; r++)
            ck_assert_float_eq(y[r], 0.25f * (6 * (float) (3 * r) + 14));
    }
}
END_TEST

START_TEST(its_gradient_rule_is_used_and_summed_where_inputs_were_repeated)
{
    belay_graph *g;
    belay_session *s;
    const float x[6] = { -2, -1, 0, 1, 2, 3 }, w[3] = { 1, 2, 3 };
    float dx[6], dw[3];
    ck_ok(ctx, belay_graph_create(ctx, false, &g));
    belay_value *in[2] = { belay_input(g, "x", BELAY_F32, 2, (const int64_t[]){ 2, 3 }, false),
                           belay_input(g, "w", BELAY_F32, 1, (const int64_t[]){ 3 }, false) };
    belay_value *grads[2], *y = belay_named(g, "bend", 2, in, 1, (const double[]){ 1.5 });
    ck_ok(ctx, belay_gradients(g, belay_sum(g, y, 0, NULL, false), 2, in, grads));
    ck_ok(ctx, belay_session_create(ctx, g, 2, grads, &s));
    ck_ok(ctx, belay_session_set(s, in[0], x, 0));
    ck_ok(ctx, belay_session_set(s, in[1], w, 0));
    ck_ok(ctx, belay_session_run(s, 0));
    ck_ok(ctx, belay_session_get(s, grads[0], dx, 6, NULL));
    ck_ok(ctx, belay_session_get(s, grads[1], dw, 3, NULL));
    for (int i = 0; i < 6; i++)
        ck_assert_float_eq(dx[i], 3 * fabsf(x[i]));
    for (int i = 0; i < 3; i++)
        ck_assert_float_eq(dw[i], 2);
    belay_session_destroy(&s);
    belay_graph_destroy(&g);
}
END_TEST

static belay_status gradient_of(const belay_own_op *op)
{
    belay_graph *g;
    ck_ok(ctx, belay_register_op(ctx, op));
    ck_ok(ctx, belay_graph_create(ctx, false, &g));
    belay_value *x = belay_input(g, "x", BELAY_F32, 2, (const int64_t[]){ 2, 3 }, false), *dx = x;
    belay_value *y = belay_named(g, op->name, 1, &x, 0, NULL);
    belay_status status = belay_gradients(g, belay_sum(g, y, 0, NULL, false), 1, &x, &dx);
    ck_assert(status != BELAY_OK || !dx);
    belay_graph_destroy(&g);
    return status;
}

START_TEST(without_a_gradient_rule_a_gradient_is_refused_unless_it_is_none)
{
    belay_own_op flat = ramp;
    flat.name = "flat";
    flat.source = "kernel void flat(global float *y, global const float *x, uint rows, uint n) {}";
    flat.no_gradient = true;
    refused(gradient_of(&ramp), BELAY_ERR_UNSUPPORTED, "ramp: this operator of the program's own has no "
                                                       "gradient rule");
    ck_ok(ctx, gradient_of(&flat));
}
END_TEST

static void wrong_grad(belay_own_grad *g)
{
    g->dx[0] = g->dy; // [2], x is [2, 3]
}

START_TEST(a_gradient_of_another_shape_is_refused)
{
    belay_own_op wrong = ramp;
    wrong.name = "wrong";
    wrong.grad = wrong_grad;
    refused(gradient_of(&wrong), BELAY_ERR_SHAPE, "wrong: its gradient rule gives [2] for input 0");
}
END_TEST

START_TEST(inputs_that_it_does_not_take_are_told)
{
    belay_graph *g;
    ck_ok(ctx, belay_graph_create(ctx, false, &g));
    belay_value *x = belay_input(g, "x", BELAY_F32, 3, (const int64_t[]){ 2, 3, 4 }, false);
    ck_assert_ptr_null(belay_named(g, "ramp", 1, &x, 0, NULL));
    says("ramp: it does not take inputs of [2, 3, 4]");
    belay_graph_destroy(&g);
    ck_ok(ctx, belay_graph_create(ctx, false, &g));
    x = belay_input(g, "x", BELAY_I32, 2, (const int64_t[]){ 2, 3 }, false);
    ck_assert_ptr_null(belay_named(g, "ramp", 1, &x, 0, NULL));
    says("ramp: input 0 is I32, want F32");
    belay_graph_destroy(&g);
}
END_TEST

START_TEST(definitions_that_cannot_be_are_refused)
{
    belay_own_op op = bend;
    op.version = 2;
    refused(belay_register_op(ctx, &op), BELAY_ERR_UNSUPPORTED, "version 2, this library knows 1");
    op = bend;
    op.name = "Bend";
    refused(belay_register_op(ctx, &op), BELAY_ERR_ARG, "lower-case letters");
    op.name = "linear";
    refused(belay_register_op(ctx, &op), BELAY_ERR_EXISTS, "layer 'linear'");
    op.name = "maximum";
    refused(belay_register_op(ctx, &op), BELAY_ERR_EXISTS, "operator 'maximum'");
    op.name = "bend2";
    op.expression = "$0 + $2";
    refused(belay_register_op(ctx, &op), BELAY_ERR_ARG, "'$2' in its expression: it has 2 inputs");
    op.expression = "$0 + @1";
    refused(belay_register_op(ctx, &op), BELAY_ERR_ARG, "'@1' in its expression: it has 1 settings");
    op = bend;
    op.name = "bend2";
    op.source = "kernel void bend2() {}";
    refused(belay_register_op(ctx, &op), BELAY_ERR_ARG, "cannot be fused");
    op = ramp;
    op.name = "ramp2";
    op.host = NULL;
    refused(belay_register_op(ctx, &op), BELAY_ERR_ARG, "want both, host and source");
}
END_TEST

START_TEST(the_same_may_be_registered_again_and_another_not)
{
    belay_own_op op = bend;
    ck_ok(ctx, belay_register_op(ctx, &bend));
    op.expression = "$0 + $1";
    refused(belay_register_op(ctx, &op), BELAY_ERR_EXISTS, "operator 'bend' is there already");
}
END_TEST

START_TEST(a_kernel_that_does_not_build_names_the_operator)
{
    belay_own_op op = ramp;
    belay_graph *g;
    belay_session *s = NULL;
    if (strcmp(belay_ctx_device(ctx), "host") == 0) {
        harness_skip("the host builds no kernels");
        return;
    }
    op.name = "broken";
    op.source = "kernel void broken(global float *y) { nonsense; }";
    ck_ok(ctx, belay_register_op(ctx, &op));
    ck_ok(ctx, belay_graph_create(ctx, false, &g));
    belay_value *x = belay_input(g, "x", BELAY_F32, 2, (const int64_t[]){ 2, 3 }, false);
    belay_value *y = belay_named(g, "broken", 1, &x, 0, NULL);
    ck_ok(ctx, belay_session_create(ctx, g, 1, &y, &s));
    refused(belay_session_run(s, 0), BELAY_ERR_DEVICE, "own_broken.cl");
    belay_session_destroy(&s);
    belay_graph_destroy(&g);
}
END_TEST

// ---- Training ----

static belay_value *square_build(belay_graph *g, belay_value *output, belay_value *target,
                                 const double *options)
{
    belay_value *d = belay_sub(g, output, target);
    return belay_mul(g, belay_mean(g, belay_mul(g, d, d), 0, NULL, false),
                     belay_scalar(g, options[0]));
}

static belay_value *rows_build(belay_graph *g, belay_value *output, belay_value *target,
                               const double *options)
{
    return belay_sub(g, output, target);
}

static const belay_own_loss square = { .version = BELAY_OWN_VERSION, .name = "square",
                                       .options = { { "by", 1, "factor" } },
                                       .build = square_build };

// As sgd with momentum.
static void heavy_hyper(const double *options, uint64_t step, double *h)
{
    h[0] = options[0];
    h[1] = options[1];
}

static void heavy_update(const double *h, int num_states, double g, double *p, double *s)
{
    s[0] = h[1] * s[0] + g;
    *p -= h[0] * s[0];
}

static const belay_own_optimizer heavy = {
    .version = BELAY_OWN_VERSION,
    .name = "heavy",
    .options = { { "lr", 0.1, "rate" }, { "keep", 0.9, "of the last step" } },
    .num_states = 1,
    .state_names = { "last" },
    .hyper = heavy_hyper,
    .update = heavy_update,
    .source = "void heavy_one(float8 h, float8 g, float8 *p, float8 *m)\n"
              "{\n    *m = h.s1 * *m + g;\n    *p -= h.s0 * *m;\n}\n",
};

// The monitored value after some steps of a recipe with this loss and optimizer.
static belay_status train(const char *named, double *best)
{
    static float x[64 * 3], y[64];
    char text[512];
    belay_recipe *recipe = NULL;
    belay_trainer *t = NULL;
    belay_result result;
    for (int i = 0; i < 64; i++) {
        for (int k = 0; k < 3; k++)
            x[3 * i + k] = (float) ((i * 7 + k * 5) % 11) / 11 - 0.5f;
        y[i] = x[3 * i] * x[3 * i + 1] - x[3 * i + 2];
    }
    snprintf(text, sizeof(text), "model: {input: [3], layers: [{linear: 8}, {tanh: , as: a}, "
             "{linear: 8, as: b}, {bend: 0.25, from: [a, b]}, {linear: 1}]}\n%s"
             "train: {batch: 16, epochs: 5}\nsplit: {validation: 0.25}\nstop: off\n", named);
    const belay_data data = { .x = x, .rows = 64, .features = 3, .y = y, .targets = 1 };
    belay_status status = belay_recipe_parse(ctx, text, "test", NULL, 0, &recipe);
    belay_trainer_params params = { .recipe = recipe, .train = &data, .no_files = true };
    if (status == BELAY_OK)
        status = belay_trainer_create(ctx, &params, &t);
    if (status == BELAY_OK) {
        ck_ok(ctx, belay_trainer_run(t, NULL, NULL));
        ck_ok(ctx, belay_trainer_finish(t, &result));
        *best = result.best;
    }
    belay_trainer_destroy(&t);
    belay_recipe_destroy(&recipe);
    return status;
}

START_TEST(own_losses_and_optimizers_train_as_belays_of_the_same_formula)
{
    double own, ours;
    ck_ok(ctx, belay_register_loss(ctx, &square));
    ck_ok(ctx, belay_register_loss(ctx, &square));
    ck_ok(ctx, belay_register_optimizer(ctx, &heavy));
    ck_ok(ctx, belay_register_optimizer(ctx, &heavy));
    ck_ok(ctx, train("loss: square\noptimizer: {name: heavy, lr: 0.05}\n", &own));
    ck_ok(ctx, train("loss: mse\noptimizer: {name: sgd, lr: 0.05, momentum: 0.9}\n", &ours));
    ck_assert_double_eq_tol(own, ours, 1e-6 * ours);
    ck_ok(ctx, train("loss: {name: square, by: 2}\noptimizer: {name: heavy, lr: 0.025}\n", &own));
    ck_assert_double_eq_tol(own, 2 * ours, 1e-6 * ours);
    ck_ok(ctx, train("loss: mse\noptimizer: {name: heavy, lr: 0.05, keep: 0}\n", &own));
    ck_assert_double_gt(fabs(own - ours), 1e-4 * ours);
}
END_TEST

START_TEST(losses_and_optimizers_that_cannot_be_are_refused)
{
    belay_own_loss loss = square;
    belay_own_optimizer o = heavy;
    double best;
    loss.name = "mse";
    refused(belay_register_loss(ctx, &loss), BELAY_ERR_EXISTS, "loss 'mse'");
    loss.name = "square";
    loss.build = rows_build;
    refused(belay_register_loss(ctx, &loss), BELAY_ERR_EXISTS, "loss 'square'");
    loss.name = "no_mean";
    ck_ok(ctx, belay_register_loss(ctx, &loss));
    refused(train("loss: no_mean\n", &best), BELAY_ERR_SHAPE,
            "loss no_mean: its build gives [16, 1], want one number");
    o.name = "heavy2";
    o.options[0].name = "rate";
    refused(belay_register_optimizer(ctx, &o), BELAY_ERR_ARG, "'lr' must be among its options");
    o = heavy;
    o.num_states = 4;
    o.name = "heavy2";
    refused(belay_register_optimizer(ctx, &o), BELAY_ERR_ARG, "want 0 to 3 states");
    o.num_states = 1;
    o.options[1].name = "clip_norm";
    refused(belay_register_optimizer(ctx, &o), BELAY_ERR_ARG, "'clip_norm' has another meaning");
    refused(train("optimizer: {name: heavy, kep: 1}\n", &best), BELAY_ERR_RECIPE,
            "did you mean 'optimizer.keep'?");
}
END_TEST

START_TEST(a_record_with_a_name_that_is_not_registered_says_so)
{
    belay_recipe *r;
    refused(belay_recipe_parse(ctx, "optimizer: {name: hefty}\n", "runs/a/resolved.yaml", NULL, 0, &r),
            BELAY_ERR_RECIPE, "runs/a/resolved.yaml:1: the optimizer 'hefty' is none of Belay's: the "
                              "program that wrote this had registered it, this one has not "
                              "(belay_register_optimizer)");
    refused(belay_recipe_parse(ctx, "optimizer: {name: hefty}\n", "a.yaml", NULL, 0, &r),
            BELAY_ERR_RECIPE, "did you mean 'heavy'?");
}
END_TEST

static Suite *suite_own(void)
{
    const TTest *const tests[] = {
        an_element_wise_operator_is_the_same_on_host_and_device_alone_and_fused,
        an_operator_with_a_kernel_runs_at_any_number_of_rows,
        its_gradient_rule_is_used_and_summed_where_inputs_were_repeated,
        without_a_gradient_rule_a_gradient_is_refused_unless_it_is_none,
        a_gradient_of_another_shape_is_refused,
        inputs_that_it_does_not_take_are_told,
        definitions_that_cannot_be_are_refused,
        the_same_may_be_registered_again_and_another_not,
        own_losses_and_optimizers_train_as_belays_of_the_same_formula,
        losses_and_optimizers_that_cannot_be_are_refused,
        a_record_with_a_name_that_is_not_registered_says_so,
        a_kernel_that_does_not_build_names_the_operator,
    };
    return harness_suite_with("own", tests, sizeof(tests) / sizeof(tests[0]), setup, teardown);
}

int main(void)
{
    return harness_main(suite_own, NULL);
}
