#include "train/monitor.h"

#include <math.h>
#include <string.h>

#include "base/str.h"
#include "format/json.h"

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
};

const char *belay_stop_reason_name(belay_stop_reason reason)
{
    unsigned i = (unsigned) reason;
    return i < BELAY_STOP_COUNT ? reason_names[i] : "unknown";
}

void belay_monitor_init(struct belay_monitor_state *s)
{
    memset(s, 0, sizeof(*s));
    s->best = NAN;
    s->anchor = NAN;
    s->last = NAN;
    s->last_step = UINT64_MAX;
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
    if (isnan(s->anchor))
        return true;
    double gain = sign(p) * (value - s->anchor);
    return gain > p->min_delta + p->min_delta_rel * fabs(s->anchor);
}

static bool in_warmup(const struct belay_length *warmup, uint64_t check,
                      const struct belay_monitor_event *e)
{
    if (!(warmup->value > 0))
        return false;
    switch (warmup->unit) {
    case BELAY_UNIT_CHECKS:
        return (double) check <= warmup->value;
    case BELAY_UNIT_STEPS:
        return (double) e->step <= warmup->value;
    case BELAY_UNIT_EPOCHS:
        return e->epoch <= warmup->value;
    case BELAY_UNIT_SECONDS:
        return e->seconds <= warmup->value;
    }
    return false;
}

// Asked only at a check that did not move the anchor.
static bool out_of_patience(const struct belay_length *patience,
                            const struct belay_monitor_state *s,
                            const struct belay_monitor_event *e)
{
    if (patience->value < 0)
        return false;
    switch (patience->unit) {
    case BELAY_UNIT_CHECKS:
        return (double) s->wait >= patience->value;
    case BELAY_UNIT_STEPS:
        return (double) e->step - (double) s->anchor_step >= patience->value;
    case BELAY_UNIT_EPOCHS:
        return e->epoch - s->anchor_epoch >= patience->value;
    case BELAY_UNIT_SECONDS:
        return e->seconds - s->anchor_seconds >= patience->value;
    }
    return false;
}

bool belay_monitor_exhausted(const struct belay_monitor_params *p,
                             const struct belay_monitor_state *s,
                             const struct belay_monitor_event *now)
{
    return s->wait > 0 && out_of_patience(&p->patience, s, now);
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

// True when the anchor moved.
static bool note_anchor(const struct belay_monitor_params *p, struct belay_monitor_state *s,
                        const struct belay_monitor_event *e)
{
    if (!improves_anchor(p, s, e->value))
        return false;
    s->anchor = e->value;
    restart_patience(s, e);
    return true;
}

static belay_stop_reason spend_patience(const struct belay_monitor_params *p,
                                        struct belay_monitor_state *s,
                                        const struct belay_monitor_event *e)
{
    if (in_warmup(&p->warmup, s->checks, e)) {
        restart_patience(s, e);
        return BELAY_STOP_NONE;
    }
    s->wait++;
    return out_of_patience(&p->patience, s, e) ? BELAY_STOP_PATIENCE : BELAY_STOP_NONE;
}

static belay_stop_reason check_bad(const struct belay_monitor_params *p,
                                   struct belay_monitor_state *s,
                                   const struct belay_monitor_event *e)
{
    switch (p->nan) {
    case BELAY_NAN_STOP:
        return BELAY_STOP_NAN;
    case BELAY_NAN_COUNT:
        return spend_patience(p, s, e);
    case BELAY_NAN_IGNORE:
        break;
    }
    return BELAY_STOP_NONE;
}

struct belay_monitor_decision belay_monitor_check(const struct belay_monitor_params *p,
                                                  struct belay_monitor_state *s,
                                                  const struct belay_monitor_event *e)
{
    struct belay_monitor_decision d = { false, BELAY_STOP_NONE };
    s->checks++;
    s->last = e->value;
    s->last_step = e->step;
    if (!isfinite(e->value)) {
        d.reason = check_bad(p, s, e);
    } else {
        d.improved = note_best(p, s, e);
        bool moved = note_anchor(p, s, e);
        belay_stop_reason patience = moved ? BELAY_STOP_NONE : spend_patience(p, s, e);
        // Comparisons with a NaN limit are false: no limit.
        if (sign(p) * e->value >= sign(p) * p->threshold)
            d.reason = BELAY_STOP_THRESHOLD;
        else if (sign(p) * e->value < sign(p) * p->diverged)
            d.reason = BELAY_STOP_DIVERGED;
        else
            d.reason = patience;
    }
    s->reason = d.reason;
    return d;
}

// ---- JSON ----

static void add_number(struct belay_str *out, const char *key, double value)
{
    belay_str_addf(out, "\"%s\":", key);
    if (isnan(value))
        belay_str_add(out, "null");
    else if (isinf(value))
        belay_str_add(out, value > 0 ? "\"Infinity\"" : "\"-Infinity\"");
    else
        belay_str_add_double(out, value);
}

static void add_count(struct belay_str *out, const char *key, uint64_t value)
{
    belay_str_addf(out, ",\"%s\":%llu,", key, (unsigned long long) value);
}

void belay_monitor_to_json(const struct belay_monitor_state *s, struct belay_str *out)
{
    belay_str_add(out, "{");
    add_number(out, "best", s->best);
    add_count(out, "best_check", s->best_check);
    add_number(out, "best_epoch", s->best_epoch);
    add_count(out, "best_step", s->best_step);
    add_number(out, "anchor", s->anchor);
    add_count(out, "anchor_check", s->anchor_check);
    add_number(out, "anchor_epoch", s->anchor_epoch);
    add_count(out, "anchor_step", s->anchor_step);
    add_number(out, "anchor_seconds", s->anchor_seconds);
    add_count(out, "wait", s->wait);
    add_number(out, "last", s->last);
    add_count(out, "checks", s->checks);
    if (s->last_step == UINT64_MAX)
        belay_str_add(out, "\"last_step\":null");
    else
        belay_str_addf(out, "\"last_step\":%llu", (unsigned long long) s->last_step);
    belay_str_addf(out, ",\"reason\":\"%s\"}", belay_stop_reason_name(s->reason));
}

struct reader {
    struct belay_log *log;
    const struct belay_json *object;
    belay_status status;
};

static const struct belay_json *member(struct reader *r, const char *key)
{
    const struct belay_json *v = belay_json_get(r->object, key);
    if (!v && r->status == BELAY_OK)
        r->status = belay_fail(r->log, BELAY_ERR_DAMAGED, "monitor state: '%s' is missing", key);
    return v;
}

static void bad_member(struct reader *r, const char *key, const char *want)
{
    if (r->status == BELAY_OK)
        r->status = belay_fail(r->log, BELAY_ERR_DAMAGED, "monitor state: '%s' is no %s", key,
                               want);
}

static double read_number(struct reader *r, const char *key)
{
    const struct belay_json *v = member(r, key);
    if (!v || v->kind == BELAY_JSON_NULL)
        return NAN;
    if (v->kind == BELAY_JSON_INT || v->kind == BELAY_JSON_NUMBER)
        return v->number;
    if (v->kind == BELAY_JSON_STRING && strcmp(v->string, "Infinity") == 0)
        return INFINITY;
    if (v->kind == BELAY_JSON_STRING && strcmp(v->string, "-Infinity") == 0)
        return -INFINITY;
    bad_member(r, key, "number");
    return NAN;
}

static uint64_t read_count(struct reader *r, const char *key)
{
    const struct belay_json *v = member(r, key);
    if (v && v->kind != BELAY_JSON_INT)
        bad_member(r, key, "whole number");
    return v ? v->integer : 0;
}

static uint64_t read_last_step(struct reader *r)
{
    const struct belay_json *v = belay_json_get(r->object, "last_step");
    return v && v->kind == BELAY_JSON_NULL ? UINT64_MAX : read_count(r, "last_step");
}

static belay_stop_reason read_reason(struct reader *r)
{
    const struct belay_json *v = member(r, "reason");
    for (int i = 0; v && v->kind == BELAY_JSON_STRING && i < BELAY_STOP_COUNT; i++)
        if (strcmp(v->string, reason_names[i]) == 0)
            return (belay_stop_reason) i;
    bad_member(r, "reason", "stop reason");
    return BELAY_STOP_NONE;
}

belay_status belay_monitor_from_json(struct belay_log *log, const struct belay_json *json,
                                     struct belay_monitor_state *s)
{
    struct reader r = { log, json, BELAY_OK };
    struct belay_monitor_state got;
    if (!json || json->kind != BELAY_JSON_OBJECT)
        return belay_fail(log, BELAY_ERR_DAMAGED, "monitor state: not an object");
    belay_monitor_init(&got);
    got.checks = read_count(&r, "checks");
    got.best = read_number(&r, "best");
    got.best_check = read_count(&r, "best_check");
    got.best_step = read_count(&r, "best_step");
    got.best_epoch = read_number(&r, "best_epoch");
    got.anchor = read_number(&r, "anchor");
    got.anchor_check = read_count(&r, "anchor_check");
    got.anchor_step = read_count(&r, "anchor_step");
    got.anchor_epoch = read_number(&r, "anchor_epoch");
    got.anchor_seconds = read_number(&r, "anchor_seconds");
    got.wait = read_count(&r, "wait");
    got.last_step = read_last_step(&r);
    got.last = read_number(&r, "last");
    got.reason = read_reason(&r);
    if (r.status == BELAY_OK)
        *s = got;
    return r.status;
}
