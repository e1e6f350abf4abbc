// Graphs, gradients, passes, fusion, plans and programs.
#include "harness.h"

#include <math.h>
#include <string.h>

#include "base/mem.h"
#include "base/rng.h"
#include "base/str.h"
#include "device/program.h"

static struct belay_log test_log = { .fn = harness_print };
static struct belay_device *device, *host;

static belay_graph *new_graph(void)
{
    belay_graph *g;
    ck_log_ok(&test_log, belay_graph_new(&test_log, true, &g));
    return g;
}

static belay_value *input(belay_graph *g, const char *name, int rank, int64_t a, int64_t b)
{
    return belay_input(g, name, BELAY_F32, rank, (const int64_t[]){ a, b }, false);
}

static struct belay_program *make_program(struct belay_device *dev, const struct belay_plan *plan,
                                          bool poison)
{
    const struct belay_program_params params = { dev, plan, NULL, poison };
    struct belay_program *p;
    ck_log_ok(&test_log, belay_program_create(&params, &p));
    ck_log_ok(&test_log, belay_program_ready(p));
    return p;
}

static struct belay_plan *make_plan(const belay_graph *g, bool fusion, bool reuse)
{
    const struct belay_plan_params params = { .no_fusion = !fusion, .no_reuse = !reuse,
                                              .align = device->align > 64 ? device->align : 64 };
    struct belay_plan *plan;
    ck_log_ok(&test_log, belay_plan_create(&test_log, g, &params, &plan));
    ck_log_ok(&test_log, belay_plan_verify(&test_log, plan));
    return plan;
}

// ---- builders ----

START_TEST(the_first_error_sticks_and_names_both_shapes)
{
    struct belay_log silent = { 0 };
    belay_graph *g;
    ck_log_ok(&silent, belay_graph_new(&silent, true, &g));
    belay_value *a = input(g, "a", 2, 3, 4), *b = input(g, "b", 2, 5, 6);
    ck_assert_ptr_null(belay_add(g, a, b));
    ck_assert_ptr_null(belay_relu(g, NULL));
    ck_assert_ptr_null(belay_mul(g, a, a));
    ck_assert_int_eq(belay_graph_check(g), BELAY_ERR_SHAPE);
    ck_assert_ptr_nonnull(strstr(silent.last, "[3, 4]"));
    ck_assert_ptr_nonnull(strstr(silent.last, "[5, 6]"));
    belay_graph_destroy(&g);
}
END_TEST

START_TEST(a_parameter_of_the_same_name_is_shared)
{
    belay_graph *g = new_graph();
    belay_value *a = belay_param(g, "w", 1, (const int64_t[]){ 3 });
    ck_assert_ptr_eq(a, belay_param(g, "w", 1, (const int64_t[]){ 3 }));
    ck_assert_ptr_ne(a, belay_param(g, "v", 1, (const int64_t[]){ 3 }));
    belay_graph_destroy(&g);
}
END_TEST

// ---- passes ----

static size_t live_nodes(const belay_graph *g)
{
    size_t n = 0;
    for (size_t i = 0; i < g->num_nodes; i++)
        n += !g->nodes[i]->dead;
    return n;
}

START_TEST(equal_nodes_are_joined_and_unused_ones_dropped)
{
    belay_graph *g = new_graph();
    belay_value *a = input(g, "a", 2, 3, 4);
    belay_value *x = belay_exp(g, a), *y = belay_exp(g, a);
    (void) belay_sqrt(g, x);
    belay_graph_output(g, belay_add(g, x, y), "out");
    ck_log_ok(&test_log, belay_graph_optimize(g));
    ck_assert_uint_eq(live_nodes(g), 2);
    belay_graph_destroy(&g);
}
END_TEST

START_TEST(a_loss_and_its_gradient_become_one_node_and_a_factor_of_one_none)
{
    belay_graph *g = new_graph();
    belay_value *x = input(g, "x", 2, 3, 4), *dx;
    belay_value *target = belay_input(g, "t", BELAY_I32, 1, (const int64_t[]){ 3 }, false);
    belay_value *loss = belay_cross_entropy(g, x, target);
    ck_log_ok(&test_log, belay_gradient(g, loss, 1, &x, &dx));
    belay_graph_output(g, loss, "loss");
    belay_graph_output(g, belay_exp(g, dx), "dx");
    ck_log_ok(&test_log, belay_graph_optimize(g));
    ck_assert_uint_eq(live_nodes(g), 2);
    ck_assert_str_eq(loss->node->op->name, "cross_entropy_with_grad");
    ck_assert(!loss->node->dead && loss->node->y[2]->node == loss->node);
    belay_graph_destroy(&g);
}
END_TEST

START_TEST(two_dropouts_are_never_joined)
{
    belay_graph *g = new_graph();
    belay_value *a = input(g, "a", 2, 3, 4);
    belay_value *x = belay_dropout(g, a, 0.5, "one"), *y = belay_dropout(g, a, 0.5, "two");
    belay_graph_output(g, belay_add(g, x, y), "out");
    ck_log_ok(&test_log, belay_graph_optimize(g));
    size_t masks = 0;
    for (size_t i = 0; i < g->num_nodes; i++)
        masks += !g->nodes[i]->dead && strcmp(g->nodes[i]->op->name, "dropout_mask") == 0;
    ck_assert_uint_eq(masks, 2);
    belay_graph_destroy(&g);
}
END_TEST

// The gradient of a mean repeats what reaches it, which may be a number that two numbers make.
START_TEST(a_number_that_is_read_from_memory_is_not_folded)
{
    belay_graph *g = new_graph();
    belay_value *x = input(g, "x", 1, 4, 0), *dx;
    belay_value *mean = belay_mean(g, belay_mul(g, x, x), 0, NULL, false);
    belay_value *loss = belay_mul(g, belay_div(g, mean, belay_scalar(g, 2)), belay_scalar(g, 3));
    ck_log_ok(&test_log, belay_gradient(g, loss, 1, &x, &dx));
    belay_graph_output(g, dx, "dx");
    ck_log_ok(&test_log, belay_graph_optimize(g));
    for (size_t i = 0; i < g->num_nodes; i++)
        for (int k = 0; k < g->nodes[i]->num_x; k++)
            ck_assert(g->nodes[i]->dead || g->nodes[i]->op->eval ||
                      g->nodes[i]->x[k]->kind != BELAY_VALUE_SCALAR);
    belay_graph_destroy(&g);
}
END_TEST

START_TEST(numbers_are_folded)
{
    belay_graph *g = new_graph();
    belay_value *a = input(g, "a", 1, 4, 0);
    belay_value *two = belay_add(g, belay_scalar(g, 1), belay_scalar(g, 1));
    belay_value *y = belay_graph_output(g, belay_mul(g, a, two), "y");
    ck_log_ok(&test_log, belay_graph_optimize(g));
    ck_assert_uint_eq(live_nodes(g), 1);
    struct belay_plan *plan = make_plan(g, true, true);
    struct belay_program *p = make_program(device, plan, false);
    float in[4] = { 1, 2, 3, 4 }, out[4];
    ck_log_ok(&test_log, belay_program_set(p, a, in, 0));
    ck_log_ok(&test_log, belay_program_run(p, 0));
    ck_log_ok(&test_log, belay_program_get(p, y, out, 0));
    for (int i = 0; i < 4; i++)
        ck_assert_float_eq(out[i], 2 * in[i]);
    belay_program_destroy(&p);
    belay_plan_destroy(&plan);
    belay_graph_destroy(&g);
}
END_TEST

START_TEST(a_chain_becomes_one_kernel_and_a_diamond_through_a_product_does_not)
{
    belay_graph *g = new_graph();
    belay_value *a = input(g, "a", 2, 4, 4);
    belay_value *e = belay_exp(g, a);
    belay_value *m = belay_matmul(g, e, a, false, false);
    // add reads exp both directly and through the product: it cannot join exp's kernel.
    belay_graph_output(g, belay_relu(g, belay_add(g, m, e)), "out");
    ck_log_ok(&test_log, belay_graph_optimize(g));
    struct belay_plan *plan = make_plan(g, true, true);
    ck_assert_int_eq(plan->num_groups, 3);
    ck_assert_int_eq(plan->groups[2].num_nodes, 2);
    belay_plan_destroy(&plan);
    belay_graph_destroy(&g);
}
END_TEST

// ---- random graphs ----

#define POOL 64

struct random_graph {
    belay_graph *g;
    belay_value *in[3], *out[4], *pool[POOL];
    int num_pool;
    struct belay_rng rng;
};

static belay_value *pick(struct random_graph *r)
{
    return r->pool[belay_rng_below(&r->rng, (uint32_t) r->num_pool)];
}

// Values stay near 1: everything is squashed.
static belay_value *random_node(struct random_graph *r)
{
    belay_graph *g = r->g;
    belay_value *a = pick(r), *b = pick(r);
    switch (belay_rng_below(&r->rng, 11)) {
    case 0:
        return belay_add(g, belay_tanh(g, a), b);
    case 1:
        return belay_mul(g, belay_sigmoid(g, a), b);
    case 2:
        return belay_sub(g, a, belay_scalar(g, 0.25));
    case 3:
        return belay_tanh(g, belay_matmul(g, a, b, false, true));
    case 4:
        return belay_softmax(g, a, -1);
    case 5:
        return belay_mul(g, a, belay_mean(g, b, 1, (const int[]){ 1 }, true));
    case 6:
        return belay_permute(g, a, 2, (const int[]){ 1, 0 });
    case 7:
        return belay_tanh(g, belay_reshape(g, belay_reshape(g, a, 1, (const int64_t[]){ 49 }), 2,
                                           (const int64_t[]){ 7, 7 }));
    case 8: {
        belay_value *both[2] = { belay_slice(g, a, 0, 0, 3, 1), belay_slice(g, b, 0, 3, 7, 1) };
        return belay_concat(g, 2, both, 0);
    }
    case 9:
        return belay_maximum(g, a, b);
    default:
        return belay_add(g, a, belay_sum(g, b, 1, (const int[]){ 0 }, false));
    }
}

static void make_random(struct random_graph *r, uint64_t seed)
{
    memset(r, 0, sizeof(*r));
    r->g = new_graph();
    belay_rng_init(&r->rng, seed, 7);
    for (int i = 0; i < 3; i++)
        r->pool[r->num_pool++] = r->in[i] = input(r->g, "in", 2, 7, 7);
    int nodes = 6 + (int) belay_rng_below(&r->rng, 30);
    for (int i = 0; i < nodes; i++)
        r->pool[r->num_pool++] = belay_tanh(r->g, random_node(r));
    belay_value *last = r->pool[r->num_pool - 1], *grads[3];
    belay_value *loss = belay_mean(r->g, belay_mul(r->g, last, last), 0, NULL, false);
    ck_log_ok(&test_log, belay_gradient(r->g, loss, 3, r->in, grads));
    r->out[3] = belay_graph_output(r->g, loss, "loss");
    for (int i = 0; i < 3; i++)
        r->out[i] = grads[i] ? belay_graph_output(r->g, grads[i], "grad") : NULL;
    ck_log_ok(&test_log, belay_graph_optimize(r->g));
}

static void run_random(struct random_graph *r, struct belay_device *dev, bool fusion, bool reuse,
                       float out[4][49])
{
    struct belay_plan *plan = make_plan(r->g, fusion, reuse);
    struct belay_program *p = make_program(dev, plan, true);
    struct belay_rng rng;
    float data[49];
    belay_rng_init(&rng, 5, 9);
    for (int i = 0; i < 3; i++) {
        for (int k = 0; k < 49; k++)
            data[k] = (float) belay_rng_normal(&rng);
        if (belay_program_buf(p, r->in[i]))
            ck_log_ok(&test_log, belay_program_set(p, r->in[i], data, 0));
    }
    memset(out, 0, 4 * sizeof(*out));
    // Twice: what one run leaves behind must not matter to the next.
    ck_log_ok(&test_log, belay_program_run(p, 0));
    ck_log_ok(&test_log, belay_program_run(p, 0));
    for (int i = 0; i < 4; i++)
        if (r->out[i])
            ck_log_ok(&test_log, belay_program_get(p, r->out[i], out[i], 0));
    belay_program_destroy(&p);
    belay_plan_destroy(&plan);
}

static void check_near(float a[4][49], float b[4][49], float tolerance, uint64_t seed)
{
    for (int i = 0; i < 4; i++) {
        float scale = 1e-3f;
        for (int k = 0; k < 49; k++)
            scale = fabsf(b[i][k]) > scale ? fabsf(b[i][k]) : scale;
        for (int k = 0; k < 49; k++)
            ck_assert_msg(fabsf(a[i][k] - b[i][k]) <= tolerance * scale,
                          "graph %d, output %d[%d]: %g, want %g", (int) seed, i, k, a[i][k],
                          b[i][k]);
    }
}

START_TEST(memory_reuse_changes_no_bit_and_fusion_little)
{
    // Each brings kernels of its own, which the driver compiles.
    const uint64_t seeds = getenv("BELAY_TEST_QUICK") ? 4 : 24;
    for (uint64_t seed = 0; seed < seeds; seed++) {
        struct random_graph r;
        float plain[4][49], reused[4][49], fused[4][49], reference[4][49];
        make_random(&r, seed);
        run_random(&r, device, false, false, plain);
        run_random(&r, device, false, true, reused);
        run_random(&r, device, true, true, fused);
        run_random(&r, host, true, true, reference);
        ck_assert_msg(memcmp(plain, reused, sizeof(plain)) == 0, "graph %d: reuse changed bits",
                      (int) seed);
        check_near(fused, plain, 1e-5f, seed);
        check_near(fused, reference, 1e-4f, seed);
        belay_graph_destroy(&r.g);
    }
}
END_TEST

// ---- sums in the kernel of what is summed ----

static const struct {
    int64_t x[3], b[3]; // the second one broadcasts
    int num;
    int axes[3];
    bool mean, keepdim, fits;
} sum_cases[] = {
    { { 1, 33, 70 }, { 1, 1, 70 }, 1, { 1 }, false, false, true },   // bias gradient
    { { 1, 33, 70 }, { 1, 33, 1 }, 1, { 2 }, true, true, true },     // along rows
    { { 4, 130, 19 }, { 1, 130, 19 }, 1, { 1 }, true, false, true }, // with outer lines
    { { 5, 3, 2049 }, { 5, 1, 2049 }, 1, { 2 }, false, false, true },
    { { 3, 7, 65 }, { 3, 7, 65 }, 3, { 0, 1, 2 }, true, false, true },
    { { 6, 5, 17 }, { 1, 1, 17 }, 2, { 0, 1 }, false, false, true },
    { { 6, 5, 17 }, { 6, 5, 17 }, 2, { 0, 2 }, false, false, false }, // two runs of axes
    { { 1, 600, 3 }, { 1, 1, 3 }, 1, { 1 }, false, false, false },    // too long for one item
};
#define NUM_SUM_CASES (sizeof(sum_cases) / sizeof(sum_cases[0]))

struct sum_run {
    belay_graph *g;
    belay_value *x, *b, *y, *chain;
};

static struct sum_run make_sum(size_t i, bool keep_chain)
{
    struct sum_run r = { .g = new_graph() };
    r.x = belay_input(r.g, "x", BELAY_F32, 3, sum_cases[i].x, false);
    r.b = belay_input(r.g, "b", BELAY_F32, 3, sum_cases[i].b, false);
    belay_value *c = belay_exp(r.g, belay_mul(r.g, r.x, r.b));
    belay_value *y = (sum_cases[i].mean ? belay_mean : belay_sum)(
        r.g, c, sum_cases[i].num, sum_cases[i].axes, sum_cases[i].keepdim);
    r.y = belay_graph_output(r.g, y, "y");
    r.chain = keep_chain ? belay_graph_output(r.g, c, "chain") : NULL;
    ck_log_ok(&test_log, belay_graph_optimize(r.g));
    return r;
}

static int run_sum(const struct sum_run *r, struct belay_device *dev, bool fusion, float *y,
                   float *chain)
{
    static float data[1 << 16];
    struct belay_plan *plan = make_plan(r->g, fusion, true);
    struct belay_program *p = make_program(dev, plan, true);
    int groups = plan->num_groups;
    for (size_t i = 0; i < sizeof(data) / sizeof(data[0]); i++)
        data[i] = (float) ((i * 37) % 101) / 101 - 0.4f;
    ck_log_ok(&test_log, belay_program_set(p, r->x, data, 0));
    ck_log_ok(&test_log, belay_program_set(p, r->b, data + 11, 0));
    ck_log_ok(&test_log, belay_program_run(p, 0));
    ck_log_ok(&test_log, belay_program_get(p, r->y, y, 0));
    if (r->chain)
        ck_log_ok(&test_log, belay_program_get(p, r->chain, chain, 0));
    belay_program_destroy(&p);
    belay_plan_destroy(&plan);
    return groups;
}

START_TEST(a_sum_is_made_in_the_kernel_of_its_chain)
{
    static float y[3][1 << 15], chain[3][1 << 15];
    for (size_t i = 0; i < NUM_SUM_CASES; i++) {
        for (int keep = 0; keep < 2; keep++) {
            struct sum_run r = make_sum(i, keep);
            int64_t count = belay_shape_count(&r.y->shape), all = belay_shape_count(&r.x->shape);
            ck_assert_int_eq(run_sum(&r, device, false, y[0], chain[0]), 3);
            ck_assert_int_eq(run_sum(&r, device, true, y[1], chain[1]), sum_cases[i].fits ? 1 : 2);
            run_sum(&r, host, true, y[2], chain[2]);
            for (int64_t k = 0; k < count; k++)
                for (int other = 0; other < 3; other += 2)
                    ck_assert_msg(fabsf(y[1][k] - y[other][k]) <= 2e-6f * fabsf(y[other][k]),
                                  "case %d, sum %d: %g, want %g", (int) i, (int) k, y[1][k],
                                  y[other][k]);
            for (int64_t k = 0; k < all && keep; k++)
                ck_assert_float_eq_tol(chain[1][k], chain[2][k], 1e-6f);
            belay_graph_destroy(&r.g);
        }
    }
}
END_TEST

// ---- rows at run time ----

START_TEST(fewer_rows_give_what_a_smaller_batch_gives)
{
    belay_graph *g = new_graph();
    belay_value *x = belay_input(g, "x", BELAY_F32, 2, (const int64_t[]){ 9, 5 }, true);
    belay_value *w = input(g, "w", 2, 3, 5), *b = input(g, "b", 1, 3, 0);
    belay_value *h = belay_relu(g, belay_linear(g, x, w, b)), *dw;
    belay_value *loss = belay_mean(g, belay_mul(g, h, h), 0, NULL, false);
    ck_log_ok(&test_log, belay_gradient(g, loss, 1, &w, &dw));
    belay_value *out = belay_graph_output(g, loss, "loss");
    dw = belay_graph_output(g, dw, "dw");
    ck_log_ok(&test_log, belay_graph_optimize(g));
    struct belay_plan *plan = make_plan(g, true, true);
    struct belay_program *p = make_program(device, plan, false);
    float xs[45], ws[15], bs[3] = { 0.5f, 0.25f, -0.125f };
    for (int i = 0; i < 45; i++)
        xs[i] = (float) ((i * 7) % 11) / 8 - 0.5f;
    for (int i = 0; i < 15; i++)
        ws[i] = (float) ((i * 5) % 7) / 8 - 0.25f;
    ck_log_ok(&test_log, belay_program_set(p, x, xs, 9));
    ck_log_ok(&test_log, belay_program_set(p, w, ws, 0));
    ck_log_ok(&test_log, belay_program_set(p, b, bs, 0));
    for (int rows = 9; rows >= 1; rows -= 4) {
        float got, grad[15], want_grad[15] = { 0 };
        double want = 0;
        ck_log_ok(&test_log, belay_program_run(p, rows));
        ck_log_ok(&test_log, belay_program_get(p, out, &got, 0));
        ck_log_ok(&test_log, belay_program_get(p, dw, grad, 0));
        for (int r = 0; r < rows; r++) {
            for (int o = 0; o < 3; o++) {
                double y = bs[o];
                for (int k = 0; k < 5; k++)
                    y += xs[r * 5 + k] * ws[o * 5 + k];
                y = y > 0 ? y : 0;
                want += y * y / (rows * 3);
                for (int k = 0; k < 5; k++)
                    want_grad[o * 5 + k] += (float) (2 * y * xs[r * 5 + k] / (rows * 3));
            }
        }
        ck_assert_float_eq_tol(got, (float) want, 1e-5f);
        for (int i = 0; i < 15; i++)
            ck_assert_float_eq_tol(grad[i], want_grad[i], 1e-5f);
    }
    belay_program_destroy(&p);
    belay_plan_destroy(&plan);
    belay_graph_destroy(&g);
}
END_TEST

START_TEST(nothing_is_built_or_allocated_after_the_first_run)
{
    struct random_graph r;
    make_random(&r, 3);
    struct belay_plan *plan = make_plan(r.g, true, true);
    struct belay_program *p = make_program(device, plan, false);
    ck_log_ok(&test_log, belay_program_run(p, 0));
    ck_log_ok(&test_log, belay_device_finish(device));
    struct belay_counters before = device->counters;
    int64_t host_allocs = belay_alloc_count();
    for (int i = 0; i < 5; i++)
        ck_log_ok(&test_log, belay_program_run(p, 0));
    ck_log_ok(&test_log, belay_device_finish(device));
    ck_assert_uint_eq(device->counters.builds, before.builds);
    ck_assert_uint_eq(device->counters.allocs, before.allocs);
    ck_assert_int_eq(belay_alloc_count(), host_allocs);
    belay_program_destroy(&p);
    belay_plan_destroy(&plan);
    belay_graph_destroy(&r.g);
}
END_TEST

static Suite *suite_graph(void)
{
    Suite *s = suite_create("graph");
    TCase *tc = tcase_create("graph");
    tcase_set_timeout(tc, 300);
    tcase_add_test(tc, the_first_error_sticks_and_names_both_shapes);
    tcase_add_test(tc, a_parameter_of_the_same_name_is_shared);
    tcase_add_test(tc, equal_nodes_are_joined_and_unused_ones_dropped);
    tcase_add_test(tc, a_loss_and_its_gradient_become_one_node_and_a_factor_of_one_none);
    tcase_add_test(tc, two_dropouts_are_never_joined);
    tcase_add_test(tc, a_number_that_is_read_from_memory_is_not_folded);
    tcase_add_test(tc, numbers_are_folded);
    tcase_add_test(tc, a_chain_becomes_one_kernel_and_a_diamond_through_a_product_does_not);
    tcase_add_test(tc, memory_reuse_changes_no_bit_and_fusion_little);
    tcase_add_test(tc, a_sum_is_made_in_the_kernel_of_its_chain);
    tcase_add_test(tc, fewer_rows_give_what_a_smaller_batch_gives);
    tcase_add_test(tc, nothing_is_built_or_allocated_after_the_first_run);
    suite_add_tcase(s, tc);
    return s;
}

int main(void)
{
    if (belay_device_open(&test_log, NULL, 0, &device) != BELAY_OK ||
        belay_device_open(&test_log, "host", 0, &host) != BELAY_OK)
        return EXIT_FAILURE;
    int result = harness_main(suite_graph, NULL);
    belay_device_close(&device);
    belay_device_close(&host);
    return result;
}
