#include "train/monitor.h"

#include <math.h>
#include <string.h>

#include "train/monitor_inner.h"

static const char *const reason_names[BELAY_STOP_COUNT] = {
    [BELAY_STOP_NONE] = "none",
    [BELAY_STOP_PATIENCE] = "patience",
    [BELAY_STOP_EPOCHS] = "epochs",
    [BELAY_STOP_STEPS] = "steps",
    [BELAY_STOP_TIME] = "time",
    [BELAY_STOP_NAN] = "nan",
    [BELAY_STOP_THRESHOLD] = "threshold",
    [BELAY_STOP_DIVERGED] = "diverged",
    [BELAY_STOP_CANCELLED] = "cancelled",
    [BELAY_STOP_CRITERION] = "criterion",
};

const char *belay_stop_reason_name(belay_stop_reason reason)
{
    unsigned i = (unsigned) reason;
    return i < BELAY_STOP_COUNT ? reason_names[i] : "unknown";
}

belay_stop_reason belay_stop_reason_find(const char *name)
{
    for (int i = 0; i < BELAY_STOP_COUNT; i++)
        if (strcmp(name, reason_names[i]) == 0)
            return (belay_stop_reason) i;
    return BELAY_STOP_COUNT;
}

void belay_monitor_init(struct belay_monitor_state *s)
{
    memset(s, 0, sizeof(*s));
    s->best = s->anchor = s->last = s->smoothed = s->rate = NAN;
    s->last_step = UINT64_MAX;
    belay_criterion_init(&s->rule);
}

static double sign(const struct belay_monitor_params *p)
{
    return p->maximize ? 1 : -1;
}

static bool improves_best(const struct belay_monitor_params *p,
                          const struct belay_monitor_state *s, double value)
{
    return isnan(s->best) || sign(p) * (value - s->best) > 0;
}

static bool improves_anchor(const struct belay_monitor_params *p,
                            const struct belay_monitor_state *s, double value)
{
    double from = isnan(s->anchor) ? p->baseline : s->anchor;
    if (isnan(from))
        return true;
    double gain = sign(p) * (value - from);
    return gain > p->min_delta + p->min_delta_rel * fabs(from);
}

// What has passed since `from`, in the unit of `length`.
static double passed(const struct belay_length *length, const struct belay_moment *from,
                     uint64_t check, const struct belay_monitor_event *now)
{
    switch (length->unit) {
    case BELAY_UNIT_CHECKS:
        return (double) check - (double) from->check;
    case BELAY_UNIT_STEPS:
        return (double) now->step - (double) from->step;
    case BELAY_UNIT_EPOCHS:
        return now->epoch - from->epoch;
    case BELAY_UNIT_SECONDS:
        return now->seconds - from->seconds;
    }
    return 0;
}

static bool within(const struct belay_length *length, const struct belay_moment *from,
                   uint64_t check, const struct belay_monitor_event *now)
{
    return length->value > 0 && passed(length, from, check, now) <= length->value;
}

// Checks that do not count for the rule.
static bool spared(const struct belay_monitor_params *p, const struct belay_monitor_state *s,
                   const struct belay_monitor_event *e)
{
    static const struct belay_moment start;
    return within(&p->warmup, &start, s->checks, e) ||
           (s->cooling && within(&p->cooldown, &s->drop, s->checks, e));
}

void belay_monitor_rate(struct belay_monitor_state *s, double rate,
                        const struct belay_monitor_event *now)
{
    if (rate < 0.9 * s->rate) {
        s->cooling = true;
        s->drop = (struct belay_moment){ s->checks, now->step, now->epoch, now->seconds };
    }
    s->rate = rate;
}

// Asked only at a check that did not move the anchor.
static bool out_of_patience(const struct belay_monitor_params *p,
                            const struct belay_monitor_state *s,
                            const struct belay_monitor_event *now)
{
    const struct belay_moment anchor = { 0, s->anchor_step, s->anchor_epoch, s->anchor_seconds };
    if (p->patience.value < 0 || s->wait == 0)
        return false;
    return passed(&p->patience, &anchor, s->wait, now) >= p->patience.value;
}

static void restart_patience(struct belay_monitor_state *s, const struct belay_monitor_event *e)
{
    s->anchor_check = s->checks;
    s->anchor_step = e->step;
    s->anchor_epoch = e->epoch;
    s->anchor_seconds = e->seconds;
    s->wait = 0;
}

static bool note_best(const struct belay_monitor_params *p, struct belay_monitor_state *s,
                      const struct belay_monitor_event *e)
{
    if (!improves_best(p, s, e->value))
        return false;
    s->best = e->value;
    s->best_check = s->checks;
    s->best_step = e->step;
    s->best_epoch = e->epoch;
    return true;
}

static void note_miss(const struct belay_monitor_params *p, struct belay_monitor_state *s,
                      const struct belay_monitor_event *e)
{
    if (spared(p, s, e))
        restart_patience(s, e);
    else
        s->wait++;
}

// The smoothed value to anchor, patience and criterion.
static void note_value(const struct belay_monitor_params *p, struct belay_monitor_state *s,
                       const struct belay_monitor_event *e)
{
    s->smoothed = belay_smooth_feed(&p->smooth, &s->smooth, e->value);
    bool moved = improves_anchor(p, s, s->smoothed);
    if (moved) {
        s->anchor = s->smoothed;
        restart_patience(s, e);
    } else {
        note_miss(p, s, e);
    }
    if (p->rule.kind != BELAY_CRITERION_PATIENCE && !spared(p, s, e))
        belay_criterion_feed(&p->rule, &s->rule, -sign(p) * s->smoothed, moved, e->train);
}

static belay_stop_reason rule_verdict(const struct belay_monitor_params *p,
                                      const struct belay_monitor_state *s,
                                      const struct belay_monitor_event *now)
{
    if (p->rule.kind == BELAY_CRITERION_PATIENCE)
        return out_of_patience(p, s, now) ? BELAY_STOP_PATIENCE : BELAY_STOP_NONE;
    // A criterion that has just been spared says what it said before.
    if (spared(p, s, now) || !isfinite(s->last))
        return BELAY_STOP_NONE;
    return belay_criterion_met(&p->rule, &s->rule) ? BELAY_STOP_CRITERION : BELAY_STOP_NONE;
}

static bool too_early(const struct belay_monitor_params *p, const struct belay_monitor_state *s,
                      const struct belay_monitor_event *now)
{
    static const struct belay_moment start;
    return p->not_before.value > 0 &&
           passed(&p->not_before, &start, s->checks, now) < p->not_before.value;
}

static bool wants_stop_for_nan(const struct belay_monitor_params *p,
                               const struct belay_monitor_state *s)
{
    if (p->nan == BELAY_NAN_STOP)
        return true;
    // Nothing to go back to, or gone back too often.
    return p->nan == BELAY_NAN_ROLLBACK &&
           (isnan(s->best) || s->rollbacks >= (uint64_t) p->rollbacks);
}

belay_stop_reason belay_monitor_verdict(const struct belay_monitor_params *p,
                                        const struct belay_monitor_state *s,
                                        const struct belay_monitor_event *now)
{
    if (s->checks == 0)
        return BELAY_STOP_NONE;
    bool finite = isfinite(s->last), early = too_early(p, s, now);
    if (!finite && wants_stop_for_nan(p, s))
        return BELAY_STOP_NAN;
    // Comparisons with a NaN limit are false: no limit.
    if (finite && !early && sign(p) * s->smoothed >= sign(p) * p->threshold)
        return BELAY_STOP_THRESHOLD;
    if (finite && sign(p) * s->smoothed < sign(p) * p->diverged)
        return BELAY_STOP_DIVERGED;
    if (early || (!finite && p->nan != BELAY_NAN_COUNT))
        return BELAY_STOP_NONE;
    return rule_verdict(p, s, now);
}

struct belay_monitor_decision belay_monitor_check(const struct belay_monitor_params *p,
                                                  struct belay_monitor_state *s,
                                                  const struct belay_monitor_event *e)
{
    struct belay_monitor_decision d = { false, false, BELAY_STOP_NONE };
    s->checks++;
    s->last = e->value;
    s->last_step = e->step;
    if (isfinite(e->value)) {
        d.improved = note_best(p, s, e);
        note_value(p, s, e);
    } else if (p->nan == BELAY_NAN_COUNT) {
        note_miss(p, s, e);
    }
    d.reason = s->reason = belay_monitor_verdict(p, s, e);
    if (!isfinite(e->value) && p->nan == BELAY_NAN_ROLLBACK && d.reason == BELAY_STOP_NONE) {
        s->rollbacks++;
        d.rollback = true;
    }
    return d;
}

// ---- several ----

bool belay_join_parse(const char *text, struct belay_join *out)
{
    static const char *const words[] = { "any", "all", "first" };
    for (int i = 0; i < 3; i++) {
        if (strcmp(text, words[i]) != 0)
            continue;
        *out = (struct belay_join){ (enum belay_join_kind) i, 0 };
        return true;
    }
    if (text[0] < '1' || text[0] > '9' || text[1])
        return false;
    *out = (struct belay_join){ BELAY_JOIN_SOME, text[0] - '0' };
    return true;
}

static bool stops_at_once(belay_stop_reason reason)
{
    return reason == BELAY_STOP_NAN || reason == BELAY_STOP_DIVERGED;
}

belay_stop_reason belay_monitor_join(const struct belay_join *join,
                                     const belay_stop_reason *reasons, size_t num, size_t *which)
{
    size_t fired = 0, needed = 1, first = num;
    if (join->kind == BELAY_JOIN_ALL)
        needed = num;
    else if (join->kind == BELAY_JOIN_SOME)
        needed = (size_t) join->needed;
    for (size_t i = 0; i < num; i++) {
        if (reasons[i] == BELAY_STOP_NONE)
            continue;
        if (stops_at_once(reasons[i])) {
            *which = i;
            return reasons[i];
        }
        first = first == num ? i : first;
        fired += join->kind != BELAY_JOIN_FIRST || i == 0;
    }
    if (fired < needed || first == num)
        return BELAY_STOP_NONE;
    *which = first;
    return reasons[first];
}
