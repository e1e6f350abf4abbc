#include "device/opencl/gemm_test.h"

#include <math.h>
#include <stdio.h>

enum { MOST = 33 * 65 + 64, GUARD = 32 };
static const float guard_value = 77.0f;

struct shape {
    bool ta, tb;
    int m, n, k;
    float alpha, beta;
    int batch;    // 0: none
    bool a_same;  // one A for all of the batch
};
static const struct shape shapes[] = {
    { false, false, 33, 17, 40, 1, 0, 0, false }, { false, true, 13, 33, 65, 1, 0, 0, false },
    { true, false, 17, 33, 31, 1, 0, 0, false },  { true, true, 5, 18, 7, 1, 0, 0, false },
    { false, false, 32, 32, 32, 1, 0, 0, false }, { false, true, 9, 3, 5, 0.5f, 2, 0, false },
    { true, false, 4, 40, 9, -1, 1, 0, false },
};
// Not on CPUs: few rows and batches have kernels of their own there, built when they are wanted.
static const struct shape more_shapes[] = {
    { false, false, 130, 9, 5, 1, 0, 0, false },   { true, false, 2, 3, 600, 2, 0.5f, 0, false },
    { false, false, 37, 1, 50, 1, 1, 0, false },   { true, false, 37, 1, 50, 1, 0, 0, false },
    { false, true, 1, 37, 50, 1, 0, 0, false },    { false, false, 1, 37, 50, 1, 0, 0, false },
    { false, false, 7, 9, 11, 1, 0, 3, true },     { false, true, 9, 7, 5, 2, -1, 2, false },
    { true, false, 5, 6, 4, 1, 0, 4, false },      { true, true, 3, 5, 7, 1, 0, 2, true },
};

static float number(int i, int salt)
{
    return (float) ((i * 37 + salt * 11) % 23 - 11) * 0.125f;
}

static int count_of(const struct shape *s)
{
    return s->m * s->n * (s->batch ? s->batch : 1);
}

static double want_at(const struct shape *s, const float *a, const float *b, float c, int at)
{
    const int q = at / (s->m * s->n), i = at / s->n % s->m, j = at % s->n;
    double sum = 0;
    a += s->a_same ? 0 : q * s->m * s->k;
    b += q * s->k * s->n;
    for (int p = 0; p < s->k; p++) {
        float x = s->ta ? a[p * s->m + i] : a[i * s->k + p];
        float y = s->tb ? b[j * s->k + p] : b[p * s->n + j];
        sum += (double) x * y;
    }
    return s->alpha * sum + s->beta * c;
}

static belay_status compare(struct belay_cl *cl, const char *provider, const struct shape *s,
                            const float *a, const float *b, const float *c)
{
    const int count = count_of(s);
    for (int i = 0; i < count + GUARD; i++) {
        double want = i < count ? want_at(s, a, b, number(i, 3), i) : (double) guard_value;
        if (!(fabs(want - (double) c[i]) <= 1e-4 * (1 + fabs(want))))
            return belay_fail(cl->log, BELAY_ERR_DEVICE,
                              "self test of products by '%s': %s%s %d x %d x %d gives %g at "
                              "element %d%s, want %g",
                              provider, s->ta ? "t" : "n", s->tb ? "t" : "n", s->m, s->n, s->k,
                              (double) c[i], i, i < count ? "" : " (behind the end)", want);
    }
    return BELAY_OK;
}

static struct belay_gemm describe(const struct shape *s)
{
    struct belay_gemm g = { .ta = s->ta, .tb = s->tb, .m = s->m, .n = s->n, .k = s->k,
                            .alpha = s->alpha, .beta = s->beta };
    if (s->batch) {
        g.batch_rank = 1;
        g.batch_dim[0] = s->batch;
        g.a_stride[0] = s->a_same ? 0 : g.m * g.k;
        g.b_stride[0] = g.k * g.n;
    }
    return g;
}

static belay_status test_one(struct belay_cl *cl, const struct belay_cl_provider *provider,
                             void *state, const struct shape *s, struct belay_buf bufs[3])
{
    float a[MOST], b[MOST], c[MOST];
    struct belay_cl_product *product = NULL;
    const int count = count_of(s);
    for (int i = 0; i < MOST; i++) {
        a[i] = number(i, 1);
        b[i] = number(i, 2);
        c[i] = i < count ? number(i, 3) : guard_value;
    }
    const struct belay_cl_gemm_call call = { describe(s), belay_cl_mem(&bufs[0]),
                                             belay_cl_mem(&bufs[1]), belay_cl_mem(&bufs[2]) };
    belay_status status = BELAY_OK;
    if (!provider->takes(cl, &call.g))
        return BELAY_OK;
    BELAY_TRY_DONE(belay_cl_write(cl->dev, &bufs[0], 0, a, sizeof(a), true));
    BELAY_TRY_DONE(belay_cl_write(cl->dev, &bufs[1], 0, b, sizeof(b), true));
    BELAY_TRY_DONE(belay_cl_write(cl->dev, &bufs[2], 0, c, sizeof(c), true));
    BELAY_TRY_DONE(provider->bind(cl, state, &call, &product));
    BELAY_TRY_DONE(provider->run(cl, state, product));
    BELAY_TRY_DONE(belay_cl_read(cl->dev, &bufs[2], 0, c, sizeof(c)));
    status = compare(cl, provider->name, s, a, b, c);
done:
    if (product)
        provider->destroy(cl, state, product);
    return status;
}

belay_status belay_cl_gemm_test_prepare(struct belay_cl *cl,
                                        const struct belay_cl_provider *provider,
                                        struct belay_cl_pieces *pieces)
{
    for (size_t i = 0; i < sizeof(shapes) / sizeof(shapes[0]); i++) {
        const struct belay_gemm g = describe(&shapes[i]);
        if (provider->takes(cl, &g))
            BELAY_TRY(provider->prepare(cl, &g, NULL, pieces));
    }
    return BELAY_OK;
}

static belay_status list_needs(struct belay_cl *cl, const struct belay_cl_provider *provider,
                               const struct shape *list, size_t num, size_t *most)
{
    for (size_t i = 0; i < num; i++) {
        const struct belay_gemm g = describe(&list[i]);
        size_t bytes = 0;
        if (provider->takes(cl, &g))
            BELAY_TRY(provider->needs(cl, &g, &bytes));
        *most = bytes > *most ? bytes : *most;
    }
    return BELAY_OK;
}

belay_status belay_cl_gemm_test_needs(struct belay_cl *cl, const struct belay_cl_provider *provider,
                                      size_t *most)
{
    BELAY_TRY(list_needs(cl, provider, shapes, sizeof(shapes) / sizeof(shapes[0]), most));
    if (cl->dev->profile.cpu)
        return BELAY_OK;
    return list_needs(cl, provider, more_shapes, sizeof(more_shapes) / sizeof(more_shapes[0]),
                      most);
}

belay_status belay_cl_gemm_test(struct belay_cl *cl, const struct belay_cl_provider *provider,
                                void *state)
{
    struct belay_buf bufs[3] = { { 0 } };
    belay_status status = BELAY_OK;
    for (int i = 0; i < 3; i++)
        BELAY_TRY_DONE(belay_cl_buf_create(cl->dev, MOST * sizeof(float), 0, &bufs[i]));
    for (size_t i = 0; i < sizeof(shapes) / sizeof(shapes[0]); i++)
        BELAY_TRY_DONE(test_one(cl, provider, state, &shapes[i], bufs));
    for (size_t i = 0; !cl->dev->profile.cpu && i < sizeof(more_shapes) / sizeof(more_shapes[0]); i++)
        BELAY_TRY_DONE(test_one(cl, provider, state, &more_shapes[i], bufs));
done:
    for (int i = 0; i < 3; i++)
        belay_cl_buf_destroy(cl->dev, &bufs[i]);
    return status;
}
