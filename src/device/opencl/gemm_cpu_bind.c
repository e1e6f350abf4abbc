// The kernels' arguments and scratch of a product on a CPU.
#include <stdio.h>

#include "device/opencl/args.h"
#include "device/opencl/gemm_cpu.h"

#define PACK_A 1
#define PACK_B 2
#define SHARED 4
#define SUM_PER 1024 // elements of a work-item that adds parts

// Scratch, in floats from its beginning: sums between blocks of k (C would lose what beta wants) or
// parts along k; B when it is packed for all; the panels of the work-items.
struct scratch {
    cl_mem mem;
    size_t bytes;
    size_t shared, front; // where B begins, and what belongs to the work-items
    bool sums;
};

static size_t round_32(size_t size)
{
    return (size + 31) / 32 * 32;
}

static bool has_parts(const struct belay_cpu_job *job)
{
    return job->splits > 1;
}

static belay_status plan_scratch(struct belay_cl *cl, const struct belay_cpu_job *job,
                                 struct scratch *s)
{
    *s = (struct scratch){ 0 };
    const struct belay_cpu_range *r = &job->range;
    const struct belay_gemm *g = &job->g;
    const size_t items = r->blocks[0] * r->blocks[1] * r->blocks[2];
    const bool tiles = job->choice.form == BELAY_CPU_TILES;
    s->sums = has_parts(job) || (tiles && g->beta != 0 && g->k > (int64_t) r->kc);
    s->shared = s->sums ? round_32((size_t) (g->m * g->n) * (size_t) job->batch.count) : 0;
    s->front = s->shared;
    if (job->choice.share_b)
        s->front += round_32((size_t) g->k * r->panels * r->columns);
    if (s->front > UINT32_MAX || r->room > UINT32_MAX ||
        (r->room && items > SIZE_MAX / 8 / r->room))
        return belay_fail(cl->log, BELAY_ERR_UNSUPPORTED, "a product needs too much scratch");
    s->bytes = (s->front + items * r->room) * sizeof(float);
    return BELAY_OK;
}

belay_status belay_cpu_scratch(struct belay_cl *cl, const struct belay_cpu_job *job, size_t *bytes)
{
    struct scratch s;
    BELAY_TRY(plan_scratch(cl, job, &s));
    *bytes = s.bytes;
    return BELAY_OK;
}

static void put_scale(struct belay_cl_args *a, const struct belay_cpu_job *job)
{
    const bool parts = has_parts(job);
    belay_cl_arg_scale(a, parts ? 1 : job->g.alpha, parts ? 0 : job->g.beta);
}

static void put_batches(struct belay_cl_args *a, const struct belay_cl_batch *batch)
{
    belay_cl_arg_uint(a, batch->count);
    belay_cl_arg_batch(a, batch);
}

static belay_status set_tiles(struct belay_cl *cl, const struct belay_cpu_job *job,
                              const struct scratch *s, struct belay_cl_product *p)
{
    const struct belay_cpu_choice *c = &job->choice;
    const struct belay_cpu_range *r = &job->range;
    struct belay_cl_args a = { .kernel = p->main.kernel };
    belay_cl_arg_mem(&a, has_parts(job) ? s->mem : job->c);
    belay_cl_arg_mem(&a, s->sums ? s->mem : job->c);
    belay_cl_arg_mem(&a, job->a);
    belay_cl_arg_mem(&a, job->b);
    belay_cl_arg_mem(&a, s->mem);
    belay_cl_arg_sizes(&a, &job->g, job->all);
    belay_cl_arg_uint(&a, r->mb);
    belay_cl_arg_uint(&a, r->nb);
    belay_cl_arg_uint(&a, r->kc);
    belay_cl_arg_uint(&a, (c->pack_a ? PACK_A : 0u) | (c->pack_b ? PACK_B : 0u) |
                              (c->share_b ? SHARED : 0u));
    belay_cl_arg_uint(&a, r->room);
    belay_cl_arg_uint(&a, s->front);
    belay_cl_arg_uint(&a, s->shared);
    belay_cl_arg_uint(&a, has_parts(job));
    belay_cl_arg_uint(&a, (uint64_t) job->all);
    put_scale(&a, job);
    put_batches(&a, &job->batch);
    for (int i = 0; job->tail && i < job->tail->num; i++)
        belay_cl_arg_mem(&a, job->tail->mem[i]);
    return belay_cl_check(cl, a.error, "clSetKernelArg of gemm_cpu");
}

static belay_status set_dots(struct belay_cl *cl, const struct belay_cpu_job *job,
                             const struct scratch *s, struct belay_cl_product *p)
{
    const struct belay_gemm *g = &job->g;
    struct belay_cl_args a = { .kernel = p->main.kernel };
    belay_cl_arg_mem(&a, has_parts(job) ? s->mem : job->c);
    belay_cl_arg_mem(&a, job->a);
    belay_cl_arg_mem(&a, job->b);
    belay_cl_arg_uint(&a, (uint64_t) g->m);
    belay_cl_arg_uint(&a, (uint64_t) g->n);
    belay_cl_arg_uint(&a, (uint64_t) g->k);
    belay_cl_arg_uint(&a, (uint64_t) job->all);
    belay_cl_arg_uint(&a, job->range.mb);
    belay_cl_arg_uint(&a, job->range.nb);
    belay_cl_arg_uint(&a, has_parts(job));
    put_scale(&a, job);
    put_batches(&a, &job->batch);
    return belay_cl_check(cl, a.error, "clSetKernelArg of gemm_cpu_dot");
}

// Range and program of one of the small kernels beside the main one.
static belay_status make_other(struct belay_cl *cl, const char *name, const char *options,
                               size_t items_0, size_t items_1, struct belay_cl_launch *l)
{
    l->skip = false;
    l->dims = 2;
    l->local[0] = l->local[1] = 1;
    l->global[0] = items_0;
    l->global[1] = items_1;
    if (l->kernel)
        clReleaseKernel(l->kernel);
    l->kernel = NULL;
    return belay_cpu_kernel(cl, name, options, NULL, &l->kernel);
}

void belay_cpu_pack_options(const struct belay_profile *profile, const struct belay_cpu_choice *c,
                            char out[BELAY_CPU_OPTIONS])
{
    snprintf(out, BELAY_CPU_OPTIONS, "-w -DW=%u -DNV=%u", (unsigned) belay_cpu_width(profile),
             (unsigned) c->vectors);
}

static belay_status set_pack(struct belay_cl *cl, const struct belay_cpu_job *job,
                             const struct scratch *s, struct belay_cl_product *p)
{
    const struct belay_cpu_range *r = &job->range;
    const struct belay_gemm *g = &job->g;
    char options[BELAY_CPU_OPTIONS];
    belay_cpu_pack_options(&cl->dev->profile, &job->choice, options);
    BELAY_TRY(make_other(cl, "gemm_cpu_pack", options,
                         (r->panels + BELAY_CPU_GROUP - 1) / BELAY_CPU_GROUP,
                         ((size_t) g->k + r->kc - 1) / r->kc, &p->pack));
    struct belay_cl_args a = { .kernel = p->pack.kernel };
    belay_cl_arg_mem(&a, s->mem);
    belay_cl_arg_mem(&a, job->b);
    belay_cl_arg_uint(&a, s->shared);
    belay_cl_arg_uint(&a, (uint64_t) g->n);
    belay_cl_arg_uint(&a, (uint64_t) g->k);
    belay_cl_arg_uint(&a, (uint64_t) (g->tb ? 1 : g->n));
    belay_cl_arg_uint(&a, (uint64_t) (g->tb ? g->k : 1));
    belay_cl_arg_uint(&a, r->kc);
    return belay_cl_check(cl, a.error, "clSetKernelArg of gemm_cpu_pack");
}

static belay_status set_sum(struct belay_cl *cl, const struct belay_cpu_job *job,
                            const struct scratch *s, struct belay_cl_product *p)
{
    const size_t size = (size_t) (job->g.m * job->g.n);
    char options[BELAY_CPU_OPTIONS];
    snprintf(options, sizeof(options), "-w -DW=%u",
             (unsigned) belay_cpu_width(&cl->dev->profile));
    BELAY_TRY(make_other(cl, "gemm_cpu_sum", options, (size + SUM_PER - 1) / SUM_PER, 1, &p->sum));
    struct belay_cl_args a = { .kernel = p->sum.kernel };
    belay_cl_arg_mem(&a, job->c);
    belay_cl_arg_mem(&a, s->mem);
    belay_cl_arg_uint(&a, size);
    belay_cl_arg_uint(&a, job->splits);
    belay_cl_arg_uint(&a, SUM_PER);
    belay_cl_arg_scale(&a, job->g.alpha, job->g.beta);
    return belay_cl_check(cl, a.error, "clSetKernelArg of gemm_cpu_sum");
}

belay_status belay_cpu_set(struct belay_cl *cl, const struct belay_cpu_job *job,
                           struct belay_cl_product *p)
{
    struct scratch scratch;
    BELAY_TRY(plan_scratch(cl, job, &scratch));
    BELAY_TRY(belay_cl_scratch(cl, scratch.bytes, &scratch.mem));
    if (job->choice.share_b)
        BELAY_TRY(set_pack(cl, job, &scratch, p));
    if (job->choice.form == BELAY_CPU_DOT)
        BELAY_TRY(set_dots(cl, job, &scratch, p));
    else
        BELAY_TRY(set_tiles(cl, job, &scratch, p));
    return has_parts(job) ? set_sum(cl, job, &scratch, p) : BELAY_OK;
}
