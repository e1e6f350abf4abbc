// The monitor's state as JSON, exact, and back.
#include <math.h>
#include <string.h>

#include "base/str.h"
#include "format/json.h"
#include "train/monitor.h"
#include "train/monitor_inner.h"

static void add_value(struct belay_str *out, double value)
{
    if (isnan(value))
        belay_str_add(out, "null");
    else if (isinf(value))
        belay_str_add(out, value > 0 ? "\"Infinity\"" : "\"-Infinity\"");
    else
        belay_str_add_double(out, value);
}

static void add_number(struct belay_str *out, const char *key, double value)
{
    belay_str_addf(out, "\"%s\":", key);
    add_value(out, value);
}

static uint64_t known(const struct belay_ring *r)
{
    return r->count < BELAY_MAX_HISTORY ? r->count : BELAY_MAX_HISTORY;
}

// {"count":300,"v":[oldest, ..., newest]}
static void add_ring(struct belay_str *out, const char *key, const struct belay_ring *r)
{
    belay_str_addf(out, ",\"%s\":{\"count\":%llu,\"v\":[", key, (unsigned long long) r->count);
    for (uint64_t i = known(r); i > 0; i--) {
        add_value(out, belay_ring_get(r, i - 1));
        belay_str_add(out, i > 1 ? "," : "");
    }
    belay_str_add(out, "]}");
}

static void add_count(struct belay_str *out, const char *key, uint64_t value)
{
    belay_str_addf(out, ",\"%s\":%llu,", key, (unsigned long long) value);
}

static void add_rule(const struct belay_criterion_state *s, struct belay_str *out)
{
    add_ring(out, "values", &s->values);
    add_ring(out, "train", &s->train);
    belay_str_add(out, ",");
    add_number(out, "low", s->low);
    belay_str_add(out, ",");
    add_number(out, "strip_end", s->strip_end);
    belay_str_add(out, ",");
    add_number(out, "expected", s->expected);
    add_count(out, "rises", s->rises);
    belay_str_addf(out, "\"misses\":%llu", (unsigned long long) s->misses);
    belay_str_addf(out, ",\"since_low\":%llu", (unsigned long long) s->since_low);
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
    belay_str_addf(out, ",\"reason\":\"%s\",", belay_stop_reason_name(s->reason));
    add_number(out, "smoothed", s->smoothed);
    belay_str_add(out, ",");
    add_number(out, "rate", s->rate);
    belay_str_addf(out, ",\"cooling\":%s", s->cooling ? "true" : "false");
    add_count(out, "drop_check", s->drop.check);
    add_number(out, "drop_epoch", s->drop.epoch);
    add_count(out, "drop_step", s->drop.step);
    add_number(out, "drop_seconds", s->drop.seconds);
    add_count(out, "rollbacks", s->rollbacks);
    add_number(out, "smooth_sum", s->smooth.sum);
    belay_str_add(out, ",");
    add_number(out, "smooth_weight", s->smooth.weight);
    add_ring(out, "smooth_values", &s->smooth.values);
    add_rule(&s->rule, out);
    belay_str_add(out, "}");
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

static double read_value(struct reader *r, const char *key, const struct belay_json *v)
{
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

static double read_number(struct reader *r, const char *key)
{
    return read_value(r, key, member(r, key));
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
    belay_stop_reason reason = v && v->kind == BELAY_JSON_STRING ? belay_stop_reason_find(v->string)
                                                                 : BELAY_STOP_COUNT;
    if (reason != BELAY_STOP_COUNT)
        return reason;
    bad_member(r, "reason", "stop reason");
    return BELAY_STOP_NONE;
}

static void read_ring(struct reader *r, const char *key, struct belay_ring *out)
{
    const struct belay_json *ring = member(r, key);
    if (!ring)
        return;
    const struct belay_json *count = belay_json_get(ring, "count"), *list = belay_json_get(ring, "v");
    uint64_t values = 0;
    if (!count || count->kind != BELAY_JSON_INT || !list || list->kind != BELAY_JSON_ARRAY) {
        bad_member(r, key, "list of values");
        return;
    }
    out->count = count->integer;
    uint64_t want = known(out);
    out->count -= want;
    for (const struct belay_json *v = list->first; v && values < want; v = v->next, values++)
        belay_ring_put(out, read_value(r, key, v));
    if (values < want)
        bad_member(r, key, "whole list of values");
}

static void read_rule(struct reader *r, struct belay_criterion_state *s)
{
    read_ring(r, "values", &s->values);
    read_ring(r, "train", &s->train);
    s->low = read_number(r, "low");
    s->strip_end = read_number(r, "strip_end");
    s->expected = read_number(r, "expected");
    s->rises = read_count(r, "rises");
    s->misses = read_count(r, "misses");
    s->since_low = read_count(r, "since_low");
}

static void read_more(struct reader *r, struct belay_monitor_state *s)
{
    const struct belay_json *cooling = member(r, "cooling");
    if (cooling && cooling->kind != BELAY_JSON_BOOL)
        bad_member(r, "cooling", "truth value");
    s->cooling = cooling && cooling->boolean;
    s->smoothed = read_number(r, "smoothed");
    s->rate = read_number(r, "rate");
    s->drop.check = read_count(r, "drop_check");
    s->drop.step = read_count(r, "drop_step");
    s->drop.epoch = read_number(r, "drop_epoch");
    s->drop.seconds = read_number(r, "drop_seconds");
    s->rollbacks = read_count(r, "rollbacks");
    s->smooth.sum = read_number(r, "smooth_sum");
    s->smooth.weight = read_number(r, "smooth_weight");
    read_ring(r, "smooth_values", &s->smooth.values);
    read_rule(r, &s->rule);
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
    // States of before these were there go on without them.
    if (belay_json_get(json, "rate"))
        read_more(&r, &got);
    if (r.status == BELAY_OK)
        *s = got;
    return r.status;
}
