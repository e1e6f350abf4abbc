#include "train/stop_rule.h"

#include <float.h>
#include <math.h>

static double rounded(const struct belay_rule *rule, double value)
{
    return rule->single ? (double) (float) value : value;
}

// As a score that is to grow.
static double score(const struct belay_rule *rule, double value)
{
    return rounded(rule, rule->maximize ? value : -value);
}

static double delta(const struct belay_rule *rule)
{
    return rounded(rule, rule->abs_delta ? fabs(rule->min_delta) : rule->min_delta);
}

// c above what is asked for; with nan_improves what is not below it.
static bool above(const struct belay_rule *rule, double c, double asked)
{
    if (rule->nan_improves)
        return rule->inclusive ? !(c < asked) : !(c <= asked);
    return rule->inclusive ? c >= asked : c > asked;
}

static bool is_better(const struct belay_rule *rule, double value, double best)
{
    double c = score(rule, value), b = score(rule, best), d = delta(rule);
    double sign = rule->maximize ? 1 : -1;
    switch (rule->form) {
    case BELAY_RULE_BEST_SIDE:
        return above(rule, c, rounded(rule, b + d));
    case BELAY_RULE_FACTOR:
        return above(rule, c, rounded(rule, b * rounded(rule, 1 + sign * d)));
    case BELAY_RULE_SHARE:
        // Infinity stays what it is.
        return above(rule, c, isinf(b) ? b : rounded(rule, b + rounded(rule, sign * d * b)));
    case BELAY_RULE_GAIN:
        return c > b && above(rule, rounded(rule, fabs(c - b)), d);
    default:
        return above(rule, rounded(rule, c - d), b);
    }
}

void belay_rule_init(const struct belay_rule *rule, struct belay_rule_state *s)
{
    *s = (struct belay_rule_state){
        .best_index = -1,
        .best = rule->maximize ? -INFINITY : INFINITY,
        .anchor = rule->maximize ? -INFINITY : INFINITY,
        .low = NAN,
        .previous = NAN,
    };
}

void belay_rule_restart(const struct belay_rule *rule, struct belay_rule_state *s)
{
    uint64_t checks = s->checks;
    belay_rule_init(rule, s);
    s->checks = checks;
}

void belay_rule_train(const struct belay_rule *rule, struct belay_rule_state *s, double loss)
{
    s->train[s->trained++ % (uint64_t) rule->strip] = loss;
}

// Says whether the value is an improvement, and moves the best.
static bool take_best(const struct belay_rule *rule, struct belay_rule_state *s, double value,
                      uint64_t index)
{
    bool first = s->seen == 1, taken = first && rule->first == BELAY_RULE_FIRST_BEST;
    bool improved = taken || is_better(rule, value, s->anchor);
    bool strict = taken || score(rule, value) > score(rule, s->best);
    bool moves = rule->best == BELAY_RULE_BEST_IMPROVED ? improved
                 : rule->best == BELAY_RULE_BEST_BOTH   ? improved || strict
                                                        : strict;
    if (moves) {
        s->best = value;
        s->best_index = (int64_t) index;
    }
    if (rule->best == BELAY_RULE_BEST_APART ? improved : moves)
        s->anchor = value;
    return improved || (first && rule->first == BELAY_RULE_FIRST_FREE);
}

static bool spent(const struct belay_rule *rule, uint64_t wait)
{
    switch (rule->when) {
    case BELAY_RULE_EQUAL:
        return (double) wait == rule->limit;
    case BELAY_RULE_EXCEEDED:
        return (double) wait > rule->limit;
    default:
        return (double) wait >= rule->limit;
    }
}

static bool patience(const struct belay_rule *rule, struct belay_rule_state *s, double value,
                     bool improved)
{
    if (!improved || (!isnan(rule->baseline) && !is_better(rule, value, rule->baseline)))
        s->wait++;
    else
        s->wait = 0;
    return (!improved || rule->always) && spent(rule, s->wait);
}

// GL. Errors are to fall: a value that is to grow counts with its sign turned, and from there the
// quotient would say nothing.
static double loss_above_low(const struct belay_rule *rule, const struct belay_rule_state *s,
                             double error)
{
    if (rule->maximize)
        return 100 * (error - s->low) / fabs(s->low);
    return 100 * (error / fabs(s->low) - 1);
}

static double progress(const struct belay_rule *rule, const struct belay_rule_state *s)
{
    double sum = 0, low = INFINITY;
    for (uint64_t i = 0; i < (uint64_t) rule->strip; i++) {
        sum += s->train[i];
        low = fmin(low, s->train[i]);
    }
    return 1000 * (sum / rule->strip / low - 1);
}

static bool quotient(const struct belay_rule *rule, const struct belay_rule_state *s, double error)
{
    if (s->trained < (uint64_t) rule->strip)
        return false;
    double p = progress(rule, s);
    return p <= DBL_EPSILON || loss_above_low(rule, s, error) / p > rule->limit;
}

static bool criterion(const struct belay_rule *rule, struct belay_rule_state *s, double value)
{
    double error = rule->maximize ? -value : value;
    bool rises = error > s->previous;
    s->previous = error;
    s->low = s->seen == 1 || error < s->low || isnan(error) ? error : s->low;
    switch (rule->kind) {
    case BELAY_RULE_GL:
        return loss_above_low(rule, s, error) > rule->limit;
    case BELAY_RULE_PQ:
        return quotient(rule, s, error);
    case BELAY_RULE_UP:
        s->wait = rises ? s->wait + 1 : 0;
        return rises && (double) s->wait >= rule->limit;
    case BELAY_RULE_COUNT:
        return (double) s->seen >= rule->limit;
    case BELAY_RULE_THRESHOLD:
        return score(rule, value) > score(rule, rule->limit);
    default:
        return !isfinite(value);
    }
}

// Limits that come before all else; the value is not taken as best then.
static enum belay_rule_reason guards(const struct belay_rule *rule, double value)
{
    if (rule->finite && !isfinite(value))
        return BELAY_RULE_STOP_NOT_FINITE;
    if (score(rule, value) > score(rule, rule->reached))
        return BELAY_RULE_STOP_REACHED;
    if (score(rule, value) < score(rule, rule->diverged))
        return BELAY_RULE_STOP_DIVERGED;
    return BELAY_RULE_NONE;
}

enum belay_rule_reason belay_rule_check(const struct belay_rule *rule, struct belay_rule_state *s,
                                        double value, bool missing)
{
    uint64_t index = s->checks++;
    if (missing || (double) index < rule->warmup)
        return BELAY_RULE_NONE;
    value = rounded(rule, value);
    enum belay_rule_reason reason = guards(rule, value);
    if (reason != BELAY_RULE_NONE)
        return reason;
    s->seen++;
    bool improved = take_best(rule, s, value, index);
    if (rule->kind == BELAY_RULE_PATIENCE)
        return patience(rule, s, value, improved) ? BELAY_RULE_STOP_PATIENCE : BELAY_RULE_NONE;
    return criterion(rule, s, value) ? BELAY_RULE_STOP_CRITERION : BELAY_RULE_NONE;
}

const char *belay_rule_reason_text(enum belay_rule_reason reason)
{
    static const char *const texts[] = {
        "not fired by the end of the log", "patience is spent",
        "the value is not finite",         "the value is past the threshold",
        "the value has diverged",          "the criterion is met",
    };
    return texts[reason];
}
