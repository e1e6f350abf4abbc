#include "train/schedule.h"

#include <math.h>
#include <string.h>

#include "harness.h"

static const double epsilon = 1e-12;

struct setting {
    const char *name;
    double value;
};

// The schedule with its defaults but for `settings` (ended by a NULL name).
static const struct belay_schedule *make(const char *name, const struct setting *settings,
                                         double *options)
{
    const struct belay_schedule *s = belay_schedule_find(name);
    ck_assert_ptr_nonnull(s);
    for (int i = 0; i < BELAY_MAX_OPTIONS && s->options[i].name; i++) {
        options[i] = s->options[i].fallback;
        for (const struct setting *at = settings; at->name; at++)
            if (strcmp(at->name, s->options[i].name) == 0)
                options[i] = at->value;
    }
    return s;
}

static double rate(const struct belay_schedule *s, const double *options, double base,
                   uint64_t step)
{
    struct belay_schedule_state state = { { 0 } };
    return belay_schedule_rate(s, options, NULL, &state, base, 0, step);
}

START_TEST(constant_is_constant_and_may_start_lower)
{
    double o[BELAY_MAX_OPTIONS];
    const struct belay_schedule *s = make("constant", (struct setting[]){ { 0 } }, o);
    ck_assert_double_eq(rate(s, o, 0.1, 0), 0.1);
    ck_assert_double_eq(rate(s, o, 0.1, 100000), 0.1);
    s = make("constant", (struct setting[]){ { "factor", 0.25 }, { "total_iters", 8 }, { 0 } }, o);
    ck_assert_double_eq_tol(rate(s, o, 0.1, 7), 0.025, epsilon);
    ck_assert_double_eq(rate(s, o, 0.1, 8), 0.1);
}
END_TEST

START_TEST(step_falls_at_every_multiple)
{
    double o[BELAY_MAX_OPTIONS];
    const struct belay_schedule *s =
        make("step", (struct setting[]){ { "step_size", 7 }, { "gamma", 0.5 }, { 0 } }, o);
    ck_assert_double_eq_tol(rate(s, o, 0.1, 6), 0.1, epsilon);
    ck_assert_double_eq_tol(rate(s, o, 0.1, 7), 0.05, epsilon);
    ck_assert_double_eq_tol(rate(s, o, 0.1, 14), 0.025, epsilon);
}
END_TEST

START_TEST(cosine_falls_to_its_lowest_and_stays)
{
    double o[BELAY_MAX_OPTIONS];
    const struct belay_schedule *s =
        make("cosine", (struct setting[]){ { "over", 20 }, { "min", 0.01 }, { 0 } }, o);
    ck_assert_double_eq_tol(rate(s, o, 0.1, 0), 0.1, epsilon);
    ck_assert_double_eq_tol(rate(s, o, 0.1, 10), 0.055, epsilon);
    ck_assert_double_eq_tol(rate(s, o, 0.1, 20), 0.01, epsilon);
    ck_assert_double_eq_tol(rate(s, o, 0.1, 35), 0.01, epsilon);
}
END_TEST

START_TEST(warmup_rises_to_the_base_and_then_the_schedule_starts_at_0)
{
    double o[BELAY_MAX_OPTIONS];
    struct belay_schedule_state state = { { 0 } };
    const struct belay_schedule *s =
        make("step", (struct setting[]){ { "step_size", 2 }, { 0 } }, o);
    const double want[] = { 0.25, 0.5, 0.75, 1, 1, 1, 0.1, 0.1, 0.01 };
    for (uint64_t t = 0; t < sizeof(want) / sizeof(want[0]); t++)
        ck_assert_double_eq_tol(belay_schedule_rate(s, o, NULL, &state, 1, 4, t), want[t], epsilon);
}
END_TEST

START_TEST(plateau_waits_for_more_than_patience_and_cools_down)
{
    double o[BELAY_MAX_OPTIONS];
    struct belay_schedule_state state = { { 0 } };
    const struct belay_schedule *s =
        make("plateau",
             (struct setting[]){
                 { "patience", 1 }, { "factor", 0.5 }, { "cooldown", 1 }, { 0 } },
             o);
    const double value[] = { 1, 1, 1, 1, 1, 1, 0.5, NAN, NAN };
    // Bad: -, 1, 2 (reduced), cooled, 1, 2 (reduced), better (and cooled), 1, 2 (reduced)
    const double want[] = { 1, 1, 0.5, 0.5, 0.5, 0.25, 0.25, 0.25, 0.125 };
    for (size_t t = 0; t < sizeof(want) / sizeof(want[0]); t++) {
        s->check(o, &state, value[t], false);
        ck_assert_double_eq_tol(s->rate(o, &state, 1, t), want[t], epsilon);
    }
}
END_TEST

START_TEST(plateau_stops_at_its_lowest_rate_for_each_base)
{
    double o[BELAY_MAX_OPTIONS];
    struct belay_schedule_state state = { { 0 } };
    const struct belay_schedule *s =
        make("plateau", (struct setting[]){ { "patience", 0 }, { "min_lr", 0.02 }, { 0 } }, o);
    for (int t = 0; t < 5; t++)
        s->check(o, &state, 1, false);
    ck_assert_double_eq_tol(s->rate(o, &state, 1, 0), 0.02, epsilon);
    ck_assert_double_eq_tol(s->rate(o, &state, 0.03, 0), 0.02, epsilon);
    ck_assert_double_eq_tol(s->rate(o, &state, 0.01, 0), 0.01, epsilon);
}
END_TEST

static struct belay_schedule_part part(const char *name, const struct setting *settings,
                                       double start)
{
    struct belay_schedule_part p = { .start = start };
    p.schedule = make(name, settings, p.options);
    return p;
}

START_TEST(parts_follow_one_another_from_their_own_beginning)
{
    struct belay_schedule_state state = { { 0 } };
    const struct belay_schedule_parts parts = {
        { part("constant", (struct setting[]){ { "factor", 0.5 }, { "total_iters", 9 }, { 0 } }, 0),
          part("exponential", (struct setting[]){ { "gamma", 0.5 }, { "every", 1 }, { 0 } }, 2) },
        2,
    };
    static const double want[] = { 0.5, 0.5, 1, 0.5, 0.25 };
    const struct belay_schedule *s = belay_schedule_find("sequential");
    for (uint64_t t = 0; t < 5; t++) {
        ck_assert_double_eq_tol(belay_schedule_rate(s, NULL, &parts, &state, 1, 0, t), want[t],
                                epsilon);
        ck_assert_double_eq_tol(belay_schedule_rate(s, NULL, &parts, &state, 1, 3, t + 3), want[t],
                                epsilon);
    }
}
END_TEST

START_TEST(chained_parts_multiply_their_factors)
{
    struct belay_schedule_state state = { { 0 } };
    const struct belay_schedule_parts parts = {
        { part("constant", (struct setting[]){ { "factor", 0.5 }, { "total_iters", 2 }, { 0 } }, 0),
          part("exponential", (struct setting[]){ { "gamma", 0.5 }, { "every", 1 }, { 0 } }, 0) },
        2,
    };
    static const double want[] = { 1.5, 0.75, 0.75, 0.375 };
    const struct belay_schedule *s = belay_schedule_find("chained");
    for (uint64_t t = 0; t < 4; t++)
        ck_assert_double_eq_tol(belay_schedule_rate(s, NULL, &parts, &state, 3, 0, t), want[t],
                                epsilon);
    ck_assert_double_eq(belay_schedule_rate(s, NULL, &parts, &state, 0, 0, 1), 0);
}
END_TEST

START_TEST(every_schedule_has_options_with_names_and_help)
{
    for (const struct belay_schedule *const *s = belay_schedules; *s; s++) {
        ck_assert_ptr_eq(belay_schedule_find((*s)->name), *s);
        ck_assert_ptr_nonnull((*s)->help);
        for (int i = 0; i < BELAY_MAX_OPTIONS && (*s)->options[i].name; i++) {
            ck_assert_ptr_nonnull((*s)->options[i].type);
            ck_assert_ptr_nonnull((*s)->options[i].help);
        }
    }
    ck_assert_ptr_null(belay_schedule_find("cosin"));
}
END_TEST

// At the start, on the way and at the end; the golden cases go step by step.
START_TEST(further_schedules_have_the_rates_of_their_formulas)
{
    static const struct {
        const char *name;
        struct setting set[4];
        uint64_t step;
        double want;
    } rows[] = {
        { "exponential", { { "gamma", 0.25 }, { "every", 10 } }, 5, 0.5 },
        { "linear", { { "over", 4 }, { "start_factor", 0.5 } }, 2, 0.75 },
        { "linear", { { "over", 4 }, { "start_factor", 0.5 } }, 400, 1 },
        { "linear", { { 0 } }, 3, 1 }, // no length is known: the base
        { "polynomial", { { "over", 10 }, { "power", 2 } }, 5, 0.25 },
        { "polynomial", { { "over", 10 }, { "power", 2 } }, 11, 0 },
        { "multistep", { { "at1", 3 }, { "at2", 5 } }, 2, 1 },
        { "multistep", { { "at1", 3 }, { "at2", 5 } }, 5, 0.01 },
        { "cosine_restarts", { { "first", 4 }, { "mult", 2 } }, 2, 0.5 },
        { "cosine_restarts", { { "first", 4 }, { "mult", 2 } }, 4, 1 },
        { "cosine_restarts", { { "first", 4 }, { "mult", 2 } }, 8, 0.5 },
        { "cosine_restarts", { { "first", 4 } }, 4000002, 0.5 },
        { "one_cycle", { { "over", 20 }, { "pct_start", 0.5 } }, 0, 0.04 },
        { "one_cycle", { { "over", 20 }, { "pct_start", 0.5 } }, 9, 1 },
        { "one_cycle", { { "over", 20 }, { "pct_start", 0.5 } }, 500, 4e-6 },
        { "one_cycle", { { "over", 20 }, { "pct_start", 0 } }, 19, 4e-6 },
        { "cyclic", { { "up", 4 }, { "down", 2 }, { "min", 0.5 } }, 2, 0.75 },
        { "cyclic", { { "up", 4 }, { "down", 2 }, { "mode", 1 } }, 11, 0.25 },
    };
    double o[BELAY_MAX_OPTIONS];
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const struct belay_schedule *s = make(rows[i].name, rows[i].set, o);
        double got = rate(s, o, 1, rows[i].step);
        ck_assert_msg(fabs(got - rows[i].want) < epsilon, "row %zu, %s: got %g, want %g", i,
                      rows[i].name, got, rows[i].want);
    }
}
END_TEST

START_TEST(momentum_goes_the_other_way_where_it_is_asked_for)
{
    static const struct {
        const char *name;
        struct setting set[8];
        uint64_t step;
        double want;
    } rows[] = {
        { "one_cycle", { { "over", 21 }, { "pct_start", 11. / 21 } }, 0, 0.95 },
        { "one_cycle", { { "over", 21 }, { "pct_start", 11. / 21 } }, 5, 0.9 },
        { "one_cycle", { { "over", 21 }, { "pct_start", 11. / 21 } }, 10, 0.85 },
        { "one_cycle", { { "over", 21 }, { "pct_start", 11. / 21 } }, 20, 0.95 },
        { "one_cycle", { { "over", 40 }, { "pct_start", 0.25 }, { "three_phase", 1 } }, 18, 0.95 },
        { "one_cycle", { { "over", 40 }, { "pct_start", 0.25 }, { "three_phase", 1 } }, 30, 0.95 },
        { "cyclic", { { "up", 4 }, { "down", 2 } }, 0, 0.9 },
        { "cyclic", { { "up", 4 }, { "down", 2 } }, 5, 0.85 },
        { "cyclic", { { "up", 4 }, { "max_momentum", 0.7 }, { "base_momentum", 0.3 } }, 4, 0.3 },
        { "cyclic", { { "up", 2 }, { "mode", 2 }, { "gamma", 0.5 } }, 2, 0.875 },
    };
    double o[BELAY_MAX_OPTIONS];
    const struct belay_schedule *s;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        s = make(rows[i].name, rows[i].set, o);
        ck_assert_double_nan(belay_schedule_momentum(s, o, 0, rows[i].step));
        for (int k = 0; s->options[k].name; k++)
            if (strcmp(s->options[k].name, "cycle_momentum") == 0)
                o[k] = 1;
        double got = belay_schedule_momentum(s, o, 0, rows[i].step);
        ck_assert_msg(fabs(got - rows[i].want) < epsilon, "row %zu, %s: got %g, want %g", i,
                      rows[i].name, got, rows[i].want);
        ck_assert_double_eq(belay_schedule_momentum(s, o, 7, rows[i].step + 7), got);
    }
    s = make("step", (struct setting[]){ { 0 } }, o);
    ck_assert_double_nan(belay_schedule_momentum(s, o, 0, 3));
}
END_TEST

static Suite *suite_schedule(void)
{
    Suite *suite = suite_create("schedule");
    TCase *t = tcase_create("rates");
    tcase_add_test(t, constant_is_constant_and_may_start_lower);
    tcase_add_test(t, step_falls_at_every_multiple);
    tcase_add_test(t, cosine_falls_to_its_lowest_and_stays);
    tcase_add_test(t, warmup_rises_to_the_base_and_then_the_schedule_starts_at_0);
    tcase_add_test(t, plateau_waits_for_more_than_patience_and_cools_down);
    tcase_add_test(t, plateau_stops_at_its_lowest_rate_for_each_base);
    tcase_add_test(t, parts_follow_one_another_from_their_own_beginning);
    tcase_add_test(t, chained_parts_multiply_their_factors);
    tcase_add_test(t, further_schedules_have_the_rates_of_their_formulas);
    tcase_add_test(t, momentum_goes_the_other_way_where_it_is_asked_for);
    tcase_add_test(t, every_schedule_has_options_with_names_and_help);
    suite_add_tcase(suite, t);
    return suite;
}

int main(void)
{
    return harness_main(suite_schedule, NULL);
}
