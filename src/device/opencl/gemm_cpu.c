// The own provider for CPUs: kernels of cl/gemm_cpu.cl and cl/gemm_cpu_dot.cl.
#include "device/opencl/gemm_cpu.h"

#include <stdio.h>
#include <string.h>

#include "base/mem.h"

struct belay_cl_product {
    char options[96]; // that its kernel was built with
    struct belay_cl_launch main;
};

static belay_status cpu_open(struct belay_cl *cl, void **state)
{
    *state = NULL; // programs are the cache's, built when a product needs them
    return BELAY_OK;
}

static void cpu_close(struct belay_cl *cl, void *state)
{
}

static bool cpu_takes(const struct belay_cl *cl, const struct belay_gemm *g)
{
    return true;
}

static belay_status cpu_choices(struct belay_cl *cl, void *state, const struct belay_gemm *g,
                                struct belay_cl_choices *out)
{
    struct belay_cpu_choice list[sizeof(out->name) / sizeof(out->name[0])];
    out->count = belay_cpu_candidates(&cl->dev->profile, g, list,
                                      sizeof(out->name) / sizeof(out->name[0]));
    for (size_t i = 0; i < out->count; i++)
        belay_cpu_name(&list[i], out->name[i]);
    return BELAY_OK;
}

static bool cpu_knows(struct belay_cl *cl, const char *choice)
{
    struct belay_cpu_choice c;
    return belay_cpu_parse(&cl->dev->profile, choice, &c);
}

// What was chosen for its class where it fits the product's form, else the default.
static void choose(struct belay_cl *cl, const struct belay_gemm *g, struct belay_cpu_choice *out)
{
    const struct belay_profile *profile = &cl->dev->profile;
    struct belay_cpu_choice chosen;
    belay_cpu_default(profile, g, out);
    if (belay_cpu_parse(profile, belay_cl_gemm_chosen(cl, g), &chosen) &&
        chosen.form == out->form)
        *out = chosen;
    out->pack_b |= out->form == BELAY_CPU_TILES && g->tb;
}

static void drop_kernel(struct belay_cl_launch *l)
{
    if (l->kernel)
        clReleaseKernel(l->kernel);
    l->kernel = NULL;
}

static void cpu_destroy(struct belay_cl *cl, void *state, struct belay_cl_product *p)
{
    drop_kernel(&p->main);
    belay_free(p);
}

// The kernel of a choice; that of another one is given back.
static belay_status make_kernel(struct belay_cl *cl, const struct belay_gemm *g,
                                const struct belay_cpu_choice *c, struct belay_cl_product *p)
{
    const cl_uint width = cl->dev->profile.float_width;
    const bool dot = c->form == BELAY_CPU_DOT;
    char options[sizeof(p->options)];
    cl_program program;
    snprintf(options, sizeof(options), "-w -DW=%u -D%s=%u -D%s=%u -DUNIT=%d",
             width >= 16  ? 16U
             : width >= 8 ? 8U
                          : 4U,
             dot ? "DM" : "MR", (unsigned) c->rows, dot ? "DN" : "NV", (unsigned) c->vectors,
             g->ta || c->pack_a);
    if (p->main.kernel && strcmp(options, p->options) == 0)
        return BELAY_OK;
    drop_kernel(&p->main);
    BELAY_TRY(belay_cl_program_file(cl, dot ? "gemm_cpu_dot" : "gemm_cpu", options, &program));
    BELAY_TRY(belay_cl_kernel(cl, program, dot ? "gemm_cpu_dot" : "gemm_cpu", &p->main.kernel));
    strcpy(p->options, options);
    return BELAY_OK;
}

// Sets arguments one after the other; the first error stays.
struct args {
    cl_kernel kernel;
    cl_uint next;
    cl_int error;
};

static void put(struct args *a, size_t size, const void *value)
{
    cl_int error = clSetKernelArg(a->kernel, a->next++, size, value);
    if (a->error == CL_SUCCESS)
        a->error = error;
}

static void put_uint(struct args *a, int64_t value)
{
    const cl_uint u = (cl_uint) value;
    put(a, sizeof(u), &u);
}

static void put_mem(struct args *a, cl_mem mem)
{
    put(a, sizeof(mem), &mem);
}

static void put_batches(struct args *a, const struct belay_cl_batch *batch)
{
    put_uint(a, (int64_t) batch->count);
    put(a, sizeof(batch->dim), batch->dim);
    put(a, sizeof(batch->a), batch->a);
    put(a, sizeof(batch->b), batch->b);
}

static belay_status set_tiles(struct belay_cl *cl, const struct belay_cl_gemm_call *call,
                              const struct belay_cl_batch *batch,
                              const struct belay_cpu_choice *c, const struct belay_cpu_range *r,
                              struct belay_cl_product *p)
{
    const struct belay_gemm *g = &call->g;
    const size_t items = r->blocks[0] * r->blocks[1] * r->blocks[2];
    const size_t sums = g->beta != 0 && g->k > (int64_t) r->kc
                            ? ((size_t) (g->m * g->n) * (size_t) batch->count + 31) / 32 * 32
                            : 0;
    struct args a = { .kernel = p->main.kernel };
    cl_mem scratch;
    if (r->room > UINT32_MAX || items > SIZE_MAX / sizeof(float) / 2 / r->room)
        return belay_fail(cl->log, BELAY_ERR_UNSUPPORTED, "a product needs too much scratch");
    BELAY_TRY(belay_cl_gemm_scratch(cl, (items * r->room + sums) * sizeof(float), &scratch));
    put_mem(&a, call->c);
    put_mem(&a, sums ? scratch : call->c);
    put_mem(&a, call->a);
    put_mem(&a, call->b);
    put_mem(&a, scratch);
    put_uint(&a, g->m);
    put_uint(&a, g->n);
    put_uint(&a, g->k);
    put_uint(&a, g->ta ? 1 : g->k);
    put_uint(&a, g->ta ? g->m : 1);
    put_uint(&a, g->tb ? 1 : g->n);
    put_uint(&a, g->tb ? g->k : 1);
    put_uint(&a, r->mb);
    put_uint(&a, r->nb);
    put_uint(&a, r->kc);
    put_uint(&a, (c->pack_a ? BELAY_CPU_PACK_A : 0) | (c->pack_b ? BELAY_CPU_PACK_B : 0));
    put_uint(&a, (int64_t) r->room);
    put_uint(&a, (int64_t) sums);
    put(&a, sizeof(g->alpha), &g->alpha);
    put(&a, sizeof(g->beta), &g->beta);
    put_batches(&a, batch);
    return belay_cl_check(cl, a.error, "clSetKernelArg of gemm_cpu");
}

static belay_status set_dots(struct belay_cl *cl, const struct belay_cl_gemm_call *call,
                             const struct belay_cl_batch *batch,
                             const struct belay_cpu_range *r, struct belay_cl_product *p)
{
    const struct belay_gemm *g = &call->g;
    struct args a = { .kernel = p->main.kernel };
    put_mem(&a, call->c);
    put_mem(&a, call->a);
    put_mem(&a, call->b);
    put_uint(&a, g->m);
    put_uint(&a, g->n);
    put_uint(&a, g->k);
    put_uint(&a, r->mb);
    put_uint(&a, r->nb);
    put(&a, sizeof(g->alpha), &g->alpha);
    put(&a, sizeof(g->beta), &g->beta);
    put_batches(&a, batch);
    return belay_cl_check(cl, a.error, "clSetKernelArg of gemm_cpu_dot");
}

static belay_status bind(struct belay_cl *cl, const struct belay_cl_gemm_call *call,
                         struct belay_cl_product *p)
{
    const struct belay_gemm *g = &call->g;
    struct belay_cl_batch batch;
    struct belay_cpu_choice c;
    struct belay_cpu_range r;
    BELAY_TRY(belay_cl_batch_of(cl, g, &batch));
    p->main.skip = g->m == 0 || g->n == 0 || batch.count == 0;
    if (p->main.skip)
        return BELAY_OK;
    choose(cl, g, &c);
    BELAY_TRY(make_kernel(cl, g, &c, p));
    belay_cpu_range_of(&cl->dev->profile, g, batch.count, &c, &r);
    p->main.dims = 3;
    for (int i = 0; i < 3; i++) {
        p->main.global[i] = r.blocks[i];
        p->main.local[i] = 1;
    }
    if (c.form == BELAY_CPU_DOT)
        return set_dots(cl, call, &batch, &r, p);
    return set_tiles(cl, call, &batch, &c, &r, p);
}

static belay_status cpu_bind(struct belay_cl *cl, void *state,
                             const struct belay_cl_gemm_call *call, struct belay_cl_product **p)
{
    if (!*p && !(*p = belay_alloc(sizeof(**p))))
        return belay_fail_nomem(cl->log, sizeof(**p));
    return bind(cl, call, *p);
}

static belay_status cpu_run(struct belay_cl *cl, void *state, struct belay_cl_product *p)
{
    return belay_cl_enqueue(cl, &p->main);
}

const struct belay_cl_provider belay_cl_gemm_cpu = {
    .name = "cpu",
    .open = cpu_open,
    .close = cpu_close,
    .takes = cpu_takes,
    .choices = cpu_choices,
    .knows = cpu_knows,
    .bind = cpu_bind,
    .run = cpu_run,
    .destroy = cpu_destroy,
};
