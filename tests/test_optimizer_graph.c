// Optimizers that are a graph for each parameter. Those of PyTorch have golden cases.
#include <math.h>

#include "base/mem.h"
#include "rig.h"
#include "train/optimizer.h"

enum { NUM = 6, BLOCKS = 7, COUNT = BLOCKS * BELAY_BLOCK, STEPS = 3, FROZEN = 4 };

// A tall and a wide matrix, a vector, 3 dimensions, a frozen matrix, a number.
static const struct belay_shape shapes[NUM] = {
    { 2, { 13, 7 } }, { 2, { 5, 211 } }, { 1, { 17 } }, { 3, { 3, 4, 5 } }, { 2, { 3, 3 } }, { 0 },
};
static const size_t first_block[NUM] = { 0, 1, 3, 4, 5, 6 };

struct trained {
    float param[COUNT];
    float states[BELAY_MAX_MOMENTS][COUNT]; // where the parameter lies
};

static size_t at(int i)
{
    return first_block[i] * BELAY_BLOCK;
}

static void fill_all(float *arena, uint64_t stream, float scale)
{
    memset(arena, 0, COUNT * sizeof(*arena));
    for (int i = 0; i < NUM; i++)
        fill(arena + at(i), (size_t) belay_shape_count(&shapes[i]), stream + (uint64_t) i, scale);
}

static belay_value *view(struct rig *r, const char *of, int i, const struct belay_shape *shape)
{
    char name[64];
    snprintf(name, sizeof(name), "%s.%d", of, i);
    return belay_state(r->graph, name, BELAY_F32, shape->rank, shape->dim);
}

static void make_slots(struct rig *r, const struct belay_optimizer *opt, const double *options,
                       struct belay_update_slot *slots)
{
    for (int i = 0; i < NUM; i++) {
        struct belay_update_param *p = &slots[i].p;
        struct belay_shape shape;
        memset(&slots[i], 0, sizeof(slots[i]));
        slots[i].group = i == FROZEN ? -1 : 0;
        p->shape = shapes[i];
        p->options = options;
        if (i == FROZEN)
            continue;
        p->param = view(r, "param", i, &shapes[i]);
        p->grad = view(r, "grad", i, &shapes[i]);
        for (int k = 0; k < opt->num_states; k++)
            if (opt->state_shape(options, k, &shapes[i], &shape))
                p->states[k] = view(r, opt->state_names[k], i, &shape);
    }
}

static void bind_slots(struct rig *r, const struct belay_update_slot *slots,
                       const struct belay_buf *params, const struct belay_buf *grads)
{
    for (int i = 0; i < NUM; i++) {
        if (slots[i].group < 0)
            continue;
        ck_log_ok(&logger, belay_program_bind(r->program, slots[i].p.param, params,
                                              at(i) * sizeof(float)));
        ck_log_ok(&logger, belay_program_bind(r->program, slots[i].p.grad, grads,
                                              at(i) * sizeof(float)));
    }
}

static void train(const struct belay_optimizer *opt, const double *options,
                  struct belay_device *dev, struct trained *out)
{
    static const int32_t groups[BLOCKS] = { 0, 0, 0, 0, 0, -1, 0 };
    static float grad[COUNT], again[COUNT];
    struct belay_update_slot slots[NUM];
    struct belay_buf param_buf = { 0 }, grad_buf = { 0 };
    struct rig r;
    rig_begin(&r);
    memset(out, 0, sizeof(*out));
    struct belay_update u = {
        .optimizer = opt,
        .params = state(&r, "params", BELAY_F32, COUNT),
        .grads = state(&r, "grads", BELAY_F32, COUNT),
        .block_group = state(&r, "block_group", BELAY_I32, BLOCKS),
        .hyper = state(&r, "hyper", BELAY_F32, BELAY_HYPER),
        .common = state(&r, "common", BELAY_F32, BELAY_COMMON),
        .clip_value = 1.5,
        .clear = true,
    };
    const struct belay_norm limit = { 2, 30 };
    u.norm = belay_grad_norm(r.graph, belay_grad_sums(r.graph, u.grads, u.common, 2), limit);
    make_slots(&r, opt, options, slots);
    for (int i = 0; i < NUM; i++)
        ck_log_ok(&logger, belay_optimizer_graph(r.graph, &u, &slots[i]));
    ck_log_ok(&logger, belay_optimizer_move(r.graph, &u));
    rig_create(&r, dev);
    ck_log_ok(&logger, belay_buf_create(dev, COUNT * sizeof(float), 0, &param_buf));
    ck_log_ok(&logger, belay_buf_create(dev, COUNT * sizeof(float), 0, &grad_buf));
    ck_log_ok(&logger, belay_program_bind(r.program, u.params, &param_buf, 0));
    ck_log_ok(&logger, belay_program_bind(r.program, u.grads, &grad_buf, 0));
    bind_slots(&r, slots, &param_buf, &grad_buf);
    rig_ready(&r, dev);
    fill_all(out->param, 1, 1);
    rig_set(&r, u.params, out->param);
    rig_set(&r, u.block_group, groups);
    for (int i = 0; i < NUM; i++)
        for (int k = 0; k < BELAY_MAX_MOMENTS; k++)
            if (slots[i].p.states[k])
                rig_set(&r, slots[i].p.states[k], out->states[k]);
    for (uint64_t t = 1; t <= STEPS; t++) {
        double h[BELAY_HYPER] = { 0 };
        float numbers[BELAY_HYPER], common[BELAY_COMMON] = { 0 };
        opt->hyper(options, t, h);
        for (int i = 0; i < BELAY_HYPER; i++)
            numbers[i] = (float) h[i];
        rig_set(&r, u.hyper, numbers);
        // A batch before the last of its step: nothing may happen.
        fill_all(grad, 50 + 10 * t, 9);
        rig_set(&r, u.grads, grad);
        rig_set(&r, u.common, common);
        rig_run(&r, 0);
        rig_get(&r, u.grads, again);
        ck_assert_mem_eq(again, grad, sizeof(grad));
        common[BELAY_COMMON_LAST] = 1;
        fill_all(grad, 10 * t, 1);
        rig_set(&r, u.grads, grad);
        rig_set(&r, u.common, common);
        rig_run(&r, 0);
        rig_get(&r, u.grads, again);
        for (int i = 0; i < BELAY_BLOCK; i++) // cleared
            ck_assert_float_eq(again[i], 0);
    }
    rig_get(&r, u.params, out->param);
    for (int i = 0; i < NUM; i++)
        for (int k = 0; k < BELAY_MAX_MOMENTS; k++)
            if (slots[i].p.states[k])
                rig_get(&r, slots[i].p.states[k], out->states[k] + at(i));
    rig_end(&r);
    belay_buf_destroy(dev, &param_buf);
    belay_buf_destroy(dev, &grad_buf);
}

static void settings(const struct belay_optimizer *opt, bool all, double *options)
{
    for (int i = 0; i < BELAY_MAX_OPTIONS; i++) {
        const struct belay_option *o = &opt->options[i];
        options[i] = o->fallback;
        if (!o->name || !all)
            continue;
        if (strcmp(o->name, "maximize") == 0)
            options[i] = 1;
        else if (strcmp(o->name, "weight_decay") == 0)
            options[i] = 0.3;
        else if (strcmp(o->name, "adjust_lr_fn") == 0)
            options[i] = 2;
    }
    options[0] = 0.05;
}

static struct trained got, want, before;

static void assert_close(const char *what, const float *a, const float *b, double tolerance)
{
    for (int i = 0; i < COUNT; i++)
        ck_assert_msg(fabs((double) a[i] - (double) b[i]) <=
                          tolerance * (1 + fabs((double) b[i])),
                      "%s[%d]: got %.9g, want %.9g", what, i, (double) a[i], (double) b[i]);
}

START_TEST(every_graph_gives_the_same_on_both_devices)
{
    double options[BELAY_MAX_OPTIONS];
    for (const struct belay_optimizer *const *o = belay_optimizers; *o; o++) {
        for (int all = 0; all < 2 && (*o)->build; all++) {
            settings(*o, all, options);
            train(*o, options, devices[0], &want);
            train(*o, options, devices[1], &got);
            assert_close((*o)->name, got.param, want.param, 2e-5);
            for (int k = 0; k < (*o)->num_states; k++)
                assert_close((*o)->state_names[k], got.states[k], want.states[k], 2e-6);
        }
    }
}
END_TEST

START_TEST(frozen_parameters_and_padding_stay_and_the_rest_moves)
{
    double options[BELAY_MAX_OPTIONS];
    fill_all(before.param, 1, 1);
    for (const struct belay_optimizer *const *o = belay_optimizers; *o; o++) {
        if (!(*o)->build)
            continue;
        settings(*o, true, options);
        train(*o, options, devices[1], &got);
        for (int i = 0; i < NUM; i++) {
            size_t count = (size_t) belay_shape_count(&shapes[i]);
            size_t end = i + 1 < NUM ? at(i + 1) : COUNT;
            for (size_t k = at(i); k < at(i) + count; k++)
                ck_assert((got.param[k] == before.param[k]) == (i == FROZEN));
            for (size_t k = at(i) + count; k < end; k++)
                ck_assert_float_eq(got.param[k], 0);
        }
    }
}
END_TEST

START_TEST(a_run_repeats_itself_bit_by_bit)
{
    double options[BELAY_MAX_OPTIONS];
    const struct belay_optimizer *opt = belay_optimizer_find("muon");
    settings(opt, false, options);
    train(opt, options, devices[1], &want);
    train(opt, options, devices[1], &got);
    ck_assert_mem_eq(&got, &want, sizeof(got));
}
END_TEST

// Algorithm 2 of the paper, in double, for one parameter.
static void lamb_step(const double *o, int t, size_t n, const double *g, double *p, double *m,
                      double *v)
{
    double r[COUNT / BLOCKS * 2], of_p = 0, of_r = 0;
    for (size_t i = 0; i < n; i++) {
        m[i] = o[1] * m[i] + (1 - o[1]) * g[i];
        v[i] = o[2] * v[i] + (1 - o[2]) * g[i] * g[i];
        r[i] = m[i] / (1 - pow(o[1], t)) / (sqrt(v[i] / (1 - pow(o[2], t))) + o[3]);
        r[i] += o[4] * p[i];
        of_p += p[i] * p[i];
        of_r += r[i] * r[i];
    }
    double ratio = of_p > 0 && of_r > 0 ? sqrt(of_p) / sqrt(of_r) : 1;
    for (size_t i = 0; i < n; i++)
        p[i] -= o[0] * ratio * r[i];
}

// The gradients as `train` clips them.
static void clipped(uint64_t step, double *out)
{
    static float grad[COUNT];
    double sum = 0;
    fill_all(grad, 10 * step, 1);
    for (int i = 0; i < COUNT; i++)
        sum += (double) grad[i] * (double) grad[i];
    double scale = fmin(1, 30 / (sqrt(sum) + 1e-6));
    for (int i = 0; i < COUNT; i++)
        out[i] = fmax(-1.5, fmin(1.5, scale * (double) grad[i]));
}

START_TEST(lamb_is_the_papers)
{
    static double p[COUNT], m[COUNT], v[COUNT], g[COUNT];
    static float reference[COUNT];
    double options[BELAY_MAX_OPTIONS];
    const struct belay_optimizer *opt = belay_optimizer_find("lamb");
    settings(opt, false, options);
    fill_all(before.param, 1, 1);
    for (int i = 0; i < COUNT; i++)
        p[i] = (double) before.param[i];
    for (int t = 1; t <= STEPS; t++) {
        clipped((uint64_t) t, g);
        for (int i = 0; i < NUM; i++)
            if (i != FROZEN)
                lamb_step(options, t, (size_t) belay_shape_count(&shapes[i]), g + at(i), p + at(i),
                          m + at(i), v + at(i));
    }
    for (int i = 0; i < COUNT; i++)
        reference[i] = (float) p[i];
    for (int d = 0; d < 2; d++) {
        train(opt, options, devices[d], &got);
        assert_close("lamb", got.param, reference, 1e-5);
    }
}
END_TEST

START_TEST(lamb_moves_a_parameter_of_zeros_by_adams_step)
{
    struct rig r;
    double options[BELAY_MAX_OPTIONS], h[BELAY_HYPER] = { 0 };
    const struct belay_optimizer *opt = belay_optimizer_find("lamb");
    const int64_t three = 3;
    settings(opt, false, options);
    opt->hyper(options, 1, h);
    for (int d = 0; d < 2; d++) {
        const float zeros[3] = { 0 }, grad[3] = { 2, -1, 0 };
        float by[3];
        rig_begin(&r);
        struct belay_update_param p = { .shape = { 1, { 3 } }, .options = options };
        p.param = state(&r, "p", BELAY_F32, three);
        p.grad = state(&r, "g", BELAY_F32, three);
        belay_value *m = p.states[0] = state(&r, "m", BELAY_F32, three);
        belay_value *v = p.states[1] = state(&r, "v", BELAY_F32, three), *param = p.param;
        for (int k = 0; k < BELAY_HYPER; k++)
            p.h[k] = belay_scalar(r.graph, h[k]);
        belay_value *out = belay_graph_output(r.graph, opt->build(r.graph, &p), "by");
        rig_ready(&r, devices[d]);
        rig_set(&r, param, zeros);
        rig_set(&r, m, zeros);
        rig_set(&r, v, zeros);
        rig_set(&r, p.grad, grad);
        rig_run(&r, 0);
        rig_get(&r, out, by);
        ck_assert_float_eq_tol(by[0], 0.05f, 1e-6f);
        ck_assert_float_eq_tol(by[1], -0.05f, 1e-6f);
        ck_assert_float_eq(by[2], 0);
        rig_end(&r);
    }
}
END_TEST

START_TEST(muon_refuses_a_graph_without_end)
{
    struct rig r;
    double options[BELAY_MAX_OPTIONS];
    const struct belay_optimizer *opt = belay_optimizer_find("muon");
    settings(opt, false, options);
    options[8] = 1e6; // ns_steps
    rig_begin(&r);
    struct belay_update_slot slots[NUM];
    make_slots(&r, opt, options, slots);
    for (int k = 0; k < BELAY_HYPER; k++)
        slots[0].p.h[k] = belay_scalar(r.graph, 1);
    ck_assert_ptr_null(opt->build(r.graph, &slots[0].p));
    ck_assert_int_eq(belay_graph_check(r.graph), BELAY_ERR_ARG);
    rig_end(&r);
}
END_TEST

static Suite *suite_graph(void)
{
    Suite *suite = suite_create("optimizer_graph");
    TCase *t = tcase_create("graph");
    tcase_add_unchecked_fixture(t, open_devices, close_devices);
    tcase_set_timeout(t, 120);
    tcase_add_test(t, every_graph_gives_the_same_on_both_devices);
    tcase_add_test(t, frozen_parameters_and_padding_stay_and_the_rest_moves);
    tcase_add_test(t, a_run_repeats_itself_bit_by_bit);
    tcase_add_test(t, lamb_is_the_papers);
    tcase_add_test(t, lamb_moves_a_parameter_of_zeros_by_adams_step);
    tcase_add_test(t, muon_refuses_a_graph_without_end);
    suite_add_tcase(suite, t);
    return suite;
}

int main(void)
{
    return harness_main(suite_graph, NULL);
}
