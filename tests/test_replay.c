// Replays of small logs as five programs write them: the same twenty values in each.
#include "harness.h"

#include <belay/belay.h>
#include <math.h>
#include <string.h>

#define DIR "tests/data/replay/"

static belay_ctx *ctx;
static const char *const logs[] = { DIR "keras.csv", DIR "lightning.csv", DIR "ultralytics.csv",
                                    DIR "metrics.jsonl" };

static belay_replay_result replay(const char *log, const char *rule)
{
    const belay_replay_params p = { .log = log, .rule = rule };
    belay_replay_result r;
    ck_ok(ctx, belay_replay(ctx, &p, &r));
    return r;
}

START_TEST(every_format_gives_the_same_answers)
{
    const struct {
        const char *rule;
        uint64_t stop, best; // checks; 0: not fired
    } cases[] = {
        { "patience:1", 7, 6 },           { "patience:3", 11, 8 },
        { "patience:5", 17, 12 },         { "patience:10", 0, 12 },
        { "patience:3,min_delta=0.05", 8, 8 }, { "gl:5", 7, 6 },
        { "gl:10", 11, 8 },               { "up:3", 11, 8 },
        { "up:2,k=3", 18, 12 },           { "window:3,tolerance=0", 11, 8 },
        { "stall:5", 17, 12 },            { "misses:6", 14, 12 },
        { "patience:3,smooth=sma:3", 11, 8 }, { "patience:1,warmup=8", 9, 8 },
        { "patience:1,not_before=9", 9, 8 },   { "patience:5,threshold=0.5", 5, 5 },
        { "any(patience:5; gl:10)", 11, 8 },   { "all(patience:3; gl:20)", 17, 12 },
        { "first(patience:10; gl:5)", 0, 12 }, { "2(patience:1; patience:3; gl:20)", 11, 8 },
        { "keras:patience=3", 11, 8 },    { "lightning:patience=5", 17, 12 },
    };
    for (size_t l = 0; l < 4; l++) {
        for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
            belay_replay_result r = replay(logs[l], cases[i].rule);
            ck_assert_uint_eq(r.checks, 20);
            ck_assert_msg(r.fired == (cases[i].stop > 0) && r.stop_check == cases[i].stop &&
                              r.best_check == cases[i].best,
                          "%s on %s: stop %d, best %d", cases[i].rule, logs[l], (int) r.stop_check,
                          (int) r.best_check);
            ck_assert_double_eq(r.best_of_log, 0.46);
            ck_assert_str_ne(r.sentence, "");
        }
    }
}
END_TEST

START_TEST(the_training_loss_is_found_under_its_names)
{
    for (size_t l = 0; l < 4; l++) {
        belay_replay_result r = replay(logs[l], "pq:0.05,k=4");
        ck_assert_msg(r.fired && r.stop_check == 16, "%s: %d", logs[l], (int) r.stop_check);
    }
}
END_TEST

START_TEST(steps_epochs_and_rates_of_the_log_are_used)
{
    belay_replay_result r = replay(DIR "metrics.jsonl", "patience:150steps");
    ck_assert_uint_eq(r.stop_check, 11);
    ck_assert_double_eq(r.stop_step, 550);
    ck_assert_double_eq(r.best_step, 400);
    ck_assert_uint_eq(replay(DIR "lightning.csv", "patience:150steps").stop_check, 11);
    ck_assert_uint_eq(replay(DIR "keras.csv", "patience:3epochs").stop_check, 11);
    // The rate drops before check 10: two checks are spared, and 12 is the best.
    ck_assert_uint_eq(replay(DIR "metrics.jsonl", "patience:3,cooldown=2").stop_check, 15);
    ck_assert_uint_eq(replay(DIR "ultralytics.csv", "patience:3,cooldown=2").stop_check, 15);
}
END_TEST

START_TEST(another_metric_may_be_watched_beside_the_first)
{
    // Accuracy says the same as the loss here, but it is to grow.
    belay_replay_result r =
        replay(DIR "metrics.jsonl", "all(patience:3; patience:3,monitor=val.accuracy)");
    ck_assert_uint_eq(r.stop_check, 11);
    r = replay(DIR "keras.csv", "any(patience:10; patience:3,monitor=val_accuracy)");
    ck_assert_uint_eq(r.stop_check, 11);
    ck_assert_msg(strstr(r.sentence, "val_accuracy did not improve on 0.765 for 3 checks") != NULL,
                  "%s", r.sentence);
}
END_TEST

START_TEST(what_cannot_be_answered_is_refused)
{
    const struct {
        const char *log, *rule, *says;
        belay_status status;
    } cases[] = {
        { DIR "keras.csv", "patience:150steps", "needs steps, the log has none", BELAY_ERR_DATA },
        { DIR "keras.csv", "patience:3,cooldown=2", "needs learning rates", BELAY_ERR_DATA },
        { DIR "keras.csv", "patience:5minutes", "want so many checks", BELAY_ERR_RECIPE },
        { DIR "keras.csv", "patience:3,smooth=sma", "want off, ema", BELAY_ERR_RECIPE },
        { DIR "keras.csv", "gl:2,patients=3", "unknown option 'patients'", BELAY_ERR_RECIPE },
        { DIR "keras.csv", "gl:2,nan=rollback", "want stop, count or ignore", BELAY_ERR_RECIPE },
        { DIR "keras.csv", "3(gl:2; gl:3)", "2 rules in it are too few", BELAY_ERR_RECIPE },
        { DIR "keras.csv", "any(gl:2; gll:3)", "unknown rule 'gll'", BELAY_ERR_RECIPE },
        { DIR "keras.csv", "kears:3", "did you mean 'keras'", BELAY_ERR_RECIPE },
        { DIR "keras.csv", "any(gl:2; gl:3,monitor=nothere)", "no column 'nothere'",
          BELAY_ERR_DATA },
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const belay_replay_params p = { .log = cases[i].log, .rule = cases[i].rule };
        belay_replay_result r;
        ck_assert_msg(belay_replay(ctx, &p, &r) == cases[i].status, "%s: %s", cases[i].rule,
                      belay_ctx_error(ctx));
        ck_assert_msg(strstr(belay_ctx_error(ctx), cases[i].says) != NULL, "%s: %s", cases[i].rule,
                      belay_ctx_error(ctx));
    }
}
END_TEST

static void open_context(void)
{
    ck_assert_int_eq(belay_ctx_create(NULL, &ctx), BELAY_OK);
}

static void close_context(void)
{
    belay_ctx_destroy(&ctx);
}

static Suite *suite_replay(void)
{
    Suite *s = suite_create("replay");
    TCase *t = tcase_create("replay");
    tcase_add_unchecked_fixture(t, open_context, close_context);
    tcase_add_test(t, every_format_gives_the_same_answers);
    tcase_add_test(t, the_training_loss_is_found_under_its_names);
    tcase_add_test(t, steps_epochs_and_rates_of_the_log_are_used);
    tcase_add_test(t, another_metric_may_be_watched_beside_the_first);
    tcase_add_test(t, what_cannot_be_answered_is_refused);
    suite_add_tcase(s, t);
    return s;
}

int main(void)
{
    return harness_main(suite_replay, NULL);
}
