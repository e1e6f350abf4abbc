#include "train/optimizer.h"

#include <math.h>
#include <string.h>

#include "base/mem.h"
#include "rig.h"
#include "train/ops.h"

enum { BLOCKS = 5, COUNT = BLOCKS * BELAY_BLOCK, STEPS = 3 };

// ---- the update ----

struct trained {
    float param[COUNT], state[BELAY_MAX_MOMENTS][COUNT], ema[COUNT], norm[2];
    int num_states;
};

// How the gradients come.
enum mode {
    PLAIN,   // one a step, norm from the update itself
    CLIPPED, // scaled by a norm computed before, then each element limited
    SUMMED,  // left in the arena by three batches, and cleared
};

static void set_common(struct rig *r, belay_value *common, bool last)
{
    const float numbers[BELAY_COMMON] = { [BELAY_COMMON_EMA] = 0.25f, [BELAY_COMMON_LAST] = last };
    rig_set(r, common, numbers);
}

// Runs with gradients that are not whole yet: nothing may happen.
static void run_unfinished(struct rig *r, belay_value *common, belay_value *grads)
{
    static float some[COUNT], after[COUNT];
    fill(some, COUNT - 100, 99, 1);
    rig_set(r, grads, some);
    set_common(r, common, false);
    rig_run(r, 0);
    rig_get(r, grads, after);
    ck_assert_mem_eq(after, some, sizeof(some));
    set_common(r, common, true);
}

// Blocks 0, 1 and 4 are of group 0, block 3 of group 1, block 2 is frozen. The last 100 elements
// are padding.
static void train(const struct belay_optimizer *opt, const double *options, enum mode mode,
                  struct belay_device *dev, struct trained *out)
{
    static const int32_t groups[BLOCKS] = { 0, 0, -1, 1, 0 };
    static float grad[COUNT];
    struct rig r;
    rig_begin(&r);
    memset(out, 0, sizeof(*out));
    belay_value *param = state(&r, "params", BELAY_F32, COUNT), *states[BELAY_MAX_MOMENTS];
    belay_value *grads = state(&r, "grads", BELAY_F32, COUNT);
    belay_value *block_group = state(&r, "block_group", BELAY_I32, BLOCKS);
    belay_value *hyper = state(&r, "hyper", BELAY_F32, 2 * BELAY_HYPER);
    for (unsigned mask = opt->states(options); mask; mask >>= 1, out->num_states++)
        states[out->num_states] =
            state(&r, opt->state_names[out->num_states], BELAY_F32, COUNT);
    belay_value *common = state(&r, "common", BELAY_F32, BELAY_COMMON), *squares = NULL;
    struct belay_update update = {
        .optimizer = opt, .num_states = out->num_states, .params = param, .grads = grads,
        .ema = state(&r, "ema", BELAY_F32, COUNT), .block_group = block_group, .hyper = hyper,
        .common = common, .clear = mode == SUMMED,
    };
    memcpy(update.states, states, sizeof(states));
    if (mode == CLIPPED) {
        squares = belay_grad_sums(r.graph, grads, common, 2);
        update.clip_value = 0.25;
        update.norm = belay_grad_norm(r.graph, squares, (struct belay_norm){ 2, 50 });
    }
    ck_log_ok(&logger, belay_optimizer_nodes(r.graph, &update, mode == CLIPPED ? NULL : &squares));
    belay_value *norm = mode == CLIPPED ? update.norm : belay_grad_norm(r.graph, squares, (struct belay_norm){ 2, 0 });
    norm = belay_graph_output(r.graph, norm, "norm");
    rig_ready(&r, dev);
    set_common(&r, common, true);
    fill(out->param, COUNT - 100, 1, 1);
    rig_set(&r, param, out->param);
    fill(out->ema, COUNT - 100, 2, 1);
    rig_set(&r, update.ema, out->ema);
    rig_set(&r, block_group, groups);
    for (int k = 0; k < out->num_states; k++)
        rig_set(&r, states[k], out->state[k]);
    for (uint64_t t = 1; t <= STEPS; t++) {
        double h[2 * BELAY_HYPER] = { 0 }, other[BELAY_MAX_OPTIONS];
        float numbers[2 * BELAY_HYPER];
        memcpy(other, options, sizeof(other));
        other[0] = options[0] / 10; // the rate of group 1
        opt->hyper(options, t, h);
        opt->hyper(other, t, h + BELAY_HYPER);
        for (int i = 0; i < 2 * BELAY_HYPER; i++)
            numbers[i] = (float) h[i];
        rig_set(&r, hyper, numbers);
        if (mode == SUMMED)
            run_unfinished(&r, common, grads);
        fill(grad, COUNT - 100, 10 + t, 1);
        rig_set(&r, grads, grad);
        rig_run(&r, 0);
        rig_get(&r, grads, grad);
        bool cleared = true;
        for (int i = 0; i < BELAY_BLOCK; i++)
            cleared &= grad[i] == 0;
        ck_assert(cleared == (mode == SUMMED));
    }
    rig_get(&r, param, out->param);
    rig_get(&r, update.ema, out->ema);
    rig_get(&r, norm, out->norm);
    for (int k = 0; k < out->num_states; k++)
        rig_get(&r, states[k], out->state[k]);
    rig_end(&r);
}

static bool is_bool(const struct belay_option *o)
{
    return strcmp(o->type, "bool") == 0;
}

// Settings of an optimizer: its defaults, then everything switched on.
static bool settings(const struct belay_optimizer *opt, int which, double *options)
{
    for (int i = 0; i < BELAY_MAX_OPTIONS; i++) {
        const struct belay_option *o = &opt->options[i];
        options[i] = o->fallback;
        if (!o->name || which == 0)
            continue;
        if (is_bool(o))
            options[i] = 1;
        else if (strcmp(o->name, "weight_decay") == 0 || strcmp(o->name, "momentum") == 0)
            options[i] = 0.1;
    }
    return which < 2;
}

static struct trained got, want, before;

static void assert_close(const char *what, const float *a, const float *b)
{
    for (int i = 0; i < COUNT; i++)
        ck_assert_msg(fabsf(a[i] - b[i]) <= 1e-6f + 1e-5f * fabsf(b[i]),
                      "%s[%d]: got %.9g, want %.9g", what, i, (double) a[i], (double) b[i]);
}

START_TEST(every_optimizer_gives_the_same_on_both_devices)
{
    double options[BELAY_MAX_OPTIONS];
    for (const struct belay_optimizer *const *o = belay_optimizers; *o; o++) {
        for (int which = 0; !(*o)->build && settings(*o, which, options); which++) {
            enum mode mode = which == 0 ? PLAIN : CLIPPED;
            train(*o, options, mode, devices[0], &want);
            train(*o, options, mode, devices[1], &got);
            assert_close((*o)->name, got.param, want.param);
            assert_close("ema", got.ema, want.ema);
            ck_assert_float_eq_tol(got.norm[0], want.norm[0], 1e-4f);
            for (int k = 0; k < want.num_states; k++)
                assert_close((*o)->state_names[k], got.state[k], want.state[k]);
        }
    }
}
END_TEST

START_TEST(frozen_blocks_and_padding_stay_as_they_are)
{
    double options[BELAY_MAX_OPTIONS];
    fill(before.param, COUNT - 100, 1, 1);
    for (int d = 0; d < 2; d++) {
        for (const struct belay_optimizer *const *o = belay_optimizers; *o; o++) {
            if ((*o)->build) // test_optimizer_graph.c
                continue;
            settings(*o, 1, options);
            train(*o, options, (enum mode) (d + (*o)->num_states) % 3, devices[d], &got);
            size_t at = 2 * BELAY_BLOCK;
            ck_assert_mem_eq(got.param + at, before.param + at, BELAY_BLOCK * sizeof(float));
            for (int k = 0; k < got.num_states; k++)
                for (size_t i = at; i < at + BELAY_BLOCK; i++)
                    ck_assert_float_eq(got.state[k][i], 0);
            for (size_t i = COUNT - 100; i < COUNT; i++)
                ck_assert_float_eq(got.param[i], 0);
            for (size_t i = 0; i < BELAY_BLOCK; i++) // and the rest moves
                ck_assert_float_ne(got.param[i], before.param[i]);
        }
    }
}
END_TEST

START_TEST(a_run_repeats_itself_bit_by_bit)
{
    double options[BELAY_MAX_OPTIONS];
    const struct belay_optimizer *opt = belay_optimizer_find("adamw");
    settings(opt, 1, options);
    train(opt, options, PLAIN, devices[1], &want);
    train(opt, options, PLAIN, devices[1], &got);
    ck_assert_mem_eq(&got, &want, sizeof(got));
}
END_TEST

START_TEST(the_mean_of_weights_follows_them_and_gradients_may_be_summed)
{
    double options[BELAY_MAX_OPTIONS];
    const struct belay_optimizer *opt = belay_optimizer_find("sgd");
    settings(opt, 0, options);
    for (int d = 0; d < 2; d++) {
        train(opt, options, PLAIN, devices[d], &want);
        train(opt, options, SUMMED, devices[d], &got);
        ck_assert_mem_eq(got.param, want.param, sizeof(got.param));
        ck_assert_mem_eq(got.ema, want.ema, sizeof(got.ema));
        // Three steps of a quarter each: from the start it keeps 27 / 64.
        fill(before.param, COUNT - 100, 1, 1);
        fill(before.ema, COUNT - 100, 2, 1);
        for (int i = 0; i < BELAY_BLOCK; i++) {
            float moved = got.param[i] - before.param[i];
            float mean = before.ema[i] * 27 / 64 + before.param[i] * 37 / 64;
            ck_assert_float_le(fabsf(got.ema[i] - mean), fabsf(moved) + 0.1f);
            ck_assert_float_ne(got.ema[i], before.ema[i]);
        }
        for (size_t i = 2 * BELAY_BLOCK; i < 3 * BELAY_BLOCK; i++) // frozen
            ck_assert_float_eq(got.ema[i], before.ema[i]);
    }
}
END_TEST

START_TEST(parameter_groups_have_their_own_rate)
{
    double options[BELAY_MAX_OPTIONS];
    const struct belay_optimizer *opt = belay_optimizer_find("adam");
    settings(opt, 0, options);
    options[0] = 0.1;
    train(opt, options, PLAIN, devices[1], &got);
    fill(before.param, COUNT - 100, 1, 1);
    double moved[2] = { 0 };
    for (size_t i = 0; i < BELAY_BLOCK; i++) {
        moved[0] += fabs((double) (got.param[i] - before.param[i]));
        size_t at = 3 * BELAY_BLOCK + i;
        moved[1] += fabs((double) (got.param[at] - before.param[at]));
    }
    ck_assert(moved[0] > 5 * moved[1] && moved[1] > 0);
}
END_TEST

// Worked by hand from the paper's formula; the others have golden cases.
START_TEST(lion_goes_by_the_sign_of_the_mixed_gradient_and_keeps_a_slower_mean)
{
    double options[BELAY_MAX_OPTIONS], h[BELAY_HYPER] = { 0 };
    const struct belay_optimizer *opt = belay_optimizer_find("lion");
    settings(opt, 0, options);
    options[0] = 0.1;
    options[3] = 0.5; // weight_decay
    opt->hyper(options, 1, h);
    double p = 2, m = 1; // 0.9 * 1 + 0.1 * -8 = 0.1: up still
    opt->update(h, 1, -8, &p, &m);
    ck_assert_double_eq_tol(p, 2 * (1 - 0.1 * 0.5) - 0.1, 1e-12);
    ck_assert_double_eq_tol(m, 0.99 - 0.08, 1e-12);
    m = 1;
    p = 2; // 0.9 - 1 = -0.1: down
    opt->update(h, 1, -10, &p, &m);
    ck_assert_double_eq_tol(p, 1.9 + 0.1, 1e-12);
    m = p = 0;
    opt->update(h, 1, 0, &p, &m);
    ck_assert_double_eq(p, 0); // no sign, no step
}
END_TEST

START_TEST(every_optimizer_describes_itself)
{
    for (const struct belay_optimizer *const *o = belay_optimizers; *o; o++) {
        ck_assert_ptr_eq(belay_optimizer_find((*o)->name), *o);
        ck_assert_str_eq((*o)->options[0].name, "lr");
        bool decay = false;
        for (int i = 0; i < BELAY_MAX_OPTIONS && (*o)->options[i].name; i++)
            decay |= strcmp((*o)->options[i].name, "weight_decay") == 0;
        ck_assert(decay);
        ck_assert_int_lt((*o)->num_states, BELAY_MAX_OUT);
    }
    ck_assert_ptr_null(belay_optimizer_find("adm"));
}
END_TEST

// ---- the norm ----

static void norm_of(struct belay_device *dev, const float *grad, size_t blocks,
                    struct belay_norm limit, float out[2])
{
    struct rig r;
    rig_begin(&r);
    belay_value *grads = state(&r, "grads", BELAY_F32, (int64_t) (blocks * BELAY_BLOCK));
    belay_value *common = state(&r, "common", BELAY_F32, BELAY_COMMON);
    belay_value *norm = belay_graph_output(
        r.graph,
        belay_grad_norm(r.graph, belay_grad_sums(r.graph, grads, common, limit.power), limit),
        "norm");
    rig_ready(&r, dev);
    set_common(&r, common, true);
    rig_set(&r, grads, grad);
    rig_run(&r, 0);
    rig_get(&r, norm, out);
    rig_end(&r);
}

START_TEST(the_norm_is_the_2_norm_of_all_and_scales_what_is_too_long)
{
    enum { MANY = 300 };
    float *grad = belay_alloc_array((size_t) MANY * BELAY_BLOCK, sizeof(*grad)), out[2];
    double sum = 0;
    fill(grad, (size_t) MANY * BELAY_BLOCK, 3, 0.01f);
    for (size_t i = 0; i < (size_t) MANY * BELAY_BLOCK; i++)
        sum += (double) grad[i] * (double) grad[i];
    double norm = sqrt(sum);
    for (int d = 0; d < 2; d++) {
        norm_of(devices[d], grad, MANY, (struct belay_norm){ 2, 0 }, out);
        ck_assert_double_eq_tol((double) out[0], norm, 1e-6 * norm);
        ck_assert_float_eq(out[1], 1);
        norm_of(devices[d], grad, MANY, (struct belay_norm){ 2, 2 * norm }, out);
        ck_assert_float_eq(out[1], 1);
        norm_of(devices[d], grad, MANY, (struct belay_norm){ 2, norm / 4 }, out);
        ck_assert_double_eq_tol((double) out[1], 0.25, 1e-5);
    }
    belay_free(grad);
}
END_TEST

static const double powers[] = { 2, 1, HUGE_VAL, 3, 0.5 };
enum { NUM_POWERS = sizeof(powers) / sizeof(powers[0]) };

START_TEST(other_norms_are_sums_of_powers_or_the_largest_element)
{
    static float grad[COUNT];
    float out[2];
    fill(grad, COUNT - 100, 3, 0.5f);
    grad[2 * BELAY_BLOCK + 77] = -4.5f;
    for (int k = 0; k < NUM_POWERS; k++) {
        double sum = 0, norm = 4.5;
        for (size_t i = 0; i < COUNT; i++)
            sum += pow(fabs((double) grad[i]), powers[k]);
        if (!isinf(powers[k]))
            norm = pow(sum, 1 / powers[k]);
        for (int d = 0; d < 2; d++) {
            norm_of(devices[d], grad, BLOCKS, (struct belay_norm){ powers[k], norm / 4 }, out);
            ck_assert_double_eq_tol((double) out[0], norm, 1e-5 * norm);
            ck_assert_double_eq_tol((double) out[1], 0.25, 1e-5);
        }
    }
}
END_TEST

START_TEST(a_norm_of_nan_is_not_hidden_by_the_scale)
{
    static float grad[COUNT];
    float out[2];
    grad[3 * BELAY_BLOCK + 17] = NAN;
    grad[3 * BELAY_BLOCK + 18] = 1;
    for (int d = 0; d < 2; d++) {
        for (int k = 0; k < NUM_POWERS; k++) {
            norm_of(devices[d], grad, BLOCKS, (struct belay_norm){ powers[k], 1 }, out);
            ck_assert(isnan(out[0]) && isnan(out[1]));
        }
    }
}
END_TEST

START_TEST(an_arena_of_broken_blocks_is_refused)
{
    struct rig r;
    rig_begin(&r);
    belay_value *common = state(&r, "common", BELAY_F32, BELAY_COMMON);
    belay_value *grads = state(&r, "grads", BELAY_F32, 1000);
    ck_assert_ptr_null(belay_grad_sums(r.graph, grads, common, 2));
    ck_assert_int_eq(belay_graph_check(r.graph), BELAY_ERR_SHAPE);
    rig_end(&r);
}
END_TEST

// ---- batches, log, sums ----

enum { ROWS = 9, WIDTH = 21, BATCH = 4 };

static void gather(struct belay_device *dev, belay_dtype dtype, const void *data,
                   const int32_t *order, int32_t position, float *out)
{
    const int64_t dim[2] = { ROWS, WIDTH }, batch = BATCH;
    int32_t table[8] = { 0, 0, position };
    struct rig r;
    rig_begin(&r);
    belay_value *x = belay_state(r.graph, "data", dtype, 2, dim);
    belay_value *o = state(&r, "order", BELAY_I32, ROWS);
    belay_value *step = belay_graph_step_table(r.graph);
    belay_value *like = belay_input(r.graph, "rows", BELAY_F32, 1, &batch, true);
    belay_value *y = belay_graph_output(
        r.graph, belay_gather_rows(r.graph, x, o, step, like, 0.5, -1), "y");
    rig_ready(&r, dev);
    rig_set(&r, x, data);
    rig_set(&r, o, order);
    rig_set(&r, step, table);
    rig_run(&r, BATCH);
    rig_get(&r, y, out);
    rig_end(&r);
}

START_TEST(batches_are_gathered_by_the_order_and_scaled)
{
    static const int32_t order[ROWS] = { 8, 2, 5, 0, 7, 1, 3, 4, 6 };
    static uint8_t bytes[ROWS * WIDTH];
    static float floats[ROWS * WIDTH], out[BATCH * WIDTH];
    for (int i = 0; i < ROWS * WIDTH; i++) {
        bytes[i] = (uint8_t) (i * 37);
        floats[i] = (float) i - 50.25f;
    }
    for (int d = 0; d < 2; d++) {
        gather(devices[d], BELAY_U8, bytes, order, 3, out);
        for (int r = 0; r < BATCH; r++)
            for (int i = 0; i < WIDTH; i++)
                ck_assert_float_eq(out[r * WIDTH + i],
                                   0.5f * (float) bytes[order[3 + r] * WIDTH + i] - 1);
        // Past the end of the order there are zeros.
        gather(devices[d], BELAY_F32, floats, order, ROWS - 2, out);
        for (int r = 0; r < BATCH; r++)
            for (int i = 0; i < WIDTH; i++)
                ck_assert_float_eq(
                    out[r * WIDTH + i],
                    r < 2 ? 0.5f * floats[order[ROWS - 2 + r] * WIDTH + i] - 1 : 0);
    }
}
END_TEST

START_TEST(labels_are_gathered_for_fewer_rows_than_planned)
{
    const int32_t order[ROWS] = { 8, 2, 5, 0, 7, 1, 3, 4, 6 }, table[8] = { 0, 0, 2 };
    int32_t labels[ROWS], out[BATCH];
    for (int i = 0; i < ROWS; i++)
        labels[i] = 100 + i;
    for (int d = 0; d < 2; d++) {
        const int64_t batch = BATCH;
        struct rig r;
        rig_begin(&r);
        belay_value *x = state(&r, "labels", BELAY_I32, ROWS);
        belay_value *o = state(&r, "order", BELAY_I32, ROWS);
        belay_value *step = belay_graph_step_table(r.graph);
        belay_value *like = belay_input(r.graph, "rows", BELAY_F32, 1, &batch, true);
        const int64_t dim[2] = { ROWS, WIDTH };
        belay_value *data = belay_state(r.graph, "data", d ? BELAY_U8 : BELAY_F32, 2, dim);
        belay_value *rows = belay_gather_labelled(r.graph, data, x, o, step, like, 1, 0);
        belay_value *y = belay_graph_output(r.graph, belay_output(rows, 1), "y");
        rig_ready(&r, devices[d]);
        rig_set(&r, x, labels);
        rig_set(&r, o, order);
        rig_set(&r, step, table);
        rig_run(&r, 3);
        ck_log_ok(&logger, belay_program_get(r.program, y, out, 3));
        for (int i = 0; i < 3; i++)
            ck_assert_int_eq(out[i], 100 + order[2 + i]);
        rig_end(&r);
    }
}
END_TEST

START_TEST(values_are_recorded_in_their_slot_and_sums_grow)
{
    enum { SLOTS = 4, SIZE = 3 };
    const int64_t dim[2] = { SLOTS, SIZE }, size = SIZE;
    for (int d = 0; d < 2; d++) {
        float zeros[SLOTS * SIZE] = { 0 }, log[SLOTS * SIZE], sum[SIZE];
        struct rig r;
        rig_begin(&r);
        belay_value *slots = belay_state(r.graph, "log", BELAY_F32, 2, dim);
        belay_value *total = state(&r, "sum", BELAY_F32, SIZE);
        belay_value *x = belay_input(r.graph, "x", BELAY_F32, 1, &size, false);
        belay_value *step = belay_graph_step_table(r.graph);
        belay_value *twice = belay_add(r.graph, x, x);
        belay_record(r.graph, slots, twice, step);
        belay_accumulate(r.graph, total, twice);
        rig_ready(&r, devices[d]);
        rig_set(&r, slots, zeros);
        rig_set(&r, total, zeros);
        for (int32_t t = 0; t < 6; t++) { // slots 4 and 5 are not there
            const int32_t table[8] = { 0, 0, 0, t == 5 ? -1 : t };
            const float value[SIZE] = { (float) t, 1, -1 };
            rig_set(&r, step, table);
            rig_set(&r, x, value);
            rig_run(&r, 0);
        }
        rig_get(&r, slots, log);
        rig_get(&r, total, sum);
        for (int t = 0; t < SLOTS; t++) {
            ck_assert_float_eq(log[t * SIZE], (float) (2 * t));
            ck_assert_float_eq(log[t * SIZE + 1], 2);
        }
        ck_assert_float_eq(sum[0], 30);
        ck_assert_float_eq(sum[1], 12);
        ck_assert_float_eq(sum[2], -12);
        rig_end(&r);
    }
}
END_TEST

static Suite *suite_optimizer(void)
{
    Suite *suite = suite_create("optimizer");
    TCase *t = tcase_create("update");
    tcase_add_unchecked_fixture(t, open_devices, close_devices);
    tcase_set_timeout(t, 120);
    tcase_add_test(t, every_optimizer_gives_the_same_on_both_devices);
    tcase_add_test(t, frozen_blocks_and_padding_stay_as_they_are);
    tcase_add_test(t, a_run_repeats_itself_bit_by_bit);
    tcase_add_test(t, the_mean_of_weights_follows_them_and_gradients_may_be_summed);
    tcase_add_test(t, parameter_groups_have_their_own_rate);
    tcase_add_test(t, every_optimizer_describes_itself);
    tcase_add_test(t, lion_goes_by_the_sign_of_the_mixed_gradient_and_keeps_a_slower_mean);
    tcase_add_test(t, the_norm_is_the_2_norm_of_all_and_scales_what_is_too_long);
    tcase_add_test(t, other_norms_are_sums_of_powers_or_the_largest_element);
    tcase_add_test(t, a_norm_of_nan_is_not_hidden_by_the_scale);
    tcase_add_test(t, an_arena_of_broken_blocks_is_refused);
    tcase_add_test(t, batches_are_gathered_by_the_order_and_scaled);
    tcase_add_test(t, labels_are_gathered_for_fewer_rows_than_planned);
    tcase_add_test(t, values_are_recorded_in_their_slot_and_sums_grow);
    suite_add_tcase(suite, t);
    return suite;
}

int main(void)
{
    return harness_main(suite_optimizer, NULL);
}
