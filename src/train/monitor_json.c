// The monitor's state as JSON, exact, and back: one table of members serves both ways.
#include <math.h>
#include <stddef.h>
#include <string.h>

#include "base/str.h"
#include "format/json.h"
#include "train/monitor.h"
#include "train/monitor_inner.h"

enum kind {
    NUMBER, // double; NaN is null
    COUNT,  // uint64_t
    STEP,   // uint64_t; UINT64_MAX (none yet) is null
    TRUTH,  // bool
    REASON, // belay_stop_reason by name
    RING,   // struct belay_ring: {"count":300,"v":[oldest, ..., newest]}
};

struct member {
    const char *key;
    enum kind kind;
    size_t offset;
    bool later; // states of the first format go on without it
};

#define AT(field) offsetof(struct belay_monitor_state, field)

static const struct member members[] = {
    { "best", NUMBER, AT(best), false },
    { "best_check", COUNT, AT(best_check), false },
    { "best_epoch", NUMBER, AT(best_epoch), false },
    { "best_step", COUNT, AT(best_step), false },
    { "anchor", NUMBER, AT(anchor), false },
    { "anchor_check", COUNT, AT(anchor_check), false },
    { "anchor_epoch", NUMBER, AT(anchor_epoch), false },
    { "anchor_step", COUNT, AT(anchor_step), false },
    { "anchor_seconds", NUMBER, AT(anchor_seconds), false },
    { "wait", COUNT, AT(wait), false },
    { "last", NUMBER, AT(last), false },
    { "checks", COUNT, AT(checks), false },
    { "last_step", STEP, AT(last_step), false },
    { "reason", REASON, AT(reason), false },
    { "smoothed", NUMBER, AT(smoothed), true },
    { "rate", NUMBER, AT(rate), true },
    { "cooling", TRUTH, AT(cooling), true },
    { "drop_check", COUNT, AT(drop.check), true },
    { "drop_epoch", NUMBER, AT(drop.epoch), true },
    { "drop_step", COUNT, AT(drop.step), true },
    { "drop_seconds", NUMBER, AT(drop.seconds), true },
    { "rollbacks", COUNT, AT(rollbacks), true },
    { "smooth_sum", NUMBER, AT(smooth.sum), true },
    { "smooth_weight", NUMBER, AT(smooth.weight), true },
    { "smooth_values", RING, AT(smooth.values), true },
    { "values", RING, AT(rule.values), true },
    { "train", RING, AT(rule.train), true },
    { "low", NUMBER, AT(rule.low), true },
    { "strip_end", NUMBER, AT(rule.strip_end), true },
    { "expected", NUMBER, AT(rule.expected), true },
    { "rises", COUNT, AT(rule.rises), true },
    { "misses", COUNT, AT(rule.misses), true },
    { "since_low", COUNT, AT(rule.since_low), true },
};
enum { NUM_MEMBERS = sizeof members / sizeof members[0] };

static uint64_t known(const struct belay_ring *r)
{
    return r->count < BELAY_MAX_HISTORY ? r->count : BELAY_MAX_HISTORY;
}

// --- writing ---------------------------------------------------------------------------------

static void add_number(struct belay_str *out, double value)
{
    if (isnan(value))
        belay_str_add(out, "null");
    else if (isinf(value))
        belay_str_add(out, value > 0 ? "\"Infinity\"" : "\"-Infinity\"");
    else
        belay_str_add_double(out, value);
}

static void add_count(struct belay_str *out, uint64_t value)
{
    belay_str_addf(out, "%llu", (unsigned long long) value);
}

static void add_ring(struct belay_str *out, const struct belay_ring *r)
{
    belay_str_addf(out, "{\"count\":%llu,\"v\":[", (unsigned long long) r->count);
    for (uint64_t i = known(r); i > 0; i--) {
        add_number(out, belay_ring_get(r, i - 1));
        belay_str_add(out, i > 1 ? "," : "");
    }
    belay_str_add(out, "]}");
}

static void add_member(struct belay_str *out, enum kind kind, const void *at)
{
    switch (kind) {
    case NUMBER:
        add_number(out, *(const double *) at);
        break;
    case STEP:
        if (*(const uint64_t *) at == UINT64_MAX) {
            belay_str_add(out, "null");
            break;
        } // fall through
    case COUNT:
        add_count(out, *(const uint64_t *) at);
        break;
    case TRUTH:
        belay_str_add(out, *(const bool *) at ? "true" : "false");
        break;
    case REASON:
        belay_str_addf(out, "\"%s\"",
                       belay_stop_reason_name(*(const belay_stop_reason *) at));
        break;
    case RING:
        add_ring(out, at);
        break;
    }
}

void belay_monitor_to_json(const struct belay_monitor_state *s, struct belay_str *out)
{
    for (int i = 0; i < NUM_MEMBERS; i++) {
        belay_str_addf(out, "%s\"%s\":", i ? "," : "{", members[i].key);
        add_member(out, members[i].kind, (const char *) s + members[i].offset);
    }
    belay_str_add(out, "}");
}

// --- reading ---------------------------------------------------------------------------------

static belay_status bad_member(struct belay_log *log, const char *key, const char *want)
{
    return belay_fail(log, BELAY_ERR_DAMAGED, "monitor state: '%s' is no %s", key, want);
}

static bool read_number(const struct belay_json *v, double *out)
{
    if (v->kind == BELAY_JSON_NULL)
        *out = NAN;
    else if (v->kind == BELAY_JSON_INT || v->kind == BELAY_JSON_NUMBER)
        *out = v->number;
    else if (v->kind == BELAY_JSON_STRING && strcmp(v->string, "Infinity") == 0)
        *out = INFINITY;
    else if (v->kind == BELAY_JSON_STRING && strcmp(v->string, "-Infinity") == 0)
        *out = -INFINITY;
    else
        return false;
    return true;
}

static bool read_count(const struct belay_json *v, uint64_t *out)
{
    *out = v->integer;
    return v->kind == BELAY_JSON_INT;
}

static bool read_ring(const struct belay_json *ring, struct belay_ring *out)
{
    const struct belay_json *count = belay_json_get(ring, "count"),
                            *list = belay_json_get(ring, "v");
    uint64_t values = 0;
    double value;
    if (!count || !read_count(count, &out->count) || !list || list->kind != BELAY_JSON_ARRAY)
        return false;
    uint64_t want = known(out);
    out->count -= want;
    for (const struct belay_json *v = list->first; v && values < want; v = v->next, values++) {
        if (!read_number(v, &value))
            return false;
        belay_ring_put(out, value);
    }
    return values == want;
}

static bool read_reason(const struct belay_json *v, belay_stop_reason *out)
{
    *out = v->kind == BELAY_JSON_STRING ? belay_stop_reason_find(v->string) : BELAY_STOP_COUNT;
    return *out != BELAY_STOP_COUNT;
}

static belay_status read_member(struct belay_log *log, const struct member *m,
                                const struct belay_json *v, void *at)
{
    switch (m->kind) {
    case NUMBER:
        return read_number(v, at) ? BELAY_OK : bad_member(log, m->key, "number");
    case STEP:
        if (v->kind == BELAY_JSON_NULL) {
            *(uint64_t *) at = UINT64_MAX;
            return BELAY_OK;
        } // fall through
    case COUNT:
        return read_count(v, at) ? BELAY_OK : bad_member(log, m->key, "whole number");
    case TRUTH:
        *(bool *) at = v->boolean;
        return v->kind == BELAY_JSON_BOOL ? BELAY_OK : bad_member(log, m->key, "truth value");
    case REASON:
        return read_reason(v, at) ? BELAY_OK : bad_member(log, m->key, "stop reason");
    case RING:
        break;
    }
    return read_ring(v, at) ? BELAY_OK : bad_member(log, m->key, "whole list of values");
}

belay_status belay_monitor_from_json(struct belay_log *log, const struct belay_json *json,
                                     struct belay_monitor_state *s)
{
    struct belay_monitor_state got;
    if (!json || json->kind != BELAY_JSON_OBJECT)
        return belay_fail(log, BELAY_ERR_DAMAGED, "monitor state: not an object");
    bool first_format = !belay_json_get(json, "rate");
    belay_monitor_init(&got);
    for (const struct member *m = members; m < members + NUM_MEMBERS; m++) {
        const struct belay_json *v = belay_json_get(json, m->key);
        if (!v && m->later && first_format)
            continue;
        if (!v)
            return belay_fail(log, BELAY_ERR_DAMAGED, "monitor state: '%s' is missing", m->key);
        BELAY_TRY(read_member(log, m, v, (char *) &got + m->offset));
    }
    *s = got;
    return BELAY_OK;
}
