// The public way to run a graph of one's own.
#include "harness.h"

#include <belay/belay.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static belay_ctx *ctx;


START_TEST(two_inputs_two_outputs_and_their_gradients)
{
    belay_graph *g;
    belay_session *s;
    ck_ok(ctx, belay_graph_create(ctx, false, &g));
    const int64_t dim[2] = { 4, 3 };
    belay_value *x = belay_input(g, "x", BELAY_F32, 2, dim, true);
    belay_value *z = belay_input(g, "z", BELAY_F32, 2, dim, true);
    belay_value *w = belay_param(g, "w", 1, (const int64_t[]){ 3 });
    belay_value *a = belay_mul(g, x, w), *b = belay_add(g, a, z);
    belay_value *loss = belay_sum(g, belay_mul(g, b, b), 0, NULL, false), *dw;
    ck_ok(ctx, belay_gradients(g, loss, 1, &w, &dw));
    belay_value *const outputs[3] = { a, loss, dw };
    ck_ok(ctx, belay_session_create(ctx, g, 3, outputs, &s));
    const float xs[6] = { 1, 2, 3, 4, 5, 6 }, zs[6] = { 1, 1, 1, 1, 1, 1 }, ws[3] = { 1, 0, 2 };
    float got_a[12], got_loss, got_dw[3], want_dw[3] = { 0 }, want = 0;
    size_t count;
    ck_ok(ctx, belay_session_set(s, x, xs, 2));
    ck_ok(ctx, belay_session_set(s, z, zs, 2));
    ck_ok(ctx, belay_session_set(s, w, ws, 0));
    ck_ok(ctx, belay_session_run(s, 2));
    ck_ok(ctx, belay_session_get(s, a, got_a, 12, &count));
    ck_assert_uint_eq(count, 6);
    ck_ok(ctx, belay_session_get(s, loss, &got_loss, 1, NULL));
    ck_ok(ctx, belay_session_get(s, dw, got_dw, 3, NULL));
    for (size_t i = 0; i < 6; i++) {
        float y = xs[i] * ws[i % 3] + 1;
        ck_assert_float_eq(got_a[i], xs[i] * ws[i % 3]);
        want += y * y;
        want_dw[i % 3] += 2 * y * xs[i];
    }
    ck_assert_float_eq_tol(got_loss, want, 1e-4f);
    for (int i = 0; i < 3; i++)
        ck_assert_float_eq_tol(got_dw[i], want_dw[i], 1e-4f);
    ck_assert_ptr_nonnull(strstr(belay_session_plan(s), "kernels"));
    belay_session_destroy(&s);
    belay_graph_destroy(&g);
}
END_TEST

START_TEST(wrong_calls_are_named)
{
    belay_graph *g;
    belay_session *s;
    float data[12] = { 0 };
    ck_ok(ctx, belay_graph_create(ctx, false, &g));
    belay_value *x = belay_input(g, "x", BELAY_F32, 2, (const int64_t[]){ 4, 3 }, true);
    belay_value *y = belay_exp(g, x), *hidden = belay_exp(g, y);
    ck_ok(ctx, belay_session_create(ctx, g, 1, &y, &s));
    ck_assert_int_eq(belay_session_get(s, y, data, 12, NULL), BELAY_ERR_ARG);
    ck_assert_int_eq(belay_session_set(s, x, data, 5), BELAY_ERR_ARG);
    ck_assert_ptr_nonnull(strstr(belay_ctx_error(ctx), "5 rows"));
    ck_assert_int_eq(belay_session_set(s, y, data, 4), BELAY_ERR_ARG);
    ck_ok(ctx, belay_session_set(s, x, data, 4));
    ck_ok(ctx, belay_session_run(s, 4));
    ck_assert_int_eq(belay_session_get(s, hidden, data, 12, NULL), BELAY_ERR_ARG);
    ck_assert_int_eq(belay_session_get(s, y, data, 11, NULL), BELAY_ERR_ARG);
    ck_assert_ptr_nonnull(strstr(belay_ctx_error(ctx), "12 elements"));
    belay_session_destroy(&s);
    belay_graph_destroy(&g);
}
END_TEST

// ---- A product and what comes behind it ----

enum { ROWS = 37, IN = 29, OUT = 45 };

struct layer {
    belay_value *x, *w, *b, *side, *column, *out[4];
};

// Two layers whose element-wise work uses all layouts; out[1] is read again, so it is kept.
static void build_layers(belay_graph *g, bool nt, struct layer *l)
{
    const int64_t rows_in[2] = { ROWS, IN }, rows_out[2] = { ROWS, OUT };
    const int64_t w[2] = { nt ? OUT : IN, nt ? IN : OUT }, bias[1] = { OUT };
    const int64_t column[2] = { ROWS, 1 };
    belay_value *loss, *of[2], *d[2];
    l->x = belay_input(g, "x", BELAY_F32, 2, rows_in, true);
    l->side = belay_input(g, "side", BELAY_F32, 2, rows_out, true);
    l->column = belay_input(g, "column", BELAY_F32, 2, column, true);
    l->w = belay_param(g, "w", 2, w);
    l->b = belay_param(g, "b", 1, bias);
    belay_value *z = belay_add(g, belay_matmul(g, l->x, l->w, false, nt), l->b);
    belay_value *h = belay_relu(g, belay_mul(g, z, l->column));
    belay_value *again = belay_matmul(g, belay_tanh(g, h), l->w, false, !nt); // [ROWS, IN]
    l->out[0] = belay_add(g, h, belay_mul(g, l->side, belay_scalar(g, 0.5)));
    l->out[1] = belay_add(g, belay_tanh(g, again), l->x); // x is an operand of a product too
    loss = belay_sum(g, belay_mul(g, l->out[1], again), 0, NULL, false);
    of[0] = l->w;
    of[1] = l->b;
    ck_ok(ctx, belay_gradients(g, loss, 2, of, d));
    l->out[2] = d[0];
    l->out[3] = d[1];
}

static void fill_numbers(float *out, size_t count, int salt)
{
    for (size_t i = 0; i < count; i++)
        out[i] = (float) ((i * 131 + (size_t) salt * 71) % 101) * 0.004f - 0.2f;
}

static void run_layers(const char *device, const char *fusion, bool nt, int64_t rows, float *got,
                       size_t *count)
{
    belay_graph *g;
    belay_session *s;
    struct layer l;
    float x[ROWS * IN], side[ROWS * OUT], column[ROWS], w[IN * OUT], b[OUT];
    if (device)
        setenv("BELAY_DEVICE", device, 1);
    if (fusion)
        setenv("BELAY_FUSION", fusion, 1);
    belay_ctx *before = ctx;
    ck_assert_int_eq(belay_ctx_create(NULL, &ctx), BELAY_OK);
    fill_numbers(x, ROWS * IN, 1);
    fill_numbers(side, ROWS * OUT, 2);
    fill_numbers(column, ROWS, 3);
    fill_numbers(w, IN * OUT, 4);
    fill_numbers(b, OUT, 5);
    ck_ok(ctx, belay_graph_create(ctx, false, &g));
    build_layers(g, nt, &l);
    ck_ok(ctx, belay_session_create(ctx, g, 4, l.out, &s));
    ck_ok(ctx, belay_session_set(s, l.x, x, rows));
    ck_ok(ctx, belay_session_set(s, l.side, side, rows));
    ck_ok(ctx, belay_session_set(s, l.column, column, rows));
    ck_ok(ctx, belay_session_set(s, l.w, w, 0));
    ck_ok(ctx, belay_session_set(s, l.b, b, 0));
    ck_ok(ctx, belay_session_run(s, rows));
    *count = 0;
    for (int i = 0; i < 4; i++) {
        size_t num;
        ck_ok(ctx, belay_session_get(s, l.out[i], got + *count, ROWS * (IN + OUT), &num));
        *count += num;
    }
    belay_session_destroy(&s);
    belay_graph_destroy(&g);
    belay_ctx_destroy(&ctx);
    ctx = before;
    unsetenv("BELAY_FUSION");
}

START_TEST(work_behind_products_is_the_same_apart_joined_and_on_the_host)
{
    static float want[8 * ROWS * (IN + OUT)], apart[8 * ROWS * (IN + OUT)],
        joined[8 * ROWS * (IN + OUT)];
    const int64_t rows[2] = { ROWS, 5 };
    size_t num_want, num_apart, num_joined;
    const char *device = getenv("BELAY_DEVICE");
    char kept[128] = "opencl";
    if (device)
        strncpy(kept, device, sizeof(kept) - 1);
    for (int i = 0; i < 4; i++) {
        run_layers("host", NULL, i % 2, rows[i / 2], want, &num_want);
        run_layers(kept, "0", i % 2, rows[i / 2], apart, &num_apart);
        run_layers(kept, NULL, i % 2, rows[i / 2], joined, &num_joined);
        ck_assert_uint_eq(num_want, num_joined);
        ck_assert_uint_eq(num_want, num_apart);
        for (size_t k = 0; k < num_want; k++) {
            ck_assert_float_eq_tol(apart[k], want[k], 1e-5f * (1 + fabsf(want[k])));
            ck_assert_float_eq_tol(joined[k], want[k], 1e-5f * (1 + fabsf(want[k])));
        }
    }
    if (!device)
        unsetenv("BELAY_DEVICE");
}
END_TEST

static Suite *suite_session(void)
{
    Suite *s = suite_create("session");
    TCase *tc = tcase_create("session");
    tcase_set_timeout(tc, 120);
    tcase_add_test(tc, two_inputs_two_outputs_and_their_gradients);
    tcase_add_test(tc, wrong_calls_are_named);
    tcase_add_test(tc, work_behind_products_is_the_same_apart_joined_and_on_the_host);
    suite_add_tcase(s, tc);
    return s;
}

int main(void)
{
    if (belay_ctx_create(NULL, &ctx) != BELAY_OK)
        return EXIT_FAILURE;
    int result = harness_main(suite_session, NULL);
    belay_ctx_destroy(&ctx);
    return result;
}
