// Registers two operators, a loss and an optimizer of its own and trains a recipe that names them.
#include <belay/belay.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

enum { ROWS = 2000, FEATURES = 4, PAIRS = FEATURES * (FEATURES - 1) / 2 };

// ---- snake, element-wise: y = x + sin(a x)^2 / a ----

static double snake_eval(const double *x, const double *a)
{
    return x[0] + sin(a[0] * x[0]) * sin(a[0] * x[0]) / a[0];
}

// dx = dy (1 + sin(2 a x))
static void snake_grad(belay_own_grad *g)
{
    belay_value *angle = belay_mul(g->graph, g->x[0], belay_scalar(g->graph, 2 * g->setting[0]));
    belay_value *slope = belay_add(g->graph, belay_scalar(g->graph, 1),
                                   belay_named(g->graph, "sine", 1, &angle, 0, NULL));
    g->dx[0] = belay_mul(g->graph, g->dy, slope);
}

static double sine_eval(const double *x, const double *none)
{
    (void) none;
    return sin(x[0]);
}

static const belay_own_op sine = { .version = BELAY_OWN_VERSION, .name = "sine", .num_x = 1,
                                   .eval = sine_eval, .expression = "sin($0)" };
static const belay_own_op snake = {
    .version = BELAY_OWN_VERSION,
    .name = "snake",
    .help = "x + sin(a x)^2 / a",
    .num_x = 1,
    .settings = { { "a", 1, "how fast it turns" } },
    .eval = snake_eval,
    .expression = "$0 + sin(@0 * $0) * sin(@0 * $0) / @0",
    .grad = snake_grad,
};

// ---- pairs, with a kernel: [rows, n] to the products of two columns, [rows, n (n - 1) / 2] ----

static bool pairs_shape(const belay_own_call *call, belay_own_shape *y)
{
    if (call->x[0].rank != 2 || call->x[0].dim[1] < 2)
        return false;
    *y = call->x[0];
    y->dim[1] = y->dim[1] * (y->dim[1] - 1) / 2;
    return true;
}

static void pairs_host(const belay_own_call *call, const double *const *x, double *y)
{
    int64_t n = call->x[0].dim[1];
    for (int64_t r = 0; r < call->x[0].dim[0]; r++)
        for (int64_t i = 0; i < n; i++)
            for (int64_t k = i + 1; k < n; k++)
                *y++ = x[0][r * n + i] * x[0][r * n + k];
}

static void pairs_launch(const belay_own_call *call, belay_own_launch *out)
{
    uint32_t rows = (uint32_t) call->x[0].dim[0], n = (uint32_t) call->x[0].dim[1];
    *out = (belay_own_launch){ .dims = 1, .global = { (rows + 63) / 64 * 64 }, .local = { 64 },
                               .num_numbers = 2, .number = { rows, n } };
}

// Inputs of pairs_grad: x, dy.
static bool pairs_grad_shape(const belay_own_call *call, belay_own_shape *y)
{
    *y = call->x[0];
    return true;
}

static void pairs_grad_host(const belay_own_call *call, const double *const *x, double *dx)
{
    int64_t n = call->x[0].dim[1], at = 0;
    for (int64_t i = 0; i < call->x[0].dim[0] * n; i++)
        dx[i] = 0;
    for (int64_t r = 0; r < call->x[0].dim[0]; r++)
        for (int64_t i = 0; i < n; i++)
            for (int64_t k = i + 1; k < n; k++, at++) {
                dx[r * n + i] += x[1][at] * x[0][r * n + k];
                dx[r * n + k] += x[1][at] * x[0][r * n + i];
            }
}

static void pairs_gradient(belay_own_grad *g)
{
    belay_value *x[2] = { g->x[0], g->dy };
    g->dx[0] = belay_named(g->graph, "pairs_grad", 2, x, 0, NULL);
}

static const belay_own_op pairs_grad = {
    .version = BELAY_OWN_VERSION,
    .name = "pairs_grad",
    .num_x = 2,
    .shape = pairs_grad_shape,
    .host = pairs_grad_host,
    .launch = pairs_launch,
    .source = "kernel void pairs_grad(global float *dx, global const float *x,\n"
              "                       global const float *dy, uint rows, uint n)\n"
              "{\n"
              "    uint r = get_global_id(0);\n"
              "    if (r >= rows)\n"
              "        return;\n"
              "    x += r * n;\n"
              "    dx += r * n;\n"
              "    dy += r * (n * (n - 1) / 2);\n"
              "    for (uint i = 0; i < n; i++)\n"
              "        dx[i] = 0.0f;\n"
              "    for (uint i = 0; i < n; i++)\n"
              "        for (uint k = i + 1; k < n; k++, dy++) {\n"
              "            dx[i] += *dy * x[k];\n"
              "            dx[k] += *dy * x[i];\n"
              "        }\n"
              "}\n",
};
static const belay_own_op pairs = {
    .version = BELAY_OWN_VERSION,
    .name = "pairs",
    .help = "the products of every two columns",
    .num_x = 1,
    .shape = pairs_shape,
    .host = pairs_host,
    .launch = pairs_launch,
    .source = "kernel void pairs(global float *y, global const float *x, uint rows, uint n)\n"
              "{\n"
              "    uint r = get_global_id(0);\n"
              "    if (r >= rows)\n"
              "        return;\n"
              "    x += r * n;\n"
              "    y += r * (n * (n - 1) / 2);\n"
              "    for (uint i = 0; i < n; i++)\n"
              "        for (uint k = i + 1; k < n; k++)\n"
              "            *y++ = x[i] * x[k];\n"
              "}\n",
    .grad = pairs_gradient,
};

// ---- log_cosh: mean of log(cosh(c (output - target))) / c ----

static belay_value *log_cosh_build(belay_graph *g, belay_value *output, belay_value *target,
                                   const double *options)
{
    // log(cosh(d)) = d + softplus(-2 d) - log(2)
    belay_value *c = belay_scalar(g, options[0]);
    belay_value *d = belay_mul(g, c, belay_sub(g, output, target));
    belay_value *soft = belay_softplus(g, belay_mul(g, d, belay_scalar(g, -2)), 1, 20);
    belay_value *all = belay_sub(g, belay_add(g, d, soft), belay_scalar(g, log(2)));
    return belay_div(g, belay_mean(g, all, 0, NULL, false), c);
}

static const belay_own_loss log_cosh = {
    .version = BELAY_OWN_VERSION,
    .name = "log_cosh",
    .help = "squared near 0, straight far from it",
    .options = { { "c", 1, "larger: straight sooner" } },
    .build = log_cosh_build,
};

// ---- yogi (Zaheer et al. 2018): v moves by no more than the square of the gradient ----

enum { LR, BETA1, BETA2, EPS };
enum { H_STEP, H_TAKE1, H_TAKE2, H_EPS, H_ROOT };

static void yogi_hyper(const double *options, uint64_t step, double *h)
{
    h[H_STEP] = options[LR] / (1 - pow(options[BETA1], (double) step));
    h[H_TAKE1] = 1 - options[BETA1];
    h[H_TAKE2] = 1 - options[BETA2];
    h[H_EPS] = options[EPS];
    h[H_ROOT] = 1 / sqrt(1 - pow(options[BETA2], (double) step));
}

static void yogi_update(const double *h, int num_states, double g, double *p, double *s)
{
    double square = g * g, way = s[1] > square ? 1 : s[1] < square ? -1 : 0;
    (void) num_states;
    s[0] += h[H_TAKE1] * (g - s[0]);
    s[1] -= h[H_TAKE2] * way * square;
    *p -= h[H_STEP] * s[0] / (h[H_ROOT] * sqrt(s[1]) + h[H_EPS]);
}

static const belay_own_optimizer yogi = {
    .version = BELAY_OWN_VERSION,
    .name = "yogi",
    .help = "as adam, but its second moment changes slowly",
    .options = { { "lr", 0.01, "learning rate" },
                 { "beta1", 0.9, "decay of the mean of gradients" },
                 { "beta2", 0.999, "how fast the second moment moves" },
                 { "eps", 1e-3, "added to the denominator" } },
    .num_states = 2,
    .state_names = { "exp_avg", "exp_avg_sq" },
    .hyper = yogi_hyper,
    .update = yogi_update,
    .source = "void yogi_one(float8 h, float8 g, float8 *p, float8 *m, float8 *v)\n"
              "{\n"
              "    float8 square = g * g, zero = 0.0f;\n"
              "    float8 way = *v > square ? zero + 1.0f : *v < square ? zero - 1.0f : zero;\n"
              "    *m += h.s1 * (g - *m);\n"
              "    *v -= h.s2 * way * square;\n"
              "    *p -= h.s0 * *m / (h.s4 * sqrt(*v) + h.s3);\n"
              "}\n",
};

// ---- The program ----

static const char recipe_text[] =
    "model:\n"
    "  input: [4]\n"
    "  layers:\n"
    "    - {pairs: , as: both}\n"
    "    - {concat: 1, from: [x, both]}\n"
    "    - linear: 16\n"
    "    - snake: 0.5\n"
    "    - linear: 1\n"
    "split: {validation: 0.2}\n"
    "loss: {name: log_cosh, c: 2}\n"
    "optimizer: {name: yogi, lr: 0.02}\n"
    "train: {batch: 50, epochs: 40}\n"
    "stop: {patience: 10}\n"
    "run: {dir: own, if_exists: fail}\n";

static void check(belay_ctx *ctx, belay_status status)
{
    if (status == BELAY_OK)
        return;
    fprintf(stderr, "%s: %s\n", belay_status_name(status), ctx ? belay_ctx_error(ctx) : "");
    exit(1);
}

int main(void)
{
    static float x[ROWS * FEATURES], y[ROWS], prediction[3];
    belay_ctx *ctx = NULL;
    belay_recipe *recipe = NULL;
    belay_trainer *trainer = NULL;
    belay_model *model = NULL;
    belay_result result;

    for (int i = 0; i < ROWS * FEATURES; i++)
        x[i] = 2.0f * (float) rand() / (float) RAND_MAX - 1.0f;
    for (int i = 0; i < ROWS; i++)
        y[i] = x[i * FEATURES] * x[i * FEATURES + 1] - sinf(2 * x[i * FEATURES + 2]);

    check(ctx, belay_ctx_create(NULL, &ctx));
    check(ctx, belay_register_op(ctx, &sine));
    check(ctx, belay_register_op(ctx, &snake));
    check(ctx, belay_register_op(ctx, &pairs_grad));
    check(ctx, belay_register_op(ctx, &pairs));
    check(ctx, belay_register_loss(ctx, &log_cosh));
    check(ctx, belay_register_optimizer(ctx, &yogi));

    check(ctx, belay_recipe_parse(ctx, recipe_text, "own", NULL, 0, &recipe));
    belay_data data = { .x = x, .rows = ROWS, .features = FEATURES, .y = y, .targets = 1 };
    belay_trainer_params params = { .recipe = recipe, .train = &data };
    check(ctx, belay_trainer_create(ctx, &params, &trainer));
    check(ctx, belay_trainer_run(trainer, NULL, NULL));
    check(ctx, belay_trainer_finish(trainer, &result));
    printf("%s\nbest %.5f\n", result.sentence, result.best);
    check(ctx, belay_model_load(ctx, result.best_path, 0, &model));
    check(ctx, belay_model_predict(model, x, 3, prediction));
    for (int i = 0; i < 3; i++)
        printf("row %d: wanted %.3f, predicted %.3f\n", i, y[i], prediction[i]);
    belay_model_destroy(&model);
    belay_trainer_destroy(&trainer);
    belay_recipe_destroy(&recipe);
    belay_ctx_destroy(&ctx);
    return result.best < 0.01 ? 0 : 1;
}
