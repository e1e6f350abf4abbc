// Runs Check suites the same way in every test program.
//
//     static Suite *suite_files(void) { Suite *s = suite_create("files"); ... return s; }
//     int main(void) { return harness_main(suite_files, suite_locks, NULL); }
//
// Tests run in one process (OpenCL contexts do not survive a fork): a crash ends the program, and
// static state is shared by the tests. The last line printed is "N passed, N failed, N skipped".
#ifndef BELAY_TESTS_HARNESS_H
#define BELAY_TESTS_HARNESS_H

#include <check.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/log.h"

typedef Suite *(*harness_suite_fn)(void);

// Cases that a test counts itself (a file of cases is one test): added to the last line.
static int harness_skipped, harness_cases_passed, harness_cases_failed;

// Counts one test or case as skipped; returns so that the test can say `return` itself.
static inline void harness_skip(const char *why)
{
    harness_skipped++;
    printf("skipped: %s\n", why);
}

// Prints every message of the library; for struct belay_log.fn and belay_ctx_params.log.
static inline void harness_print(void *user, enum belay_log_level level, const char *message)
{
    static const char *const names[] = { "error", "warn", "info", "debug" };
    (void) user;
    fprintf(stderr, "  %s: %s\n", names[level], message);
}

// A failure says the status and the library's own message.
#define ck_status_is(log, expr, want) \
    do { \
        belay_status ck_status_ = (expr); \
        ck_assert_msg(ck_status_ == (want), "%s: is %s, want %s (%s)", #expr, \
                      belay_status_name(ck_status_), belay_status_name(want), (log)->last); \
    } while (0)
#define ck_log_ok(log, expr) ck_status_is(log, expr, BELAY_OK)
#define ck_ok(ctx, expr) \
    do { \
        belay_status ck_status_ = (expr); \
        ck_assert_msg(ck_status_ == BELAY_OK, "%s: %s (%s)", #expr, \
                      belay_status_name(ck_status_), belay_ctx_error(ctx)); \
    } while (0)

// A suite of one group of tests, with what comes before and after each of them, or NULL.
static inline Suite *harness_suite_with(const char *name, const TTest *const *tests, size_t count,
                                        SFun before, SFun after)
{
    Suite *suite = suite_create(name);
    TCase *group = tcase_create(name);

    if (before || after)
        tcase_add_checked_fixture(group, before, after);
    for (size_t i = 0; i < count; i++)
        tcase_add_test(group, tests[i]);
    suite_add_tcase(suite, group);
    return suite;
}

static inline Suite *harness_suite(const char *name, const TTest *const *tests, size_t count)
{
    return harness_suite_with(name, tests, count, NULL, NULL);
}

// Takes suite functions, NULL last. CK_VERBOSITY (silent, minimal, normal, verbose) is obeyed.
static inline int harness_main(harness_suite_fn first, ...)
{
    SRunner *runner = srunner_create(first());
    harness_suite_fn next;
    va_list args;

    setvbuf(stdout, NULL, _IOLBF, 0);
    va_start(args, first);
    while ((next = va_arg(args, harness_suite_fn)))
        srunner_add_suite(runner, next());
    va_end(args);
    srunner_set_fork_status(runner, CK_NOFORK);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    int passed = srunner_ntests_run(runner) - failed;
    srunner_free(runner);
    passed += harness_cases_passed;
    failed += harness_cases_failed;
    // A skipped test counts as run for Check.
    passed = passed > harness_skipped ? passed - harness_skipped : 0;
    printf("%d passed, %d failed, %d skipped\n", passed, failed, harness_skipped);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}

#endif
