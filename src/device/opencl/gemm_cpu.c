// The own provider for CPUs: kernels of cl/gemm_cpu.cl and cl/gemm_cpu_dot.cl.
#include "device/opencl/gemm_cpu.h"

#include <stdio.h>
#include <string.h>

#include "base/mem.h"

struct belay_cl_product {
    char options[96]; // that its kernel was built with
    struct belay_cl_launch main, sum; // sum: of parts along k
};

// A product as its kernels see it.
struct job {
    struct belay_gemm g; // k: of a part
    struct belay_cl_batch batch;
    struct belay_cpu_choice choice;
    struct belay_cpu_range range;
    cl_mem a, b, c;
    const struct belay_cl_tail *tail;
    int64_t all;    // k of the whole product
    cl_uint splits; // 1: none
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
static void choose(struct belay_cl *cl, const char *name, struct job *job)
{
    const struct belay_profile *profile = &cl->dev->profile;
    struct belay_cpu_choice chosen;
    belay_cpu_default(profile, &job->g, &job->choice);
    if (belay_cpu_parse(profile, name, &chosen) && chosen.form == job->choice.form)
        job->choice = chosen;
    job->choice.pack_b |= job->choice.form == BELAY_CPU_TILES && job->g.tb;
}

// Parts along k are a batch of products that lie in A and B one behind the other.
static void split(struct job *job)
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

static belay_status plan_job(struct belay_cl *cl, const struct belay_cl_gemm_call *call,
                             const struct belay_cl_tail *tail, struct job *job)
{
    *job = (struct job){ .g = call->g, .a = call->a, .b = call->b, .c = call->c,
                          .tail = tail };
    turn_column(&job->g, &job->a, &job->b);
    BELAY_TRY(belay_cl_batch_of(cl, &job->g, &job->batch));
    if (job->g.m == 0 || job->g.n == 0 || job->batch.count == 0)
        return BELAY_OK;
    choose(cl, belay_cl_gemm_chosen(cl, &call->g), job);
    split(job);
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
    drop_kernel(&p->main);
    drop_kernel(&p->sum);
    belay_free(p);
}

static cl_uint width_of(const struct belay_cl *cl)
{
    const cl_uint width = cl->dev->profile.float_width;
    return width >= 16 ? 16 : width >= 8 ? 8 : 4;
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

static const char *file_of(const struct job *job)
{
    return job->choice.form == BELAY_CPU_DOT ? "gemm_cpu_dot" : "gemm_cpu";
}

static void options_of(const struct belay_cl *cl, const struct job *job, char *out, size_t size)
{
    const struct belay_cpu_choice *c = &job->choice;
    const bool dot = c->form == BELAY_CPU_DOT;
    snprintf(out, size, "-w -DW=%u -D%s=%u -D%s=%u -DUNIT=%d%s", (unsigned) width_of(cl),
             dot ? "DM" : "MR", (unsigned) c->rows, dot ? "DN" : "NV", (unsigned) c->vectors,
             job->g.ta || c->pack_a, job->tail ? " -DTAIL" : "");
}

static belay_status cpu_prepare(struct belay_cl *cl, const struct belay_gemm *g, const char *macros,
                                struct belay_cl_pieces *pieces)
{
    const struct belay_cl_gemm_call call = { .g = *g };
    static const struct belay_cl_tail any = { 0 };
    struct job job;
    char options[sizeof(((struct belay_cl_product *) 0)->options)];
    BELAY_TRY(plan_job(cl, &call, macros ? &any : NULL, &job));
    if (job.g.m == 0 || job.g.n == 0 || job.batch.count == 0)
        return BELAY_OK;
    options_of(cl, &job, options, sizeof(options));
    return belay_cl_pieces_variant(pieces, file_of(&job), options, macros ? macros : "");
}

// The kernel of a choice; that of another one is given back.
static belay_status make_kernel(struct belay_cl *cl, const struct job *job,
                                struct belay_cl_product *p)
{
    char options[sizeof(p->options)], name[64];
    const char *file = file_of(job);
    cl_program program;
    options_of(cl, job, options, sizeof(options));
    if (p->main.kernel && strcmp(options, p->options) == 0)
        return BELAY_OK;
    drop_kernel(&p->main);
    if (belay_cl_variant_find(cl, file, options, job->tail ? job->tail->macros : "", name,
                              &program)) {
        BELAY_TRY(belay_cl_kernel(cl, program, name, &p->main.kernel));
    } else {
        if (job->tail)
            BELAY_TRY(tail_program(cl, job->tail, options, &program));
        else
            BELAY_TRY(belay_cl_program_file(cl, file, options, &program));
        BELAY_TRY(belay_cl_kernel(cl, program, file, &p->main.kernel));
    }
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

// Floats of C, and of all its parts.
static size_t size_of(const struct job *job)
{
    return (size_t) (job->g.m * job->g.n) * (size_t) job->batch.count;
}

static size_t round_32(size_t size)
{
    return (size + 31) / 32 * 32;
}

// Scratch holds, where there are such: sums between blocks of k (C would lose what beta wants),
// or parts along k, and behind them the panels of the work-items.
static belay_status set_tiles(struct belay_cl *cl, const struct job *job, cl_mem scratch,
                              size_t front, struct belay_cl_product *p)
{
    const struct belay_gemm *g = &job->g;
    const struct belay_cpu_choice *c = &job->choice;
    const struct belay_cpu_range *r = &job->range;
    const bool parts = job->splits > 1;
    const float one = 1, zero = 0;
    struct args a = { .kernel = p->main.kernel };
    put_mem(&a, parts ? scratch : job->c);
    put_mem(&a, front ? scratch : job->c);
    put_mem(&a, job->a);
    put_mem(&a, job->b);
    put_mem(&a, scratch);
    put_uint(&a, g->m);
    put_uint(&a, g->n);
    put_uint(&a, g->k);
    put_uint(&a, g->ta ? 1 : job->all);
    put_uint(&a, g->ta ? g->m : 1);
    put_uint(&a, g->tb ? 1 : g->n);
    put_uint(&a, g->tb ? job->all : 1);
    put_uint(&a, r->mb);
    put_uint(&a, r->nb);
    put_uint(&a, r->kc);
    put_uint(&a, (c->pack_a ? BELAY_CPU_PACK_A : 0) | (c->pack_b ? BELAY_CPU_PACK_B : 0));
    put_uint(&a, (int64_t) r->room);
    put_uint(&a, (int64_t) front);
    put_uint(&a, parts);
    put_uint(&a, job->all);
    put(&a, sizeof(float), parts ? &one : &g->alpha);
    put(&a, sizeof(float), parts ? &zero : &g->beta);
    put_batches(&a, &job->batch);
    for (int i = 0; job->tail && i < job->tail->num; i++)
        put_mem(&a, job->tail->mem[i]);
    return belay_cl_check(cl, a.error, "clSetKernelArg of gemm_cpu");
}

static belay_status set_dots(struct belay_cl *cl, const struct job *job, cl_mem scratch,
                             struct belay_cl_product *p)
{
    const struct belay_gemm *g = &job->g;
    const bool parts = job->splits > 1;
    const float one = 1, zero = 0;
    struct args a = { .kernel = p->main.kernel };
    put_mem(&a, parts ? scratch : job->c);
    put_mem(&a, job->a);
    put_mem(&a, job->b);
    put_uint(&a, g->m);
    put_uint(&a, g->n);
    put_uint(&a, g->k);
    put_uint(&a, job->all);
    put_uint(&a, job->range.mb);
    put_uint(&a, job->range.nb);
    put_uint(&a, parts);
    put(&a, sizeof(float), parts ? &one : &g->alpha);
    put(&a, sizeof(float), parts ? &zero : &g->beta);
    put_batches(&a, &job->batch);
    return belay_cl_check(cl, a.error, "clSetKernelArg of gemm_cpu_dot");
}

static belay_status set_sum(struct belay_cl *cl, const struct job *job, cl_mem scratch,
                            struct belay_cl_product *p)
{
    const struct belay_gemm *g = &job->g;
    const int64_t size = g->m * g->n, per = 1024;
    struct args a = { 0 };
    cl_program program;
    char options[32];
    p->sum.skip = job->splits == 1;
    if (p->sum.skip)
        return BELAY_OK;
    if (!p->sum.kernel) {
        snprintf(options, sizeof(options), "-w -DW=%u", (unsigned) width_of(cl));
        BELAY_TRY(belay_cl_program_file(cl, "gemm_cpu_sum", options, &program));
        BELAY_TRY(belay_cl_kernel(cl, program, "gemm_cpu_sum", &p->sum.kernel));
    }
    p->sum.dims = 1;
    p->sum.local[0] = 1;
    p->sum.global[0] = (size_t) ((size + per - 1) / per);
    a.kernel = p->sum.kernel;
    put_mem(&a, job->c);
    put_mem(&a, scratch);
    put_uint(&a, size);
    put_uint(&a, job->splits);
    put_uint(&a, per);
    put(&a, sizeof(float), &g->alpha);
    put(&a, sizeof(float), &g->beta);
    return belay_cl_check(cl, a.error, "clSetKernelArg of gemm_cpu_sum");
}

static belay_status set_all(struct belay_cl *cl, const struct job *job, struct belay_cl_product *p)
{
    const struct belay_cpu_range *r = &job->range;
    const size_t items = r->blocks[0] * r->blocks[1] * r->blocks[2];
    const bool again = job->g.beta != 0 && job->g.k > (int64_t) r->kc; // sums wait beside C
    const size_t front =
        job->splits > 1 || (again && job->choice.form == BELAY_CPU_TILES) ? round_32(size_of(job))
                                                                          : 0;
    cl_mem scratch;
    if (front > UINT32_MAX || r->room > UINT32_MAX ||
        (r->room && items > SIZE_MAX / 8 / r->room))
        return belay_fail(cl->log, BELAY_ERR_UNSUPPORTED, "a product needs too much scratch");
    BELAY_TRY(belay_cl_gemm_scratch(cl, (front + items * r->room) * sizeof(float), &scratch));
    if (job->choice.form == BELAY_CPU_DOT)
        BELAY_TRY(set_dots(cl, job, scratch, p));
    else
        BELAY_TRY(set_tiles(cl, job, scratch, front, p));
    return set_sum(cl, job, scratch, p);
}

static belay_status bind(struct belay_cl *cl, const struct belay_cl_gemm_call *call,
                         const struct belay_cl_tail *tail, struct belay_cl_product *p)
{
    struct job job;
    BELAY_TRY(plan_job(cl, call, tail, &job));
    p->main.skip = job.g.m == 0 || job.g.n == 0 || job.batch.count == 0;
    p->sum.skip = true;
    if (p->main.skip)
        return BELAY_OK;
    BELAY_TRY(make_kernel(cl, &job, p));
    p->main.dims = 3;
    for (int i = 0; i < 3; i++) {
        p->main.global[i] = job.range.blocks[i];
        p->main.local[i] = 1;
    }
    return set_all(cl, &job, p);
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
    .takes_tail = cpu_takes_tail,
    .bind_tail = cpu_bind_tail,
    .bind = cpu_bind,
    .run = cpu_run,
    .destroy = cpu_destroy,
};
