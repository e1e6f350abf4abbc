// The own provider for CPUs: register tiles, see cl/gemm_cpu.cl.
#include <stdio.h>

#include "base/mem.h"
#include "device/opencl/gemm.h"

// Tile sizes by vector width: as many accumulators as there are registers, less those for the
// operands (16 registers on AVX2, 32 on AVX-512 and NEON).
struct tile {
    cl_uint width, rows, vectors, dot_rows, dot_columns;
};
static const struct tile tiles[] = {
    { 16, 12, 2, 6, 4 },
    { 8, 6, 2, 4, 3 },
    { 4, 6, 4, 4, 4 },
};

enum form { FORM_DIRECT, FORM_PACKED, FORM_DOT };

struct state {
    cl_program program; // the cache's
    struct tile tile;
};

struct belay_cl_product {
    enum form form;
    struct belay_cl_launch pack, main;
    struct belay_buf panels;
};

static belay_status cpu_open(struct belay_cl *cl, void **out)
{
    const cl_uint width = cl->dev->profile.float_width;
    char options[128];
    struct state *state = belay_alloc(sizeof(*state));
    if (!state)
        return belay_fail_nomem(cl->log, sizeof(*state));
    state->tile = tiles[width >= 16 ? 0 : width >= 8 ? 1 : 2];
    const struct tile *t = &state->tile;
    snprintf(options, sizeof(options), "-w -DW=%u -DMR=%u -DNV=%u -DDM=%u -DDN=%u",
             (unsigned) t->width, (unsigned) t->rows, (unsigned) t->vectors,
             (unsigned) t->dot_rows, (unsigned) t->dot_columns);
    belay_status status = belay_cl_program_file(cl, "gemm_cpu", options, &state->program);
    if (status != BELAY_OK)
        belay_free(state);
    else
        *out = state;
    return status;
}

static void cpu_close(struct belay_cl *cl, void *state)
{
    belay_free(state);
}

// B's panels are worth their copying when rows of B lie pages apart and many rows of A use them.
// Transposed B without batches: dot products need no copy, panels win when m is large.
static enum form form_of(const struct belay_gemm *g)
{
    const int64_t elements = g->k * g->n;
    if (g->batch_rank > 0)
        return g->tb ? FORM_DOT : FORM_DIRECT;
    if (g->tb)
        return g->ta || (g->m >= 256 && elements >= 1 << 16) ? FORM_PACKED : FORM_DOT;
    return g->n >= 512 && g->m >= 128 && elements >= 1 << 18 ? FORM_PACKED : FORM_DIRECT;
}

// A^T B^T in batches has neither form.
static bool cpu_takes(const struct belay_cl *cl, const struct belay_gemm *g)
{
    return !(g->ta && g->tb && g->batch_rank > 0);
}

static const char *kernel_name(enum form form)
{
    return form == FORM_DOT ? "gemm_cpu_dot" : "gemm_cpu";
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
    drop_kernel(&p->pack);
    belay_buf_destroy(cl->dev, &p->panels);
    belay_free(p);
}

// The kernels of a form; those of another one are given back.
static belay_status make_kernels(struct belay_cl *cl, const struct state *state,
                                 struct belay_cl_product *p, enum form form)
{
    if (p->main.kernel && p->form != form)
        drop_kernel(&p->main);
    p->form = form;
    if (!p->main.kernel)
        BELAY_TRY(belay_cl_kernel(cl, state->program, kernel_name(form), &p->main.kernel));
    if (form == FORM_PACKED && !p->pack.kernel)
        BELAY_TRY(belay_cl_kernel(cl, state->program, "gemm_cpu_pack", &p->pack.kernel));
    return BELAY_OK;
}

static size_t ceil_div(size_t a, size_t b)
{
    return (a + b - 1) / b;
}

// Tiles a work-item makes: enough work to hide the cost of a group, enough items for the cores.
static cl_uint tiles_per_item(struct belay_cl *cl, size_t row_tiles, size_t others, double flops)
{
    size_t per = (size_t) (1 + 1e5 / flops);
    const size_t items = (size_t) cl->dev->profile.compute_units * 4;
    const size_t most = row_tiles * others / items;
    if (per > most)
        per = most;
    if (per > row_tiles)
        per = row_tiles;
    return per ? (cl_uint) per : 1;
}

static void set_range(struct belay_cl *cl, const struct belay_gemm *g, const struct tile *t,
                      uint64_t batches, struct belay_cl_product *p, cl_uint *per)
{
    const bool dot = p->form == FORM_DOT;
    const size_t rows = dot ? t->dot_rows : t->rows;
    const size_t columns = dot ? t->dot_columns : (size_t) t->vectors * t->width;
    const size_t row_tiles = ceil_div((size_t) g->m, rows);
    const size_t column_tiles = ceil_div((size_t) g->n, columns);
    const double vector = dot ? t->width : 1;
    *per = tiles_per_item(cl, row_tiles, column_tiles * (size_t) batches,
                          2.0 * (double) (rows * columns) * ((double) g->k + 8 * vector));
    p->main.dims = 3;
    p->main.global[0] = ceil_div(row_tiles, *per);
    p->main.global[1] = column_tiles;
    p->main.global[2] = (size_t) batches;
    p->main.local[0] = p->main.local[1] = p->main.local[2] = 1;
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

static belay_status set_main(struct belay_cl *cl, const struct belay_cl_gemm_call *call,
                             const struct belay_cl_batch *batch, struct belay_cl_product *p,
                             cl_uint per)
{
    const struct belay_gemm *g = &call->g;
    const bool packed = p->form == FORM_PACKED;
    struct args a = { .kernel = p->main.kernel };
    put_mem(&a, call->c);
    put_mem(&a, call->a);
    put_mem(&a, packed ? belay_cl_mem(&p->panels) : call->b);
    put_uint(&a, g->m);
    put_uint(&a, g->n);
    put_uint(&a, g->k);
    if (p->form != FORM_DOT) {
        put_uint(&a, g->ta ? 1 : g->k);
        put_uint(&a, g->ta ? g->m : 1);
        put_uint(&a, packed);
    }
    put_uint(&a, per);
    put(&a, sizeof(g->alpha), &g->alpha);
    put(&a, sizeof(g->beta), &g->beta);
    put(&a, sizeof(batch->dim), batch->dim);
    put(&a, sizeof(batch->a), batch->a);
    put(&a, sizeof(batch->b), batch->b);
    return belay_cl_check(cl, a.error, "clSetKernelArg of gemm_cpu");
}

static belay_status set_pack(struct belay_cl *cl, const struct belay_cl_gemm_call *call,
                             const struct tile *t, struct belay_cl_product *p)
{
    const struct belay_gemm *g = &call->g;
    const size_t columns = (size_t) t->vectors * t->width, rows_per = 64;
    const size_t panels = ceil_div((size_t) g->n, columns);
    const size_t size = panels * columns * (size_t) g->k * sizeof(float);
    if (p->panels.size < size) {
        belay_buf_destroy(cl->dev, &p->panels);
        BELAY_TRY(belay_buf_create(cl->dev, size, 0, &p->panels));
    }
    p->pack.dims = 2;
    p->pack.global[0] = panels;
    p->pack.global[1] = ceil_div((size_t) g->k, rows_per);
    p->pack.local[0] = p->pack.local[1] = 1;
    struct args a = { .kernel = p->pack.kernel };
    put_mem(&a, belay_cl_mem(&p->panels));
    put_mem(&a, call->b);
    put_uint(&a, g->n);
    put_uint(&a, g->k);
    put_uint(&a, g->tb ? 1 : g->n);
    put_uint(&a, g->tb ? g->k : 1);
    put_uint(&a, (int64_t) rows_per);
    return belay_cl_check(cl, a.error, "clSetKernelArg of gemm_cpu_pack");
}

static belay_status bind(struct belay_cl *cl, const struct state *state,
                         const struct belay_cl_gemm_call *call, struct belay_cl_product *p)
{
    const struct belay_gemm *g = &call->g;
    struct belay_cl_batch batch;
    cl_uint per;
    BELAY_TRY(belay_cl_batch_of(cl, g, &batch));
    p->main.skip = g->m == 0 || g->n == 0 || batch.count == 0;
    p->pack.skip = true;
    if (p->main.skip)
        return BELAY_OK;
    BELAY_TRY(make_kernels(cl, state, p, g->k == 0 ? FORM_DIRECT : form_of(g)));
    p->pack.skip = p->form != FORM_PACKED;
    if (!p->pack.skip)
        BELAY_TRY(set_pack(cl, call, &state->tile, p));
    set_range(cl, g, &state->tile, batch.count, p, &per);
    return set_main(cl, call, &batch, p, per);
}

static belay_status cpu_bind(struct belay_cl *cl, void *state,
                             const struct belay_cl_gemm_call *call, struct belay_cl_product **p)
{
    if (!*p && !(*p = belay_alloc(sizeof(**p))))
        return belay_fail_nomem(cl->log, sizeof(**p));
    return bind(cl, state, call, *p);
}

static belay_status cpu_run(struct belay_cl *cl, void *state, struct belay_cl_product *p)
{
    BELAY_TRY(belay_cl_enqueue(cl, &p->pack));
    return belay_cl_enqueue(cl, &p->main);
}

const struct belay_cl_provider belay_cl_gemm_cpu = {
    .name = "cpu",
    .open = cpu_open,
    .close = cpu_close,
    .takes = cpu_takes,
    .bind = cpu_bind,
    .run = cpu_run,
    .destroy = cpu_destroy,
};
