#include "train/retention.h"

#include <math.h>
#include <string.h>

// ---- one rule ----

struct picks { // which files a rule wants
    const struct belay_keep_rule *rule;
    struct belay_kept_file *files;
    size_t count;
};

// Of equal values the later is better: `j` comes after `i`.
static bool later_is_better(const struct picks *p, size_t i, size_t j)
{
    double a = p->files[i].value, b = p->files[j].value;
    return p->rule->maximize ? b >= a : b <= a;
}

// How many files with a value are better than file i.
static size_t better_than(const struct picks *p, size_t i)
{
    size_t better = 0;
    for (size_t j = 0; j < p->count; j++) {
        if (j == i || isnan(p->files[j].value))
            continue;
        better += j > i ? later_is_better(p, i, j) : !later_is_better(p, j, i);
    }
    return better;
}

static bool is_best(const struct picks *p, size_t i)
{
    if (isnan(p->files[i].value))
        return p->rule->without_value;
    return (double) better_than(p, i) < p->rule->n;
}

static bool is_listed(const struct belay_keep_rule *rule, uint64_t step)
{
    for (size_t i = 0; i < rule->num_steps; i++)
        if (rule->steps[i] == step)
            return true;
    return false;
}

static uint64_t distance(uint64_t a, uint64_t b)
{
    return a > b ? a - b : b - a;
}

// Is file i the closest one to a multiple of n? Only the multiples about it can be nearest to it:
// those up to half way to its neighbours, the one behind them included.
static bool is_closest(const struct picks *p, size_t i)
{
    uint64_t n = (uint64_t) p->rule->n, step = p->files[i].step;
    uint64_t low = i > 0 ? p->files[i - 1].step : step / n * n;
    uint64_t high = i + 1 < p->count ? p->files[i + 1].step : step;
    for (uint64_t at = (low + n - 1) / n * n; at <= high; at += n) {
        bool before = i > 0 && distance(p->files[i - 1].step, at) < distance(step, at);
        bool after = i + 1 < p->count && distance(p->files[i + 1].step, at) <= distance(step, at);
        if (!before && !after)
            return true;
        if (at > UINT64_MAX - n)
            break;
    }
    return false;
}

static bool is_apart(const struct picks *p, size_t i, size_t last)
{
    const struct belay_kept_file *a = &p->files[last], *b = &p->files[i];
    if (p->rule->kind == BELAY_KEEP_SECONDS)
        return b->seconds - a->seconds >= p->rule->n;
    return (double) (b->step - a->step) >= p->rule->n;
}

// `last` is the file that the rule picked before this one, SIZE_MAX: none yet.
static bool picks(const struct picks *p, size_t i, size_t last)
{
    const struct belay_keep_rule *rule = p->rule;
    if (rule->n == BELAY_KEEP_ALL)
        return true;
    switch (rule->kind) {
    case BELAY_KEEP_LAST:
        return (double) (p->count - i) <= rule->n;
    case BELAY_KEEP_BEST:
        return is_best(p, i);
    case BELAY_KEEP_EVERY:
        return rule->n >= 1 && p->files[i].step % (uint64_t) rule->n == 0;
    case BELAY_KEEP_APART:
    case BELAY_KEEP_SECONDS:
        return last == SIZE_MAX || is_apart(p, i, last);
    case BELAY_KEEP_CLOSEST:
        return rule->n >= 1 && is_closest(p, i);
    case BELAY_KEEP_STEPS:
        return is_listed(rule, p->files[i].step);
    }
    return true;
}

static size_t count_picks(const struct picks *p)
{
    size_t count = 0, last = SIZE_MAX;
    for (size_t i = 0; i < p->count; i++) {
        if (!picks(p, i, last))
            continue;
        last = i;
        count++;
    }
    return count;
}

static void mark_one(const struct picks *p)
{
    size_t last = SIZE_MAX, most = p->rule->most;
    size_t skip = most ? count_picks(p) : 0;
    skip = skip > most ? skip - most : 0;
    for (size_t i = 0; i < p->count; i++) {
        if (!picks(p, i, last))
            continue;
        last = i;
        if (skip)
            skip--;
        else
            p->files[i].keep = true;
    }
}

void belay_retention_mark(const struct belay_keep_rule *rules, size_t num_rules,
                          struct belay_kept_file *files, size_t count)
{
    for (size_t i = 0; i < count; i++)
        files[i].keep = false;
    for (size_t r = 0; r < num_rules; r++)
        mark_one(&(struct picks){ &rules[r], files, count });
}

// ---- the decision ----

static size_t newest_valid(const struct belay_kept_file *files, size_t count)
{
    for (size_t i = count; i-- > 0;)
        if (files[i].valid && !files[i].foreign)
            return i;
    return SIZE_MAX;
}

static bool is_over(const struct belay_retention *r, const struct belay_kept_file *files,
                    size_t count)
{
    uint64_t bytes = 0;
    size_t kept = 0;
    for (size_t i = 0; i < count; i++) {
        if (!files[i].keep || files[i].foreign)
            continue;
        bytes += files[i].bytes > UINT64_MAX - bytes ? UINT64_MAX - bytes : files[i].bytes;
        kept++;
    }
    return (r->max_bytes && bytes > r->max_bytes) || (r->max_files && kept > r->max_files);
}

void belay_retention_decide(const struct belay_retention *r, struct belay_kept_file *files,
                            size_t count)
{
    size_t newest = newest_valid(files, count);
    belay_retention_mark(r->rules, r->num_rules, files, count);
    for (size_t i = 0; i < count; i++)
        if (files[i].foreign || files[i].pinned || i == newest || newest == SIZE_MAX)
            files[i].keep = true;
    for (size_t i = 0; i < count && newest != SIZE_MAX && is_over(r, files, count); i++)
        if (!files[i].foreign && !files[i].pinned && i != newest)
            files[i].keep = false;
}

// ---- the k best ----

static bool is_better(bool maximize, double a, double b)
{
    if (isnan(a) || isnan(b))
        return !isnan(a) && isnan(b);
    return maximize ? a > b : a < b;
}

// The first of those that are as bad as the last one: of equally bad ones the oldest goes.
static int find_victim(const struct belay_ranked *list, int count)
{
    int at = count - 1;
    while (at > 0 && !is_better(true, list[at - 1].value, list[at].value) &&
           !is_better(false, list[at - 1].value, list[at].value))
        at--;
    return at;
}

int belay_ranked_add(struct belay_ranked *list, int *count, int k, bool maximize, uint64_t step,
                     double value, uint64_t *pushed)
{
    int at = *count;
    if (pushed)
        *pushed = UINT64_MAX;
    while (at > 0 && is_better(maximize, value, list[at - 1].value))
        at--;
    if (at >= k)
        return -1;
    if (*count == k) {
        int victim = find_victim(list, k);
        if (pushed)
            *pushed = list[victim].step;
        memmove(list + victim, list + victim + 1, (size_t) (k - 1 - victim) * sizeof(*list));
        (*count)--;
    }
    memmove(list + at + 1, list + at, (size_t) (*count - at) * sizeof(*list));
    list[at] = (struct belay_ranked){ step, value };
    (*count)++;
    return at;
}
