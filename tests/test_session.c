// The public way to run a graph of one's own.
#include "harness.h"

#include <belay/belay.h>
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

static Suite *suite_session(void)
{
    Suite *s = suite_create("session");
    TCase *tc = tcase_create("session");
    tcase_set_timeout(tc, 120);
    tcase_add_test(tc, two_inputs_two_outputs_and_their_gradients);
    tcase_add_test(tc, wrong_calls_are_named);
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
