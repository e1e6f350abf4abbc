// Rules and smoothing as texts, and why a monitor stopped in words.
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/str.h"
#include "train/monitor.h"

const struct belay_monitor_rule belay_monitor_rules[] = {
    [BELAY_CRITERION_PATIENCE] = { "patience",
                                   "checks (or steps, epochs, minutes) without a gain" },
    [BELAY_CRITERION_GL] = { "gl", "Prechelt: gl:ALPHA, per cent above the lowest value" },
    [BELAY_CRITERION_PQ] = { "pq",
                             "Prechelt: pq:ALPHA,k=5, gl over the progress of k training losses" },
    [BELAY_CRITERION_UP] = { "up", "Prechelt: up:S,k=5, worse at the ends of S strips of k checks "
                                   "in a row" },
    [BELAY_CRITERION_WINDOW] = { "window",
                                 "H2O: window:K,tolerance=0.001, none of K moving averages gains" },
    [BELAY_CRITERION_STALL] = { "stall",
                                "stall:N,tolerance=0, none of N values beats the one before" },
    [BELAY_CRITERION_MISSES] = { "misses", "misses:N checks without improvement in all" },
    [BELAY_CRITERION_INC_TO_DEC] = { "inc_to_dec", "CatBoost: inc_to_dec:P,wait=20, a gain is less "
                                                   "likely than P" },
    { NULL, NULL },
};

// The options after the rule's own number, and the defaults.
static const struct shape {
    const char *strip, *tolerance; // names of the options, NULL: none
    double limit, strip_value, tolerance_value;
    bool whole;                    // the limit is a count
    double most;
} shapes[BELAY_CRITERION_COUNT] = {
    [BELAY_CRITERION_PATIENCE] = { NULL, NULL, 0, 1, 0, false, 0 },
    [BELAY_CRITERION_GL] = { NULL, NULL, 2, 1, 0, false, HUGE_VAL },
    [BELAY_CRITERION_PQ] = { "k", NULL, 0.75, 5, 0, false, HUGE_VAL },
    [BELAY_CRITERION_UP] = { "k", NULL, 3, 1, 0, true, 1e9 },
    [BELAY_CRITERION_WINDOW] = { NULL, "tolerance", 5, 1, 1e-3, true, BELAY_MAX_WINDOW },
    [BELAY_CRITERION_STALL] = { NULL, "tolerance", 10, 1, 0, true, BELAY_MAX_HISTORY - 1 },
    [BELAY_CRITERION_MISSES] = { NULL, NULL, 20, 1, 0, true, 1e9 },
    [BELAY_CRITERION_INC_TO_DEC] = { "wait", NULL, 0.01, 20, 0, false, 1 },
};

static bool find_rule(const char *name, enum belay_criterion_kind *out, char *why, size_t room)
{
    const char *names[BELAY_CRITERION_COUNT];
    for (int i = 0; i < BELAY_CRITERION_COUNT; i++) {
        names[i] = belay_monitor_rules[i].name;
        if (strcmp(names[i], name) == 0) {
            *out = (enum belay_criterion_kind) i;
            return true;
        }
    }
    const char *near = belay_suggest(name, names, BELAY_CRITERION_COUNT);
    if (near)
        snprintf(why, room, "unknown rule '%s', did you mean '%s'?", name, near);
    else
        snprintf(why, room, "unknown rule '%s', there are patience, gl, pq, up, window, stall, "
                 "misses, inc_to_dec", name);
    return false;
}

static bool read_item(const struct shape *shape, char *item, struct belay_criterion *out, char *why,
                      size_t room)
{
    char *equals = strchr(item, '=');
    const char *text = equals ? equals + 1 : item, *name = equals ? item : NULL;
    double value;
    if (!belay_parse_double(text, &value) || !isfinite(value)) {
        snprintf(why, room, "got '%s', want a number", text);
        return false;
    }
    if (equals)
        *equals = '\0';
    if (!name || strcmp(name, "alpha") == 0 || strcmp(name, "s") == 0) {
        out->limit = value;
    } else if (shape->strip && strcmp(name, shape->strip) == 0) {
        out->strip = value;
    } else if (shape->tolerance && strcmp(name, shape->tolerance) == 0) {
        out->tolerance = value;
    } else {
        snprintf(why, room, "unknown option '%s'", name);
        return false;
    }
    return true;
}

static bool is_count(double value, double most)
{
    return value >= 1 && value <= most && value == floor(value);
}

static bool check_rule(const struct shape *shape, const struct belay_criterion *c, char *why,
                       size_t room)
{
    if (shape->whole ? !is_count(c->limit, shape->most)
                     : !(c->limit >= 0 && c->limit <= shape->most)) {
        snprintf(why, room, "got %g, want a %s from %d to %g", c->limit,
                 shape->whole ? "whole number" : "number", shape->whole, shape->most);
        return false;
    }
    double most = c->kind == BELAY_CRITERION_INC_TO_DEC ? 1e9 : BELAY_MAX_WINDOW;
    if (shape->strip && !is_count(c->strip, most)) {
        snprintf(why, room, "%s is %g, want a whole number from 1 to %g", shape->strip, c->strip,
                 most);
        return false;
    }
    if (shape->tolerance && !(c->tolerance >= 0)) {
        snprintf(why, room, "tolerance is %g, want 0 or more", c->tolerance);
        return false;
    }
    return true;
}

bool belay_criterion_parse(const char *text, struct belay_criterion *out, char *why, size_t room)
{
    char copy[128], *next;
    struct belay_criterion c = { 0 };
    if (strlen(text) >= sizeof(copy)) {
        snprintf(why, room, "a rule may have %zu bytes", sizeof(copy) - 1);
        return false;
    }
    memcpy(copy, text, strlen(text) + 1);
    char *item = copy + strcspn(copy, ": ");
    if (*item)
        *item++ = '\0';
    if (!find_rule(copy, &c.kind, why, room))
        return false;
    const struct shape *shape = &shapes[c.kind];
    c.limit = shape->limit;
    c.strip = shape->strip_value;
    c.tolerance = shape->tolerance_value;
    for (; *item; item = next) {
        next = item + strcspn(item, ",");
        if (*next)
            *next++ = '\0';
        if (!read_item(shape, item, &c, why, room))
            return false;
    }
    if (!check_rule(shape, &c, why, room))
        return false;
    *out = c;
    return true;
}

bool belay_smooth_parse(const char *text, struct belay_smooth *out, char *why, size_t room)
{
    static const char *const names[] = { "off", "ema", "sma", "median" };
    size_t length = strcspn(text, ": ");
    double amount = 0;
    for (int i = 0; i < 4; i++) {
        if (strlen(names[i]) != length || strncmp(names[i], text, length) != 0)
            continue;
        bool number = text[length] && belay_parse_double(text + length + 1, &amount);
        bool good = i == 0   ? !text[length]
                    : i == 1 ? number && amount > 0 && amount <= 1
                             : number && is_count(amount, BELAY_MAX_WINDOW);
        if (good) {
            *out = (struct belay_smooth){ (enum belay_smooth_kind) i, amount };
            return true;
        }
    }
    snprintf(why, room, "got '%s', want off, ema:WEIGHT (above 0, at most 1), sma:N or median:N "
             "(1 to %d)", text, BELAY_MAX_WINDOW);
    return false;
}

bool belay_monitor_by_clock(const struct belay_monitor_params *p)
{
    return (p->patience.unit == BELAY_UNIT_SECONDS && p->patience.value >= 0) ||
           (p->warmup.unit == BELAY_UNIT_SECONDS && p->warmup.value > 0) ||
           (p->cooldown.unit == BELAY_UNIT_SECONDS && p->cooldown.value > 0) ||
           (p->not_before.unit == BELAY_UNIT_SECONDS && p->not_before.value > 0);
}

static void explain_rule(const struct belay_monitor_params *p, const struct belay_monitor_state *s,
                         const char *metric, struct belay_str *out)
{
    const struct belay_criterion *c = &p->rule;
    double value = belay_criterion_value(c, &s->rule);
    belay_str_addf(out, "%s is %.6g", metric, s->last);
    switch (c->kind) {
    case BELAY_CRITERION_GL:
        belay_str_addf(out, ", %.3g %% from its best %.6g (gl %g)", value, s->best, c->limit);
        break;
    case BELAY_CRITERION_PQ:
        belay_str_addf(out, ", and its loss from the best over the progress of training is %.3g "
                       "(pq %g, k %g)", value, c->limit, c->strip);
        break;
    case BELAY_CRITERION_UP:
        belay_str_addf(out, ", worse at the ends of %g strips of %g checks in a row (up)", value,
                       c->strip);
        break;
    case BELAY_CRITERION_WINDOW:
        belay_str_addf(out, ": of %g moving averages none is better by more than %g (window)",
                       c->limit, c->tolerance);
        break;
    case BELAY_CRITERION_STALL:
        belay_str_addf(out, ": none of %g checks is better than the one before them (stall)",
                       c->limit);
        break;
    case BELAY_CRITERION_MISSES:
        belay_str_addf(out, " at the %g. check without improvement in all (misses)", value);
        break;
    default:
        belay_str_addf(out, ", and the p-value of a further gain is %.3g, below %g (inc_to_dec)",
                       value, c->limit);
    }
}

// "5 checks", "10 minutes"
static void add_span(struct belay_str *out, const struct belay_length *l)
{
    static const char *const units[] = { "check", "step", "epoch", "second" };
    double value = l->value;
    const char *unit = units[l->unit];
    if (l->unit == BELAY_UNIT_SECONDS && value >= 60) {
        value /= 60;
        unit = "minute";
    }
    belay_str_addf(out, "%g %s%s", value, unit, value == 1 ? "" : "s");
}

static void explain_patience(const struct belay_monitor_params *p,
                             const struct belay_monitor_state *s, const char *metric,
                             struct belay_str *out)
{
    bool none = isnan(s->anchor);
    belay_str_addf(out, "%s did not improve on %s%.6g for ", metric, none ? "the baseline " : "",
                   none ? p->baseline : s->anchor);
    if (p->patience.value == 0)
        belay_str_add(out, "one check");
    else
        add_span(out, &p->patience);
    if (isfinite(s->last))
        belay_str_addf(out, " (now %.6g)", s->last);
}

void belay_monitor_explain(const struct belay_monitor_params *p,
                           const struct belay_monitor_state *s, belay_stop_reason reason,
                           const char *metric, struct belay_str *out)
{
    switch (reason) {
    case BELAY_STOP_PATIENCE:
        explain_patience(p, s, metric, out);
        return;
    case BELAY_STOP_CRITERION:
        explain_rule(p, s, metric, out);
        break;
    case BELAY_STOP_THRESHOLD:
        belay_str_addf(out, "%s reached %.6g (stop.threshold %.6g)", metric, s->smoothed,
                       p->threshold);
        break;
    case BELAY_STOP_DIVERGED:
        belay_str_addf(out, "%s is %.6g, past stop.diverged %.6g", metric, s->smoothed,
                       p->diverged);
        break;
    case BELAY_STOP_NAN:
        belay_str_addf(out, "%s is not finite", metric);
        if (s->rollbacks)
            belay_str_addf(out, " after %llu rollbacks", (unsigned long long) s->rollbacks);
        return;
    default:
        belay_str_add(out, "the run goes on");
        return;
    }
    if (p->smooth.kind != BELAY_SMOOTH_NONE && reason != BELAY_STOP_CRITERION)
        belay_str_add(out, ", smoothed");
}
