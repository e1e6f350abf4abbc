// Presets must stop where the programs they are named after stopped: cases recorded from those
// programs, one a line. Fields: framework, options, metrics (null: missing), is_training,
// expected_*.
#include "harness.h"

#include <math.h>
#include <string.h>

#include "base/env.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/str.h"
#include "format/json.h"
#include "train/preset.h"

static struct belay_log sink;

struct outcome {
    int64_t stop; // index, -1: never
    enum belay_rule_reason reason;
    struct belay_rule_state state;
};

static double number_of(const struct belay_json *v)
{
    double value = NAN;
    if (v->kind == BELAY_JSON_STRING)
        return belay_parse_double(v->string, &value)           ? value
               : strcmp(v->string, "Infinity") == 0  ? INFINITY
               : strcmp(v->string, "-Infinity") == 0 ? -INFINITY
                                                     : NAN;
    return v->number;
}

static belay_status set_option(const struct belay_preset *preset, struct belay_rule *rule,
                               const char *name, const struct belay_json *v)
{
    struct belay_str text = { 0 };
    if (v->kind == BELAY_JSON_STRING)
        belay_str_add(&text, v->string);
    else if (v->kind == BELAY_JSON_BOOL)
        belay_str_add(&text, v->boolean ? "true" : "false");
    else if (v->kind == BELAY_JSON_NULL)
        belay_str_add(&text, "null");
    else
        belay_str_add_double(&text, v->number);
    belay_status status = belay_preset_set(&sink, preset, rule, name, text.text);
    belay_str_free(&text);
    return status;
}

static belay_status read_rule(const struct belay_json *c, const struct belay_preset *preset,
                              struct belay_rule *rule)
{
    const struct belay_json *options = belay_json_get(c, "options");
    const struct belay_json *precision = belay_json_get(c, "precision");
    *rule = preset->rule;
    for (const struct belay_json *o = options ? options->first : NULL; o; o = o->next)
        BELAY_TRY(set_option(preset, rule, o->key, o));
    if (precision)
        BELAY_TRY(set_option(preset, rule, "precision", precision));
    return belay_preset_check(&sink, preset, rule);
}

static void play(const struct belay_json *c, const struct belay_preset *preset,
                 const struct belay_rule *rule, struct outcome *out)
{
    const struct belay_json *training = belay_json_get(c, "is_training");
    const struct belay_json *t = training ? training->first : NULL;
    const struct belay_json *resume = belay_json_get(c, "resume_after_index");
    int64_t index = -1;
    out->stop = -1;
    out->reason = BELAY_RULE_NONE;
    belay_rule_init(rule, &out->state);
    for (const struct belay_json *m = belay_json_get(c, "metrics")->first; m; m = m->next) {
        bool train = t && t->boolean;
        t = t ? t->next : NULL;
        if (train) {
            belay_rule_train(rule, &out->state, number_of(m));
            continue;
        }
        index++;
        out->reason = belay_rule_check(rule, &out->state, number_of(m),
                                       m->kind == BELAY_JSON_NULL);
        if (out->reason != BELAY_RULE_NONE) {
            out->stop = index;
            return;
        }
        if (resume && (int64_t) resume->number == index && preset->resume == BELAY_RESUME_FORGETS)
            belay_rule_restart(rule, &out->state);
    }
}

static bool index_is(const struct belay_json *want, int64_t got)
{
    return !want || (want->kind == BELAY_JSON_NULL ? got < 0 : (int64_t) want->number == got);
}

static bool score_is(const struct belay_json *want, double got)
{
    if (!want || want->kind == BELAY_JSON_NULL)
        return true;
    double value = number_of(want);
    return value == got || (isnan(value) && isnan(got));
}

static bool reason_is(const struct belay_json *want, enum belay_rule_reason got)
{
    static const char *const names[] = {
        "NOT_STOPPED", "PATIENCE_EXHAUSTED", "NON_FINITE_METRIC", "STOPPING_THRESHOLD",
        "DIVERGENCE_THRESHOLD", "",
    };
    return !want || want->kind != BELAY_JSON_STRING || strcmp(want->string, names[got]) == 0;
}

// The field that differs, or NULL.
static const char *judge(const struct belay_json *c, const struct outcome *o)
{
    bool jl = strcmp(belay_json_string_or(c, "framework", ""), "earlystopping_jl") == 0;
    const struct belay_json *wait = belay_json_get(c, "expected_wait");
    if (!index_is(belay_json_get(c, "expected_stop"), o->stop))
        return "stop";
    if (!jl && !index_is(belay_json_get(c, "expected_best"), o->state.best_index))
        return "best";
    if (wait && wait->kind != BELAY_JSON_NULL && (uint64_t) wait->number != o->state.wait)
        return "wait";
    if (!score_is(belay_json_get(c, "expected_best_score"), o->state.best))
        return "best score";
    if (!reason_is(belay_json_get(c, "expected_reason"), o->reason))
        return "reason";
    if (!index_is(belay_json_get(c, "expected_final_weights_epoch"), o->state.best_index))
        return "final weights";
    return NULL;
}

static void run_case(const struct belay_json *c, int good[32])
{
    const char *name = belay_json_string_or(c, "framework", "?"), *wrong;
    const struct belay_preset *preset = belay_preset_find(name);
    struct belay_rule rule;
    struct outcome out = { 0 };
    if (!preset || read_rule(c, preset, &rule) != BELAY_OK) {
        wrong = preset ? sink.last : "no such preset";
    } else {
        play(c, preset, &rule, &out);
        wrong = judge(c, &out);
    }
    if (preset)
        good[2 * (preset - belay_presets) + (wrong ? 1 : 0)]++;
    if (!wrong) {
        harness_cases_passed++;
        return;
    }
    harness_cases_failed++;
    printf("%s: %s (stop %lld, best %lld = %g, wait %llu: %s)\n",
           belay_json_string_or(c, "id", "?"), wrong, (long long) out.stop,
           (long long) out.state.best_index, out.state.best, (unsigned long long) out.state.wait,
           belay_rule_reason_text(out.reason));
}

static char *read_cases(size_t *size)
{
    static const char *const folders[] = { "shared/cases", "../shared/cases", "tests/data" };
    const char *folder = belay_env("BELAY_CASES");
    char *text;
    for (size_t i = 0; !folder; i++) {
        char *path = belay_path_join(folders[i], "early_stopping.jsonl");
        if (i == 2 || belay_file_exists(path))
            folder = folders[i];
        belay_free(path);
    }
    char *path = belay_path_join(folder, "early_stopping.jsonl");
    ck_log_ok(&sink, belay_file_read(&sink, path, 0, &text, size));
    printf("cases: %s\n", path);
    belay_free(path);
    return text;
}

START_TEST(presets_stop_where_the_programs_stopped)
{
    int good[32] = { 0 };
    size_t size;
    char *text = read_cases(&size), *line = text;
    while (line < text + size) {
        struct belay_json_doc doc;
        char *end = memchr(line, '\n', (size_t) (text + size - line));
        size_t length = end ? (size_t) (end - line) : (size_t) (text + size - line);
        if (length > 0) {
            ck_log_ok(&sink, belay_json_parse(&sink, "case file", line, length, &doc));
            run_case(doc.root, good);
            belay_json_finish(&doc);
        }
        line += length + 1;
    }
    belay_free(text);
    for (int i = 0; belay_presets[i].name; i++)
        if (good[2 * i] + good[2 * i + 1])
            printf("%-17s %3d passed, %d failed\n", belay_presets[i].name, good[2 * i],
                   good[2 * i + 1]);
    ck_assert_int_gt(harness_cases_passed + harness_cases_failed, 0);
}
END_TEST

// Index of the check at which the rule stops, -1: never.
static int64_t stop_of(const char *text, const double *values, size_t count, int64_t *best)
{
    const struct belay_preset *preset;
    struct belay_rule rule;
    struct belay_rule_state s;
    ck_log_ok(&sink, belay_preset_parse(&sink, text, &preset, &rule));
    belay_rule_init(&rule, &s);
    for (size_t i = 0; i < count; i++) {
        if (belay_rule_check(&rule, &s, values[i], false) != BELAY_RULE_NONE) {
            *best = s.best_index;
            return (int64_t) i;
        }
    }
    *best = s.best_index;
    return -1;
}

START_TEST(own_rules_keep_the_true_best_apart_from_min_delta)
{
    const double values[] = { 1, 0.95, 0.9, 0.5, 0.45, 0.44, 0.6 };
    int64_t best;
    ck_assert_int_eq(stop_of("patience:2,min_delta=0.2", values, 7, &best), 2);
    ck_assert_int_eq(best, 2);
    ck_assert_int_eq(stop_of("patience:patience=3,min_delta=0.2", values, 7, &best), 6);
    ck_assert_int_eq(best, 5);
    ck_assert_int_eq(stop_of("gl:30", values, 7, &best), 6);
    ck_assert_int_eq(stop_of("gl:alpha=40", values, 7, &best), -1);
    ck_assert_int_eq(stop_of("gl:30,mode=max", values, 7, &best), 3);
    ck_assert_int_eq(stop_of("up:1", values, 7, &best), 6);
}
END_TEST

START_TEST(wrong_rules_are_refused_with_what_was_wanted)
{
    static const char *const wrong[][2] = {
        { "kears", "did you mean 'keras'" },      { "keras:patiense=3", "did you mean 'patience'" },
        { "keras:patience=x", "want a number" },  { "keras:mode=up", "want one of min, max" },
        { "pq:k=0", "want a whole number of 1" }, { "gl:nan", "want a number" },
        { "gl:warmup=-1", "want 0 or more" },
    };
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        const struct belay_preset *preset;
        struct belay_rule rule;
        ck_status_is(&sink, belay_preset_parse(&sink, wrong[i][0], &preset, &rule),
                     BELAY_ERR_RECIPE);
        ck_assert_msg(strstr(sink.last, wrong[i][1]), "%s: says '%s'", wrong[i][0], sink.last);
    }
}
END_TEST

static Suite *suite(void)
{
    const TTest *const tests[] = {
        presets_stop_where_the_programs_stopped,
        own_rules_keep_the_true_best_apart_from_min_delta,
        wrong_rules_are_refused_with_what_was_wanted,
    };
    return harness_suite("early_stopping", tests, sizeof(tests) / sizeof(tests[0]));
}

int main(void)
{
    return harness_main(suite, NULL);
}
