// Tuning: for each class of products the fastest of the choices that its provider offers. All of a
// class give the same bits; one that does not, or that is wrong, is said and never chosen.
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "device/opencl/gemm.h"
#include "device/tuning.h"

#define TRIES 3
#define BLOCK 4e-3 // seconds of a try
#define CHECKED 64 // elements that are computed again in double

// Sizes of one layer, forward: rows, outputs, inputs. Its gradients follow from them.
static const int64_t layers[][3] = {
    { 64, 256, 784 },     { 64, 128, 256 },   { 64, 512, 512 },    { 64, 10, 128 },
    { 512, 512, 512 },    { 256, 256, 256 },  { 1024, 1024, 1024 }, { 32, 256, 256 },
    { 64, 1024, 1024 },   { 256, 1024, 1024 }, { 2048, 1536, 384 }, { 2048, 384, 1536 },
    { 128, 512, 784 },    { 32, 512, 512 },   { 2048, 2048, 2048 }, { 16, 256, 256 },
    { 1024, 256, 256 },   { 2048, 512, 512 },
};
#define NUM_LAYERS (sizeof(layers) / sizeof(layers[0]))

// y = x w^T, dx = dy w, dw = dy^T x; w is [outputs, inputs].
static struct belay_gemm product_of(const int64_t *layer, int which)
{
    const int64_t rows = layer[0], outputs = layer[1], inputs = layer[2];
    if (which == 0)
        return (struct belay_gemm){ .tb = true, .m = rows, .n = outputs, .k = inputs, .alpha = 1 };
    if (which == 1)
        return (struct belay_gemm){ .m = rows, .n = inputs, .k = outputs, .alpha = 1 };
    return (struct belay_gemm){ .ta = true, .m = outputs, .n = inputs, .k = rows, .alpha = 1 };
}

struct tuner {
    struct belay_cl *cl;
    struct belay_tuning *tuning;
    double until;
    struct belay_gemm g;
    struct belay_buf a, b, c;
    float *ha, *hb, *usual, *got; // host copies
    size_t count;                 // elements of C
    char class_name[BELAY_CL_CHOICE_TEXT];
};

static void drop(struct tuner *t)
{
    belay_buf_destroy(t->cl->dev, &t->a);
    belay_buf_destroy(t->cl->dev, &t->b);
    belay_buf_destroy(t->cl->dev, &t->c);
    belay_free(t->ha);
    belay_free(t->hb);
    belay_free(t->usual);
    belay_free(t->got);
    t->ha = t->hb = t->usual = t->got = NULL;
}

// Not all alike and of both signs, so that a wrong order or a wrong element shows.
static belay_status make_operand(struct tuner *t, size_t count, uint32_t seed, float **host,
                                 struct belay_buf *buf)
{
    *host = belay_alloc_array(count, sizeof(**host));
    if (!*host)
        return belay_fail_nomem(t->cl->log, count * sizeof(**host));
    for (size_t i = 0; i < count; i++) {
        seed = seed * 1664525u + 1013904223u;
        (*host)[i] = (float) (int32_t) (seed >> 8) / 8388608.0f - 1.0f;
    }
    BELAY_TRY(belay_buf_create(t->cl->dev, count * sizeof(float), 0, buf));
    return belay_buf_write(t->cl->dev, buf, 0, *host, count * sizeof(float), true);
}

static belay_status make(struct tuner *t)
{
    t->count = (size_t) (t->g.m * t->g.n);
    BELAY_TRY(make_operand(t, (size_t) (t->g.m * t->g.k), 1, &t->ha, &t->a));
    BELAY_TRY(make_operand(t, (size_t) (t->g.k * t->g.n), 2, &t->hb, &t->b));
    BELAY_TRY(belay_buf_create(t->cl->dev, t->count * sizeof(float), 0, &t->c));
    t->usual = belay_alloc_array(t->count, sizeof(*t->usual));
    t->got = belay_alloc_array(t->count, sizeof(*t->got));
    return t->usual && t->got ? BELAY_OK
                              : belay_fail_nomem(t->cl->log, t->count * sizeof(*t->got));
}

// ---- right? ----

static bool element_is_right(const struct tuner *t, size_t at)
{
    const struct belay_gemm *g = &t->g;
    const int64_t i = (int64_t) at / g->n, j = (int64_t) at % g->n;
    double sum = 0, size = 0;
    for (int64_t p = 0; p < g->k; p++) {
        double x = t->ha[g->ta ? p * g->m + i : i * g->k + p];
        double y = t->hb[g->tb ? j * g->k + p : p * g->n + j];
        sum += x * y;
        size += fabs(x * y);
    }
    return fabs((double) t->got[at] - sum) <= 1e-5 * size + 1e-6;
}

// The first and last elements and others all over, against sums in double.
static bool is_right(const struct tuner *t)
{
    const size_t step = t->count / CHECKED + 1;
    for (size_t at = 0; at < t->count; at += step)
        if (!element_is_right(t, at))
            return false;
    return element_is_right(t, t->count - 1);
}

static belay_status check(struct tuner *t, bool usual, bool *right)
{
    const size_t size = t->count * sizeof(float);
    BELAY_TRY(belay_buf_read(t->cl->dev, &t->c, 0, t->got, size));
    *right = is_right(t);
    if (usual)
        memcpy(t->usual, t->got, size);
    else
        *right = *right && memcmp(t->usual, t->got, size) == 0;
    return BELAY_OK;
}

// ---- fast? ----

static belay_status run_many(struct tuner *t, struct belay_cl_gemm_slot *slot, int runs,
                             double *seconds)
{
    double from = belay_clock_now();
    for (int i = 0; i < runs; i++)
        BELAY_TRY(belay_cl_gemm_run(t->cl, slot));
    BELAY_TRY(belay_cl_finish(t->cl->dev));
    *seconds = (belay_clock_now() - from) / runs;
    return BELAY_OK;
}

// The best of some blocks of runs; hopeless ones (twice as slow as `best`) are left early.
static belay_status time_slot(struct tuner *t, struct belay_cl_gemm_slot *slot, double best,
                              double *out)
{
    double seconds = 0, least = 0;
    BELAY_TRY(run_many(t, slot, 1, &least));
    int runs = least < BLOCK ? (int) (BLOCK / (least + 1e-7)) + 1 : 1;
    for (int i = 0; i < TRIES; i++) {
        BELAY_TRY(run_many(t, slot, runs, &seconds));
        least = seconds < least ? seconds : least;
        if (best > 0 && least > 2 * best)
            break;
    }
    *out = least;
    return BELAY_OK;
}

// *seconds stays 0 when the choice is not to be taken.
static belay_status try_choice(struct tuner *t, const char *choice, bool usual, double best,
                               double *seconds)
{
    struct belay_cl_gemm_slot slot = { 0 };
    const struct belay_cl_gemm_call call = { .g = t->g,
                                             .a = belay_cl_mem(&t->a),
                                             .b = belay_cl_mem(&t->b),
                                             .c = belay_cl_mem(&t->c) };
    bool right = false;
    belay_status status;
    BELAY_TRY_DONE(belay_buf_zero(t->cl->dev, &t->c, 0, t->count * sizeof(float)));
    BELAY_TRY_DONE(belay_cl_gemm_choose(t->cl, t->class_name, choice));
    BELAY_TRY_DONE(belay_cl_gemm_bind(t->cl, &slot, &call));
    BELAY_TRY_DONE(belay_cl_gemm_run(t->cl, &slot));
    BELAY_TRY_DONE(check(t, usual, &right));
    if (right)
        status = time_slot(t, &slot, best, seconds);
    else
        belay_say(t->cl->log, BELAY_LOG_WARN, "%s: product %s as '%s' is wrong: left out",
                  t->cl->info.select, t->class_name, choice);
done:
    belay_cl_gemm_drop(t->cl, &slot);
    return status;
}

static belay_status keep_best(struct tuner *t, const char *choice, double seconds, double usual)
{
    const double flops = 2.0 * (double) t->g.m * (double) t->g.n * (double) t->g.k;
    char kind[BELAY_CL_CHOICE_TEXT];
    belay_cl_gemm_kind(t->cl, kind);
    const struct belay_tuned entry = { .device = t->cl->dev->tune_key,
                                       .kind = kind,
                                       .shape = t->class_name,
                                       .choice = choice,
                                       .gflops = flops / seconds / 1e9 };
    belay_say(t->cl->log, BELAY_LOG_INFO, "%-22s %-24s %7.1f GF/s (default %.1f)", t->class_name,
              choice, entry.gflops, flops / usual / 1e9);
    BELAY_TRY(belay_cl_gemm_choose(t->cl, t->class_name, choice));
    return belay_tuning_put(t->cl->log, t->tuning, &entry);
}

// Once more, now that the device is warm: the default is left for a gain that is more than noise.
static belay_status settle(struct tuner *t, const struct belay_cl_choices *choices, double usual,
                           size_t index, double best)
{
    double again = 0;
    if (index > 0) {
        BELAY_TRY(try_choice(t, choices->name[0], false, 0, &again));
        usual = again > 0 && again < usual ? again : usual;
        BELAY_TRY(try_choice(t, choices->name[index], false, 0, &again));
        best = again > 0 && again < best ? again : best;
        if (best > 0.97 * usual) {
            index = 0;
            best = usual;
        }
    }
    return keep_best(t, choices->name[index], best, usual);
}

static belay_status tune_class(struct tuner *t, const struct belay_cl_choices *choices)
{
    double usual = 0, best = 0;
    size_t index = 0;
    BELAY_TRY(make(t));
    for (size_t i = 0; i < choices->count && (i == 0 || belay_clock_now() < t->until); i++) {
        double seconds = 0;
        BELAY_TRY(try_choice(t, choices->name[i], i == 0, best, &seconds));
        if (i == 0)
            usual = seconds;
        if (seconds > 0 && (best <= 0 || seconds < best)) {
            best = seconds;
            index = i;
        }
    }
    if (usual <= 0)
        return belay_cl_gemm_choose(t->cl, t->class_name, "");
    return settle(t, choices, usual, index, best);
}

static belay_status tune_product(struct tuner *t)
{
    struct belay_cl_choices choices = { 0 };
    BELAY_TRY(belay_cl_gemm_choices(t->cl, &t->g, &choices));
    if (choices.count < 2)
        return BELAY_OK;
    belay_cl_gemm_class(&t->g, t->class_name);
    belay_status status = tune_class(t, &choices);
    drop(t);
    return status;
}

// Classes that no earlier layer of the list has.
static bool is_new(const struct belay_gemm *g, size_t layer)
{
    char name[BELAY_CL_CHOICE_TEXT], other[BELAY_CL_CHOICE_TEXT];
    belay_cl_gemm_class(g, name);
    for (size_t i = 0; i < layer; i++) {
        for (int which = 0; which < 3; which++) {
            const struct belay_gemm before = product_of(layers[i], which);
            belay_cl_gemm_class(&before, other);
            if (strcmp(name, other) == 0)
                return false;
        }
    }
    return true;
}

belay_status belay_cl_tune(struct belay_device *dev, double until, struct belay_tuning *tuning)
{
    struct tuner t = { .cl = belay_cl_of(dev), .tuning = tuning, .until = until };
    for (size_t i = 0; i < NUM_LAYERS; i++) {
        for (int which = 0; which < 3 && belay_clock_now() < until; which++) {
            t.g = product_of(layers[i], which);
            if (is_new(&t.g, i))
                BELAY_TRY(tune_product(&t));
        }
    }
    return BELAY_OK;
}
