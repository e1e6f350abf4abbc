#include "bench.h"

// Products of the peers' shapes in the three forms of training.

static const int64_t shapes[][3] = { { 64, 256, 784 },    { 64, 128, 256 },    { 512, 512, 512 },
                                     { 1024, 1024, 1024 }, { 2048, 2048, 2048 },
                                     { 2048, 1536, 384 } };

static belay_status one_product(void *user)
{
    return belay_session_run(user, 0);
}

static belay_status time_product(struct bench *b, belay_session *s)
{
    // About 20 ms a block, so that the final wait does not count.
    int runs = (int) (2e9 / b->flops) + 1;
    belay_status status = one_product(s);
    if (status == BELAY_OK)
        status = belay_ctx_wait(b->ctx);
    b->first_step = clock_seconds() - b->started;
    if (status == BELAY_OK)
        status = bench_blocks(b, runs, one_product, s);
    if (status == BELAY_OK)
        bench_print(b);
    return status == BELAY_OK ? bench_ops(b, 20, one_product, s) : status;
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
    if (b->first_step > 0)
        b->started = clock_seconds(); // the first one counts the opening of the device
    b->flops = 2.0 * (double) m * (double) n * (double) k;
    belay_status status = belay_graph_create(b->ctx, false, &graph);
    if (status == BELAY_OK) {
        belay_value *x = belay_param(graph, "x", 2, x_dim), *y = belay_param(graph, "y", 2, y_dim);
        belay_value *out = belay_matmul(graph, x, y, tx, ty);
        status = belay_session_create(b->ctx, graph, 1, &out, &session);
    }
    if (status == BELAY_OK)
        status = time_product(b, session);
    belay_session_destroy(&session);
    belay_graph_destroy(&graph);
    return status;
}

belay_status bench_products(struct bench *b, const struct workload *w)
{
    static const char *const forms[] = { "nn", "nt", "tn" };
    belay_status status = BELAY_OK;
    (void) w;
    for (size_t i = 0; i < sizeof(shapes) / sizeof(shapes[0]); i++)
        for (size_t f = 0; f < 3 && status == BELAY_OK; f++)
            status = product(b, shapes[i], forms[f]);
    return status;
}
