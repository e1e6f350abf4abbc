// What other programs keep of their checkpoints, as cases of one line each (policy, options, steps,
// metrics, times; expected_kept, expected_saves, expected_name), and our own rules.
#include "harness.h"

#include <math.h>
#include <string.h>

#include "base/env.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/str.h"
#include "format/json.h"
#include "train/name_template.h"
#include "train/retention.h"

#define MAX_FILES 1024

static struct belay_log sink;

// ---- the cases ----

struct run_of { // one case
    const struct belay_json *c, *options;
    struct belay_kept_file files[MAX_FILES];
    size_t count;
    int saves;
    struct belay_ranked ranked[MAX_FILES];
    int num_ranked;
    char name[256];
};

static double number_of(const struct belay_json *v)
{
    double value = NAN;
    if (!v || v->kind == BELAY_JSON_NULL)
        return NAN;
    if (v->kind == BELAY_JSON_STRING) {
        bool minus = v->string[0] == '-';
        if (strcmp(v->string + minus, "Infinity") == 0 || strcmp(v->string + minus, "inf") == 0)
            return minus ? -INFINITY : INFINITY;
        return belay_parse_double(v->string, &value) ? value : NAN;
    }
    return v->number;
}

// An option; `none` when it is null or absent.
static double option(const struct run_of *r, const char *name, double none)
{
    const struct belay_json *v = belay_json_get(r->options, name);
    return !v || v->kind == BELAY_JSON_NULL ? none : number_of(v);
}

static bool flag(const struct run_of *r, const char *name, bool none)
{
    return belay_json_bool_or(r->options, name, none);
}

static bool maximizes(const struct run_of *r)
{
    return strcmp(belay_json_string_or(r->options, "mode", "min"), "max") == 0;
}

static const struct belay_json *first_of(const struct belay_json *c, const char *name)
{
    const struct belay_json *list = belay_json_get(c, name);
    return list ? list->first : NULL;
}

static void read_files(struct run_of *r)
{
    const struct belay_json *metric = first_of(r->c, "metrics"), *time = first_of(r->c, "times");
    for (const struct belay_json *s = first_of(r->c, "steps"); s; s = s->next) {
        ck_assert_uint_lt(r->count, MAX_FILES);
        r->files[r->count++] = (struct belay_kept_file){
            .step = s->integer, .seconds = number_of(time), .value = number_of(metric)
        };
        metric = metric ? metric->next : NULL;
        time = time ? time->next : NULL;
    }
}

static void mark(struct run_of *r, struct belay_keep_rule rule)
{
    rule.most = (uint64_t) option(r, "max_to_keep", 0);
    belay_retention_mark(&rule, 1, r->files, r->count);
}

static void run_custom_steps(struct run_of *r)
{
    uint64_t steps[MAX_FILES];
    size_t count = 0;
    for (const struct belay_json *s = first_of(r->options, "steps"); s && count < MAX_FILES;
         s = s->next)
        steps[count++] = s->integer;
    mark(r, (struct belay_keep_rule){ BELAY_KEEP_STEPS, .steps = steps, .num_steps = count });
}

// With no more files than n nothing is looked at: all stay.
static void run_best_n(struct run_of *r)
{
    double n = option(r, "n", BELAY_KEEP_ALL);
    mark(r, (struct belay_keep_rule){ BELAY_KEEP_BEST,
                                      .n = (double) r->count <= n ? BELAY_KEEP_ALL : n,
                                      .maximize = maximizes(r),
                                      .without_value =
                                          n != 0 && flag(r, "keep_without_metrics", true) });
}

// As the files come: one is saved when it is among the k best so far.
static void run_best_k(struct run_of *r)
{
    double k = option(r, "save_top_k", option(r, "n_saved", 1));
    for (size_t i = 0; i < r->count; i++)
        r->saves += belay_ranked_add(r->ranked, &r->num_ranked, k < 0 ? MAX_FILES : (int) k,
                                     maximizes(r), r->files[i].step, r->files[i].value,
                                     NULL) >= 0;
    for (size_t i = 0; i < r->count; i++)
        for (int j = 0; j < r->num_ranked; j++)
            if (r->ranked[j].step == r->files[i].step)
                r->files[i].keep = true;
}

// The limit counts the best and the newest too, and a best that is not among the files.
static void run_protect_best(struct run_of *r)
{
    static const struct belay_keep_rule all = { BELAY_KEEP_LAST, .n = BELAY_KEEP_ALL };
    const struct belay_json *best = belay_json_get(r->c, "best");
    double limit = option(r, "save_total_limit", 0);
    bool has = best && best->kind != BELAY_JSON_NULL;
    bool apart = has && r->count && r->files[r->count - 1].step != best->integer;
    struct belay_retention all_but = { &all, 1, 0, limit > 0 ? (size_t) limit : 0 };
    if (all_but.max_files && all_but.max_files < (size_t) (1 + apart))
        all_but.max_files = 1 + apart;
    for (size_t i = 0; i < r->count; i++) {
        r->files[i].valid = true;
        r->files[i].pinned = has && r->files[i].step == best->integer;
    }
    belay_retention_decide(&all_but, r->files, r->count);
}

static bool run_name(struct run_of *r)
{
    const struct belay_json *template = belay_json_get(r->c, "template");
    struct belay_name_value values[64];
    size_t count = 0;
    for (const struct belay_json *v = first_of(r->c, "values"); v && count < 64; v = v->next)
        values[count++] =
            (struct belay_name_value){ v->key, number_of(v), v->kind == BELAY_JSON_INT };
    struct belay_name_options options = {
        .names = flag(r, "auto_insert_metric_name", true),
        .missing_zero = true,
        .prefix = belay_json_string_or(r->options, "prefix", ""),
    };
    struct belay_str out = { 0 };
    belay_status status = belay_name_expand(
        &sink, template && template->kind == BELAY_JSON_STRING ? template->string : "", &options,
        values, count, &out);
    snprintf(r->name, sizeof(r->name), "%s", out.text ? out.text : "");
    belay_str_free(&out);
    return status == BELAY_OK;
}

static bool run_policy(struct run_of *r, const char *policy)
{
    double steps = option(r, "interval_steps", 1), n = option(r, "n", BELAY_KEEP_ALL);
    if (strcmp(policy, "latest_n") == 0)
        mark(r, (struct belay_keep_rule){ BELAY_KEEP_LAST, .n = n });
    else if (strcmp(policy, "every_n_seconds") == 0)
        mark(r, (struct belay_keep_rule){ BELAY_KEEP_SECONDS,
                                          .n = option(r, "interval_secs", 0) });
    else if (strcmp(policy, "every_n_steps") == 0)
        mark(r, (struct belay_keep_rule){
                    flag(r, "exact_interval", true) ? BELAY_KEEP_EVERY : BELAY_KEEP_APART,
                    .n = steps });
    else if (strcmp(policy, "every_n_steps_closest") == 0)
        mark(r, (struct belay_keep_rule){ BELAY_KEEP_CLOSEST, .n = steps });
    else if (strcmp(policy, "custom_steps") == 0)
        run_custom_steps(r);
    else if (strcmp(policy, "best_n") == 0)
        run_best_n(r);
    else if (strcmp(policy, "best_k") == 0)
        run_best_k(r);
    else if (strcmp(policy, "latest_n_protect_best") == 0)
        run_protect_best(r);
    else if (strcmp(policy, "filename_template") == 0)
        return run_name(r);
    else
        return false;
    return true;
}

static bool kept_is(const struct run_of *r, const struct belay_json *want)
{
    const struct belay_json *w = want->first;
    for (size_t i = 0; i < r->count; i++) {
        if (!r->files[i].keep)
            continue;
        if (!w || w->integer != r->files[i].step)
            return false;
        w = w->next;
    }
    return !w;
}

static bool place_is(const struct run_of *r, const char *field, int place)
{
    const struct belay_json *want = belay_json_get(r->c, field);
    return !want || (place >= 0 && place < r->num_ranked &&
                     (r->ranked[place].step == want->integer ||
                      r->ranked[place].value == want->number));
}

// What differs, or NULL.
static const char *judge(const struct run_of *r)
{
    const struct belay_json *kept = belay_json_get(r->c, "expected_kept");
    const struct belay_json *saves = belay_json_get(r->c, "expected_saves");
    const char *name = belay_json_string_or(r->c, "expected_name", NULL);
    if (!kept && !saves && !name)
        return "nothing is expected";
    if (kept && !kept_is(r, kept))
        return "kept";
    if (saves && (uint64_t) r->saves != saves->integer)
        return "saves";
    if (!place_is(r, "expected_best", 0) ||
        !place_is(r, "expected_worst_kept", r->num_ranked - 1))
        return "best or worst";
    return name && strcmp(name, r->name) != 0 ? r->name : NULL;
}

static void run_case(const char *line, size_t size, int number)
{
    struct belay_json_doc doc = { 0 };
    struct run_of *r = belay_alloc(sizeof(*r));
    const char *wrong = "not JSON", *policy = "?";
    ck_assert_ptr_nonnull(r);
    if (belay_json_parse(&sink, "case", line, size, &doc) == BELAY_OK) {
        r->c = doc.root;
        r->options = belay_json_get(doc.root, "options");
        policy = belay_json_string_or(doc.root, "policy", "?");
        read_files(r);
        wrong = run_policy(r, policy) ? judge(r) : "no such policy";
    }
    if (wrong) {
        printf("case %d (%s): %s\n", number, policy, wrong);
        harness_cases_failed++;
    } else {
        harness_cases_passed++;
    }
    belay_json_finish(&doc);
    belay_free(r);
}

START_TEST(every_case_keeps_what_its_program_kept)
{
    const char *folder = belay_env("BELAY_CASES");
    char *path = belay_path_join(folder ? folder : "tests/data", "checkpoint_retention.jsonl"),
         *text;
    size_t size;
    int number = 0;
    if (!belay_file_exists(path)) {
        belay_free(path);
        path = belay_strdup("tests/data/checkpoint_retention.jsonl");
    }
    ck_log_ok(&sink, belay_file_read(&sink, path, 0, &text, &size));
    for (char *line = text; *line;) {
        size_t length = strcspn(line, "\n");
        if (length)
            run_case(line, length, ++number);
        line += length + (line[length] == '\n');
    }
    ck_assert_int_gt(number, 0);
    belay_free(text);
    belay_free(path);
}
END_TEST

// ---- our own ----

static struct belay_kept_file some[6];

// Six valid files of 100 bytes, steps 10 … 60, values as given.
static void make_files(const double *values)
{
    for (size_t i = 0; i < 6; i++)
        some[i] = (struct belay_kept_file){ .step = 10 * (i + 1), .seconds = (double) i,
                                            .value = values ? values[i] : NAN, .bytes = 100,
                                            .valid = true };
}

static void decide(const struct belay_keep_rule *rules, size_t num, uint64_t bytes,
                   const char *want)
{
    char got[7] = "";
    belay_retention_decide(&(struct belay_retention){ rules, num, bytes, 0 }, some, 6);
    for (size_t i = 0; i < 6; i++)
        got[i] = some[i].keep ? 'x' : '.';
    ck_assert_str_eq(got, want);
}

START_TEST(rules_are_a_union)
{
    const struct belay_keep_rule rules[] = { { BELAY_KEEP_LAST, .n = 2 },
                                             { BELAY_KEEP_EVERY, .n = 20 },
                                             { BELAY_KEEP_BEST, .n = 1 } };
    make_files((double[]){ 1, 5, 4, 3, 2, 2 });
    decide(rules, 1, 0, "....xx");
    decide(rules, 2, 0, ".x.xxx");
    decide(rules, 3, 0, "xx.xxx");
}
END_TEST

START_TEST(the_last_valid_file_the_pinned_and_the_foreign_stay)
{
    const struct belay_keep_rule last = { BELAY_KEEP_LAST, .n = 1 };
    make_files(NULL);
    some[5].valid = some[4].valid = false; // damaged: not what a resume could use
    some[0].pinned = true;
    some[1].foreign = true;
    decide(&last, 1, 0, "xx.x.x");
    decide(&last, 1, 1, "xx.x..");
    for (size_t i = 0; i < 6; i++)
        some[i].valid = false;
    decide(&last, 1, 1, "xxxxxx"); // none is known to be whole: none is deleted
}
END_TEST

START_TEST(bytes_are_a_limit_that_the_oldest_pay)
{
    const struct belay_keep_rule all = { BELAY_KEEP_LAST, .n = BELAY_KEEP_ALL };
    make_files(NULL);
    decide(&all, 1, 600, "xxxxxx");
    decide(&all, 1, 599, ".xxxxx");
    some[1].pinned = true;
    decide(&all, 1, 250, ".x...x");
    decide(&all, 1, 1, ".x...x");
    some[0].bytes = UINT64_MAX; // sums do not wrap
    decide(&all, 1, 250, ".x...x");
}
END_TEST

START_TEST(no_files_and_no_rules)
{
    make_files(NULL);
    belay_retention_decide(&(struct belay_retention){ 0 }, NULL, 0);
    decide(NULL, 0, 0, ".....x");
}
END_TEST

// Whatever the rules and the order of saves: what is pinned and one valid file are always there.
START_TEST(a_thousand_random_lists_keep_what_must_be_kept)
{
    uint32_t seed = 1;
    for (int round = 0; round < 1000; round++) {
        struct belay_keep_rule rules[2] = { { 0 } };
        for (size_t i = 0; i < 2; i++) {
            seed = seed * 1664525u + 1013904223u;
            rules[i].kind = (enum belay_keep_kind)(seed >> 29 & 7) % 6;
            rules[i].n = seed >> 20 & 3;
            rules[i].most = seed >> 18 & 3;
        }
        make_files((double[]){ 3, NAN, 1, 2, 1, NAN });
        bool any = false, kept = false;
        for (size_t i = 0; i < 6; i++) {
            seed = seed * 1664525u + 1013904223u;
            some[i].valid = seed >> 31;
            some[i].pinned = (seed >> 24 & 7) == 0;
            some[i].foreign = (seed >> 20 & 7) == 0;
            any |= some[i].valid && !some[i].foreign;
        }
        belay_retention_decide(&(struct belay_retention){ rules, 2, seed >> 22 & 0x1ff, 0 }, some,
                               6);
        for (size_t i = 0; i < 6; i++) {
            kept |= some[i].keep && some[i].valid && !some[i].foreign;
            ck_assert(some[i].keep || (!some[i].pinned && !some[i].foreign && any));
        }
        ck_assert(kept == any);
    }
}
END_TEST

START_TEST(the_best_are_ranked_as_they_come)
{
    struct belay_ranked list[3];
    int count = 0;
    uint64_t pushed = 0;
    ck_assert_int_eq(belay_ranked_add(list, &count, 3, false, 1, 5, &pushed), 0);
    ck_assert_int_eq(belay_ranked_add(list, &count, 3, false, 2, NAN, &pushed), 1);
    ck_assert_int_eq(belay_ranked_add(list, &count, 3, false, 3, 5, &pushed), 1);
    ck_assert_uint_eq(pushed, UINT64_MAX);
    ck_assert_int_eq(belay_ranked_add(list, &count, 3, false, 4, 4, &pushed), 0);
    ck_assert_uint_eq(pushed, 2); // the NaN
    ck_assert_int_eq(belay_ranked_add(list, &count, 3, false, 5, 5, &pushed), -1);
    ck_assert_int_eq(belay_ranked_add(list, &count, 3, false, 6, 3, &pushed), 0);
    ck_assert_uint_eq(pushed, 1); // of two fives the older
    ck_assert(list[0].step == 6 && list[1].step == 4 && list[2].step == 3);
}
END_TEST

START_TEST(names_that_cannot_be_read_are_refused)
{
    static const char *const bad[] = { "{", "}", "{}", "{epoch", "{epoch:x}", "{epoch:.d}",
                                       "{loss:d}", "{no}", "{epoch:99999d}", "{epoch:.999f}" };
    const struct belay_name_value values[] = { { "epoch", 3, true }, { "loss", 0.5, false } };
    struct belay_name_options plain = { 0 };
    struct belay_str out = { 0 };
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        ck_status_is(&sink, belay_name_expand(&sink, bad[i], &plain, values, 2, &out),
                     BELAY_ERR_RECIPE);
    belay_str_clear(&out);
    ck_log_ok(&sink, belay_name_expand(&sink, "a{epoch:03d}_{loss:.2f}_{loss}_{loss:8.1e}b", &plain,
                                       values, 2, &out));
    ck_assert_str_eq(out.text, "a003_0.50_0.5_ 5.0e-01b");
    belay_str_free(&out);
}
END_TEST

static Suite *suite_checkpoint_retention(void)
{
    const TTest *const tests[] = {
        every_case_keeps_what_its_program_kept,
        rules_are_a_union,
        the_last_valid_file_the_pinned_and_the_foreign_stay,
        bytes_are_a_limit_that_the_oldest_pay,
        no_files_and_no_rules,
        a_thousand_random_lists_keep_what_must_be_kept,
        the_best_are_ranked_as_they_come,
        names_that_cannot_be_read_are_refused,
    };
    return harness_suite("checkpoint retention", tests, sizeof(tests) / sizeof(tests[0]));
}

int main(void)
{
    return harness_main(suite_checkpoint_retention, NULL);
}
