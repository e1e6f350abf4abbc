#include "golden/count.h"

#include <stdio.h>
#include <string.h>

struct golden_counts golden_counts;

enum { MAX_NAMES = 256, NAME_SIZE = 64 };
static struct golden_counts since;
static char names[MAX_NAMES][NAME_SIZE]; // of skipped ops
static int times[MAX_NAMES], num_names;

static void count_name(const char *op)
{
    int i = 0;
    while (i < num_names && strncmp(names[i], op, NAME_SIZE - 1) != 0)
        i++;
    if (i == MAX_NAMES)
        return;
    if (i == num_names) {
        snprintf(names[i], NAME_SIZE, "%s", op);
        times[i] = 0;
        num_names++;
    }
    times[i]++;
}

void golden_count(enum golden_result result, const char *op)
{
    since.passed += result == GOLDEN_PASS;
    since.failed += result == GOLDEN_FAIL;
    since.skipped += result == GOLDEN_SKIP;
    if (result == GOLDEN_SKIP)
        count_name(op);
}

static void add_up(void)
{
    golden_counts.passed += since.passed;
    golden_counts.failed += since.failed;
    golden_counts.skipped += since.skipped;
    memset(&since, 0, sizeof(since));
    num_names = 0;
}

void golden_count_missing(const char *group, const char *why)
{
    printf("%s: skipped: %s\n", group, why);
    since.skipped++;
    add_up();
}

void golden_count_report(const char *group, const char *device)
{
    printf("%s on %s: %d passed, %d failed, %d skipped", group, device, since.passed, since.failed,
           since.skipped);
    for (int i = 0; i < num_names; i++)
        printf("%s%s %d", i == 0 ? " (not built: " : ", ", names[i], times[i]);
    printf("%s\n", num_names ? ")" : "");
    add_up();
}
