// Checks that only this backend can make: every provider of products, the device's limits.
#include "device/check.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "device/opencl/gemm.h"

struct shape {
    int m, n, k, batch; // batch 0: none; 2: an operand of its own each; -3: one A for three
    float alpha, beta;
};
static const struct shape shapes[] = {
    { 33, 17, 65, 0, 1, 0 },     { 1, 1, 1, 0, 1, 0 },      { 64, 64, 64, 0, -0.5f, 2 },
    { 7, 9, 11, 2, 1, 0 },       { 5, 6, 37, -3, 2, -1 },   { 1, 77, 130, 0, 1, 1 },
    { 77, 1, 130, 0, 1, 0 },     { 129, 7, 300, 0, 1, 0 },  { 3, 130, 700, 0, 0.25f, 1 },
    { 130, 140, 33, 0, 1, 0 },   { 67, 35, 1300, 0, 1, 0 }, { 16, 200, 20, 0, 1, 0 },
    { 200, 16, 20, 2, 1, 0.5f }, { 257, 129, 40, 0, 1, 0 },
};
enum { NUM_SHAPES = sizeof(shapes) / sizeof(shapes[0]), NUM_QUICK = 7 };

// The operands lie behind `lead` bytes of something else, and before as much again.
struct operand {
    struct belay_buf all, view;
    float *data; // all of it
    size_t count, lead; // elements
};

struct trial {
    struct belay_cl *cl;
    const struct belay_cl_provider *provider;
    void *state;
    struct belay_gemm g;
    struct operand a, b, c;
    float *got, *again;
};

static int batches(const struct shape *s)
{
    return s->batch == 0 ? 1 : s->batch < 0 ? -s->batch : s->batch;
}

static void describe(const struct shape *s, bool ta, bool tb, struct belay_gemm *g)
{
    *g = (struct belay_gemm){ .ta = ta, .tb = tb, .m = s->m, .n = s->n, .k = s->k,
                              .alpha = s->alpha, .beta = s->beta };
    if (s->batch == 0)
        return;
    g->batch_rank = 1;
    g->batch_dim[0] = batches(s);
    g->a_stride[0] = s->batch < 0 ? 0 : g->m * g->k;
    g->b_stride[0] = g->k * g->n;
}

static size_t total_of(const struct operand *o)
{
    return o->count + 2 * o->lead;
}

static belay_status make_operand(struct belay_cl *cl, struct operand *o, int64_t count, int salt,
                                 bool poison)
{
    struct belay_device *dev = cl->dev;
    o->count = (size_t) count;
    o->lead = dev->align / sizeof(float);
    const size_t size = total_of(o) * sizeof(float);
    o->data = belay_alloc(size);
    if (!o->data)
        return belay_fail_nomem(cl->log, size);
    for (size_t i = 0; i < total_of(o); i++) {
        const bool in = i >= o->lead && i < o->lead + o->count;
        o->data[i] = in ? (float) ((int) ((i * 131 + (size_t) salt * 71) % 101) - 50) * 0.02f
                        : poison ? NAN : 1000 + (float) (i % 97);
    }
    BELAY_TRY(belay_buf_create(dev, size, 0, &o->all));
    return belay_buf_view(dev, &o->all, dev->align, o->count * sizeof(float), &o->view);
}

static void drop_operand(struct belay_cl *cl, struct operand *o)
{
    belay_buf_destroy(cl->dev, &o->view);
    belay_buf_destroy(cl->dev, &o->all);
    belay_free(o->data);
}

static belay_status run_once(struct trial *t, float *got)
{
    struct belay_device *dev = t->cl->dev;
    struct belay_cl_product *p = NULL;
    const struct belay_cl_gemm_call call = { t->g, belay_cl_mem(&t->a.view),
                                             belay_cl_mem(&t->b.view), belay_cl_mem(&t->c.view) };
    belay_status status;
    struct operand *const all[] = { &t->a, &t->b, &t->c };
    for (int i = 0; i < 3; i++)
        BELAY_TRY_DONE(belay_buf_write(dev, &all[i]->all, 0, all[i]->data,
                                       total_of(all[i]) * sizeof(float), true));
    BELAY_TRY_DONE(t->provider->bind(t->cl, t->state, &call, &p));
    BELAY_TRY_DONE(t->provider->run(t->cl, t->state, p));
    BELAY_TRY_DONE(belay_buf_read(dev, &t->c.all, 0, got, total_of(&t->c) * sizeof(float)));
done:
    if (p)
        t->provider->destroy(t->cl, t->state, p);
    return status;
}

static double want_at(const struct trial *t, size_t at)
{
    const struct belay_gemm *g = &t->g;
    const size_t m = (size_t) g->m, n = (size_t) g->n, k = (size_t) g->k;
    const size_t q = at / (m * n), i = at / n % m, j = at % n;
    const float *a = t->a.data + t->a.lead + q * (size_t) g->a_stride[0];
    const float *b = t->b.data + t->b.lead + q * (size_t) g->b_stride[0];
    double sum = 0;
    for (size_t p = 0; p < k; p++)
        sum += (double) (g->ta ? a[p * m + i] : a[i * k + p]) *
               (double) (g->tb ? b[j * k + p] : b[p * n + j]);
    return g->alpha * sum + g->beta * (double) t->c.data[t->c.lead + at];
}

static belay_status compare(const struct trial *t)
{
    const struct belay_gemm *g = &t->g;
    for (size_t i = 0; i < total_of(&t->c); i++) {
        const bool in = i >= t->c.lead && i < t->c.lead + t->c.count;
        const double want = in ? want_at(t, i - t->c.lead) : (double) t->c.data[i];
        if (!(fabs(want - (double) t->got[i]) <= 1e-4 * (1 + fabs(want))))
            return belay_fail(t->cl->log, BELAY_ERR_DEVICE,
                              "products by '%s': %c%c %lld x %lld x %lld, batch %lld, alpha %g, "
                              "beta %g: %g at element %lld, want %g",
                              t->provider->name, g->ta ? 't' : 'n', g->tb ? 't' : 'n',
                              (long long) g->m, (long long) g->n, (long long) g->k,
                              (long long) g->batch_dim[0], (double) g->alpha, (double) g->beta,
                              (double) t->got[i], (long long) i - (long long) t->c.lead, want);
    }
    if (memcmp(t->got, t->again, total_of(&t->c) * sizeof(float)) != 0)
        return belay_fail(t->cl->log, BELAY_ERR_DEVICE,
                          "products by '%s': %lld x %lld x %lld has other bits in a second run",
                          t->provider->name, (long long) g->m, (long long) g->n, (long long) g->k);
    return BELAY_OK;
}

static belay_status check_shape(struct trial *t, const struct shape *s, bool ta, bool tb)
{
    const int64_t count = batches(s);
    belay_status status;
    describe(s, ta, tb, &t->g);
    if (!t->provider->takes(t->cl, &t->g))
        return BELAY_OK;
    BELAY_TRY_DONE(make_operand(t->cl, &t->a, t->g.m * t->g.k * (s->batch < 0 ? 1 : count), 1,
                                true));
    BELAY_TRY_DONE(make_operand(t->cl, &t->b, t->g.k * t->g.n * count, 2, true));
    BELAY_TRY_DONE(make_operand(t->cl, &t->c, t->g.m * t->g.n * count, 3, false));
    t->got = belay_alloc_array(total_of(&t->c), sizeof(float));
    t->again = belay_alloc_array(total_of(&t->c), sizeof(float));
    if (!t->got || !t->again) {
        status = belay_fail_nomem(t->cl->log, total_of(&t->c) * sizeof(float));
        goto done;
    }
    BELAY_TRY_DONE(run_once(t, t->again));
    BELAY_TRY_DONE(run_once(t, t->got));
    status = compare(t);
done:
    drop_operand(t->cl, &t->a);
    drop_operand(t->cl, &t->b);
    drop_operand(t->cl, &t->c);
    belay_free(t->got);
    belay_free(t->again);
    return status;
}

static belay_status check_form(struct belay_cl *cl, int index, bool ta, bool tb, int num)
{
    struct trial first = { .cl = cl };
    BELAY_TRY(belay_cl_gemm_provider(cl, index, &first.provider, &first.state));
    for (int i = 0; i < num; i++) {
        struct trial t = first;
        BELAY_TRY(check_shape(&t, &shapes[i], ta, tb));
    }
    return BELAY_OK;
}

static void check_products(struct belay_cl *cl, struct belay_checks *c)
{
    const int num = c->quick ? NUM_QUICK : NUM_SHAPES;
    const char *name;
    for (int i = 0; (name = belay_cl_gemm_provider_name(i)); i++) {
        char text[64], form[32];
        snprintf(text, sizeof(text), "%d sizes at offsets, twice", num);
        if (!belay_cl_gemm_meant(cl, i)) {
            belay_checks_skip(c, "products", name, "not meant for this kind of device");
            continue;
        }
        for (int f = 0; f < 4; f++) {
            snprintf(form, sizeof(form), "%s %c%c", name, f & 1 ? 't' : 'n', f & 2 ? 't' : 'n');
            belay_checks_end(c, cl->dev, "products", form, check_form(cl, i, f & 1, f & 2, num),
                             text);
        }
    }
}

// What Belay relies on; OpenCL 1.2 promises less to be had everywhere.
static belay_status check_numbers(struct belay_cl *cl)
{
    const belay_device_info *i = &cl->info;
    if (i->max_group < 1 || i->local_memory < 16384)
        return belay_fail(cl->log, BELAY_ERR_DEVICE,
                          "groups of %llu and %llu bytes of local memory, want 1 and 16384",
                          (unsigned long long) i->max_group, (unsigned long long) i->local_memory);
    if (i->base_align == 0 || (i->base_align & (i->base_align - 1)) != 0 || i->base_align > 4096)
        return belay_fail(cl->log, BELAY_ERR_DEVICE,
                          "sub-buffers on %u bytes, want a power of two up to 4096",
                          (unsigned) i->base_align);
    if (i->max_alloc == 0 || i->max_alloc > i->global_memory)
        return belay_fail(cl->log, BELAY_ERR_DEVICE, "buffers of %llu bytes in a memory of %llu",
                          (unsigned long long) i->max_alloc,
                          (unsigned long long) i->global_memory);
    return BELAY_OK;
}

void belay_cl_check_all(struct belay_device *dev, struct belay_checks *c)
{
    struct belay_cl *cl = belay_cl_of(dev);
    belay_checks_end(c, dev, "limits", "reported numbers", check_numbers(cl), "");
    check_products(cl, c);
}

void belay_cl_describe(struct belay_device *dev, struct belay_checks *c)
{
    struct belay_cl *cl = belay_cl_of(dev);
    const belay_device_info *i = &cl->info;
    struct belay_str names = { 0 };
    const char *name;
    belay_checks_fact(c, "device", "driver", "%s, %s", i->driver, i->version);
    belay_checks_fact(c, "device", "limits",
                      "%u compute units, groups of %llu, local memory %llu, memory %llu, largest "
                      "buffer %llu, sub-buffers on %u, float vectors of %u",
                      (unsigned) i->compute_units, (unsigned long long) i->max_group,
                      (unsigned long long) i->local_memory, (unsigned long long) i->global_memory,
                      (unsigned long long) i->max_alloc, (unsigned) i->base_align,
                      (unsigned) i->native_float_width);
    belay_checks_fact(c, "device", "extensions", "%s", i->extensions);
    belay_checks_fact(c, "kernels", "family", "%s",
                      dev->profile.cpu ? "cpu: a work-item a group, explicit vectors"
                                       : "gpu: groups and local memory");
    for (int k = 0; (name = belay_cl_gemm_provider_name(k)); k++)
        belay_checks_fact(c, "products", name, "%s", belay_cl_gemm_use(cl, k));
    belay_cl_kernel_names(cl, &names);
    belay_checks_fact(c, "kernels", "used", "%s", names.text ? names.text : "");
    belay_str_free(&names);
}
