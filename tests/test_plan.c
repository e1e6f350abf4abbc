// Plans of random graphs against a checker that knows nothing of lifetimes: it plays the plan
// through, byte by byte, and looks whether everybody still finds what he reads.
#include "harness.h"

#include <string.h>

#include "base/mem.h"
#include "base/rng.h"
#include "device/program.h"
#include "tensor/shape.h"

#define POOL 48
#define SIDE 6
#define COUNT (SIDE * SIDE)
#define OUTPUTS 4

static struct belay_log test_log = { .fn = harness_print };
static struct belay_device *device, *host;

struct random_graph {
    belay_graph *g;
    belay_value *in[3], *out[OUTPUTS], *pool[POOL];
    int num_pool;
    struct belay_rng rng;
};

static belay_value *pick(struct random_graph *r)
{
    // Later ones are likelier: deep graphs beside wide ones.
    uint32_t a = belay_rng_below(&r->rng, (uint32_t) r->num_pool);
    uint32_t b = belay_rng_below(&r->rng, (uint32_t) r->num_pool);
    return r->pool[a > b ? a : b];
}

static belay_value *reshaped(belay_graph *g, belay_value *a)
{
    belay_value *flat = belay_reshape(g, a, 1, (const int64_t[]){ COUNT });
    return belay_reshape(g, belay_exp(g, belay_neg(g, belay_mul(g, flat, flat))), 2,
                         (const int64_t[]){ SIDE, SIDE });
}

static belay_value *random_node(struct random_graph *r)
{
    belay_graph *g = r->g;
    belay_value *a = pick(r), *b = pick(r), *c = pick(r);
    switch (belay_rng_below(&r->rng, 14)) {
    case 0:
        return belay_add(g, belay_tanh(g, a), b);
    case 1:
        return belay_mul(g, belay_sigmoid(g, a), b);
    case 2:
        return belay_relu(g, belay_sub(g, a, belay_scalar(g, 0.25)));
    case 3:
        return belay_matmul(g, a, b, false, true);
    case 4:
        return belay_relu(g, belay_add(g, belay_matmul(g, a, b, true, false), c));
    case 5:
        return belay_softmax(g, a, -1);
    case 6:
        return belay_mul(g, a, belay_mean(g, b, 1, (const int[]){ 1 }, true));
    case 7:
        return belay_permute(g, a, 2, (const int[]){ 1, 0 });
    case 8:
        return reshaped(g, a);
    case 9: {
        belay_value *both[2] = { belay_slice(g, a, 0, 0, 2, 1), belay_slice(g, b, 0, 2, SIDE, 1) };
        return belay_concat(g, 2, both, 0);
    }
    case 10:
        return belay_maximum(g, a, belay_minimum(g, b, c));
    case 11:
        return belay_add(g, a, belay_sum(g, b, 1, (const int[]){ 0 }, false));
    case 12: // a row of b over all rows of b itself
        return belay_mul(g, b, belay_slice(g, b, 0, 1, 2, 1));
    default:
        return belay_log_softmax(g, belay_add(g, a, b), 1);
    }
}

static void make_random(struct random_graph *r, uint64_t seed)
{
    static const int64_t dim[2] = { SIDE, SIDE };
    belay_value *grads[3];
    memset(r, 0, sizeof(*r));
    ck_log_ok(&test_log, belay_graph_new(&test_log, true, &r->g));
    belay_rng_init(&r->rng, seed, 11);
    for (int i = 0; i < 3; i++)
        r->pool[r->num_pool++] = r->in[i] = belay_param(r->g, (const char *[]){ "a", "b", "c" }[i],
                                                        2, dim);
    int nodes = 3 + (int) belay_rng_below(&r->rng, POOL - 3);
    for (int i = 0; i < nodes && r->num_pool < POOL; i++)
        r->pool[r->num_pool++] = belay_tanh(r->g, random_node(r));
    belay_value *last = r->pool[r->num_pool - 1];
    belay_value *loss = belay_mean(r->g, belay_mul(r->g, last, last), 0, NULL, false);
    r->out[3] = belay_graph_output(r->g, last, "last");
    if (seed % 3 != 0) {
        ck_log_ok(&test_log, belay_gradient(r->g, loss, 3, r->in, grads));
        for (int i = 0; i < 3; i++)
            r->out[i] = grads[i] ? belay_graph_output(r->g, grads[i], "grad") : NULL;
    }
    ck_log_ok(&test_log, belay_graph_optimize(r->g));
}

static struct belay_plan *plan_of(const belay_graph *g, bool fusion, bool reuse, size_t align,
                                  size_t max_slab)
{
    const struct belay_plan_params params = { .no_fusion = !fusion, .no_reuse = !reuse,
                                              .align = align, .max_slab = max_slab };
    struct belay_plan *plan;
    ck_log_ok(&test_log, belay_plan_create(&test_log, g, &params, &plan));
    ck_log_ok(&test_log, belay_plan_verify(&test_log, plan));
    return plan;
}

// ---- the checker ----

struct memory { // whose value each byte is
    int **slab;
    const struct belay_plan *plan;
};

static const struct belay_place *arena_place(const struct belay_plan *plan, const belay_value *v)
{
    const struct belay_place *p = belay_plan_place(plan, v);
    return v->kind != BELAY_VALUE_SCALAR && p->kind == BELAY_PLACE_ARENA ? p : NULL;
}

// A view is the value that it looks at.
static int content_of(const belay_value *v)
{
    while (v->kind == BELAY_VALUE_NODE && !v->output && (v->node->op->flags & BELAY_OP_VIEW))
        v = v->node->x[0];
    return v->id;
}

static bool well_placed(const struct belay_plan *plan, const struct belay_place *p, size_t size,
                        size_t max_slab)
{
    return p->slab >= 0 && p->slab < plan->num_slabs && p->offset % plan->align == 0 &&
           p->size >= size && p->offset + size <= plan->slab_sizes[p->slab] &&
           (!max_slab || plan->slab_sizes[p->slab] <= max_slab);
}

static bool reads(const struct belay_group *group, int k)
{
    return group->elementwise || !((group->nodes[0]->op->shape_only >> k) & 1);
}

static bool owns(const struct memory *m, const belay_value *v)
{
    const struct belay_place *p = arena_place(m->plan, v);
    size_t size = belay_plan_value_size(m->plan, v);
    for (size_t i = 0; p && i < size; i++)
        if (m->slab[p->slab][p->offset + i] != content_of(v))
            return false;
    return true;
}

static bool meet(const struct belay_plan *plan, const belay_value *a, const belay_value *b)
{
    const struct belay_place *p = arena_place(plan, a), *q = arena_place(plan, b);
    return p && q && p->slab == q->slab &&
           p->offset < q->offset + belay_plan_value_size(plan, b) &&
           q->offset < p->offset + belay_plan_value_size(plan, a);
}

// A result may lie on an input only element upon element; two results never on each other.
static bool own_places(const struct belay_plan *plan, const struct belay_group *group)
{
    for (int k = 0; k < group->num_y; k++) {
        for (int j = 0; j < k; j++)
            if (meet(plan, group->y[k], group->y[j]))
                return false;
        for (int j = 0; j < group->num_x; j++) {
            const belay_value *x = group->x[j], *y = group->y[k];
            if (!reads(group, j) || !meet(plan, x, y))
                continue;
            if (!group->elementwise || !belay_shape_equal(&x->shape, &group->space->shape) ||
                arena_place(plan, x)->offset != arena_place(plan, y)->offset)
                return false;
        }
    }
    return true;
}

static bool play(struct memory *m, size_t max_slab)
{
    const struct belay_plan *plan = m->plan;
    for (int i = 0; i < plan->num_groups; i++) {
        const struct belay_group *group = &plan->groups[i];
        for (int k = 0; k < group->num_x; k++)
            if (reads(group, k) && !owns(m, group->x[k]))
                return false;
        if (!own_places(plan, group))
            return false;
        for (int k = 0; k < group->num_y; k++) {
            const belay_value *y = group->y[k];
            const struct belay_place *p = arena_place(plan, y);
            size_t size = belay_plan_value_size(plan, y);
            if (p && !well_placed(plan, p, size, max_slab))
                return false;
            for (size_t b = 0; p && b < size; b++)
                m->slab[p->slab][p->offset + b] = y->id;
        }
    }
    return true;
}

static bool holds(const struct belay_plan *plan, size_t max_slab)
{
    struct memory m = { belay_alloc_array((size_t) plan->num_slabs, sizeof(int *)), plan };
    for (int i = 0; i < plan->num_slabs; i++) {
        m.slab[i] = belay_alloc_array(plan->slab_sizes[i], sizeof(int));
        memset(m.slab[i], 0xff, plan->slab_sizes[i] * sizeof(int));
    }
    bool good = play(&m, max_slab);
    for (int i = 0; i < plan->num_slabs; i++)
        belay_free(m.slab[i]);
    belay_free(m.slab);
    return good;
}

START_TEST(nothing_is_overwritten_that_is_still_read)
{
    static const size_t aligns[] = { 64, 256, 4096 };
    const uint64_t seeds = getenv("BELAY_TEST_QUICK") ? 40 : 300;
    int in_place = 0, slabs = 0;
    for (uint64_t seed = 0; seed < seeds; seed++) {
        struct random_graph r;
        make_random(&r, seed);
        for (int way = 0; way < 8; way++) {
            const size_t align = aligns[seed % 3], max = way & 4 ? 2 * 4096 : 0;
            struct belay_plan *plan = plan_of(r.g, way & 1, way & 2, align, max);
            ck_assert_msg(holds(plan, max), "graph %d, way %d", (int) seed, way);
            ck_assert(max || plan->num_slabs <= 1);
            if (way & 2)
                ck_assert_uint_le(plan->arena_size, plan->naive_size);
            in_place += plan->num_in_place;
            slabs += plan->num_slabs > 1;
            belay_plan_destroy(&plan);
        }
        belay_graph_destroy(&r.g);
    }
    ck_assert_int_gt(in_place, 0);
    ck_assert_int_gt(slabs, 0);
}
END_TEST

START_TEST(the_checker_sees_what_is_wrong)
{
    struct random_graph r;
    int caught = 0, tried = 0;
    make_random(&r, 4);
    struct belay_plan *plan = plan_of(r.g, false, true, 64, 0);
    ck_assert(holds(plan, 0));
    for (size_t i = 0; i < r.g->num_values; i++) {
        struct belay_place *p = &plan->places[i];
        for (size_t k = 0; k < i; k++) {
            const struct belay_place *q = &plan->places[k];
            if (p->kind != BELAY_PLACE_ARENA || q->kind != BELAY_PLACE_ARENA ||
                p->first >= q->last || q->first >= p->last || p->offset == q->offset)
                continue;
            const size_t offset = p->offset;
            p->offset = q->offset;
            caught += !holds(plan, 0);
            tried++;
            p->offset = offset;
        }
    }
    ck_assert_int_gt(tried, 10);
    ck_assert_int_eq(caught, tried);
    belay_plan_destroy(&plan);
    belay_graph_destroy(&r.g);
}
END_TEST

START_TEST(results_are_written_over_inputs_that_die_but_not_over_repeated_ones)
{
    static const int64_t dim[2] = { 8, 8 };
    belay_graph *g;
    ck_log_ok(&test_log, belay_graph_new(&test_log, false, &g));
    belay_value *x = belay_param(g, "x", 2, dim);
    belay_value *s = belay_softmax(g, x, 1);           // in the arena
    belay_value *t = belay_tanh(g, s);                 // may lie on s
    belay_value *u = belay_softmax(g, t, 1);
    belay_value *row = belay_sum(g, u, 1, (const int[]){ 0 }, true);
    belay_value *v = belay_mul(g, u, row);             // may lie on u, never on row
    belay_value *w = belay_softmax(g, v, 1);
    belay_graph_output(g, belay_add(g, w, belay_scalar(g, 1)), "out");
    ck_log_ok(&test_log, belay_graph_optimize(g));
    struct belay_plan *plan = plan_of(g, true, true, 64, 0);
    ck_assert_ptr_eq(belay_plan_place(plan, t), belay_plan_place(plan, s));
    ck_assert_ptr_eq(belay_plan_place(plan, v), belay_plan_place(plan, u));
    ck_assert_ptr_ne(belay_plan_place(plan, v), belay_plan_place(plan, row));
    ck_assert(holds(plan, 0));
    belay_plan_destroy(&plan);
    belay_graph_destroy(&g);
}
END_TEST

START_TEST(a_value_larger_than_a_slab_is_refused_with_its_size)
{
    static const int64_t dim[2] = { 64, 64 };
    const struct belay_plan_params params = { .max_slab = 8192 };
    struct belay_log quiet = { 0 };
    struct belay_plan *plan = NULL;
    belay_graph *g;
    ck_log_ok(&test_log, belay_graph_new(&quiet, false, &g));
    belay_value *y = belay_softmax(g, belay_softmax(g, belay_param(g, "x", 2, dim), 1), 1);
    belay_graph_output(g, y, "out");
    ck_log_ok(&quiet, belay_graph_optimize(g));
    ck_assert_int_eq(belay_plan_create(&quiet, g, &params, &plan), BELAY_ERR_NOMEM);
    ck_assert_ptr_nonnull(strstr(quiet.last, "16384 bytes"));
    ck_assert_ptr_nonnull(strstr(quiet.last, "8192"));
    ck_assert_ptr_null(plan);
    belay_graph_destroy(&g);
}
END_TEST

// ---- running ----

static void run(struct random_graph *r, struct belay_device *dev, bool fusion, bool reuse,
                size_t max_slab, float out[OUTPUTS][COUNT])
{
    const size_t align = dev->align > 64 ? dev->align : 64;
    struct belay_plan *plan = plan_of(r->g, fusion, reuse, align, max_slab);
    const struct belay_program_params params = { .device = dev, .plan = plan, .poison = true };
    struct belay_program *p;
    struct belay_rng rng;
    float data[COUNT];
    ck_log_ok(&test_log, belay_program_create(&params, &p));
    ck_log_ok(&test_log, belay_program_ready(p));
    belay_rng_init(&rng, 5, 9);
    for (int i = 0; i < 3; i++) {
        for (int k = 0; k < COUNT; k++)
            data[k] = (float) belay_rng_normal(&rng);
        if (belay_program_buf(p, r->in[i]))
            ck_log_ok(&test_log, belay_program_set(p, r->in[i], data, 0));
    }
    memset(out, 0, OUTPUTS * sizeof(*out));
    ck_log_ok(&test_log, belay_program_run(p, 0));
    ck_log_ok(&test_log, belay_program_run(p, 0));
    for (int i = 0; i < OUTPUTS; i++)
        if (r->out[i])
            ck_log_ok(&test_log, belay_program_get(p, r->out[i], out[i], 0));
    belay_program_destroy(&p);
    belay_plan_destroy(&plan);
}

static void check_same(struct random_graph *r, struct belay_device *dev, uint64_t seed)
{
    for (int fusion = 0; fusion < 2; fusion++) {
        float plain[OUTPUTS][COUNT], reused[OUTPUTS][COUNT], pieces[OUTPUTS][COUNT];
        run(r, dev, fusion, false, 0, plain);
        run(r, dev, fusion, true, 0, reused);
        run(r, dev, fusion, true, 4096, pieces);
        ck_assert_msg(memcmp(plain, reused, sizeof(plain)) == 0, "graph %d, fusion %d: reuse",
                      (int) seed, fusion);
        ck_assert_msg(memcmp(plain, pieces, sizeof(plain)) == 0, "graph %d, fusion %d: pieces",
                      (int) seed, fusion);
    }
}

START_TEST(reuse_and_pieces_change_no_bit)
{
    for (uint64_t seed = 100; seed < 103; seed++) {
        struct random_graph r;
        make_random(&r, seed);
        check_same(&r, device, seed);
        belay_graph_destroy(&r.g);
    }
    for (uint64_t seed = 200; seed < 230; seed++) {
        struct random_graph r;
        make_random(&r, seed);
        check_same(&r, host, seed);
        belay_graph_destroy(&r.g);
    }
}
END_TEST

static Suite *suite_plan(void)
{
    Suite *s = suite_create("plan");
    TCase *tc = tcase_create("plan");
    tcase_set_timeout(tc, 300);
    tcase_add_test(tc, nothing_is_overwritten_that_is_still_read);
    tcase_add_test(tc, the_checker_sees_what_is_wrong);
    tcase_add_test(tc, results_are_written_over_inputs_that_die_but_not_over_repeated_ones);
    tcase_add_test(tc, a_value_larger_than_a_slab_is_refused_with_its_size);
    tcase_add_test(tc, reuse_and_pieces_change_no_bit);
    suite_add_tcase(s, tc);
    return s;
}

int main(void)
{
    if (belay_device_open(&test_log, NULL, 0, &device) != BELAY_OK ||
        belay_device_open(&test_log, "host", 0, &host) != BELAY_OK)
        return EXIT_FAILURE;
    int result = harness_main(suite_plan, NULL);
    belay_device_close(&host);
    belay_device_close(&device);
    return result;
}
