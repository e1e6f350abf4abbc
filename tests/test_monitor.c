#include "train/monitor.h"

#include <math.h>
#include <string.h>

#include "base/str.h"
#include "format/json.h"
#include "harness.h"

static const struct belay_monitor_params defaults = {
    .patience = { 3, BELAY_UNIT_CHECKS },
    .baseline = NAN,
    .threshold = NAN,
    .diverged = NAN,
};

static struct belay_monitor_event event(size_t i, double value)
{
    // One check every 10 steps, 4 checks an epoch, 2 seconds each.
    return (struct belay_monitor_event){ value, 10 * (i + 1), (double) (i + 1) / 4,
                                         2 * (double) (i + 1), NAN };
}

// Index of the check that stopped, -1 when none did.
static int feed(const struct belay_monitor_params *p, struct belay_monitor_state *s,
                const double *values, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct belay_monitor_event e = event((size_t) s->checks, values[i]);
        if (belay_monitor_check(p, s, &e).reason != BELAY_STOP_NONE)
            return (int) i;
    }
    return -1;
}

#define FEED(p, s, ...) \
    feed(p, s, (double[]){ __VA_ARGS__ }, sizeof((double[]){ __VA_ARGS__ }) / sizeof(double))

START_TEST(stops_after_patience_checks_without_improvement)
{
    struct belay_monitor_state s;
    belay_monitor_init(&s);
    ck_assert_int_eq(FEED(&defaults, &s, 5, 4, 4.5, 3, 3, 3.1, 3.2, 1), 6);
    ck_assert_int_eq(s.reason, BELAY_STOP_PATIENCE);
    ck_assert_uint_eq(s.wait, 3);
    ck_assert_double_eq(s.best, 3);
    ck_assert_uint_eq(s.best_check, 4);
    ck_assert_uint_eq(s.best_step, 40);
    ck_assert_double_eq(s.best_epoch, 1);
}
END_TEST

START_TEST(maximizes_when_told)
{
    struct belay_monitor_params p = defaults;
    struct belay_monitor_state s;
    p.maximize = true;
    belay_monitor_init(&s);
    ck_assert_int_eq(FEED(&p, &s, 1, 2, 1, 1, 1), 4);
    ck_assert_double_eq(s.best, 2);
}
END_TEST

START_TEST(the_true_best_follows_gains_that_the_anchor_ignores)
{
    struct belay_monitor_params p = defaults;
    struct belay_monitor_state s;
    p.min_delta = 0.5;
    belay_monitor_init(&s);
    ck_assert_int_eq(FEED(&p, &s, 5, 4.9, 4.8, 4.7), 3);
    ck_assert_double_eq(s.best, 4.7);
    ck_assert_uint_eq(s.best_check, 4);
    ck_assert_double_eq(s.anchor, 5);
    ck_assert_uint_eq(s.anchor_check, 1);
}
END_TEST

START_TEST(a_gain_of_exactly_min_delta_is_none)
{
    struct belay_monitor_params p = defaults;
    struct belay_monitor_state s;
    p.min_delta = 0.5;
    belay_monitor_init(&s);
    FEED(&p, &s, 2, 1.5);
    ck_assert_double_eq(s.anchor, 2);
    FEED(&p, &s, 1.25);
    ck_assert_double_eq(s.anchor, 1.25);
}
END_TEST

START_TEST(a_relative_delta_works_for_negative_values_and_at_zero)
{
    struct belay_monitor_params p = defaults;
    struct belay_monitor_state s;
    p.min_delta_rel = 0.1;
    belay_monitor_init(&s);
    FEED(&p, &s, -10, -10.5); // a gain of 0.5, 1 is wanted
    ck_assert_double_eq(s.anchor, -10);
    FEED(&p, &s, -12);
    ck_assert_double_eq(s.anchor, -12);
    belay_monitor_init(&s);
    FEED(&p, &s, 0, -0.001);
    ck_assert_double_eq(s.anchor, -0.001);
}
END_TEST

START_TEST(patience_0_stops_at_the_first_check_without_improvement_never_at_an_improving_one)
{
    struct belay_monitor_params p = defaults;
    struct belay_monitor_state s;
    p.patience.value = 0;
    belay_monitor_init(&s);
    ck_assert_int_eq(FEED(&p, &s, 5, 4, 3, 3), 3);
}
END_TEST

START_TEST(negative_patience_never_stops)
{
    struct belay_monitor_params p = defaults;
    struct belay_monitor_state s;
    p.patience.value = -1;
    belay_monitor_init(&s);
    ck_assert_int_eq(FEED(&p, &s, 5, 6, 7, 8, 9, 9, 9, 9), -1);
}
END_TEST

START_TEST(patience_counts_steps_epochs_and_seconds)
{
    const struct {
        struct belay_length patience;
        int stop;
    } cases[] = {
        { { 30, BELAY_UNIT_STEPS }, 4 },  // best at step 20, so at step 50
        { { 25, BELAY_UNIT_STEPS }, 4 },
        { { 0.5, BELAY_UNIT_EPOCHS }, 3 },
        { { 1, BELAY_UNIT_EPOCHS }, 5 },
        { { 8, BELAY_UNIT_SECONDS }, 5 },
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct belay_monitor_params p = defaults;
        struct belay_monitor_state s;
        p.patience = cases[i].patience;
        belay_monitor_init(&s);
        ck_assert_int_eq(FEED(&p, &s, 5, 4, 6, 6, 6, 6, 6, 6), cases[i].stop);
    }
}
END_TEST

START_TEST(checks_inside_the_warmup_count_for_the_best_but_not_for_patience)
{
    struct belay_monitor_params p = defaults;
    struct belay_monitor_state s;
    p.warmup = (struct belay_length){ 4, BELAY_UNIT_CHECKS };
    belay_monitor_init(&s);
    ck_assert_int_eq(FEED(&p, &s, 1, 2, 2, 2, 2, 2, 2), 6);
    ck_assert_double_eq(s.best, 1);
    ck_assert_uint_eq(s.best_check, 1);
    p.warmup = (struct belay_length){ 1, BELAY_UNIT_EPOCHS };
    p.patience = (struct belay_length){ 30, BELAY_UNIT_STEPS };
    belay_monitor_init(&s);
    ck_assert_int_eq(FEED(&p, &s, 1, 2, 2, 2, 2, 2, 2), 6); // step 40 ends the warm-up
}
END_TEST

START_TEST(nan_stops_counts_or_is_ignored_and_never_is_the_best)
{
    struct belay_monitor_params p = defaults;
    struct belay_monitor_state s;
    belay_monitor_init(&s);
    ck_assert_int_eq(FEED(&p, &s, 2, NAN, 1), 1);
    ck_assert_int_eq(s.reason, BELAY_STOP_NAN);
    ck_assert_double_eq(s.best, 2);

    p.nan = BELAY_NAN_COUNT;
    belay_monitor_init(&s);
    ck_assert_int_eq(FEED(&p, &s, NAN, 2, INFINITY, NAN, -INFINITY), 4);
    ck_assert_int_eq(s.reason, BELAY_STOP_PATIENCE);
    ck_assert_double_eq(s.best, 2);

    p.nan = BELAY_NAN_IGNORE;
    belay_monitor_init(&s);
    ck_assert_int_eq(FEED(&p, &s, NAN, 2, NAN, NAN, NAN, NAN, 3, 3), -1);
    ck_assert_uint_eq(s.wait, 2);
    ck_assert_double_eq(s.best, 2);
}
END_TEST

START_TEST(the_threshold_is_inclusive_and_its_value_is_recorded_as_best)
{
    struct belay_monitor_params p = defaults;
    struct belay_monitor_state s;
    p.threshold = 0.5;
    belay_monitor_init(&s);
    ck_assert_int_eq(FEED(&p, &s, 1, 0.51, 0.5), 2);
    ck_assert_int_eq(s.reason, BELAY_STOP_THRESHOLD);
    ck_assert_double_eq(s.best, 0.5);
    ck_assert_uint_eq(s.best_check, 3);
    p.maximize = true;
    belay_monitor_init(&s);
    ck_assert_int_eq(FEED(&p, &s, 0.4, 0.5), 1);
    ck_assert_int_eq(s.reason, BELAY_STOP_THRESHOLD);
}
END_TEST

START_TEST(diverged_stops_when_the_limit_is_passed)
{
    struct belay_monitor_params p = defaults;
    struct belay_monitor_state s;
    p.diverged = 10;
    belay_monitor_init(&s);
    ck_assert_int_eq(FEED(&p, &s, 1, 10, 10.5), 2);
    ck_assert_int_eq(s.reason, BELAY_STOP_DIVERGED);
    p.maximize = true;
    p.diverged = 0.1;
    belay_monitor_init(&s);
    ck_assert_int_eq(FEED(&p, &s, 0.5, 0.1, 0.05), 2);
    ck_assert_int_eq(s.reason, BELAY_STOP_DIVERGED);
}
END_TEST

START_TEST(a_new_patience_lets_a_stopped_run_go_on)
{
    struct belay_monitor_params p = defaults;
    struct belay_monitor_state s;
    belay_monitor_init(&s);
    ck_assert_int_eq(FEED(&p, &s, 1, 2, 2, 2), 3);
    p.patience.value = 5;
    ck_assert_int_eq(FEED(&p, &s, 2, 2, 2), 1);
}
END_TEST

static void round_trip(const struct belay_monitor_state *s, struct belay_monitor_state *back)
{
    struct belay_log log = { 0 };
    struct belay_str text = { 0 };
    struct belay_json_doc doc = { 0 };
    belay_monitor_to_json(s, &text);
    ck_assert(!text.failed);
    ck_log_ok(&log, belay_json_parse(&log, "state", text.text, text.length, &doc));
    ck_log_ok(&log, belay_monitor_from_json(&log, doc.root, back));
    belay_json_finish(&doc);
    belay_str_free(&text);
}

static bool same(double a, double b)
{
    return (isnan(a) && isnan(b)) || memcmp(&a, &b, sizeof(a)) == 0;
}

static void assert_same_state(const struct belay_monitor_state *a,
                              const struct belay_monitor_state *b)
{
    ck_assert_uint_eq(a->checks, b->checks);
    ck_assert_uint_eq(a->best_check, b->best_check);
    ck_assert_uint_eq(a->best_step, b->best_step);
    ck_assert_uint_eq(a->anchor_check, b->anchor_check);
    ck_assert_uint_eq(a->anchor_step, b->anchor_step);
    ck_assert_uint_eq(a->wait, b->wait);
    ck_assert_uint_eq(a->last_step, b->last_step);
    ck_assert_int_eq(a->reason, b->reason);
    ck_assert(same(a->best, b->best) && same(a->best_epoch, b->best_epoch));
    ck_assert(same(a->anchor, b->anchor) && same(a->anchor_epoch, b->anchor_epoch));
    ck_assert(same(a->anchor_seconds, b->anchor_seconds) && same(a->last, b->last));
}

START_TEST(state_survives_json_bit_by_bit)
{
    struct belay_monitor_params p = defaults;
    struct belay_monitor_state s, back;
    belay_monitor_init(&s);
    round_trip(&s, &back);
    assert_same_state(&s, &back);
    p.nan = BELAY_NAN_COUNT;
    FEED(&p, &s, 1.0 / 3, 0.1 + 0.2, 1e-300, -0.0, 5e-324);
    round_trip(&s, &back);
    assert_same_state(&s, &back);
    FEED(&p, &s, -INFINITY);
    round_trip(&s, &back);
    assert_same_state(&s, &back);
    FEED(&p, &s, NAN);
    s.best_step = UINT64_MAX - 1;
    round_trip(&s, &back);
    assert_same_state(&s, &back);
}
END_TEST

START_TEST(a_damaged_state_is_refused)
{
    const char *const texts[] = {
        "[]",
        "{}",
        "{\"best\":\"x\"}",
    };
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        struct belay_log log = { 0 };
        struct belay_json_doc doc = { 0 };
        struct belay_monitor_state s;
        ck_log_ok(&log, belay_json_parse(&log, "state", texts[i], strlen(texts[i]), &doc));
        ck_status_is(&log, belay_monitor_from_json(&log, doc.root, &s), BELAY_ERR_DAMAGED);
        belay_json_finish(&doc);
    }
}
END_TEST

START_TEST(every_reason_has_a_name)
{
    for (int i = 0; i < BELAY_STOP_COUNT; i++)
        ck_assert_str_ne(belay_stop_reason_name((belay_stop_reason) i), "unknown");
    ck_assert_str_eq(belay_stop_reason_name(BELAY_STOP_PATIENCE), "patience");
    ck_assert_str_eq(belay_stop_reason_name((belay_stop_reason) 99), "unknown");
}
END_TEST

static Suite *suite_monitor(void)
{
    Suite *suite = suite_create("monitor");
    TCase *t = tcase_create("rules");
    tcase_add_test(t, stops_after_patience_checks_without_improvement);
    tcase_add_test(t, maximizes_when_told);
    tcase_add_test(t, the_true_best_follows_gains_that_the_anchor_ignores);
    tcase_add_test(t, a_gain_of_exactly_min_delta_is_none);
    tcase_add_test(t, a_relative_delta_works_for_negative_values_and_at_zero);
    tcase_add_test(
        t, patience_0_stops_at_the_first_check_without_improvement_never_at_an_improving_one);
    tcase_add_test(t, negative_patience_never_stops);
    tcase_add_test(t, patience_counts_steps_epochs_and_seconds);
    tcase_add_test(t, checks_inside_the_warmup_count_for_the_best_but_not_for_patience);
    tcase_add_test(t, nan_stops_counts_or_is_ignored_and_never_is_the_best);
    tcase_add_test(t, the_threshold_is_inclusive_and_its_value_is_recorded_as_best);
    tcase_add_test(t, diverged_stops_when_the_limit_is_passed);
    tcase_add_test(t, a_new_patience_lets_a_stopped_run_go_on);
    suite_add_tcase(suite, t);
    t = tcase_create("state");
    tcase_add_test(t, state_survives_json_bit_by_bit);
    tcase_add_test(t, a_damaged_state_is_refused);
    tcase_add_test(t, every_reason_has_a_name);
    suite_add_tcase(suite, t);
    return suite;
}

int main(void)
{
    return harness_main(suite_monitor, NULL);
}
