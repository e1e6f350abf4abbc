// Products by CLBlast: the only file that sees it.
//
// Its known faults are walked round: never the strided batch (wrong results), buffers always at
// offset 0 (an offset forces copies), GEMMK 1 only with MWG equal to NWG (corrupts memory in
// 1.5.3), no events, a temporary buffer that is kept. Its database knows no CPU driver, so on CPUs
// its parameters are overridden.
#include <clblast_c.h>

#include <string.h>

#include "base/mem.h"
#include "device/opencl/gemm.h"

struct belay_cl_product {
    struct belay_gemm g;
    cl_mem a, b, c;
    cl_mem temp;
    bool skip;
};

static const char *const xgemm_names[16] = { "GEMMK", "KREG",  "KWG",  "KWI", "MDIMA", "MDIMC",
                                             "MWG",   "NDIMB", "NDIMC", "NWG", "SA",    "SB",
                                             "STRM",  "STRN",  "VWM",  "VWN" };

// Two ways to write vectors: explicit ones of the device's width with few work-items (PoCL), or scalar
// code that the driver makes wide over 8 work-items (Intel's runtime, which is ten times slower with
// explicit ones). Small tiles: what they have together stays in registers. docs/performance.md has
// the figures, and what else was tried.
static const size_t xgemm_explicit_16[16] = { 1, 1, 1, 1, 2, 2, 64, 8, 8, 64, 0, 0, 0, 0, 16, 1 };
static const size_t xgemm_explicit_8[16] = { 1, 1, 1, 1, 1, 1, 16, 4, 4, 16, 0, 0, 0, 0, 8, 1 };
static const size_t xgemm_explicit_4[16] = { 1, 1, 1, 1, 2, 2, 32, 2, 2, 32, 0, 0, 0, 0, 4, 1 };
static const size_t xgemm_scalar[16] = { 1, 1, 1, 1, 8, 8, 8, 1, 1, 8, 0, 0, 0, 0, 1, 1 };

static belay_status check(struct belay_cl *cl, CLBlastStatusCode code, const char *call)
{
    if (code == CLBlastSuccess)
        return BELAY_OK;
    bool memory = code == CLBlastTempBufferAllocFailure || code == CLBlastOpenCLOutOfHostMemory;
    return belay_fail(cl->log, memory ? BELAY_ERR_NOMEM : BELAY_ERR_DEVICE,
                      "%s (%s): %s: CLBlast status %d", cl->info.select, cl->info.name, call,
                      (int) code);
}

// A driver that makes vectors of neighbouring work-items itself wants more of them than the
// vector width side by side: its preferred group size tells.
static bool driver_vectorizes(struct belay_cl *cl)
{
    cl_program program;
    cl_kernel kernel;
    size_t multiple = 0;
    if (belay_cl_program_file(cl, "gemm_plain", NULL, &program) != BELAY_OK ||
        belay_cl_kernel(cl, program, "gemm_plain", &kernel) != BELAY_OK)
        return false;
    clGetKernelWorkGroupInfo(kernel, cl->device, CL_KERNEL_PREFERRED_WORK_GROUP_SIZE_MULTIPLE,
                             sizeof(multiple), &multiple, NULL);
    clReleaseKernel(kernel);
    return multiple > 2 * cl->dev->profile.float_width;
}

static const size_t *cpu_parameters(struct belay_cl *cl)
{
    if (driver_vectorizes(cl))
        return xgemm_scalar;
    if (cl->dev->profile.float_width >= 16)
        return xgemm_explicit_16;
    return cl->dev->profile.float_width >= 8 ? xgemm_explicit_8 : xgemm_explicit_4;
}

static belay_status override(struct belay_cl *cl, const char *kernel, size_t num,
                             const char *const *names, const size_t *values)
{
    const char *copy[16];
    memcpy(copy, names, num * sizeof(*names));
    return check(cl,
                 CLBlastOverrideParameters(cl->device, kernel, CLBlastPrecisionSingle, num, copy,
                                           values),
                 "CLBlastOverrideParameters");
}

static belay_status clblast_open(struct belay_cl *cl, void **state)
{
    static const char *const routine_names[] = { "XGEMM_MIN_INDIRECT_SIZE" };
    static const size_t always_indirect[] = { 1 };
    if (!cl->dev->profile.cpu)
        return BELAY_OK; // its database is right for GPUs
    BELAY_TRY(override(cl, "Xgemm", 16, xgemm_names, cpu_parameters(cl)));
    return override(cl, "GemmRoutine", 1, routine_names, always_indirect);
}

static void clblast_close(struct belay_cl *cl, void *state)
{
}

static bool clblast_takes(const struct belay_cl *cl, const struct belay_gemm *g)
{
    return g->batch_rank == 0 && g->k > 0;
}

static CLBlastTranspose transpose(bool t)
{
    return t ? CLBlastTransposeYes : CLBlastTransposeNo;
}

static size_t lead(bool t, int64_t rows, int64_t columns)
{
    return (size_t) (t ? rows : columns);
}

static belay_status temp_size(struct belay_cl *cl, const struct belay_gemm *g, size_t *bytes)
{
    return check(cl,
                 CLBlastSGemmTempBufferSize(CLBlastLayoutRowMajor, transpose(g->ta),
                                            transpose(g->tb), (size_t) g->m, (size_t) g->n,
                                            (size_t) g->k, 0, lead(g->ta, g->m, g->k), 0,
                                            lead(g->tb, g->k, g->n), 0, (size_t) g->n, &cl->queue,
                                            bytes),
                 "CLBlastSGemmTempBufferSize");
}

// It depends on the parameters in use.
static belay_status clblast_needs(struct belay_cl *cl, const struct belay_gemm *g, size_t *bytes)
{
    void *state;
    if (g->m == 0 || g->n == 0)
        return BELAY_OK;
    BELAY_TRY(clblast_open(cl, &state));
    return temp_size(cl, g, bytes);
}

static belay_status make_temp(struct belay_cl *cl, struct belay_cl_product *p)
{
    size_t size = 0;
    BELAY_TRY(temp_size(cl, &p->g, &size));
    return belay_cl_scratch(cl, size, &p->temp);
}

static belay_status clblast_bind(struct belay_cl *cl, void *state,
                                 const struct belay_cl_gemm_call *call,
                                 struct belay_cl_product **out)
{
    if (!*out && !(*out = belay_alloc(sizeof(**out))))
        return belay_fail_nomem(cl->log, sizeof(**out));
    struct belay_cl_product *p = *out;
    p->g = call->g;
    p->a = call->a;
    p->b = call->b;
    p->c = call->c;
    p->skip = p->g.m == 0 || p->g.n == 0;
    return p->skip ? BELAY_OK : make_temp(cl, p);
}

static belay_status clblast_run(struct belay_cl *cl, void *state, struct belay_cl_product *p)
{
    const struct belay_gemm *g = &p->g;
    if (p->skip)
        return BELAY_OK;
    double from = 0;
    BELAY_TRY(belay_cl_timing_begin(cl, &from));
    cl->dev->counters.launches++;
    CLBlastStatusCode code = CLBlastSgemmWithTempBuffer(
        CLBlastLayoutRowMajor, transpose(g->ta), transpose(g->tb), (size_t) g->m, (size_t) g->n,
        (size_t) g->k, g->alpha, p->a, 0, lead(g->ta, g->m, g->k), p->b, 0,
        lead(g->tb, g->k, g->n), g->beta, p->c, 0, (size_t) g->n, &cl->queue, NULL,
        p->temp);
    BELAY_TRY(check(cl, code, "CLBlastSgemm"));
    return belay_cl_timing_end(cl, from);
}

static void clblast_destroy(struct belay_cl *cl, void *state, struct belay_cl_product *p)
{
    belay_free(p);
}

const struct belay_cl_provider belay_cl_gemm_clblast = {
    .name = "clblast",
    .open = clblast_open,
    .close = clblast_close,
    .takes = clblast_takes,
    .needs = clblast_needs,
    .bind = clblast_bind,
    .run = clblast_run,
    .destroy = clblast_destroy,
};
