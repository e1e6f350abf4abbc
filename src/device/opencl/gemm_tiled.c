// The provider for GPUs: tiles through local memory, see cl/gemm_tiled.cl.
#include "device/opencl/gemm_tiled.h"

#include <stdio.h>

#include "base/mem.h"
#include "device/opencl/args.h"
#include "device/opencl/gemm_test.h"

// Tiles from the largest; a work-item makes rows x columns of it. Each is built, and tested, when
// a product first asks for it.
struct tile {
    cl_uint m, n, rows, columns;
};
static const struct tile tiles[] = {
    { 128, 128, 8, 8 }, { 64, 64, 8, 4 }, { 16, 64, 4, 4 }, { 64, 16, 4, 4 }, { 32, 32, 4, 4 },
};
enum { NUM_TILES = sizeof(tiles) / sizeof(tiles[0]), SMALLEST = NUM_TILES - 1 };
enum { STEP = 16, DOT = 64, SMALLEST_GROUP = 64 };

enum kind { KIND_TILED, KIND_DOT, KIND_COLUMN };
enum tile_state { TILE_NEW, TILE_TESTING, TILE_GOOD, TILE_OFF };

struct state {
    enum tile_state tile_state[NUM_TILES];
    cl_program program[NUM_TILES]; // the cache's
    int forced;             // 1 + the tile that is being tested, 0: none
};

struct belay_cl_product {
    enum kind kind;
    int tile;
    struct belay_cl_launch main, sum;
};

static size_t ceil_div(size_t a, size_t b)
{
    return (a + b - 1) / b;
}

static uint64_t batches_of(const struct belay_gemm *g)
{
    uint64_t count = 1;
    for (int i = 0; i < g->batch_rank; i++)
        count *= (uint64_t) g->batch_dim[i];
    return count;
}

// By shape alone, so that the order of summation is the same on every device: few tiles and a long
// k are cut into as many chunks as make 128 groups, none shorter than 256.
cl_uint belay_cl_gemm_splits(const struct belay_gemm *g, cl_uint *chunk)
{
    const uint64_t units =
        ceil_div((size_t) g->m, 32) * ceil_div((size_t) g->n, 32) * batches_of(g);
    uint64_t splits = units ? 128 / units : 1;
    if (splits > (uint64_t) g->k / 256)
        splits = (uint64_t) g->k / 256;
    *chunk = (cl_uint) g->k;
    if (splits <= 1)
        return 1;
    *chunk = (cl_uint) (ceil_div(ceil_div((size_t) g->k, splits), STEP) * STEP);
    return (cl_uint) ceil_div((size_t) g->k, *chunk);
}

static belay_status tiled_open(struct belay_cl *cl, void **out)
{
    const struct belay_profile *p = &cl->dev->profile;
    if (p->max_group < SMALLEST_GROUP)
        return belay_fail(cl->log, BELAY_ERR_UNSUPPORTED,
                          "products by 'tiled' want groups of %d work-items, the device has %zu",
                          SMALLEST_GROUP, p->max_group);
    struct state *state = belay_alloc(sizeof(*state));
    if (!state)
        return belay_fail_nomem(cl->log, sizeof(*state));
    *out = state;
    return BELAY_OK;
}

static void tiled_close(struct belay_cl *cl, void *state)
{
    belay_free(state);
}

static bool tiled_takes(const struct belay_cl *cl, const struct belay_gemm *g)
{
    return true;
}

// ---- Which kernel ----

static size_t items_of(const struct tile *t)
{
    return (size_t) (t->m / t->rows) * (t->n / t->columns);
}

static belay_status build_tile(struct belay_cl *cl, struct state *s, int tile)
{
    const struct tile *t = &tiles[tile];
    char options[96];
    if (s->program[tile])
        return BELAY_OK;
    snprintf(options, sizeof(options), "-w -DTM=%u -DTN=%u -DRM=%u -DRN=%u", (unsigned) t->m,
             (unsigned) t->n, (unsigned) t->rows, (unsigned) t->columns);
    return belay_cl_program_file(cl, "gemm_tiled", options, &s->program[tile]);
}

// Whether the driver runs a group of the tile: limits of the device, then of the kernel.
static bool group_fits(struct belay_cl *cl, struct state *s, int tile)
{
    const struct tile *t = &tiles[tile];
    const size_t local = (size_t) STEP * (t->m + 1 + t->n + 1) * sizeof(float);
    size_t most = 0;
    cl_kernel kernel;
    if (items_of(t) > cl->dev->profile.max_group || local > cl->dev->profile.local_memory ||
        build_tile(cl, s, tile) != BELAY_OK ||
        belay_cl_kernel(cl, s->program[tile], "gemm_tiled", &kernel) != BELAY_OK)
        return false;
    cl_int error = clGetKernelWorkGroupInfo(kernel, cl->device, CL_KERNEL_WORK_GROUP_SIZE,
                                            sizeof(most), &most, NULL);
    clReleaseKernel(kernel);
    // Some releases of Mesa's rusticl say 32 of every kernel and run more: the test decides there.
    return error == CL_SUCCESS && (most >= items_of(t) || most < SMALLEST_GROUP);
}

static bool test_tile(struct belay_cl *cl, struct state *s, int tile)
{
    s->forced = tile + 1;
    belay_status status = belay_cl_gemm_test(cl, &belay_cl_gemm_tiled, s);
    s->forced = 0;
    if (status == BELAY_OK)
        return true;
    belay_say(cl->log, BELAY_LOG_WARN,
              "%s: products by 'tiled' with tiles of %u x %u are switched off (%s)",
              cl->info.select, (unsigned) tiles[tile].m, (unsigned) tiles[tile].n, cl->log->last);
    return false;
}

static bool usable(struct belay_cl *cl, struct state *s, int tile)
{
    if (s->tile_state[tile] == TILE_NEW) {
        s->tile_state[tile] = TILE_TESTING;
        bool good = group_fits(cl, s, tile) && test_tile(cl, s, tile);
        s->tile_state[tile] = good ? TILE_GOOD : TILE_OFF;
    }
    return s->tile_state[tile] != TILE_OFF;
}

// The largest tile that leaves enough groups for the device and wastes little at the edges.
static int wanted_tile(struct belay_cl *cl, const struct belay_gemm *g)
{
    const uint64_t others = batches_of(g), enough = cl->dev->profile.compute_units;
    if (g->m <= 16 && g->n > 32)
        return 2;
    if (g->n <= 16 && g->m > 32)
        return 3;
    for (int i = 0; i < 2; i++) {
        const struct tile *t = &tiles[i];
        const uint64_t groups =
            ceil_div((size_t) g->m, t->m) * ceil_div((size_t) g->n, t->n) * others;
        if (g->m > t->m / 2 && g->n > t->n / 2 && groups >= (i == 0 ? 2 * enough : enough))
            return i;
    }
    return SMALLEST;
}

static belay_status choose_tile(struct belay_cl *cl, struct state *s, const struct belay_gemm *g,
                                int *out)
{
    *out = s->forced - 1;
    if (s->forced)
        return BELAY_OK;
    for (int i = wanted_tile(cl, g); i < NUM_TILES; i++) {
        *out = i;
        if (usable(cl, s, i))
            return BELAY_OK;
    }
    return belay_fail(cl->log, BELAY_ERR_DEVICE, "%s (%s): no tile of the products by 'tiled' "
                      "works on this driver", cl->info.select, cl->info.name);
}

// A matrix times a vector: which one is the matrix, and along what it lies.
static bool is_vector(const struct belay_gemm *g)
{
    return g->batch_rank == 0 && (g->m == 1 || g->n == 1);
}

static enum kind kind_of(const struct state *s, const struct belay_gemm *g)
{
    if (s->forced || !is_vector(g))
        return KIND_TILED;
    const int64_t count = g->n == 1 ? g->m : g->n;
    const bool along_k = g->n == 1 ? !g->ta : g->tb;
    if (along_k)
        return KIND_DOT;
    // A long chain an element wants many elements; else the chunks of the tiled form.
    return count >= 1024 || g->k <= 256 ? KIND_COLUMN : KIND_TILED;
}

static void drop_kernel(struct belay_cl_launch *l)
{
    if (l->kernel)
        clReleaseKernel(l->kernel);
    l->kernel = NULL;
}

static void tiled_destroy(struct belay_cl *cl, void *state, struct belay_cl_product *p)
{
    drop_kernel(&p->main);
    drop_kernel(&p->sum);
    belay_free(p);
}

// The tile is chosen for the first call, the largest, and stays: nothing is built in a run.
static belay_status make_kernels(struct belay_cl *cl, struct state *s, const struct belay_gemm *g,
                                 struct belay_cl_product *p)
{
    static const char *const names[] = { "gemm_tiled", "gemm_tiled_dot", "gemm_tiled_column" };
    const enum kind kind = kind_of(s, g);
    if (p->main.kernel && (p->kind == kind || p->kind == KIND_TILED))
        return BELAY_OK;
    drop_kernel(&p->main);
    BELAY_TRY(choose_tile(cl, s, g, &p->tile));
    p->kind = kind;
    return belay_cl_kernel(cl, s->program[p->tile], names[kind], &p->main.kernel);
}

// ---- Arguments ----

static void set_range(struct belay_cl_launch *l, size_t groups, size_t local)
{
    l->dims = 1;
    l->global[0] = groups * local;
    l->local[0] = local;
    l->skip = groups == 0;
}

static belay_status bind_vector(struct belay_cl *cl, const struct belay_cl_gemm_call *call,
                                struct belay_cl_product *p)
{
    const struct belay_gemm *g = &call->g;
    const bool a_is_matrix = g->n == 1;
    const uint64_t count = (uint64_t) (a_is_matrix ? g->m : g->n);
    struct belay_cl_args a = { .kernel = p->main.kernel };
    p->sum.skip = true;
    set_range(&p->main, p->kind == KIND_DOT ? (size_t) count : ceil_div((size_t) count, DOT), DOT);
    belay_cl_arg_mem(&a, call->c);
    belay_cl_arg_mem(&a, a_is_matrix ? call->a : call->b);
    belay_cl_arg_mem(&a, a_is_matrix ? call->b : call->a);
    belay_cl_arg_uint(&a, count);
    belay_cl_arg_uint(&a, (uint64_t) g->k);
    belay_cl_arg_scale(&a, g->alpha, g->beta);
    return belay_cl_check(cl, a.error, "clSetKernelArg of gemm_tiled");
}

static belay_status bind_sum(struct belay_cl *cl, struct state *s,
                             const struct belay_cl_gemm_call *call, uint64_t count, cl_uint splits,
                             cl_mem parts, struct belay_cl_product *p)
{
    const struct belay_gemm *g = &call->g;
    if (!p->sum.kernel)
        BELAY_TRY(belay_cl_kernel(cl, s->program[p->tile], "gemm_tiled_sum", &p->sum.kernel));
    set_range(&p->sum, ceil_div((size_t) count, SMALLEST_GROUP), SMALLEST_GROUP);
    struct belay_cl_args a = { .kernel = p->sum.kernel };
    belay_cl_arg_mem(&a, call->c);
    belay_cl_arg_mem(&a, parts);
    belay_cl_arg_uint(&a, count);
    belay_cl_arg_uint(&a, splits);
    belay_cl_arg_scale(&a, g->alpha, g->beta);
    return belay_cl_check(cl, a.error, "clSetKernelArg of gemm_tiled_sum");
}

static belay_status set_tiled(struct belay_cl *cl, const struct belay_cl_gemm_call *call,
                              cl_mem parts,
                              const struct belay_cl_batch *batch, cl_uint splits, cl_uint chunk,
                              struct belay_cl_product *p)
{
    const struct belay_gemm *g = &call->g;
    struct belay_cl_args a = { .kernel = p->main.kernel };
    belay_cl_arg_mem(&a, splits > 1 ? parts : call->c);
    belay_cl_arg_mem(&a, call->a);
    belay_cl_arg_mem(&a, call->b);
    belay_cl_arg_sizes(&a, g, g->k);
    belay_cl_arg_uint(&a, splits);
    belay_cl_arg_uint(&a, chunk);
    belay_cl_arg_uint(&a, batch->count);
    belay_cl_arg_scale(&a, splits > 1 ? 1 : g->alpha, splits > 1 ? 0 : g->beta);
    belay_cl_arg_batch(&a, batch);
    return belay_cl_check(cl, a.error, "clSetKernelArg of gemm_tiled");
}

// Bytes of the partial sums: at most 128 tiles of 32 x 32.
static size_t parts_of(const struct belay_gemm *g)
{
    cl_uint chunk;
    const cl_uint splits = belay_cl_gemm_splits(g, &chunk);
    return splits > 1 ? (size_t) (g->m * g->n) * (size_t) batches_of(g) * splits * sizeof(float)
                      : 0;
}

static belay_status tiled_needs(struct belay_cl *cl, const struct belay_gemm *g, size_t *bytes)
{
    static const struct state any = { .forced = 0 };
    *bytes = g->m == 0 || g->n == 0 || kind_of(&any, g) != KIND_TILED ? 0 : parts_of(g);
    return BELAY_OK;
}

static belay_status bind_tiled(struct belay_cl *cl, struct state *s,
                               const struct belay_cl_gemm_call *call, struct belay_cl_product *p)
{
    const struct belay_gemm *g = &call->g;
    const struct tile *t = &tiles[p->tile];
    struct belay_cl_batch batch;
    cl_uint chunk;
    const cl_uint splits = belay_cl_gemm_splits(g, &chunk);
    BELAY_TRY(belay_cl_batch_of(cl, g, &batch));
    const uint64_t count = (uint64_t) g->m * (uint64_t) g->n * batch.count;
    const uint64_t groups = ceil_div((size_t) g->m, t->m) * ceil_div((size_t) g->n, t->n) *
                            batch.count * splits;
    if (groups > INT32_MAX)
        return belay_fail(cl->log, BELAY_ERR_UNSUPPORTED,
                          "a batch of products has %llu tiles, 'tiled' counts to 2^31",
                          (unsigned long long) groups);
    cl_mem parts = NULL;
    p->sum.skip = true;
    if (splits > 1) {
        BELAY_TRY(belay_cl_scratch(cl, parts_of(g), &parts));
        BELAY_TRY(bind_sum(cl, s, call, count, splits, parts, p));
    }
    set_range(&p->main, (size_t) groups, items_of(t));
    return set_tiled(cl, call, parts, &batch, splits, chunk, p);
}

static belay_status tiled_bind(struct belay_cl *cl, void *state,
                               const struct belay_cl_gemm_call *call, struct belay_cl_product **out)
{
    if (!*out && !(*out = belay_alloc(sizeof(**out))))
        return belay_fail_nomem(cl->log, sizeof(**out));
    struct belay_cl_product *p = *out;
    const struct belay_gemm *g = &call->g;
    p->main.skip = p->sum.skip = true;
    if (g->m == 0 || g->n == 0 || batches_of(g) == 0)
        return BELAY_OK;
    BELAY_TRY(make_kernels(cl, state, g, p));
    return p->kind == KIND_TILED ? bind_tiled(cl, state, call, p) : bind_vector(cl, call, p);
}

static belay_status tiled_run(struct belay_cl *cl, void *state, struct belay_cl_product *p)
{
    BELAY_TRY(belay_cl_enqueue(cl, &p->main));
    return belay_cl_enqueue(cl, &p->sum);
}

const struct belay_cl_provider belay_cl_gemm_tiled = {
    .name = "tiled",
    .open = tiled_open,
    .close = tiled_close,
    .takes = tiled_takes,
    .needs = tiled_needs,
    .bind = tiled_bind,
    .run = tiled_run,
    .destroy = tiled_destroy,
};
