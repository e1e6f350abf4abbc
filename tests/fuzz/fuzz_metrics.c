// A training log: JSON lines or CSV by the first byte, and the monitors on what it says.
#include "fuzz.h"

#include <math.h>

#include "train/replay_log.h"
#include "train/replay_rule.h"

static const char *const rules[] = {
    "patience:2", "gl:2,smooth=sma:3",  "pq:0.5,k=2", "up:1,k=2,nan=count",
    "window:2",   "stall:2,nan=ignore", "misses:2",   "inc_to_dec:0.5,wait=1,smooth=median:3",
};

static void play(const struct belay_replay_log *r, const char *text)
{
    struct belay_log log = { 0 };
    struct belay_replay_rule rule;
    struct belay_monitor_state s;
    double best = NAN;
    bool own;
    FUZZ_CHECK(belay_replay_rule_parse(&log, text, &rule, &own) == BELAY_OK && own);
    belay_monitor_init(&s);
    for (size_t i = 0; i < r->count; i++) {
        const struct belay_replay_row *row = &r->rows[i];
        const struct belay_monitor_event e = { row->value, i, row->epoch, 0, row->train };
        if (!row->has_value)
            continue;
        if (isfinite(row->value) && (isnan(best) || row->value < best))
            best = row->value;
        belay_monitor_check(&rule.watches[0].stop, &s, &e);
    }
    // Whatever the values, the best is the best.
    FUZZ_CHECK(isnan(best) ? isnan(s.best) : s.best == best);
    FUZZ_CHECK(s.checks == r->checks);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct belay_replay_log r = { 0 };
    struct belay_log log = { 0 };
    char *text;

    if (size == 0)
        return 0;
    text = malloc(size);
    FUZZ_CHECK(text);
    memcpy(text, data + 1, size - 1);
    text[size - 1] = '\0';
    belay_status status = belay_replay_log_parse(&log, "fuzz", text, size - 1, data[0] & 1,
                                                 data[0] & 2 ? "val.accuracy" : NULL, &r);
    FUZZ_CHECK(status == BELAY_OK || status == BELAY_ERR_DATA || status == BELAY_ERR_DAMAGED);
    if (status == BELAY_OK)
        for (size_t i = 0; i < sizeof(rules) / sizeof(rules[0]); i++)
            play(&r, rules[i]);
    belay_replay_log_finish(&r);
    return 0;
}
