#include "train/monitor.h"

#include <math.h>
#include <string.h>

#include "base/str.h"
#include "format/json.h"
#include "harness.h"

static struct belay_monitor_params with_rule(const char *rule)
{
    char why[256] = "";
    struct belay_monitor_params p = { .patience = { 3, BELAY_UNIT_CHECKS }, .baseline = NAN,
                                      .threshold = NAN, .diverged = NAN, .rollbacks = 2 };
    ck_assert_msg(belay_criterion_parse(rule, &p.rule, why, sizeof(why)), "%s", why);
    return p;
}

static struct belay_monitor_event event(uint64_t check, double value, double train)
{
    // One check every 10 steps, 4 checks an epoch, 2 seconds each; checks from 1.
    return (struct belay_monitor_event){ value, 10 * check, (double) check / 4, 2 * (double) check,
                                         train };
}

// The check (from 1) that stopped, 0 when none did.
static size_t feed(const struct belay_monitor_params *p, struct belay_monitor_state *s,
                   const double *values, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct belay_monitor_event e = event(s->checks + 1, values[i], 1.0 / (double) (i + 1));
        if (belay_monitor_check(p, s, &e).reason != BELAY_STOP_NONE)
            return i + 1;
    }
    return 0;
}

#define FEED(p, s, ...) \
    feed(p, s, (double[]){ __VA_ARGS__ }, sizeof((double[]){ __VA_ARGS__ }) / sizeof(double))
#define PLAY(p, ...) (belay_monitor_init(&state), FEED(p, &state, __VA_ARGS__))

static struct belay_monitor_state state;

START_TEST(gl_stops_when_the_loss_is_so_many_per_cent_above_its_minimum)
{
    struct belay_monitor_params p = with_rule("gl:25");
    ck_assert_uint_eq(PLAY(&p, 2, 1, 1.2, 1.25, 1.5), 5);
    ck_assert_int_eq(state.reason, BELAY_STOP_CRITERION);
    ck_assert_double_eq_tol(belay_criterion_value(&p.rule, &state.rule), 50, 1e-9);
    p = with_rule("gl:5");
    // Losses below zero keep their order, and what is to grow is turned.
    ck_assert_uint_eq(PLAY(&p, -1, -2, -1.95, -1.8), 4);
    p.maximize = true;
    ck_assert_uint_eq(PLAY(&p, 0.8, 0.9, 0.86, 0.8), 4);
    p = with_rule("gl");
    ck_assert_double_eq(p.rule.limit, 2);
}
END_TEST

START_TEST(pq_divides_by_the_progress_of_training_at_strip_ends)
{
    struct belay_monitor_params p = with_rule("pq:0.5,k=2");
    belay_monitor_init(&state);
    const double values[] = { 1, 0.9, 0.95, 0.96, 1.0, 1.2 };
    const double train[] = { 1, 0.5, 0.499, 0.498, 0.497, 0.4969 };
    size_t stopped = 0;
    for (size_t i = 0; i < 6 && !stopped; i++) {
        struct belay_monitor_event e = event(i + 1, values[i], train[i]);
        if (belay_monitor_check(&p, &state, &e).reason)
            stopped = i + 1;
        if (i == 1) // strip 1: GL 0, P = 1000 (0.75 / 0.5 - 1)
            ck_assert_double_eq(belay_criterion_value(&p.rule, &state.rule), 0);
        if (i == 2)
            ck_assert(isnan(belay_criterion_value(&p.rule, &state.rule))); // inside a strip
    }
    // Check 4: GL = 6.67, P = 1000 (0.4985 / 0.498 - 1) = 1.004.
    ck_assert_uint_eq(stopped, 4);
    ck_assert_double_eq_tol(belay_criterion_value(&p.rule, &state.rule), 6.6667 / 1.00402, 1e-3);
}
END_TEST

START_TEST(up_counts_strips_that_end_higher)
{
    struct belay_monitor_params p = with_rule("up:2");
    ck_assert_uint_eq(PLAY(&p, 5, 6, 5, 6, 7), 5);
    p = with_rule("up:2,k=2");
    // Strip ends: 4, 5, 6. What lies between does not count.
    ck_assert_uint_eq(PLAY(&p, 9, 4, 1, 5, 9, 6, 1), 6);
    ck_assert_uint_eq(PLAY(&p, 9, 4, 9, 5, 9, 5, 9, 6, 9, 5), 0);
}
END_TEST

START_TEST(moving_averages_must_beat_the_one_before_them)
{
    struct belay_monitor_params p = with_rule("window:2,tolerance=0.1");
    // Averages: 3.5 2.5 2 2 | the last two of them, 2 and 2, do not beat 2.5 - 0.25? They do; then
    // not.
    ck_assert_uint_eq(PLAY(&p, 4, 3, 2, 2, 2), 0);
    ck_assert_uint_eq(PLAY(&p, 4, 3, 2, 2, 2, 2, 2), 6);
    ck_assert_uint_eq(PLAY(&p, 1, 1, 1), 0); // too few for an answer
    p = with_rule("window:1,tolerance=0");
    ck_assert_uint_eq(PLAY(&p, 1, 0, -1, -2, -2), 5); // through zero and beyond
}
END_TEST

START_TEST(stall_and_misses_count_what_their_names_say)
{
    struct belay_monitor_params p = with_rule("stall:3");
    // The fourth last is 2; none of 3, 2, 2 is below.
    ck_assert_uint_eq(PLAY(&p, 5, 2, 3, 2, 2), 5);
    ck_assert_uint_eq(PLAY(&p, 5, 4, 9, 9, 3, 9, 9, 2), 0);
    p = with_rule("misses:3");
    ck_assert_uint_eq(PLAY(&p, 5, 6, 4, 6, 3, 6), 6);
}
END_TEST

// The definition, without recursion: max over i1 <= i2 <= i of 0.99^(i - i1) (s[i2] - s[i1]).
static double p_value(const double *loss, int count)
{
    double expected = 0, best = -loss[0];
    for (int a = 0; a < count; a++)
        for (int b = a; b < count; b++)
            expected = fmax(expected, pow(0.99, count - 1 - a) * (loss[a] - loss[b]));
    for (int i = 0; i < count; i++)
        best = fmax(best, -loss[i]);
    return exp(-0.5 / fmax(expected / fmax(best + loss[count - 1], 1e-10), 1e-10));
}

START_TEST(inc_to_dec_has_the_p_value_of_its_definition)
{
    const double loss[] = { 3, 2.5, 2, 2.1, 1.9, 2.3, 2.2, 2.9, 2.4, 3.5, 6, 9, 20 };
    struct belay_monitor_params p = with_rule("inc_to_dec:0.01,wait=2");
    belay_monitor_init(&state);
    size_t stopped = 0, wanted = 0;
    for (int i = 0; i < 13 && !stopped; i++) {
        stopped = feed(&p, &state, &loss[i], 1) ? (size_t) i + 1 : 0;
        double value = belay_criterion_value(&p.rule, &state.rule), want = p_value(loss, i + 1);
        bool waited = i == 3 || i >= 6; // the best was 2 (check 3), then 1.9 (check 5)
        if (i < 6)
            ck_assert(isnan(value));
        else
            ck_assert_double_eq_tol(value, want, 1e-12);
        if (waited && i >= 6 && want < 0.01 && !wanted)
            wanted = (size_t) i + 1;
    }
    ck_assert_uint_eq(stopped, wanted);
    ck_assert_uint_gt(stopped, 7);
}
END_TEST

START_TEST(rules_that_cannot_be_are_refused_with_a_reason)
{
    const char *const bad[][2] = {
        { "gll:2", "did you mean 'gl'" },
        { "nonsense", "there are patience" },
        { "gl:x", "want a number" },
        { "gl:-1", "from 0" },
        { "up:0", "whole number" },
        { "up:2.5", "whole number" },
        { "pq:1,k=0", "k is 0" },
        { "pq:1,k=65", "from 1 to 64" },
        { "gl:1,k=2", "unknown option 'k'" },
        { "window:0", "whole number" },
        { "window:65", "whole number" },
        { "stall:200", "whole number" },
        { "window:2,tolerance=-1", "0 or more" },
        { "inc_to_dec:2", "to 1" },
    };
    struct belay_criterion c;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        char why[256] = "";
        ck_assert_msg(!belay_criterion_parse(bad[i][0], &c, why, sizeof(why)), "%s", bad[i][0]);
        ck_assert_msg(strstr(why, bad[i][1]) != NULL, "%s: %s", bad[i][0], why);
    }
    for (int i = 0; i < BELAY_CRITERION_COUNT; i++)
        ck_assert(belay_criterion_parse(belay_monitor_rules[i].name, &c, NULL, 0) &&
                  c.kind == (unsigned) i);
}
END_TEST

static struct belay_smooth smoothing(const char *text)
{
    struct belay_smooth c;
    char why[256] = "";
    ck_assert_msg(belay_smooth_parse(text, &c, why, sizeof(why)), "%s", why);
    return c;
}

static double smooth_all(const char *text, const double *values, size_t count)
{
    struct belay_smooth c = smoothing(text);
    struct belay_smooth_state s = { 0 };
    double last = NAN;
    for (size_t i = 0; i < count; i++)
        last = belay_smooth_feed(&c, &s, values[i]);
    return last;
}

START_TEST(smoothing_is_what_it_is_called)
{
    const double v[] = { 4, 8, 1, 3, 100 };
    ck_assert_double_eq(smooth_all("off", v, 5), 100);
    ck_assert_double_eq(smooth_all("sma:3", v, 5), 104.0 / 3);
    ck_assert_double_eq(smooth_all("sma:3", v, 2), 6); // fewer at the start
    ck_assert_double_eq(smooth_all("median 3", v, 5), 3);
    ck_assert_double_eq(smooth_all("median:4", v, 5), 5.5);
    // Corrected for its start: the weights of what was seen add up to 1.
    ck_assert_double_eq(smooth_all("ema:0.5", v, 1), 4);
    ck_assert_double_eq_tol(smooth_all("ema:0.5", v, 2), (8 + 4 * 0.5) / 1.5, 1e-12);
    const char *const bad[] = { "ema",    "ema:0",   "ema:1.1", "sma:0",
                                "sma:65", "sma:1.5", "off:1",   "x" };
    for (size_t i = 0; i < 8; i++) {
        char why[256] = "";
        struct belay_smooth c;
        ck_assert(!belay_smooth_parse(bad[i], &c, why, sizeof(why)) &&
                  strstr(why, "want off, ema"));
    }
}
END_TEST

START_TEST(rules_and_thresholds_see_the_smoothed_value_the_best_does_not)
{
    struct belay_monitor_params p = with_rule("patience");
    p.smooth = smoothing("median:3");
    p.threshold = 0.5;
    // One lucky value: the best, but no threshold and no anchor.
    ck_assert_uint_eq(PLAY(&p, 2, 2, 0.1, 2, 2), 4);
    ck_assert_int_eq(state.reason, BELAY_STOP_PATIENCE);
    ck_assert_double_eq(state.best, 0.1);
    ck_assert_double_eq(state.anchor, 2);
    ck_assert_uint_eq(PLAY(&p, 2, 0.4, 0.4), 3);
    ck_assert_int_eq(state.reason, BELAY_STOP_THRESHOLD);
}
END_TEST

START_TEST(nothing_counts_as_improvement_before_the_baseline_is_beaten)
{
    struct belay_monitor_params p = with_rule("patience");
    p.baseline = 1;
    ck_assert_uint_eq(PLAY(&p, 5, 4, 3), 3);
    ck_assert_double_eq(state.best, 3);
    ck_assert_uint_eq(PLAY(&p, 5, 4, 0.9, 2, 2, 2), 6);
    struct belay_str text = { 0 };
    PLAY(&p, 5, 4, 3);
    belay_monitor_explain(&p, &state, state.reason, "val.loss", &text);
    ck_assert_str_eq(text.text, "val.loss did not improve on the baseline 1 for 3 checks (now 3)");
    belay_str_free(&text);
}
END_TEST

START_TEST(not_before_delays_but_does_not_latch)
{
    struct belay_monitor_params p = with_rule("patience");
    p.not_before = (struct belay_length){ 6, BELAY_UNIT_CHECKS };
    ck_assert_uint_eq(PLAY(&p, 1, 2, 2, 2, 2, 2, 2), 6);
    // Patience was spent at check 4, but check 6 improves: the run goes on.
    ck_assert_uint_eq(PLAY(&p, 1, 2, 2, 2, 2, 0.5, 2, 2, 2), 9);
    p.not_before = (struct belay_length){ 1.5, BELAY_UNIT_EPOCHS };
    ck_assert_uint_eq(PLAY(&p, 1, 2, 2, 2, 2, 2, 2), 6);
    p.threshold = 1;
    ck_assert_uint_eq(PLAY(&p, 1, 2, 2, 2, 2, 1, 2), 6);
    ck_assert_int_eq(state.reason, BELAY_STOP_THRESHOLD);
    p.diverged = 1.5;
    ck_assert_uint_eq(PLAY(&p, 1, 2), 2); // divergence does not wait
}
END_TEST

START_TEST(checks_in_the_cool_down_after_a_drop_of_the_rate_do_not_count)
{
    struct belay_monitor_params p = with_rule("patience");
    p.cooldown = (struct belay_length){ 2, BELAY_UNIT_CHECKS };
    belay_monitor_init(&state);
    struct belay_monitor_event now = event(0, 0, NAN);
    belay_monitor_rate(&state, 0.1, &now);
    FEED(&p, &state, 1, 2, 2);
    ck_assert_uint_eq(state.wait, 2);
    now = event(3, 0, NAN);
    belay_monitor_rate(&state, 0.095, &now); // a slow fall is no drop
    ck_assert(!state.cooling);
    belay_monitor_rate(&state, 0.01, &now);
    ck_assert(state.cooling);
    // Checks 4 and 5 are spared, then three are counted.
    ck_assert_uint_eq(FEED(&p, &state, 2, 2, 2, 2, 2), 5);
    p.cooldown = (struct belay_length){ 15, BELAY_UNIT_STEPS };
    belay_monitor_init(&state);
    belay_monitor_rate(&state, 0.1, &now);
    FEED(&p, &state, 1, 2, 2);
    belay_monitor_rate(&state, 0.01, &now);
    ck_assert_uint_eq(FEED(&p, &state, 2, 2, 2, 2), 4); // check 4 alone is spared
}
END_TEST

START_TEST(rollback_is_asked_for_at_most_so_often_and_only_with_a_best)
{
    struct belay_monitor_params p = with_rule("patience");
    p.nan = BELAY_NAN_ROLLBACK;
    p.patience.value = -1;
    ck_assert_uint_eq(PLAY(&p, NAN), 1);
    ck_assert_int_eq(state.reason, BELAY_STOP_NAN);
    belay_monitor_init(&state);
    const double values[] = { 1, NAN, 1, INFINITY, NAN };
    const bool wants[] = { false, true, false, true, false };
    for (size_t i = 0; i < 5; i++) {
        struct belay_monitor_event e = event(i + 1, values[i], NAN);
        struct belay_monitor_decision d = belay_monitor_check(&p, &state, &e);
        ck_assert(d.rollback == wants[i]);
        ck_assert_int_eq(d.reason, i == 4 ? BELAY_STOP_NAN : BELAY_STOP_NONE);
    }
    ck_assert_double_eq(state.best, 1);
    ck_assert_uint_eq(state.rollbacks, 2);
}
END_TEST

START_TEST(monitors_are_joined_by_any_all_first_and_k_of_n)
{
    const belay_stop_reason N = BELAY_STOP_NONE, P = BELAY_STOP_PATIENCE, C = BELAY_STOP_CRITERION,
                            X = BELAY_STOP_NAN;
    const struct {
        const char *join;
        belay_stop_reason reasons[3];
        belay_stop_reason want;
        size_t which;
    } cases[] = {
        { "any", { N, P, N }, P, 1 },   { "any", { N, N, N }, N, 0 },
        { "all", { P, C, N }, N, 0 },   { "all", { P, C, P }, P, 0 },
        { "first", { N, P, P }, N, 0 }, { "first", { C, N, N }, C, 0 },
        { "2", { N, C, P }, C, 1 },     { "2", { N, C, N }, N, 0 },
        { "3", { P, C, N }, N, 0 },     { "all", { N, X, N }, X, 1 },
        { "first", { P, N, X }, X, 2 },
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct belay_join join;
        size_t which = 0;
        ck_assert(belay_join_parse(cases[i].join, &join));
        ck_assert_int_eq(belay_monitor_join(&join, cases[i].reasons, 3, &which), cases[i].want);
        ck_assert_uint_eq(which, cases[i].which);
    }
    struct belay_join join;
    ck_assert(!belay_join_parse("some", &join) && !belay_join_parse("0", &join) &&
              !belay_join_parse("12", &join) && !belay_join_parse("", &join));
}
END_TEST

START_TEST(every_state_goes_on_from_json_as_if_nothing_had_been)
{
    const char *const rules[] = { "patience", "gl:4",    "pq:0.3,k=3", "up:2,k=3",
                                  "window:4", "stall:6", "misses:40",  "inc_to_dec:0.2,wait=5" };
    for (size_t r = 0; r < 8; r++) {
        struct belay_monitor_params p = with_rule(rules[r]);
        p.smooth = smoothing(r % 2 ? "ema:0.7" : "sma:3");
        p.patience.value = 30;
        p.cooldown = (struct belay_length){ 1, BELAY_UNIT_CHECKS };
        struct belay_monitor_state straight, again;
        belay_monitor_init(&straight);
        belay_monitor_init(&again);
        for (uint64_t i = 1; i < 300; i++) {
            double value = 1 + 1.0 / (double) i + 0.3 * sin((double) (i * i));
            struct belay_monitor_event e = event(i, value, 1 / (double) i);
            belay_monitor_rate(&straight, i % 7 ? 1 : 0.5, &e);
            belay_monitor_rate(&again, i % 7 ? 1 : 0.5, &e);
            struct belay_monitor_decision a = belay_monitor_check(&p, &straight, &e);
            struct belay_monitor_decision b = belay_monitor_check(&p, &again, &e);
            ck_assert(a.reason == b.reason && a.improved == b.improved);
            struct belay_log log = { 0 };
            struct belay_str text = { 0 }, other = { 0 };
            struct belay_json_doc doc = { 0 };
            belay_monitor_to_json(&again, &text);
            belay_monitor_to_json(&straight, &other);
            ck_assert_str_eq(text.text, other.text);
            ck_log_ok(&log, belay_json_parse(&log, "state", text.text, text.length, &doc));
            ck_log_ok(&log, belay_monitor_from_json(&log, doc.root, &again));
            belay_json_finish(&doc);
            belay_str_free(&text);
            belay_str_free(&other);
        }
        // Bit by bit, but for places of the rings that hold nothing.
        ck_assert_int_eq(memcmp(&straight.drop, &again.drop, sizeof(straight.drop)), 0);
        ck_assert_uint_eq(straight.rule.values.count, again.rule.values.count);
    }
}
END_TEST

START_TEST(a_new_limit_is_asked_of_the_old_state)
{
    struct belay_monitor_params p = with_rule("gl:5");
    struct belay_monitor_event now = event(3, 0, NAN);
    ck_assert_uint_eq(PLAY(&p, 1, 1.02, 1.1), 3);
    ck_assert_int_eq(belay_monitor_verdict(&p, &state, &now), BELAY_STOP_CRITERION);
    p.rule.limit = 20;
    ck_assert_int_eq(belay_monitor_verdict(&p, &state, &now), BELAY_STOP_NONE);
}
END_TEST

START_TEST(reasons_are_said_with_values)
{
    const struct {
        const char *rule, *want;
    } cases[] = {
        { "gl:5", "val.loss is 1.2, 20 % from its best 1 (gl 5)" },
        { "up:1", "val.loss is 1.2, worse at the ends of 1 strips of 1 checks in a row (up)" },
        { "misses:1", "val.loss is 1.2 at the 1. check without improvement in all (misses)" },
        { "stall:1",
          "val.loss is 1.2: none of 1 checks is better than the one before them (stall)" },
    };
    for (size_t i = 0; i < 4; i++) {
        struct belay_monitor_params p = with_rule(cases[i].rule);
        struct belay_str text = { 0 };
        ck_assert_uint_eq(PLAY(&p, 1, 1.2), 2);
        belay_monitor_explain(&p, &state, state.reason, "val.loss", &text);
        ck_assert_str_eq(text.text, cases[i].want);
        belay_str_free(&text);
    }
}
END_TEST

static Suite *suite_criteria(void)
{
    Suite *suite = suite_create("criteria");
    TCase *t = tcase_create("rules");
    tcase_add_test(t, gl_stops_when_the_loss_is_so_many_per_cent_above_its_minimum);
    tcase_add_test(t, pq_divides_by_the_progress_of_training_at_strip_ends);
    tcase_add_test(t, up_counts_strips_that_end_higher);
    tcase_add_test(t, moving_averages_must_beat_the_one_before_them);
    tcase_add_test(t, stall_and_misses_count_what_their_names_say);
    tcase_add_test(t, inc_to_dec_has_the_p_value_of_its_definition);
    tcase_add_test(t, rules_that_cannot_be_are_refused_with_a_reason);
    tcase_add_test(t, smoothing_is_what_it_is_called);
    tcase_add_test(t, rules_and_thresholds_see_the_smoothed_value_the_best_does_not);
    tcase_add_test(t, nothing_counts_as_improvement_before_the_baseline_is_beaten);
    tcase_add_test(t, not_before_delays_but_does_not_latch);
    tcase_add_test(t, checks_in_the_cool_down_after_a_drop_of_the_rate_do_not_count);
    tcase_add_test(t, rollback_is_asked_for_at_most_so_often_and_only_with_a_best);
    tcase_add_test(t, monitors_are_joined_by_any_all_first_and_k_of_n);
    tcase_add_test(t, every_state_goes_on_from_json_as_if_nothing_had_been);
    tcase_add_test(t, a_new_limit_is_asked_of_the_old_state);
    tcase_add_test(t, reasons_are_said_with_values);
    suite_add_tcase(suite, t);
    return suite;
}

int main(void)
{
    return harness_main(suite_criteria, NULL);
}
