#include <belay/replay.h>

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "device/context.h"
#include "train/preset.h"
#include "train/replay_log.h"
#include "train/replay_rule.h"

// Metrics whose names say that they are to grow.
static bool grows(const char *metric)
{
    static const char *const parts[] = { "acc", "mAP", "auc", "f1", "precision", "recall", "r2" };
    for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++)
        if (strstr(metric, parts[i]))
            return true;
    return false;
}

// Does the rule's text set the option that says which way is better?
static bool says_mode(const struct belay_preset *preset, const char *text)
{
    char wanted[64];
    for (const struct belay_preset_option *o = preset->options; o->name; o++) {
        if (o->offset != offsetof(struct belay_rule, maximize))
            continue;
        for (int i = 0; i < 2; i++) {
            snprintf(wanted, sizeof(wanted), "%c%s=", i ? ',' : ':', o->name);
            if (strstr(text, wanted))
                return true;
        }
    }
    return false;
}

static belay_status set_mode(struct belay_log *log, const belay_replay_params *p,
                             const struct belay_preset *preset, const char *metric,
                             struct belay_rule *rule)
{
    if (p->mode && strcmp(p->mode, "min") != 0 && strcmp(p->mode, "max") != 0)
        return belay_fail(log, BELAY_ERR_RECIPE, "mode: got '%s', want min or max", p->mode);
    if (p->mode)
        rule->maximize = strcmp(p->mode, "max") == 0;
    else if (!says_mode(preset, p->rule))
        rule->maximize = grows(metric);
    return BELAY_OK;
}

static void note_best(const struct belay_rule *rule, double value, double *best)
{
    if (isfinite(value) && (isnan(*best) || (rule->maximize ? value > *best : value < *best)))
        *best = value;
}

static void play(const struct belay_rule *rule, const struct belay_replay_log *r,
                 belay_replay_result *out)
{
    struct belay_rule_state s;
    belay_rule_init(rule, &s);
    for (size_t i = 0; i < r->count; i++) {
        const struct belay_replay_row *row = &r->rows[i];
        if (row->has_train && !out->fired)
            belay_rule_train(rule, &s, row->train);
        if (!row->has_value)
            continue;
        out->checks++;
        note_best(rule, row->value, &out->best_of_log);
        if (out->fired)
            continue;
        enum belay_rule_reason reason = belay_rule_check(rule, &s, row->value, false);
        if (s.best_index == (int64_t) out->checks - 1) {
            out->best_check = out->checks;
            out->best = s.best;
            out->best_step = row->step;
            out->best_epoch = row->epoch;
        }
        if (reason != BELAY_RULE_NONE) {
            out->fired = true;
            out->reason = belay_rule_reason_text(reason);
            out->stop_check = out->checks;
            out->stop_step = row->step;
            out->stop_epoch = row->epoch;
        }
    }
}

static belay_status has_training(struct belay_log *log, const belay_replay_params *p,
                                 bool wanted, const struct belay_replay_log *r)
{
    for (size_t i = 0; wanted && i < r->count; i++)
        wanted = !r->rows[i].has_train;
    if (!wanted)
        return BELAY_OK;
    return belay_fail(log, BELAY_ERR_DATA,
                      "%s: rule '%s' needs the training loss, the log has none", p->log, p->rule);
}

// A preset of another program.
static belay_status replay_preset(struct belay_log *log, const belay_replay_params *params,
                                  belay_replay_result *made)
{
    struct belay_replay_log r = { 0 };
    const struct belay_preset *preset;
    struct belay_rule rule;
    belay_status status;
    BELAY_TRY(belay_preset_parse(log, params->rule, &preset, &rule));
    BELAY_TRY(belay_replay_log_read(log, params->log, params->metric, &r));
    BELAY_TRY_DONE(set_mode(log, params, preset, r.metric, &rule));
    BELAY_TRY_DONE(has_training(log, params, rule.kind == BELAY_RULE_PQ, &r));
    snprintf(made->metric, sizeof(made->metric), "%s", r.metric);
    made->maximize = rule.maximize;
    play(&rule, &r, made);
    snprintf(made->sentence, sizeof(made->sentence), "%s", made->reason);
done:
    belay_replay_log_finish(&r);
    return status;
}

// ---- the rules of a recipe ----

struct replay { // rule i watches log i; the logs have the same lines
    struct belay_replay_rule rule;
    struct belay_replay_log logs[BELAY_MAX_MONITORS];
    struct belay_monitor_state states[BELAY_MAX_MONITORS];
};

static belay_status read_logs(struct belay_log *log, const belay_replay_params *p, struct replay *r)
{
    if (p->mode && strcmp(p->mode, "min") != 0 && strcmp(p->mode, "max") != 0)
        return belay_fail(log, BELAY_ERR_RECIPE, "mode: got '%s', want min or max", p->mode);
    for (size_t i = 0; i < r->rule.num; i++) {
        struct belay_replay_watch *w = &r->rule.watches[i];
        BELAY_TRY(belay_replay_log_read(log, p->log, w->metric[0] ? w->metric : p->metric,
                                        &r->logs[i]));
        BELAY_TRY(has_training(log, p, w->stop.rule.kind == BELAY_CRITERION_PQ, &r->logs[i]));
        if (p->mode && !w->metric[0])
            w->stop.maximize = strcmp(p->mode, "max") == 0;
        else if (!w->has_mode)
            w->stop.maximize = grows(r->logs[i].metric);
        belay_monitor_init(&r->states[i]);
    }
    return BELAY_OK;
}

static bool asks_for(const struct belay_monitor_params *p, enum belay_unit unit)
{
    return (p->rule.kind == BELAY_CRITERION_PATIENCE && p->patience.unit == unit) ||
           (p->warmup.value > 0 && p->warmup.unit == unit) ||
           (p->cooldown.value > 0 && p->cooldown.unit == unit) ||
           (p->not_before.value > 0 && p->not_before.unit == unit);
}

// A rule that counts steps or epochs needs them in every line.
static belay_status has_units(struct belay_log *log, const belay_replay_params *p,
                              const struct replay *r)
{
    for (size_t i = 0; i < r->rule.num; i++) {
        bool steps = asks_for(&r->rule.watches[i].stop, BELAY_UNIT_STEPS);
        bool epochs = asks_for(&r->rule.watches[i].stop, BELAY_UNIT_EPOCHS);
        bool rates = r->rule.watches[i].stop.cooldown.value > 0;
        for (size_t k = 0; k < r->logs[i].count; k++) {
            const struct belay_replay_row *row = &r->logs[i].rows[k];
            const char *none = steps && isnan(row->step)     ? "steps"
                               : epochs && isnan(row->epoch) ? "epochs"
                               : rates && isnan(row->rate)   ? "learning rates"
                                                             : NULL;
            if (row->has_value && none)
                return belay_fail(log, BELAY_ERR_DATA, "%s: rule '%s' needs %s, the log has none",
                                  p->log, p->rule, none);
        }
    }
    return BELAY_OK;
}

static uint64_t whole(double value)
{
    return value >= 0 && value < 9e15 ? (uint64_t) value : 0;
}

static belay_stop_reason check_line(struct replay *r, size_t line, const double *train,
                                    size_t *which)
{
    belay_stop_reason reasons[BELAY_MAX_MONITORS];
    for (size_t i = 0; i < r->rule.num; i++) {
        const struct belay_replay_row *row = &r->logs[i].rows[line];
        const struct belay_monitor_event e = { row->value, whole(row->step), row->epoch, 0,
                                               *train };
        if (!isnan(row->rate))
            belay_monitor_rate(&r->states[i], row->rate, &e);
        if (row->has_value)
            belay_monitor_check(&r->rule.watches[i].stop, &r->states[i], &e);
        reasons[i] = r->states[i].reason;
    }
    return belay_monitor_join(&r->rule.join, reasons, r->rule.num, which);
}

static const char *reason_text(belay_stop_reason reason)
{
    switch (reason) {
    case BELAY_STOP_PATIENCE:
        return belay_rule_reason_text(BELAY_RULE_STOP_PATIENCE);
    case BELAY_STOP_THRESHOLD:
        return belay_rule_reason_text(BELAY_RULE_STOP_REACHED);
    case BELAY_STOP_DIVERGED:
        return belay_rule_reason_text(BELAY_RULE_STOP_DIVERGED);
    case BELAY_STOP_NAN:
        return belay_rule_reason_text(BELAY_RULE_STOP_NOT_FINITE);
    default:
        return belay_rule_reason_text(BELAY_RULE_STOP_CRITERION);
    }
}

static belay_status note_stop(struct belay_log *log, const struct replay *r, size_t which,
                              const struct belay_replay_row *row, belay_replay_result *out)
{
    const struct belay_monitor_state *s = &r->states[which];
    struct belay_str text = { 0 };
    out->fired = true;
    out->reason = reason_text(s->reason);
    out->stop_check = out->checks;
    out->stop_step = row->step;
    out->stop_epoch = row->epoch;
    belay_monitor_explain(&r->rule.watches[which].stop, s, s->reason, r->logs[which].metric, &text);
    belay_status status = text.failed ? belay_fail_nomem(log, text.length) : BELAY_OK;
    snprintf(out->sentence, sizeof(out->sentence), "%s", text.text ? text.text : "");
    belay_str_free(&text);
    return status;
}

static belay_status play_own(struct belay_log *log, struct replay *r, belay_replay_result *out)
{
    const struct belay_replay_log *first = &r->logs[0];
    const struct belay_rule as = { .maximize = r->rule.watches[0].stop.maximize };
    double train = NAN;
    for (size_t i = 0; i < first->count; i++) {
        const struct belay_replay_row *row = &first->rows[i];
        size_t which;
        if (row->has_train)
            train = row->train;
        if (!row->has_value)
            continue;
        out->checks++;
        note_best(&as, row->value, &out->best_of_log);
        if (out->fired)
            continue;
        belay_stop_reason reason = check_line(r, i, &train, &which);
        if (r->states[0].best_check == r->states[0].checks) {
            out->best_check = out->checks;
            out->best = r->states[0].best;
            out->best_step = row->step;
            out->best_epoch = row->epoch;
        }
        if (reason != BELAY_STOP_NONE)
            BELAY_TRY(note_stop(log, r, which, row, out));
    }
    return BELAY_OK;
}

static belay_status replay_own(struct belay_log *log, const belay_replay_params *params,
                               const struct belay_replay_rule *rule, belay_replay_result *made)
{
    struct replay *r = belay_alloc(sizeof(*r));
    belay_status status;
    if (!r)
        return belay_fail_nomem(log, sizeof(*r));
    r->rule = *rule;
    BELAY_TRY_DONE(read_logs(log, params, r));
    BELAY_TRY_DONE(has_units(log, params, r));
    snprintf(made->metric, sizeof(made->metric), "%s", r->logs[0].metric);
    made->maximize = r->rule.watches[0].stop.maximize;
    snprintf(made->sentence, sizeof(made->sentence), "%s", made->reason);
    status = play_own(log, r, made);
done:
    for (size_t i = 0; i < BELAY_MAX_MONITORS; i++)
        belay_replay_log_finish(&r->logs[i]);
    belay_free(r);
    return status;
}

belay_status belay_replay(belay_ctx *ctx, const belay_replay_params *params,
                          belay_replay_result *out)
{
    struct belay_replay_rule rule;
    bool own;
    belay_replay_result made = {
        .reason = belay_rule_reason_text(BELAY_RULE_NONE),
        .stop_step = NAN, .stop_epoch = NAN, .best_step = NAN, .best_epoch = NAN,
        .best = NAN, .best_of_log = NAN,
    };
    BELAY_TRY(belay_replay_rule_parse(&ctx->log, params->rule, &rule, &own));
    BELAY_TRY(own ? replay_own(&ctx->log, params, &rule, &made)
                  : replay_preset(&ctx->log, params, &made));
    *out = made;
    return BELAY_OK;
}
