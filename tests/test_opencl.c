// The OpenCL backend: choosing devices, memory, the queue, products of every provider.
#include <math.h>
#include <string.h>

#include <belay/context.h>

#include "base/mem.h"
#include "device/opencl/gemm.h"
#include "harness.h"

static struct belay_log test_log;
static struct belay_device *dev;

static void set_variable(const char *name, const char *value)
{
    if (value)
        setenv(name, value, 1);
    else
        unsetenv(name);
}

// BELAY_DEVICE when it names an OpenCL device.
static const char *spec(void)
{
    const char *named = getenv("BELAY_DEVICE");
    return named && strncmp(named, "opencl", 6) == 0 ? named : "opencl";
}

static void open_device(void)
{
    ck_log_ok(&test_log, belay_device_open(&test_log, spec(), 0, &dev));
}

static void close_device(void)
{
    belay_device_close(&dev);
}

// ---- Choosing ----

static belay_status try_open(const char *spec)
{
    struct belay_device *d = NULL;
    belay_status status = belay_device_open(&test_log, spec, 0, &d);
    ck_assert((status == BELAY_OK) == (d != NULL));
    belay_device_close(&d);
    return status;
}

static void check_refused(const char *spec, const char *text)
{
    ck_status_is(&test_log, try_open(spec), BELAY_ERR_NO_DEVICE);
    ck_assert_msg(strstr(test_log.last, text), "'%s' does not say '%s'", test_log.last, text);
}

START_TEST(the_string_of_a_device_opens_it_again)
{
    char select[64];
    open_device();
    strcpy(select, dev->select);
    close_device();
    ck_log_ok(&test_log, belay_device_open(&test_log, select, 0, &dev));
    ck_assert_str_eq(dev->select, select);
    ck_assert_uint_gt(dev->align, 0);
    ck_assert_uint_gt(dev->max_alloc, 0);
    close_device();
}
END_TEST

START_TEST(a_number_and_part_of_a_name_open_a_device)
{
    char name[140] = "opencl:";
    struct belay_cl_entry *list = NULL;
    size_t count = 0, fits = 0;
    ck_log_ok(&test_log, belay_cl_find(&test_log, &list, &count));
    ck_assert_uint_gt(count, 0);
    ck_log_ok(&test_log, try_open("opencl:0"));
    for (size_t i = 0; i < count; i++)
        fits += strcmp(list[i].info.name, list[0].info.name) == 0;
    for (size_t i = 0; list[0].info.name[i]; i++) // in capitals: case says nothing
        name[7 + i] = (char) (list[0].info.name[i] >= 'a' && list[0].info.name[i] <= 'z'
                                  ? list[0].info.name[i] - 32
                                  : list[0].info.name[i]);
    ck_status_is(&test_log, try_open(name), fits == 1 ? BELAY_OK : BELAY_ERR_NO_DEVICE);
    belay_free(list);
}
END_TEST

START_TEST(a_device_that_is_not_there_is_refused_with_the_list)
{
    check_refused("opencl:nobody makes this", "opencl:0:0 = ");
    check_refused("opencl:99", "no such device");
    check_refused("opencl:7:7", "no such device");
    check_refused("opencl:accelerator", "no usable device of this kind");
    check_refused("vulkan", "want host, opencl");
    check_refused("hosts", "want host, opencl");
}
END_TEST

START_TEST(a_name_that_fits_several_devices_is_refused)
{
    struct belay_cl_entry list[2] = { { 0 } };
    size_t index = 9;
    for (int i = 0; i < 2; i++) {
        snprintf(list[i].info.select, sizeof(list[i].info.select), "opencl:0:%d", i);
        snprintf(list[i].info.name, sizeof(list[i].info.name), "Card %d", i);
        snprintf(list[i].info.kind, sizeof(list[i].info.kind), "gpu");
        list[i].type = CL_DEVICE_TYPE_GPU;
        list[i].info.usable = true;
    }
    list[1].info.best = true;
    ck_status_is(&test_log, belay_cl_select(&test_log, list, 2, "card", &index),
                 BELAY_ERR_NO_DEVICE);
    ck_assert(strstr(test_log.last, "several devices fit"));
    ck_assert(strstr(test_log.last, "opencl:0:0 = Card 0"));
    ck_assert(strstr(test_log.last, "opencl:0:1 = Card 1"));
    ck_log_ok(&test_log, belay_cl_select(&test_log, list, 2, "card 0", &index));
    ck_assert_uint_eq(index, 0);
    ck_log_ok(&test_log, belay_cl_select(&test_log, list, 2, "gpu", &index));
    ck_assert_uint_eq(index, 1);
    ck_log_ok(&test_log, belay_cl_select(&test_log, list, 2, "0:1", &index));
    ck_assert_uint_eq(index, 1);
    ck_log_ok(&test_log, belay_cl_select(&test_log, list, 2, NULL, &index));
    ck_assert_uint_eq(index, 1);
    list[0].info.usable = false;
    ck_status_is(&test_log, belay_cl_select(&test_log, list, 2, "0:0", &index),
                 BELAY_ERR_NO_DEVICE);
    ck_status_is(&test_log, belay_cl_select(&test_log, list, 0, NULL, &index),
                 BELAY_ERR_NO_DEVICE);
    ck_assert(strstr(test_log.last, "BELAY_DEVICE=host"));
}
END_TEST

START_TEST(a_forced_profile_must_be_one)
{
    const char *before = getenv("BELAY_PROFILE");
    char *kept = before ? belay_strdup(before) : NULL;
    set_variable("BELAY_PROFILE", "gpu");
    open_device();
    ck_assert(!dev->profile.cpu);
    close_device();
    set_variable("BELAY_PROFILE", "tpu");
    ck_status_is(&test_log, try_open(spec()), BELAY_ERR_ARG);
    set_variable("BELAY_PROFILE", kept);
    belay_free(kept);
}
END_TEST

START_TEST(the_context_lists_all_devices_and_the_host)
{
    belay_ctx *ctx = NULL;
    belay_device_info *list = NULL;
    size_t count = 0, best = 0;
    ck_assert_int_eq(belay_ctx_create(NULL, &ctx), BELAY_OK);
    ck_ok(ctx, belay_device_list(ctx, &list, &count));
    ck_assert_uint_ge(count, 2);
    ck_assert_str_eq(list[count - 1].select, "host");
    for (size_t i = 0; i < count; i++)
        best += list[i].best;
    ck_assert_uint_eq(best, 1);
    ck_assert_str_eq(belay_ctx_device(ctx), "");
    belay_device_list_free(&list);
    ck_assert_ptr_null(list);
    belay_ctx_destroy(&ctx);
}
END_TEST

// ---- Memory and queue ----

enum { COUNT = 1000 };

static void fill(float *data, int count, float start)
{
    for (int i = 0; i < count; i++)
        data[i] = start + (float) i;
}

START_TEST(bytes_go_in_and_out_and_between_buffers)
{
    float data[COUNT], back[COUNT];
    struct belay_buf a = { 0 }, b = { 0 };
    fill(data, COUNT, 1);
    ck_log_ok(&test_log, belay_buf_create(dev, sizeof(data), 0, &a));
    ck_log_ok(&test_log, belay_buf_create(dev, sizeof(data), BELAY_BUF_HOST_VISIBLE, &b));
    ck_log_ok(&test_log, belay_buf_read(dev, &a, 0, back, sizeof(back)));
    for (int i = 0; i < COUNT; i++)
        ck_assert_float_eq(back[i], 0);
    ck_log_ok(&test_log, belay_buf_write(dev, &a, 0, data, sizeof(data), true));
    ck_log_ok(&test_log, belay_buf_copy(dev, &a, 40, &b, 80, 400));
    ck_log_ok(&test_log, belay_buf_zero(dev, &b, 84, 4));
    ck_log_ok(&test_log, belay_buf_zero(dev, &b, 91, 1));
    ck_log_ok(&test_log, belay_buf_read(dev, &b, 0, back, sizeof(back)));
    ck_assert_float_eq(back[19], 0);
    ck_assert_float_eq(back[20], data[10]);
    ck_assert_float_eq(back[21], 0);
    ck_assert_float_ne(back[22], data[12]);
    ck_assert_float_eq(back[119], data[109]);
    ck_assert_float_eq(back[120], 0);
    belay_buf_destroy(dev, &a);
    belay_buf_destroy(dev, &b);
    belay_buf_destroy(dev, &b);
    ck_assert_uint_eq(dev->allocated, 0);
}
END_TEST

START_TEST(views_of_views_see_their_parents_memory)
{
    float data[COUNT], back[4];
    struct belay_buf a = { 0 }, v = { 0 }, w = { 0 };
    const size_t step = dev->align;
    fill(data, COUNT, 5);
    ck_log_ok(&test_log, belay_buf_create(dev, sizeof(data), 0, &a));
    ck_log_ok(&test_log, belay_buf_write(dev, &a, 0, data, sizeof(data), false));
    ck_log_ok(&test_log, belay_buf_view(dev, &a, step, 3 * step, &v));
    ck_log_ok(&test_log, belay_buf_view(dev, &v, step, step, &w));
    ck_log_ok(&test_log, belay_buf_read(dev, &w, 0, back, sizeof(back)));
    ck_assert_float_eq(back[0], data[2 * step / sizeof(float)]);
    ck_log_ok(&test_log, belay_buf_zero(dev, &w, 0, 8));
    ck_log_ok(&test_log, belay_buf_read(dev, &a, 2 * step, back, sizeof(back)));
    ck_assert_float_eq(back[1], 0);
    ck_assert_float_eq(back[2], data[2 * step / sizeof(float) + 2]);
    belay_buf_destroy(dev, &w);
    belay_buf_destroy(dev, &v);
    ck_assert_uint_eq(dev->allocated, sizeof(data));
    belay_buf_destroy(dev, &a);
}
END_TEST

START_TEST(a_map_sees_all_work_before_it_and_later_work_waits_for_its_end)
{
    float data[COUNT], back[COUNT];
    struct belay_buf a = { 0 }, snapshot = { 0 };
    const void *map;
    fill(data, COUNT, 7);
    ck_log_ok(&test_log, belay_buf_create(dev, sizeof(data), 0, &a));
    ck_log_ok(&test_log, belay_buf_create(dev, sizeof(data), BELAY_BUF_HOST_VISIBLE, &snapshot));
    for (int round = 0; round < 5; round++) {
        data[0] = (float) round;
        ck_log_ok(&test_log, belay_buf_write(dev, &a, 0, data, sizeof(data), false));
        ck_log_ok(&test_log, belay_buf_copy(dev, &a, 0, &snapshot, 0, sizeof(data)));
        ck_log_ok(&test_log, belay_buf_map(dev, &snapshot, sizeof(data), &map));
        ck_assert(memcmp(map, data, sizeof(data)) == 0);
        ck_log_ok(&test_log, belay_buf_zero(dev, &a, 0, sizeof(data)));
        ck_log_ok(&test_log, belay_device_finish(dev));
        ck_assert(memcmp(map, data, sizeof(data)) == 0);
        ck_log_ok(&test_log, belay_buf_unmap(dev, &snapshot, map));
        ck_log_ok(&test_log, belay_buf_copy(dev, &a, 0, &snapshot, 0, sizeof(data)));
        ck_log_ok(&test_log, belay_buf_read(dev, &snapshot, 0, back, sizeof(back)));
        ck_assert_float_eq(back[3], 0);
    }
    belay_buf_destroy(dev, &a);
    belay_buf_destroy(dev, &snapshot);
}
END_TEST

START_TEST(marks_can_be_waited_for_even_long_after)
{
    struct belay_buf a = { 0 };
    uint64_t token[200];
    ck_log_ok(&test_log, belay_buf_create(dev, 4096, 0, &a));
    for (int i = 0; i < 200; i++) {
        ck_log_ok(&test_log, belay_buf_zero(dev, &a, 0, 4096));
        ck_log_ok(&test_log, belay_device_mark(dev, &token[i]));
        ck_assert(i == 0 || token[i] > token[i - 1]);
    }
    ck_log_ok(&test_log, belay_device_wait(dev, token[3]));
    ck_log_ok(&test_log, belay_device_wait(dev, token[199]));
    ck_log_ok(&test_log, belay_device_wait(dev, token[199]));
    ck_log_ok(&test_log, belay_device_wait(dev, token[150]));
    belay_buf_destroy(dev, &a);
}
END_TEST

START_TEST(more_memory_than_allowed_is_refused_with_the_sizes)
{
    struct belay_device *small = NULL;
    struct belay_buf a = { 0 }, b = { 0 };
    ck_log_ok(&test_log, belay_device_open(&test_log, spec(), 1 << 20, &small));
    ck_log_ok(&test_log, belay_buf_create(small, 600000, 0, &a));
    ck_status_is(&test_log, belay_buf_create(small, 500000, 0, &b), BELAY_ERR_NOMEM);
    ck_assert(strstr(test_log.last, "500000"));
    ck_assert(strstr(test_log.last, "600000"));
    ck_assert(strstr(test_log.last, "1048576"));
    belay_buf_destroy(small, &a);
    ck_log_ok(&test_log, belay_buf_create(small, 500000, 0, &b));
    belay_buf_destroy(small, &b);
    belay_device_close(&small);
}
END_TEST

START_TEST(an_injected_error_comes_at_its_call_and_sticks)
{
    struct belay_buf a = { 0 };
    uint64_t token;
    ck_log_ok(&test_log, belay_buf_create(dev, 64, 0, &a));
    belay_device_fail_at(dev, 2);
    ck_log_ok(&test_log, belay_buf_zero(dev, &a, 0, 64));
    ck_log_ok(&test_log, belay_device_flush(dev));
    ck_status_is(&test_log, belay_buf_zero(dev, &a, 0, 64), BELAY_ERR_DEVICE);
    ck_assert_int_eq(dev->failed, BELAY_ERR_DEVICE);
    ck_status_is(&test_log, belay_device_mark(dev, &token), BELAY_ERR_DEVICE);
    belay_buf_destroy(dev, &a);
}
END_TEST

// ---- Products ----

enum { GUARD = 64 };

struct product_case {
    bool ta, tb;
    int m, n, k;
    float alpha, beta;
    int batch[2];       // outer, inner; 0: none
    bool a_same, b_same; // one operand for all
};
static const struct product_case product_cases[] = {
    { false, false, 1, 1, 1, 1, 0, { 0 }, false, false },
    { false, false, 64, 32, 48, 1, 0, { 0 }, false, false },
    { false, false, 65, 33, 17, 1, 0, { 0 }, false, false },
    { false, false, 5, 200, 3, -2, 1, { 0 }, false, false },
    { false, false, 130, 513, 514, 1, 0, { 0 }, false, false }, // panels
    { false, true, 64, 10, 128, 1, 0, { 0 }, false, false },
    { false, true, 13, 7, 5, 0.5f, 0.25f, { 0 }, false, false },
    { false, true, 300, 256, 257, 1, 0, { 0 }, false, false }, // panels
    { true, false, 10, 128, 64, 1, 0, { 0 }, false, false },
    { true, false, 31, 47, 29, 3, -1, { 0 }, false, false },
    { true, true, 33, 17, 65, 1, 0, { 0 }, false, false },
    { true, true, 6, 16, 8, 1, 0, { 0 }, false, false },
    // Several blocks along k, rows and columns, each transposed or not, continued over C.
    { false, false, 67, 37, 701, 1, 0, { 0 }, false, false },
    { false, true, 67, 37, 701, 2, 0.5f, { 0 }, false, false },
    { true, false, 67, 37, 701, 1, 1, { 0 }, false, false },
    { true, true, 67, 37, 701, -1, 0, { 0 }, false, false },
    { false, false, 513, 530, 515, 1, 2, { 0 }, false, false },
    { true, true, 513, 530, 515, 1, 0, { 0 }, false, false },
    // Long k, little C: parts along k.
    { false, false, 3, 5, 5000, 1, 0, { 0 }, false, false },
    { false, true, 9, 17, 2100, 2, 1, { 0 }, false, false },
    { true, false, 10, 31, 4097, 1, 0, { 0 }, false, false },
    { false, true, 2, 3, 3001, 1, 0.5f, { 0 }, false, false },
    { true, true, 1, 1, 4096, 1, 0, { 0 }, false, false },
    // A row, a column, a few of them.
    { false, false, 1, 301, 77, 1, 0, { 0 }, false, false },
    { false, true, 1, 301, 77, 1, 1, { 0 }, false, false },
    { true, false, 300, 1, 77, 1, 0, { 0 }, false, false },
    { false, false, 300, 1, 77, 2, 1, { 0 }, false, false },
    { true, false, 2, 130, 333, 1, 0, { 0 }, false, false },
    { true, true, 3, 130, 333, 1, 0, { 0 }, false, false },
    { false, false, 4, 67, 9, 1, 0, { 0 }, false, false },
    { true, true, 21, 19, 340, 1, 1, { 5, 0 }, false, false },
    { false, false, 7, 9, 11, 1, 0, { 3, 2 }, false, false },
    { false, true, 5, 6, 9, 1, 0, { 2, 3 }, true, false },
    { true, false, 9, 17, 4, 1, 0, { 4, 0 }, false, true },
    { true, true, 3, 5, 7, 1, 0, { 2, 2 }, false, true },
    { true, false, 70, 40, 1500, 2, 0.5f, { 0 }, false, false },  // k in chunks
    { false, true, 5, 9, 1030, 1, 0, { 3, 0 }, false, true },
    { false, false, 1, 77, 130, 1, 0, { 0 }, false, false },      // vectors
    { false, true, 1, 77, 130, -1, 2, { 0 }, false, false },
    { false, false, 77, 1, 130, 1, 0, { 0 }, false, false },
    { true, false, 77, 1, 300, 1, 1, { 0 }, false, false },
    { true, false, 1, 1, 999, 1, 0, { 0 }, false, false },
    { false, false, 16, 100, 20, 1, 0, { 0 }, false, false },     // low, narrow
    { false, true, 100, 9, 20, 1, 1, { 0 }, false, false },
    { true, true, 129, 200, 33, 1, 0, { 3, 2 }, true, true },     // large tiles
    { false, false, 4, 5, 0, 1, 0, { 0 }, false, false },
    { false, false, 0, 5, 3, 1, 0, { 0 }, false, false },
};

static float pseudo(int64_t i, int salt)
{
    return (float) ((i * 131 + salt * 71) % 101 - 50) * 0.02f;
}

struct operands {
    float *a, *b, *c;
    int64_t na, nb, nc;
    struct belay_buf mem[3];
};

static void make_operand(float **data, struct belay_buf *mem, int64_t count, int salt)
{
    *data = belay_alloc_array((size_t) count + GUARD, sizeof(float));
    for (int64_t i = 0; i < count; i++)
        (*data)[i] = pseudo(i, salt);
    for (int64_t i = 0; i < GUARD; i++) // NAN behind B must not come in
        (*data)[count + i] = salt == 3 ? 1000 + (float) i : NAN;
    size_t size = ((size_t) count + GUARD) * sizeof(float);
    ck_log_ok(&test_log, belay_buf_create(dev, size, 0, mem));
    ck_log_ok(&test_log, belay_buf_write(dev, mem, 0, *data, size, true));
}

static void describe(const struct product_case *t, struct belay_gemm *g, struct operands *o)
{
    int64_t batches = 1;
    *g = (struct belay_gemm){ .ta = t->ta, .tb = t->tb, .m = t->m, .n = t->n, .k = t->k,
                              .alpha = t->alpha, .beta = t->beta };
    for (int i = 0; i < 2 && t->batch[i]; i++)
        g->batch_dim[g->batch_rank++] = t->batch[i];
    int64_t sa = (int64_t) t->m * t->k, sb = (int64_t) t->k * t->n;
    for (int i = g->batch_rank - 1; i >= 0; i--) {
        g->a_stride[i] = t->a_same ? 0 : sa * batches;
        g->b_stride[i] = t->b_same ? 0 : sb * batches;
        batches *= g->batch_dim[i];
    }
    o->na = t->a_same ? sa : sa * batches;
    o->nb = t->b_same ? sb : sb * batches;
    o->nc = (int64_t) t->m * t->n * batches;
}

static double want_at(const struct product_case *t, const struct operands *o, int64_t at)
{
    int64_t per = (int64_t) t->m * t->n, q = at / per, i = at % per / t->n, j = at % t->n;
    const float *a = o->a + (t->a_same ? 0 : q * t->m * t->k);
    const float *b = o->b + (t->b_same ? 0 : q * t->k * t->n);
    double sum = 0;
    for (int64_t p = 0; p < t->k; p++)
        sum += (double) (t->ta ? a[p * t->m + i] : a[i * t->k + p]) *
               (t->tb ? b[j * t->k + p] : b[p * t->n + j]);
    return t->alpha * sum + (t->beta != 0 ? t->beta * (double) o->c[at] : 0);
}

static void check_product(const struct product_case *t, const struct operands *o,
                          const char *provider)
{
    size_t size = ((size_t) o->nc + GUARD) * sizeof(float);
    float *got = belay_alloc(size);
    ck_log_ok(&test_log, belay_buf_read(dev, &o->mem[2], 0, got, size));
    for (int64_t i = 0; i < o->nc + GUARD; i++) {
        double want = i < o->nc ? want_at(t, o, i) : (double) o->c[i];
        ck_assert_msg(fabs(want - (double) got[i]) <= 1e-4 * (1 + fabs(want)),
                      "%s: %s%s %d x %d x %d, element %lld of %lld: %g, want %g",
                      provider, t->ta ? "t" : "n", t->tb ? "t" : "n",
                      t->m, t->n, t->k, (long long) i, (long long) o->nc, (double) got[i], want);
    }
    belay_free(got);
}

// `provider`: which one it must be, NULL: any.
static void run_product(const struct product_case *t, const char *provider)
{
    struct operands o = { 0 };
    struct belay_cl_gemm_call call;
    struct belay_cl_gemm_slot slot = { 0 };
    describe(t, &call.g, &o);
    make_operand(&o.a, &o.mem[0], o.na, 1);
    make_operand(&o.b, &o.mem[1], o.nb, 2);
    make_operand(&o.c, &o.mem[2], o.nc, 3);
    if (t->beta == 0) // C is not read then
        ck_log_ok(&test_log, belay_buf_zero(dev, &o.mem[2], 0, (size_t) o.nc * sizeof(float)));
    call.a = belay_cl_mem(&o.mem[0]);
    call.b = belay_cl_mem(&o.mem[1]);
    call.c = belay_cl_mem(&o.mem[2]);
    ck_log_ok(&test_log, belay_cl_gemm_bind(belay_cl_of(dev), &slot, &call));
    ck_log_ok(&test_log, belay_cl_gemm_run(belay_cl_of(dev), &slot));
    if (provider)
        ck_assert_str_eq(belay_cl_gemm_name(&slot), provider);
    check_product(t, &o, belay_cl_gemm_name(&slot));
    belay_cl_gemm_drop(belay_cl_of(dev), &slot);
    for (int i = 0; i < 3; i++)
        belay_buf_destroy(dev, &o.mem[i]);
    belay_free(o.a);
    belay_free(o.b);
    belay_free(o.c);
}

// What a forced provider leaves to the plain one.
static bool takes(const char *provider, const struct product_case *t)
{
    if (!provider)
        return false;
    if (strcmp(provider, "clblast") == 0)
        return !t->batch[0] && t->k > 0;
    return true;
}

static void run_products(const char *provider)
{
    set_variable("BELAY_GEMM", provider);
    open_device();
    for (size_t i = 0; i < sizeof(product_cases) / sizeof(product_cases[0]); i++)
        run_product(&product_cases[i], takes(provider, &product_cases[i]) ? provider : NULL);
    close_device();
    set_variable("BELAY_GEMM", NULL);
}

START_TEST(products_of_the_plain_provider_are_right)
{
    run_products("plain");
}
END_TEST

START_TEST(products_of_the_cpu_provider_are_right)
{
    run_products("cpu");
}
END_TEST

START_TEST(products_of_the_tiled_provider_are_right)
{
    run_products("tiled");
}
END_TEST

START_TEST(products_of_clblast_are_right)
{
    run_products("clblast");
}
END_TEST

START_TEST(products_of_the_default_are_right)
{
    run_products(NULL);
}
END_TEST

// ---- Choices ----

// The product's bits by each choice that is offered for it.
static void compare_choices(const struct product_case *t)
{
    struct belay_cl *cl = belay_cl_of(dev);
    struct operands o = { 0 };
    struct belay_cl_gemm_call call;
    struct belay_cl_choices choices;
    char class_name[BELAY_CL_CHOICE_TEXT];
    describe(t, &call.g, &o);
    make_operand(&o.a, &o.mem[0], o.na, 1);
    make_operand(&o.b, &o.mem[1], o.nb, 2);
    make_operand(&o.c, &o.mem[2], o.nc, 3);
    const size_t size = (size_t) o.nc * sizeof(float);
    float *first = belay_alloc(size), *next = belay_alloc(size);
    call.a = belay_cl_mem(&o.mem[0]);
    call.b = belay_cl_mem(&o.mem[1]);
    call.c = belay_cl_mem(&o.mem[2]);
    belay_cl_gemm_class(&call.g, class_name);
    ck_log_ok(&test_log, belay_cl_gemm_choices(cl, &call.g, &choices));
    ck_assert(choices.count > 1);
    for (size_t i = 0; i < choices.count; i++) {
        struct belay_cl_gemm_slot slot = { 0 };
        ck_log_ok(&test_log, belay_cl_gemm_choose(cl, class_name, choices.name[i]));
        ck_log_ok(&test_log, belay_buf_write(dev, &o.mem[2], 0, o.c, size, true));
        ck_log_ok(&test_log, belay_cl_gemm_bind(cl, &slot, &call));
        ck_log_ok(&test_log, belay_cl_gemm_run(cl, &slot));
        ck_log_ok(&test_log, belay_buf_read(dev, &o.mem[2], 0, i ? next : first, size));
        belay_cl_gemm_drop(cl, &slot);
        ck_assert_msg(i == 0 || memcmp(first, next, size) == 0, "%s: '%s' differs from '%s'",
                      class_name, choices.name[i], choices.name[0]);
    }
    for (int i = 0; i < 3; i++)
        belay_buf_destroy(dev, &o.mem[i]);
    belay_free(o.a);
    belay_free(o.b);
    belay_free(o.c);
    belay_free(first);
    belay_free(next);
}

START_TEST(all_choices_for_a_product_give_the_same_bits)
{
    static const struct product_case list[] = {
        { false, false, 67, 37, 701, 1, 1, { 0 }, false, false },
        { false, true, 3, 70, 301, 1, 0, { 0 }, false, false },
        { false, true, 205, 131, 601, 0.5f, 1, { 0 }, false, false }, // shares a packed B
    };
    set_variable("BELAY_GEMM", "cpu");
    open_device();
    for (size_t i = 0; i < sizeof(list) / sizeof(list[0]); i++)
        compare_choices(&list[i]);
    ck_status_is(&test_log, belay_cl_gemm_choose(belay_cl_of(dev), "nn 64 64 64", "7x3 fast"),
                 BELAY_ERR_ARG);
    close_device();
    set_variable("BELAY_GEMM", NULL);
}
END_TEST

START_TEST(an_unknown_provider_is_refused)
{
    const struct product_case t = product_cases[0];
    struct belay_cl_gemm_call call = { { .m = t.m, .n = t.n, .k = t.k, .alpha = 1 }, 0, 0, 0 };
    struct belay_cl_gemm_slot slot = { 0 };
    set_variable("BELAY_GEMM", "mkl");
    open_device();
    ck_status_is(&test_log, belay_cl_gemm_bind(belay_cl_of(dev), &slot, &call), BELAY_ERR_ARG);
    close_device();
    set_variable("BELAY_GEMM", NULL);
}
END_TEST

static Suite *suite_select(void)
{
    Suite *s = suite_create("choosing a device");
    TCase *c = tcase_create("select");
    tcase_add_test(c, the_string_of_a_device_opens_it_again);
    tcase_add_test(c, a_number_and_part_of_a_name_open_a_device);
    tcase_add_test(c, a_device_that_is_not_there_is_refused_with_the_list);
    tcase_add_test(c, a_name_that_fits_several_devices_is_refused);
    tcase_add_test(c, a_forced_profile_must_be_one);
    tcase_add_test(c, the_context_lists_all_devices_and_the_host);
    suite_add_tcase(s, c);
    return s;
}

static Suite *suite_memory(void)
{
    Suite *s = suite_create("memory and queue");
    TCase *c = tcase_create("memory");
    tcase_add_checked_fixture(c, open_device, close_device);
    tcase_add_test(c, bytes_go_in_and_out_and_between_buffers);
    tcase_add_test(c, views_of_views_see_their_parents_memory);
    tcase_add_test(c, a_map_sees_all_work_before_it_and_later_work_waits_for_its_end);
    tcase_add_test(c, marks_can_be_waited_for_even_long_after);
    tcase_add_test(c, more_memory_than_allowed_is_refused_with_the_sizes);
    tcase_add_test(c, an_injected_error_comes_at_its_call_and_sticks);
    suite_add_tcase(s, c);
    return s;
}

// A case each, so that CK_RUN_CASE picks one: the simulator cannot run all providers.
static void add_case(Suite *s, const char *name, const TTest *test)
{
    TCase *c = tcase_create(name);
    tcase_set_timeout(c, 300);
    tcase_add_test(c, test);
    suite_add_tcase(s, c);
}

static Suite *suite_products(void)
{
    Suite *s = suite_create("products");
    add_case(s, "plain", products_of_the_plain_provider_are_right);
    add_case(s, "cpu", products_of_the_cpu_provider_are_right);
    add_case(s, "tiled", products_of_the_tiled_provider_are_right);
    add_case(s, "clblast", products_of_clblast_are_right);
    add_case(s, "default", products_of_the_default_are_right);
    add_case(s, "choices", all_choices_for_a_product_give_the_same_bits);
    add_case(s, "unknown", an_unknown_provider_is_refused);
    return s;
}

int main(void)
{
    return harness_main(suite_select, suite_memory, suite_products, NULL);
}
