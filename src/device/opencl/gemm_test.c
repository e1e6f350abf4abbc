#include "device/opencl/gemm_test.h"

#include <math.h>

#include "device/opencl/gemm.h"

enum { MOST = 33 * 65 + 64, GUARD = 32 };
static const float guard_value = 77.0f;

struct shape {
    bool ta, tb;
    int m, n, k;
    float alpha, beta;
};
static const struct shape shapes[] = {
    { false, false, 33, 17, 40, 1, 0 }, { false, true, 13, 33, 65, 1, 0 },
    { true, false, 17, 33, 31, 1, 0 },  { true, true, 5, 18, 7, 1, 0 },
    { false, false, 32, 32, 32, 1, 0 }, { false, true, 9, 3, 5, 0.5f, 2 },
    { true, false, 4, 40, 9, -1, 1 },
};

static float number(int i, int salt)
{
    return (float) ((i * 37 + salt * 11) % 23 - 11) * 0.125f;
}

static double want_at(const struct shape *s, const float *a, const float *b, float c, int i,
                      int j)
{
    double sum = 0;
    for (int p = 0; p < s->k; p++) {
        float x = s->ta ? a[p * s->m + i] : a[i * s->k + p];
        float y = s->tb ? b[j * s->k + p] : b[p * s->n + j];
        sum += (double) x * y;
    }
    return s->alpha * sum + s->beta * c;
}

static belay_status compare(struct belay_cl *cl, const struct shape *s, const float *a,
                            const float *b, const float *c)
{
    int count = s->m * s->n;
    for (int i = 0; i < count + GUARD; i++) {
        double want = i < count ? want_at(s, a, b, number(i, 3), i / s->n, i % s->n)
                                : (double) guard_value;
        if (!(fabs(want - (double) c[i]) <= 1e-4 * (1 + fabs(want))))
            return belay_fail(cl->log, BELAY_ERR_DEVICE,
                              "self test of products by '%s': %s%s %d x %d x %d gives %g at "
                              "element %d%s, want %g",
                              belay_cl_gemm_name(cl), s->ta ? "t" : "n", s->tb ? "t" : "n", s->m,
                              s->n, s->k, (double) c[i], i, i < count ? "" : " (behind the end)",
                              want);
    }
    return BELAY_OK;
}

static belay_status test_one(struct belay_cl *cl, const struct shape *s, struct belay_buf bufs[3])
{
    float a[MOST], b[MOST], c[MOST];
    struct belay_cl_gemm_slot slot = { 0 };
    int count = s->m * s->n;
    for (int i = 0; i < MOST; i++) {
        a[i] = number(i, 1);
        b[i] = number(i, 2);
        c[i] = i < count ? number(i, 3) : guard_value;
    }
    const struct belay_cl_gemm_call call = {
        { .ta = s->ta, .tb = s->tb, .m = s->m, .n = s->n, .k = s->k, .alpha = s->alpha,
          .beta = s->beta },
        belay_cl_mem(&bufs[0]), belay_cl_mem(&bufs[1]), belay_cl_mem(&bufs[2]) };
    belay_status status;
    BELAY_TRY_DONE(belay_cl_write(cl->dev, &bufs[0], 0, a, sizeof(a), true));
    BELAY_TRY_DONE(belay_cl_write(cl->dev, &bufs[1], 0, b, sizeof(b), true));
    BELAY_TRY_DONE(belay_cl_write(cl->dev, &bufs[2], 0, c, sizeof(c), true));
    BELAY_TRY_DONE(belay_cl_gemm_bind(cl, &slot, &call));
    BELAY_TRY_DONE(belay_cl_gemm_run(cl, &slot));
    BELAY_TRY_DONE(belay_cl_read(cl->dev, &bufs[2], 0, c, sizeof(c)));
    status = compare(cl, s, a, b, c);
done:
    belay_cl_gemm_drop(cl, &slot);
    return status;
}

belay_status belay_cl_gemm_self_test(struct belay_cl *cl)
{
    struct belay_buf bufs[3] = { { 0 } };
    belay_status status = BELAY_OK;
    for (int i = 0; i < 3; i++)
        BELAY_TRY_DONE(belay_cl_buf_create(cl->dev, MOST * sizeof(float), 0, &bufs[i]));
    for (size_t i = 0; i < sizeof(shapes) / sizeof(shapes[0]); i++)
        BELAY_TRY_DONE(test_one(cl, &shapes[i], bufs));
done:
    for (int i = 0; i < 3; i++)
        belay_cl_buf_destroy(cl->dev, &bufs[i]);
    return status;
}
