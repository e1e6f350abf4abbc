// Counters of cases, apart from harness.h, whose counters belong to the program's main file.
#ifndef BELAY_TESTS_GOLDEN_COUNT_H
#define BELAY_TESTS_GOLDEN_COUNT_H

#include "golden/golden.h"

struct golden_counts {
    int passed, failed, skipped;
};
extern struct golden_counts golden_counts; // of the whole program
void golden_count(enum golden_result result, const char *op);
// The group cannot be run at all.
void golden_count_missing(const char *group, const char *why);
// Prints the numbers since the last report, and the skipped ops by name.
void golden_count_report(const char *group, const char *device);

#endif
