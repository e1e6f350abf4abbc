// The own provider for CPUs: kernels of cl/gemm_cpu.cl, cl/gemm_cpu_dot.cl and cl/gemm_cpu_pack.cl.
#include "device/opencl/gemm_cpu.h"

#include <stdio.h>
#include <string.h>

#include "base/mem.h"

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

// A column is the row of the transposed product: the wide forms for one row serve it too.
static void turn_column(struct belay_gemm *g, cl_mem *a, cl_mem *b)
{
    struct belay_gemm t = *g;
    cl_mem mem = *a;
    if (g->n != 1 || g->m == 1)
        return;
    t.ta = false;
    t.tb = !g->ta;
    t.m = 1;
    t.n = g->m;
    memcpy(t.a_stride, g->b_stride, sizeof(t.a_stride));
    memcpy(t.b_stride, g->a_stride, sizeof(t.b_stride));
    *g = t;
    *a = *b;
    *b = mem;
}

static belay_status cpu_choices(struct belay_cl *cl, void *state, const struct belay_gemm *g,
                                struct belay_cl_choices *out)
{
    struct belay_cpu_choice list[sizeof(out->name) / sizeof(out->name[0])];
    struct belay_gemm turned = *g;
    cl_mem none = NULL;
    turn_column(&turned, &none, &none);
    out->count = belay_cpu_candidates(&cl->dev->profile, &turned, list,
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
static void choose(struct belay_cl *cl, const char *name, struct belay_cpu_job *job)
{
    const struct belay_profile *profile = &cl->dev->profile;
    struct belay_cpu_choice chosen;
    belay_cpu_default(profile, &job->g, &job->choice);
    if (belay_cpu_parse(profile, name, &chosen) && chosen.form == job->choice.form)
        job->choice = chosen;
    if (job->choice.form == BELAY_CPU_TILES && job->g.tb && !job->choice.share_b)
        job->choice.pack_b = true;
}

// Parts along k are a batch of products that lie in A and B one behind the other.
static void split(struct belay_cpu_job *job)
{
    struct belay_gemm *g = &job->g;
    job->all = g->k;
    job->splits = belay_cpu_splits(g);
    if (job->splits == 1)
        return;
    g->k = (g->k + job->splits - 1) / job->splits;
    job->splits = (cl_uint) ((job->all + g->k - 1) / g->k);
    job->batch.count = job->batch.dim[0] = job->splits;
    job->batch.a[0] = (cl_uint) (g->k * (g->ta ? g->m : 1));
    job->batch.b[0] = (cl_uint) (g->k * (g->tb ? 1 : g->n));
}

static bool is_empty(const struct belay_cpu_job *job)
{
    return job->g.m == 0 || job->g.n == 0 || job->batch.count == 0;
}

static belay_status plan_job(struct belay_cl *cl, const struct belay_cl_gemm_call *call,
                             const struct belay_cl_tail *tail, struct belay_cpu_job *job)
{
    *job = (struct belay_cpu_job){ .g = call->g, .a = call->a, .b = call->b, .c = call->c,
                          .tail = tail };
    turn_column(&job->g, &job->a, &job->b);
    BELAY_TRY(belay_cl_batch_of(cl, &job->g, &job->batch));
    if (is_empty(job))
        return BELAY_OK;
    choose(cl, belay_cl_gemm_chosen(cl, &call->g), job);
    split(job);
    if (job->batch.count > 1 && job->choice.share_b) { // each has its own B
        job->choice.share_b = false;
        job->choice.pack_b = true;
    }
    belay_cpu_range_of(&cl->dev->profile, &job->g, job->batch.count, &job->choice, &job->range);
    return BELAY_OK;
}

// Where the tiles' own store ends a product; sums of parts and dot products have no tail.
static bool cpu_takes_tail(const struct belay_cl *cl, const struct belay_gemm *g)
{
    struct belay_cpu_choice c;
    if (g->m == 0 || g->n <= 1 || g->beta != 0)
        return false;
    belay_cpu_default(&cl->dev->profile, g, &c);
    return c.form == BELAY_CPU_TILES && belay_cpu_splits(g) == 1;
}

static void drop_kernel(struct belay_cl_launch *l)
{
    if (l->kernel)
        clReleaseKernel(l->kernel);
    l->kernel = NULL;
}

static void cpu_destroy(struct belay_cl *cl, void *state, struct belay_cl_product *p)
{
    drop_kernel(&p->pack);
    drop_kernel(&p->main);
    drop_kernel(&p->sum);
    belay_free(p);
}

static belay_status tail_program(struct belay_cl *cl, const struct belay_cl_tail *tail,
                                 const char *options, cl_program *out)
{
    struct belay_str text = { 0 };
    belay_status status;
    belay_str_add(&text, tail->macros);
    BELAY_TRY_DONE(belay_cl_source(cl, "gemm_cpu", &text));
    if (text.failed) {
        status = belay_fail_nomem(cl->log, text.length);
        goto done;
    }
    status = belay_cl_program_text(cl, "a product with its tail", text.text, options, out);
done:
    belay_str_free(&text);
    return status;
}

static const char *file_of(const struct belay_cpu_job *job)
{
    return job->choice.form == BELAY_CPU_DOT ? "gemm_cpu_dot" : "gemm_cpu";
}

static void options_of(const struct belay_cl *cl, const struct belay_cpu_job *job, char *out,
                       size_t size)
{
    const struct belay_cpu_choice *c = &job->choice;
    const bool dot = c->form == BELAY_CPU_DOT;
    snprintf(out, size, "-w -DW=%u -D%s=%u -D%s=%u -DUNIT=%d%s",
             (unsigned) belay_cpu_width(&cl->dev->profile), dot ? "DM" : "MR", (unsigned) c->rows,
             dot ? "DN" : "NV", (unsigned) c->vectors, job->g.ta || c->pack_a,
             job->tail ? " -DTAIL" : "");
}

static belay_status cpu_prepare(struct belay_cl *cl, const struct belay_gemm *g, const char *macros,
                                struct belay_cl_pieces *pieces)
{
    const struct belay_cl_gemm_call call = { .g = *g };
    static const struct belay_cl_tail any = { 0 };
    struct belay_cpu_job job;
    char options[BELAY_CPU_OPTIONS];
    BELAY_TRY(plan_job(cl, &call, macros ? &any : NULL, &job));
    if (is_empty(&job))
        return BELAY_OK;
    if (job.choice.share_b) {
        belay_cpu_pack_options(&cl->dev->profile, &job.choice, options);
        BELAY_TRY(belay_cl_pieces_variant(pieces, "gemm_cpu_pack", options, ""));
    }
    options_of(cl, &job, options, sizeof(options));
    return belay_cl_pieces_variant(pieces, file_of(&job), options, macros ? macros : "");
}

static belay_status cpu_needs(struct belay_cl *cl, const struct belay_gemm *g, size_t *bytes)
{
    const struct belay_cl_gemm_call call = { .g = *g };
    struct belay_cpu_job job;
    BELAY_TRY(plan_job(cl, &call, NULL, &job));
    return is_empty(&job) ? BELAY_OK : belay_cpu_scratch(cl, &job, bytes);
}

belay_status belay_cpu_kernel(struct belay_cl *cl, const char *file, const char *options,
                              const struct belay_cl_tail *tail, cl_kernel *out)
{
    char name[64];
    cl_program program;
    if (belay_cl_variant_find(cl, file, options, tail ? tail->macros : "", name, &program))
        return belay_cl_kernel(cl, program, name, out);
    if (tail)
        BELAY_TRY(tail_program(cl, tail, options, &program));
    else
        BELAY_TRY(belay_cl_program_file(cl, file, options, &program));
    return belay_cl_kernel(cl, program, file, out);
}

// The kernel of a choice; that of another one is given back.
static belay_status make_kernel(struct belay_cl *cl, const struct belay_cpu_job *job,
                                struct belay_cl_product *p)
{
    char options[sizeof(p->options)];
    options_of(cl, job, options, sizeof(options));
    if (p->main.kernel && strcmp(options, p->options) == 0)
        return BELAY_OK;
    drop_kernel(&p->main);
    BELAY_TRY(belay_cpu_kernel(cl, file_of(job), options, job->tail, &p->main.kernel));
    strcpy(p->options, options);
    return BELAY_OK;
}

static belay_status bind(struct belay_cl *cl, const struct belay_cl_gemm_call *call,
                         const struct belay_cl_tail *tail, struct belay_cl_product *p)
{
    struct belay_cpu_job job;
    BELAY_TRY(plan_job(cl, call, tail, &job));
    p->main.skip = is_empty(&job);
    p->pack.skip = p->sum.skip = true;
    if (p->main.skip)
        return BELAY_OK;
    BELAY_TRY(make_kernel(cl, &job, p));
    p->main.dims = 3;
    for (int i = 0; i < 3; i++) {
        p->main.global[i] = job.range.blocks[i];
        p->main.local[i] = 1;
    }
    return belay_cpu_set(cl, &job, p);
}

static belay_status cpu_bind_tail(struct belay_cl *cl, void *state,
                                  const struct belay_cl_gemm_call *call,
                                  const struct belay_cl_tail *tail, struct belay_cl_product **p)
{
    if (!*p && !(*p = belay_alloc(sizeof(**p))))
        return belay_fail_nomem(cl->log, sizeof(**p));
    return bind(cl, call, tail, *p);
}

static belay_status cpu_bind(struct belay_cl *cl, void *state,
                             const struct belay_cl_gemm_call *call, struct belay_cl_product **p)
{
    return cpu_bind_tail(cl, state, call, NULL, p);
}

static belay_status cpu_run(struct belay_cl *cl, void *state, struct belay_cl_product *p)
{
    BELAY_TRY(belay_cl_enqueue(cl, &p->pack));
    BELAY_TRY(belay_cl_enqueue(cl, &p->main));
    return belay_cl_enqueue(cl, &p->sum);
}

const struct belay_cl_provider belay_cl_gemm_cpu = {
    .name = "cpu",
    .open = cpu_open,
    .close = cpu_close,
    .takes = cpu_takes,
    .choices = cpu_choices,
    .knows = cpu_knows,
    .prepare = cpu_prepare,
    .needs = cpu_needs,
    .takes_tail = cpu_takes_tail,
    .bind_tail = cpu_bind_tail,
    .bind = cpu_bind,
    .run = cpu_run,
    .destroy = cpu_destroy,
};
