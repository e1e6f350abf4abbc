#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "cli.h"

// Times training steps and products on the chosen device. Steps are enqueued as in training; a block
// of them ends with the device idle, and the median over blocks counts.

#define BLOCKS 41
#define TINY_ROWS 4000

struct bench {
    struct cli *cli;
    belay_ctx *ctx;
    double started;
    const char *workload;
    double block_ms[BLOCKS];
    double first_step, epoch; // seconds; epoch 0: not measured
    double rows, flops;       // of one step; 0: not said
};

struct workload {
    const char *name, *help;
    const char *recipe; // NULL: not a training
    int steps;          // of a block
    belay_status (*run)(struct bench *b, const struct workload *w);
};

static int compare(const void *a, const void *b)
{
    double x = *(const double *) a, y = *(const double *) b;
    return (x > y) - (x < y);
}

static void print_line(const struct bench *b)
{
    struct rusage usage;
    double ms = b->block_ms[BLOCKS / 2];
    getrusage(RUSAGE_SELF, &usage);
    printf("{\"workload\": ");
    json_text(stdout, b->workload);
    printf(", \"device\": ");
    json_text(stdout, belay_ctx_device(b->ctx));
    printf(", \"median_ms\": %.5g, \"min_ms\": %.5g", ms, b->block_ms[0]);
    if (b->rows > 0)
        printf(", \"samples_per_s\": %.0f", b->rows / ms * 1e3);
    if (b->flops > 0)
        printf(", \"gflops\": %.1f", b->flops / ms / 1e6);
    if (b->epoch > 0)
        printf(", \"epoch_s\": %.3f", b->epoch);
    printf(", \"first_step_s\": %.3f, \"peak_rss_mib\": %.0f, \"plan_bytes\": %llu}\n",
           b->first_step, (double) usage.ru_maxrss / 1024,
           (unsigned long long) belay_ctx_memory(b->ctx));
    fflush(stdout);
}

// ---- training ----

static const char tiny_recipe[] =
    "model: {input: [10], layers: [{linear: 5}, relu, {linear: 1}]}\n"
    "split: {validation: 0.1}\nloss: mse\noptimizer: {name: sgd, lr: 0.01}\n"
    "train: {batch: 32, epochs: off}\nstop: {patience: off}\n";

static const char mlp_recipe[] =
    "model: {input: [784], layers: [{linear: 256}, relu, {linear: 128}, relu, {linear: 10}]}\n"
    "data: {format: idx, root: /usr/share/datasets/fashion-mnist,\n"
    "  train: [train-images-idx3-ubyte.gz, train-labels-idx1-ubyte.gz]}\n"
    "split: {validation: 0.1}\noptimizer: {name: adam, lr: 0.001}\n"
    "train: {batch: 64, epochs: off}\nstop: {patience: off}\n";

static belay_status one_epoch(struct bench *b, belay_trainer *t, belay_progress *p)
{
    belay_status status;
    do
        status = belay_trainer_step(t, p);
    while (status == BELAY_OK && p->step % p->steps_per_epoch != 0);
    return status == BELAY_OK ? belay_ctx_wait(b->ctx) : status;
}

static belay_status time_steps(struct bench *b, belay_trainer *t, int steps)
{
    belay_progress p;
    belay_status status = belay_trainer_step(t, &p);
    if (status == BELAY_OK)
        status = belay_ctx_wait(b->ctx);
    b->first_step = clock_seconds() - b->started;
    // The first epoch warms up the smaller last batch and the check.
    if (status == BELAY_OK)
        status = one_epoch(b, t, &p);
    double from = clock_seconds();
    if (status == BELAY_OK)
        status = one_epoch(b, t, &p);
    b->epoch = clock_seconds() - from;
    for (int i = 0; i < BLOCKS && status == BELAY_OK; i++) {
        from = clock_seconds();
        for (int k = 0; k < steps && status == BELAY_OK; k++)
            status = belay_trainer_step(t, &p);
        if (status == BELAY_OK)
            status = belay_ctx_wait(b->ctx);
        b->block_ms[i] = (clock_seconds() - from) * 1e3 / steps;
    }
    return status;
}

static belay_status run_training(struct bench *b, const struct workload *w)
{
    static float x[TINY_ROWS * 10], y[TINY_ROWS];
    belay_recipe *recipe = NULL;
    belay_trainer *trainer = NULL;
    bool tiny = w->recipe == tiny_recipe;
    for (int i = 0; i < TINY_ROWS * 10; i++)
        x[i] = (float) rand() / (float) RAND_MAX;
    for (int i = 0; i < TINY_ROWS; i++)
        y[i] = x[i * 10] - x[i * 10 + 1];
    belay_data data = { .x = x, .rows = TINY_ROWS, .features = 10, .y = y, .targets = 1 };
    belay_status status = belay_recipe_parse(b->ctx, w->recipe, w->name, NULL, 0, &recipe);
    belay_trainer_params params = { .recipe = recipe, .train = tiny ? &data : NULL,
                                    .no_files = true };
    b->rows = tiny ? 32 : 64;
    if (status == BELAY_OK)
        status = belay_trainer_create(b->ctx, &params, &trainer);
    if (status == BELAY_OK)
        status = time_steps(b, trainer, w->steps);
    if (status == BELAY_OK) {
        qsort(b->block_ms, BLOCKS, sizeof(b->block_ms[0]), compare);
        print_line(b);
    }
    belay_trainer_destroy(&trainer);
    belay_recipe_destroy(&recipe);
    return status;
}

// ---- products ----

static const int64_t shapes[][3] = { { 64, 256, 784 },    { 64, 128, 256 },    { 512, 512, 512 },
                                     { 1024, 1024, 1024 }, { 2048, 2048, 2048 },
                                     { 2048, 1536, 384 } };

static belay_status time_product(struct bench *b, belay_session *s, double flops)
{
    // About 20 ms a block, so that the final wait does not count.
    int runs = (int) (2e9 / flops) + 1;
    belay_status status = belay_session_run(s, 0);
    if (status == BELAY_OK)
        status = belay_ctx_wait(b->ctx);
    b->first_step = clock_seconds() - b->started;
    for (int i = 0; i < BLOCKS && status == BELAY_OK; i++) {
        double from = clock_seconds();
        for (int k = 0; k < runs && status == BELAY_OK; k++)
            status = belay_session_run(s, 0);
        if (status == BELAY_OK)
            status = belay_ctx_wait(b->ctx);
        b->block_ms[i] = (clock_seconds() - from) * 1e3 / runs;
    }
    return status;
}

// form: "nn", "nt" (the forward of a layer), "tn" (the gradient of its weight)
static belay_status product(struct bench *b, const int64_t *mnk, const char *form)
{
    char name[64];
    bool tx = form[0] == 't', ty = form[1] == 't';
    const int64_t m = mnk[0], n = mnk[1], k = mnk[2];
    const int64_t x_dim[2] = { tx ? k : m, tx ? m : k }, y_dim[2] = { ty ? n : k, ty ? k : n };
    belay_graph *graph = NULL;
    belay_session *session = NULL;
    snprintf(name, sizeof(name), "gemm %lldx%lldx%lld %s", (long long) m, (long long) n,
             (long long) k, form);
    b->workload = name;
    b->epoch = b->rows = 0;
    b->flops = 2.0 * (double) m * (double) n * (double) k;
    belay_status status = belay_graph_create(b->ctx, false, &graph);
    if (status == BELAY_OK) {
        belay_value *x = belay_param(graph, "x", 2, x_dim), *y = belay_param(graph, "y", 2, y_dim);
        belay_value *out = belay_matmul(graph, x, y, tx, ty);
        status = belay_session_create(b->ctx, graph, 1, &out, &session);
    }
    if (status == BELAY_OK)
        status = time_product(b, session, b->flops);
    if (status == BELAY_OK) {
        qsort(b->block_ms, BLOCKS, sizeof(b->block_ms[0]), compare);
        print_line(b);
    }
    belay_session_destroy(&session);
    belay_graph_destroy(&graph);
    return status;
}

static belay_status run_products(struct bench *b, const struct workload *w)
{
    static const char *const forms[] = { "nn", "nt", "tn" };
    belay_status status = BELAY_OK;
    (void) w;
    for (size_t i = 0; i < sizeof(shapes) / sizeof(shapes[0]); i++)
        for (size_t f = 0; f < 3 && status == BELAY_OK; f++)
            status = product(b, shapes[i], forms[f]);
    return status;
}

static const struct workload workloads[] = {
    { "tiny", "10-5-1, batch 32, SGD", tiny_recipe, 200, run_training },
    { "mlp", "Fashion-MNIST 784-256-128-10, batch 64, Adam", mlp_recipe, 50, run_training },
    { "gemm", "products of six shapes, three forms", NULL, 0, run_products },
    { "cnn", "needs convolution: not there yet", NULL, 0, NULL },
    { "resnet18", "needs convolution: not there yet", NULL, 0, NULL },
    { "resnet50", "needs convolution: not there yet", NULL, 0, NULL },
    { "gpt", "needs attention: not there yet", NULL, 0, NULL },
    { "lstm", "needs recurrent layers: not there yet", NULL, 0, NULL },
};

static const struct workload *find(const char *name)
{
    for (size_t i = 0; i < sizeof(workloads) / sizeof(workloads[0]); i++)
        if (strcmp(workloads[i].name, name) == 0)
            return &workloads[i];
    return NULL;
}

static int bench_one(struct cli *cli, const struct workload *w)
{
    struct bench b = { .cli = cli, .workload = w->name, .started = clock_seconds() };
    if (!w->run)
        return cli_error(cli, EXIT_USAGE, "%s %s", w->name, w->help);
    // A context for each, so that the start is measured too.
    belay_status status = cli_open(cli, &b.ctx);
    if (status == BELAY_OK)
        status = w->run(&b, w);
    int code = status == BELAY_OK ? EXIT_DONE : cli_fail(cli, status);
    belay_ctx_destroy(&b.ctx);
    return code;
}

static int run(struct cli *cli)
{
    static const char *const usual[] = { "tiny", "mlp", "gemm" };
    int code = EXIT_DONE;
    size_t num = cli->num_rest ? cli->num_rest : sizeof(usual) / sizeof(usual[0]);
    for (size_t i = 0; i < num && code == EXIT_DONE; i++) {
        const char *name = cli->num_rest ? cli->rest[i] : usual[i];
        const struct workload *w = find(name);
        if (!w)
            return cli_error(cli, EXIT_USAGE,
                             "unknown workload '%s': tiny, mlp, gemm (cnn, resnet18, resnet50, gpt "
                             "and lstm are not there yet)",
                             name);
        code = bench_one(cli, w);
    }
    return code;
}

static const struct option_row options[] = {
    OPTION_HELP, OPTION_JSON, OPTION_QUIET, OPTION_DEVICE, { 0 },
};

const struct command command_bench = {
    .name = "bench",
    .args = "[WORKLOAD...]",
    .summary = "Times training steps and products on a device; one JSON line each",
    .detail = "Workloads: tiny, mlp (Fashion-MNIST, dataset-fashion-mnist), gemm. Medians of blocks\n"
              "of steps that each end with the device idle. first_step_s counts from the start of\n"
              "the workload, epoch_s is a whole epoch with validation.\n",
    .options = options,
    .max_rest = 16,
    .run = run,
};
