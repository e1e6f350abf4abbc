#include <belay/replay.h>

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "device/context.h"
#include "train/preset.h"
#include "train/replay_log.h"

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
                                 const struct belay_rule *rule, const struct belay_replay_log *r)
{
    bool wanted = rule->kind == BELAY_RULE_PQ;
    for (size_t i = 0; wanted && i < r->count; i++)
        wanted = !r->rows[i].has_train;
    if (!wanted)
        return BELAY_OK;
    return belay_fail(log, BELAY_ERR_DATA, "%s: rule '%s' needs the training loss, the log has none",
                      p->log, p->rule);
}

belay_status belay_replay(belay_ctx *ctx, const belay_replay_params *params,
                          belay_replay_result *out)
{
    struct belay_replay_log r = { 0 };
    const struct belay_preset *preset;
    struct belay_rule rule;
    belay_status status;
    belay_replay_result made = {
        .reason = belay_rule_reason_text(BELAY_RULE_NONE),
        .stop_step = NAN, .stop_epoch = NAN, .best_step = NAN, .best_epoch = NAN,
        .best = NAN, .best_of_log = NAN,
    };
    BELAY_TRY(belay_preset_parse(&ctx->log, params->rule, &preset, &rule));
    BELAY_TRY(belay_replay_log_read(&ctx->log, params->log, params->metric, &r));
    BELAY_TRY_DONE(set_mode(&ctx->log, params, preset, r.metric, &rule));
    BELAY_TRY_DONE(has_training(&ctx->log, params, &rule, &r));
    snprintf(made.metric, sizeof(made.metric), "%s", r.metric);
    made.maximize = rule.maximize;
    play(&rule, &r, &made);
    *out = made;
done:
    belay_replay_log_finish(&r);
    return status;
}
